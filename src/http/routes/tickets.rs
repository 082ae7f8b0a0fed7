//! `POST /v1/tickets`: a short-lived capability for clients that cannot send headers.

use actix_web::{HttpResponse, http::header};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    caller::SignedIn,
    house::Current,
    json_body::{JsonBody, RequestBody},
    problem::Problem,
    root_span::note_profile,
    view::rfc3339,
};

/// The body of `POST /v1/tickets`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TicketRequest)]
pub struct TicketBody {
    /// The only profile that the ticket will be good for.
    profile: String,
}

impl RequestBody for TicketBody {
    const MAX_LEN: usize = 4 * 1024;
    const FIELDS: &'static [&'static str] = &["profile"];
    const REQUIRED: &'static [&'static str] = &["profile"];
}

/// A short-lived capability, to be kept as a secret.
// No `Debug`, since it holds the ticket.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
struct TicketView<'a> {
    /// Opaque; goes into the path of `/compat/t/{ticket}/…`.
    ticket: &'a str,
    /// At most an hour from now.
    #[serde(serialize_with = "rfc3339")]
    expires_at: DateTime<Utc>,
}

/// Opens a ticket.
///
/// # Errors
/// 403 for a profile that is not the caller's, 422 for a user without a usable id.
#[utoipa::path(
    post,
    path = "/v1/tickets",
    operation_id = "openTicket",
    tag = "Uploads",
    description = "For clients that cannot send headers: the ticket stands for the caller in the path of `/compat/t/{ticket}/…`, with \
                   this profile only.",
    request_body = TicketBody,
    responses((status = 201, description = "The ticket.", body = TicketView))
)]
pub async fn open(caller: SignedIn, body: JsonBody<TicketBody>, valet: Current) -> Result<HttpResponse, Problem> {
    note_profile(&body.0.profile);
    let opened = valet.open_ticket(&caller, &body.0.profile, valet.clock.now())?;
    let view = TicketView { ticket: &opened.ticket, expires_at: opened.expires_at };
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(view))
}
