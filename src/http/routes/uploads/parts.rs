//! `/v1/uploads/{id}/parts`: the parts of a multipart grant.

use actix_web::{HttpResponse, web::Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{answer, one::parse_id};
use crate::{
    app::parts::SignedPart,
    grant::multipart::{Cutting, UploadedPart},
    http::{
        caller::SignedIn,
        house::Current,
        json_body::{JsonBody, RequestBody},
        problem::Problem,
        view::rfc3339,
    },
};

/// The body of `POST …/parts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartsBody {
    part_numbers: Vec<u32>,
}

impl RequestBody for PartsBody {
    const MAX_LEN: usize = 64 * 1024;
    const FIELDS: &'static [&'static str] = &["part_numbers"];
    const REQUIRED: &'static [&'static str] = &["part_numbers"];
}

#[derive(Serialize)]
struct SignedPartsView<'a> {
    parts: Vec<SignedPartView<'a>>,
    #[serde(serialize_with = "rfc3339")]
    expires_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct SignedPartView<'a> {
    part_number: u32,
    url: &'a str,
    /// None must be sent.
    headers: NoHeaders,
}

impl<'a> SignedPartView<'a> {
    fn of(part: &'a SignedPart) -> Self {
        Self { part_number: part.part_number, url: &part.url, headers: NoHeaders {} }
    }
}

#[derive(Serialize)]
struct NoHeaders {}

#[derive(Serialize)]
struct PartsView {
    parts: Vec<UploadedPart>,
}

/// Signs the URLs of a window of parts.
///
/// # Errors
/// The contract's codes for this call.
pub async fn sign_parts(
    caller: SignedIn,
    path: Path<String>,
    body: JsonBody<PartsBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let (id, numbers) = (parse_id(&path)?, &body.0.part_numbers);
    let signed = valet.sign_parts(&caller, id, numbers, Cutting::Planned, valet.clock.now()).await?;
    let parts = signed.parts.iter().map(SignedPartView::of).collect();
    Ok(answer(HttpResponse::Ok(), &SignedPartsView { parts, expires_at: signed.expires_at }))
}

/// Lists the parts that OSS holds.
///
/// # Errors
/// The contract's codes for this call.
pub async fn list_parts(caller: SignedIn, path: Path<String>, valet: Current) -> Result<HttpResponse, Problem> {
    let parts = valet.list_parts(&caller, parse_id(&path)?, valet.clock.now()).await?;
    Ok(answer(HttpResponse::Ok(), &PartsView { parts }))
}
