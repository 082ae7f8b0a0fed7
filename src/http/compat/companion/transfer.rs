//! Which grant an upload id and a key mean.

use actix_web::HttpRequest;
use uuid::Uuid;

use super::query::QueryFields;
use crate::{
    app::Valet,
    grant::grant::Grant,
    http::{
        compat::Entrant,
        problem::{Code, Problem},
        root_span::note_grant,
    },
};

/// The grant of `multipart/{id}?key=`. It must be the caller's own, have this key, and be of the ticket's profile, if there is a
/// ticket: else there is no such thing.
///
/// # Errors
/// 404, or 422 without a key.
pub(super) async fn own_grant(valet: &Valet, entrant: &Entrant, http: &HttpRequest) -> Result<Grant, Problem> {
    let query = QueryFields::of(http)?;
    let key = query.require("key")?;
    let id = http.match_info().query("id");
    let id = Uuid::try_parse(id).map_err(|_| no_such_upload())?;
    note_grant(id);
    let grant = valet.own_grant(entrant, id).await?.grant;
    if grant.key == key && entrant.ticket_profile().is_none_or(|own| own == grant.profile) {
        Ok(grant)
    } else {
        Err(no_such_upload())
    }
}

fn no_such_upload() -> Problem {
    Problem::new(Code::NotFound, "no such upload")
}
