//! The parts: which there are, and leave to send more.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{answer, query::QueryFields, transfer::own_grant};
use crate::{
    app::{Valet, parts::SignedParts},
    grant::{
        grant::{Grant, State},
        multipart::{Cutting, UploadedPart},
    },
    http::{compat::Entrant, house::Current, problem::Problem},
};

/// A part that OSS holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = CompanionPart)]
struct PartView {
    /// From 1.
    part_number: u32,
    /// In bytes.
    size: u64,
    /// With quotes.
    #[serde(rename = "ETag")]
    etag: String,
}

impl From<UploadedPart> for PartView {
    /// With the quotes that OSS's header has, and S3's list.
    fn from(part: UploadedPart) -> Self {
        Self { part_number: part.part_number, size: part.size, etag: format!("\"{}\"", part.etag) }
    }
}

/// Where to put one part.
#[derive(Serialize, ToSchema)]
#[schema(as = CompanionSignedPart)]
struct SignedPartView<'a> {
    /// To be sent to by PUT.
    url: &'a str,
    /// In seconds.
    expires: i64,
}

/// Where to put several parts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CompanionSignedParts)]
struct BatchView<'a> {
    /// By their number.
    #[schema(value_type = BTreeMap<String, String>)]
    presigned_urls: BTreeMap<u32, &'a str>,
}

/// `GET multipart/{id}?key=`: the parts that OSS holds.
///
/// # Errors
/// 404, or those of `GET /v1/uploads/{id}/parts`.
#[utoipa::path(
    get,
    path = "/compat/companion/s3/multipart/{id}",
    operation_id = "companionListParts",
    tag = "Companion",
    summary = "The parts that OSS holds",
    description = "For resuming.",
    params(("id" = Uuid, Path, description = "`uploadId`: the grant's id."), ("key" = String, Query, description = "The object's key; it must be the grant's.")),
    responses((status = 200, description = "The parts.", body = Vec<PartView>))
)]
pub(super) async fn list(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let grant = own_grant(&valet, &entrant, &http).await?;
    let parts = valet.list_parts(&entrant, grant.id, valet.clock.now()).await?;
    Ok(answer(&parts.into_iter().map(PartView::from).collect::<Vec<_>>()))
}

/// `GET multipart/{id}/{part}?key=`: where to put one part.
///
/// # Errors
/// 404, or those of `POST /v1/uploads/{id}/parts`.
#[utoipa::path(
    get,
    path = "/compat/companion/s3/multipart/{id}/{part}",
    operation_id = "companionSignPart",
    tag = "Companion",
    summary = "Where to put one part",
    description = "A grant whose time is more than half over is renewed first.",
    params(("id" = Uuid, Path, description = "`uploadId`: the grant's id."), ("part" = u32, Path, minimum = 1, maximum = 10_000, description = "The part's number."), ("key" = String, Query, description = "The object's key; it must be the grant's.")),
    responses((status = 200, description = "The URL.", body = SignedPartView))
)]
pub(super) async fn sign_one(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let number = part_number(http.match_info().query("part"), "partNumber")?;
    let grant = own_grant(&valet, &entrant, &http).await?;
    let now = valet.clock.now();
    let signed = sign(&valet, &entrant, &grant, &[number], now).await?;
    let expires = (signed.expires_at - now).num_seconds();
    let part = signed.parts.first().map(|part| SignedPartView { url: &part.url, expires });
    Ok(answer(&part))
}

/// `GET multipart/{id}/batch?key=&partNumbers=1,2`: where to put several.
///
/// # Errors
/// As for one.
#[utoipa::path(
    get,
    path = "/compat/companion/s3/multipart/{id}/batch",
    operation_id = "companionSignBatch",
    tag = "Companion",
    summary = "Where to put several parts",
    description = "A grant whose time is more than half over is renewed first.",
    params(("id" = Uuid, Path, description = "`uploadId`: the grant's id."), ("key" = String, Query, description = "The object's key; it must be the grant's."), ("partNumbers" = String, Query, pattern = "^[0-9]+(,[0-9]+)*$", description = "Part numbers, parted by commas.")),
    responses((status = 200, description = "The URLs.", body = BatchView))
)]
pub(super) async fn sign_batch(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let query = QueryFields::of(&http)?;
    let numbers = query.require("partNumbers")?.split(',');
    let numbers: Vec<_> = numbers.map(|number| part_number(number, "partNumbers")).collect::<Result<_, _>>()?;
    let grant = own_grant(&valet, &entrant, &http).await?;
    let signed = sign(&valet, &entrant, &grant, &numbers, valet.clock.now()).await?;
    let urls = signed.parts.iter().map(|part| (part.part_number, part.url.as_str())).collect();
    Ok(answer(&BatchView { presigned_urls: urls }))
}

/// Companion's clients know no renewal, and ask for the URL of a part when they are about to send it: so a grant whose time is more
/// than half over gets a fresh one first.
async fn sign(
    valet: &Valet,
    entrant: &Entrant,
    grant: &Grant,
    numbers: &[u32],
    now: DateTime<Utc>,
) -> Result<SignedParts, Problem> {
    let lifetime = valet.profile_for(entrant, &grant.profile).map(|profile| profile.expires_in);
    if grant.state == State::Issued && lifetime.is_some_and(|lifetime| grant.expires_at - now < lifetime / 2) {
        valet.renew(entrant, grant.id, now).await?;
    }
    Ok(valet.sign_parts(entrant, grant.id, numbers, Cutting::S3, now).await?)
}

fn part_number(text: &str, name: &str) -> Result<u32, Problem> {
    text.trim().parse().map_err(|_| Problem::invalid_parameter(name, "a part number is a whole number"))
}
