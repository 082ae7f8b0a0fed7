//! `POST /v1/tickets`: a short-lived capability for clients that cannot send headers.

use actix_web::{HttpResponse, http::header};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::http::{
    caller::SignedIn,
    house::Current,
    json_body::{JsonBody, RequestBody},
    problem::Problem,
    view::rfc3339,
};

/// The body of `POST /v1/tickets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketBody {
    profile: String,
}

impl RequestBody for TicketBody {
    const MAX_LEN: usize = 4 * 1024;
    const FIELDS: &'static [&'static str] = &["profile"];
    const REQUIRED: &'static [&'static str] = &["profile"];
}

/// The answer; no `Debug`, since it holds the ticket.
#[derive(Serialize)]
struct TicketView<'a> {
    ticket: &'a str,
    #[serde(serialize_with = "rfc3339")]
    expires_at: DateTime<Utc>,
}

/// Opens a ticket.
///
/// # Errors
/// 403 for a profile that is not the caller's, 422 for a user without a usable id.
pub async fn open(caller: SignedIn, body: JsonBody<TicketBody>, valet: Current) -> Result<HttpResponse, Problem> {
    let opened = valet.open_ticket(&caller, &body.0.profile, valet.clock.now())?;
    let view = TicketView { ticket: &opened.ticket, expires_at: opened.expires_at };
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}
