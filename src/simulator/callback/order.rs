//! The callback a request asks for, checked before anything is stored (P§1.2–1.4, P§1.7).

use crate::{
    oss::callback::{self, Callback},
    simulator::{errors::OssError, operations::post_form::PostForm, request::Incoming},
};

/// A callback and the values of its custom variables.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct CallbackOrder {
    pub(in crate::simulator) callback: Callback,
    pub(in crate::simulator) variables: Vec<(String, String)>,
}

impl CallbackOrder {
    /// From `x-oss-callback(-var)` headers or `callback(-var)` query parameters; both at once are refused.
    pub(in crate::simulator) fn of_request(incoming: &Incoming) -> Result<Option<Self>, OssError> {
        let text = either(incoming, "callback", "x-oss-callback")?;
        let variables = either(incoming, "callback-var", "x-oss-callback-var")?;
        let Some(text) = text else { return Ok(None) };
        let decode = |text| callback::decode_vars(text).map_err(|error| OssError::invalid_callback(&error, text));
        let variables = variables.map(decode).transpose()?.unwrap_or_default();
        Self::new(text, variables)
    }

    /// From the form field `callback`; every field `x:…` is a variable.
    pub(in crate::simulator) fn of_form(form: &PostForm) -> Result<Option<Self>, OssError> {
        form.get("callback").map_or(Ok(None), |text| Self::new(text, form.variables()))
    }

    /// A callback without a URL is none (P§1.2).
    fn new(text: &str, variables: Vec<(String, String)>) -> Result<Option<Self>, OssError> {
        let callback = Callback::decode(text).map_err(|error| OssError::invalid_callback(&error, text))?;
        Ok((!callback.urls.is_empty()).then_some(Self { callback, variables }))
    }
}

fn either<'a>(incoming: &'a Incoming, query: &str, header: &str) -> Result<Option<&'a str>, OssError> {
    match (incoming.query(query), incoming.header(header)) {
        (Some(_), Some(value)) => {
            let message = format!(
                "Either the {query} query string parameter or the {header} header should be specified, not both."
            );
            Err(OssError::invalid_argument(message, query, value))
        }
        (query, header) => Ok(query.or(header)),
    }
}
