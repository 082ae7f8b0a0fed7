//! `?profile=`: what the shapes of app servers are asked with.

use actix_web::{HttpRequest, web::Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Entrant;
use crate::http::{problem::Problem, root_span::note_profile};

/// Clients add parameters of their own, against caches for one: they are passed by.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ProfileQuery {
    /// Must be there, unless a ticket names it. Other parameters are passed by.
    profile: Option<String>,
}

/// The profile that was asked for, or the ticket's.
///
/// # Errors
/// When it is said twice, is another than the ticket's, or is not said at all.
pub(super) fn asked_profile(http: &HttpRequest, entrant: &Entrant) -> Result<String, Problem> {
    let query = Query::<ProfileQuery>::from_query(http.query_string())
        .map_err(|error| Problem::invalid_parameter("query", error.to_string()))?;
    let profile = entrant.profile(query.profile.as_deref(), "profile")?;
    note_profile(profile);
    Ok(profile.to_owned())
}
