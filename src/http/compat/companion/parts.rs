//! The parts: which there are, and leave to send more.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{answer, query::QueryFields, transfer::own_grant};
use crate::{
    app::{Valet, parts::SignedParts},
    grant::{
        grant::{Grant, State},
        multipart::{Cutting, UploadedPart},
    },
    http::{compat::Entrant, house::Current, problem::Problem},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PartView {
    part_number: u32,
    size: u64,
    #[serde(rename = "ETag")]
    etag: String,
}

impl From<UploadedPart> for PartView {
    /// With the quotes that OSS's header has, and S3's list.
    fn from(part: UploadedPart) -> Self {
        Self { part_number: part.part_number, size: part.size, etag: format!("\"{}\"", part.etag) }
    }
}

#[derive(Serialize)]
struct SignedPartView<'a> {
    url: &'a str,
    expires: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchView<'a> {
    presigned_urls: BTreeMap<u32, &'a str>,
}

/// `GET multipart/{id}?key=`: the parts that OSS holds.
///
/// # Errors
/// 404, or those of `GET /v1/uploads/{id}/parts`.
pub(super) async fn list(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let grant = own_grant(&valet, &entrant, &http).await?;
    let parts = valet.list_parts(&entrant, grant.id, valet.clock.now()).await?;
    Ok(answer(&parts.into_iter().map(PartView::from).collect::<Vec<_>>()))
}

/// `GET multipart/{id}/{part}?key=`: where to put one part.
///
/// # Errors
/// 404, or those of `POST /v1/uploads/{id}/parts`.
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
