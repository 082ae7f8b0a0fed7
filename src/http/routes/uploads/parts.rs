//! `/v1/uploads/{id}/parts`: the parts of a multipart grant.

use actix_web::{HttpResponse, web::Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{answer, one::parse_id};
use crate::{
    app::parts::SignedPart,
    grant::multipart::{Cutting, UploadedPart},
    http::{
        caller::SignedIn,
        house::Current,
        json_body::{JsonBody, RequestBody},
        openapi::schemas,
        problem::Problem,
        view::rfc3339,
        whole::Whole,
    },
};

/// The body of `POST …/parts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartsRequest)]
pub struct PartsBody {
    /// From 1 to the grant's `max_parts`.
    #[schema(value_type = Vec<schemas::PartNumber>, min_items = 1, max_items = 1000)]
    part_numbers: Vec<Whole<u32>>,
}

impl RequestBody for PartsBody {
    const MAX_LEN: usize = 64 * 1024;
    const FIELDS: &'static [&'static str] = &["part_numbers"];
    const REQUIRED: &'static [&'static str] = &["part_numbers"];
}

/// Where to put the parts.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedParts)]
struct SignedPartsView<'a> {
    /// In the order that they were asked for.
    parts: Vec<SignedPartView<'a>>,
    /// When the URLs end.
    #[serde(serialize_with = "rfc3339")]
    expires_at: DateTime<Utc>,
}

/// Where to put one part.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedPart)]
struct SignedPartView<'a> {
    /// From 1.
    part_number: u32,
    /// To be sent to by PUT.
    url: &'a str,
    /// None must be sent.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: NoHeaders,
}

impl<'a> SignedPartView<'a> {
    fn of(part: &'a SignedPart) -> Self {
        Self { part_number: part.part_number, url: &part.url, headers: NoHeaders {} }
    }
}

#[derive(Serialize)]
struct NoHeaders {}

/// The parts that OSS holds.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadedParts)]
struct PartsView {
    /// By their number.
    #[schema(value_type = Vec<schemas::UploadedPart>)]
    parts: Vec<UploadedPart>,
}

/// Signs the URLs of a window of parts.
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    post,
    path = "/v1/uploads/{id}/parts",
    operation_id = "signParts",
    tag = "Uploads",
    description = "For a `multipart` grant: each part is put to its own URL.",
    params(("id" = Uuid, Path, description = "The grant's id.")),
    request_body = PartsBody,
    responses((status = 200, description = "The URLs.", body = SignedPartsView))
)]
pub async fn sign_parts(
    caller: SignedIn,
    path: Path<String>,
    body: JsonBody<PartsBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path)?;
    let numbers: Vec<u32> = body.0.part_numbers.iter().map(|number| number.0).collect();
    let signed = valet.sign_parts(&caller, id, &numbers, Cutting::Planned, valet.clock.now()).await?;
    let parts = signed.parts.iter().map(SignedPartView::of).collect();
    Ok(answer(HttpResponse::Ok(), &SignedPartsView { parts, expires_at: signed.expires_at }))
}

/// Lists the parts that OSS holds.
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    get,
    path = "/v1/uploads/{id}/parts",
    operation_id = "listParts",
    tag = "Uploads",
    description = "For resuming an upload that broke off.",
    params(("id" = Uuid, Path, description = "The grant's id.")),
    responses((status = 200, description = "The parts.", body = PartsView))
)]
pub async fn list_parts(caller: SignedIn, path: Path<String>, valet: Current) -> Result<HttpResponse, Problem> {
    let parts = valet.list_parts(&caller, parse_id(&path)?, valet.clock.now()).await?;
    Ok(answer(HttpResponse::Ok(), &PartsView { parts }))
}
