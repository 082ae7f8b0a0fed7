//! `GET /v1/uploads`: the caller's grants, newest first.

use actix_web::{HttpResponse, web::Query};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer;
use crate::{
    app::ports::GrantFilter,
    grant::grant::State,
    http::{caller::SignedIn, house::Current, openapi::schemas, problem::Problem, view::GrantView},
};

/// Grants in one page, unless asked otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Most grants in one page.
const MAX_LIMIT: u32 = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state.
    #[param(value_type = Option<schemas::State>)]
    state: Option<String>,
    /// Only those of this profile.
    profile: Option<String>,
    /// Somebody else's, with the scope `uploads:read-any`.
    user_id: Option<String>,
    /// Grants in one page; 50 when it is left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of grants.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadPage)]
struct Page<'a> {
    /// Newest first.
    uploads: Vec<GrantView<'a>>,
    /// Leads to the next page; null on the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl TryFrom<ListQuery> for GrantFilter {
    type Error = Problem;

    fn try_from(query: ListQuery) -> Result<Self, Problem> {
        let state = query
            .state
            .map(|name| {
                State::from_name(&name).ok_or_else(|| Problem::invalid_parameter("state", "none of a grant's states"))
            })
            .transpose()?;
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::invalid_parameter("limit", format!("1 to {MAX_LIMIT}")));
        }
        let before = query.cursor.as_deref().map(parse_cursor).transpose()?;
        Ok(Self { user_id: query.user_id, state, profile: query.profile, before, limit })
    }
}

/// Lists one page.
///
/// # Errors
/// For a query that makes no sense, and for another user's list without the scope.
#[utoipa::path(
    get,
    path = "/v1/uploads",
    operation_id = "listUploads",
    tag = "Uploads",
    summary = "Lists grants",
    description = "The caller's own, newest first.",
    params(ListQuery),
    responses((status = 200, description = "A page.", body = Page))
)]
pub async fn list(caller: SignedIn, http: actix_web::HttpRequest, valet: Current) -> Result<HttpResponse, Problem> {
    let query = Query::<ListQuery>::from_query(http.query_string())
        .map_err(|error| Problem::invalid_parameter("query", error.to_string()))?;
    let filter = GrantFilter::try_from(query.into_inner())?;
    let limit = filter.limit as usize;
    let entries = valet.list(&caller, filter).await?;
    let next = entries.last().filter(|_| entries.len() == limit).map(|last| format_cursor(last.grant.id));
    let uploads = entries.iter().map(|entry| GrantView::new(&valet, entry)).collect();
    Ok(answer(HttpResponse::Ok(), &Page { uploads, next_cursor: next }))
}

fn format_cursor(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn parse_cursor(text: &str) -> Result<Uuid, Problem> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::invalid_parameter("cursor", "not one of ours"))
}
