//! Query parameters, as `URLSearchParams` writes them; those that nobody knows are passed over.

use actix_web::HttpRequest;
use utoipa::IntoParams;

use crate::{http::problem::Problem, oss::encoding::decode_query};

/// What Uppy tells of a file that it sends whole.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the document only: variables are found by the profile's names")]
pub(super) struct FileQuery {
    /// Gives the extension and metadata, never a path.
    filename: Option<String>,
    /// The media type; derived from the file name when it is left out.
    r#type: Option<String>,
    /// In bytes.
    #[param(maximum = 9_007_199_254_740_991_i64)]
    size: Option<u64>,
    /// Must be there, unless a ticket names it.
    #[param(rename = "metadata[profile]")]
    profile: Option<String>,
}

/// The parameters in their order.
pub(super) struct QueryFields(Vec<(String, String)>);

impl QueryFields {
    /// Of the request.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(super) fn of(http: &HttpRequest) -> Result<Self, Problem> {
        let fields = decode_query(http.query_string());
        fields.map(Self).ok_or_else(|| Problem::invalid_parameter("query", "not UTF-8"))
    }

    /// The parameter's value; an empty one counts as none.
    ///
    /// # Errors
    /// When it occurs twice: nobody could tell which was meant.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Problem::invalid_parameter(name, "given twice")),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// As [`Self::get`], but it must be there.
    ///
    /// # Errors
    /// When it is not, or occurs twice.
    pub(super) fn require(&self, name: &str) -> Result<&str, Problem> {
        self.get(name)?.ok_or_else(|| Problem::invalid_parameter(name, "this parameter must be there"))
    }
}
