//! "I am done", and "never mind".

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{answer, query::QueryFields, transfer::own_grant};
use crate::{
    grant::{grant::Grant, multipart::NamedPart},
    http::{
        compat::Entrant,
        house::Current,
        json_body::{JsonBody, RequestBody},
        problem::Problem,
        to_its_end::to_its_end,
    },
};

/// The body of `POST …/complete`; clients may tell more of a part than we need.
#[derive(Debug, Deserialize)]
pub(super) struct CompleteBody {
    #[serde(default)]
    parts: Vec<PartBody>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartBody {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}

impl RequestBody for CompleteBody {
    const MAX_LEN: usize = 1024 * 1024;
    const FIELDS: &'static [&'static str] = &["parts"];
    const REQUIRED: &'static [&'static str] = &[];
}

/// Where the object is.
#[derive(Serialize)]
struct CompletedView<'a> {
    location: Option<String>,
    bucket: &'a str,
    key: &'a str,
}

/// `POST multipart/{id}/complete?key=`: joins the parts, records the object.
///
/// # Errors
/// 404, or those of `POST /v1/uploads/{id}/complete`.
pub(super) async fn complete(
    http: HttpRequest,
    entrant: Entrant,
    body: JsonBody<CompleteBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let grant = own_grant(&valet, &entrant, &http).await?;
    let parts = body.0.parts.into_iter().map(|part| NamedPart { part_number: part.part_number, etag: part.etag });
    complete_grant(&valet, entrant, grant.id, parts.collect()).await
}

/// `POST complete?key=`, which Companion does not have: Uppy takes OSS's 203 as success and tells nothing of it, so a page asks
/// here whether its file is recorded, by the only thing that it knows.
///
/// # Errors
/// 404, or those of `POST /v1/uploads/{id}/complete`.
pub(super) async fn complete_single(
    http: HttpRequest,
    entrant: Entrant,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let query = QueryFields::of(&http)?;
    let entry = valet.own_grant_by_key(&entrant, entrant.ticket_profile(), query.require("key")?).await?;
    complete_grant(&valet, entrant, entry.grant.id, Vec::new()).await
}

async fn complete_grant(
    valet: &Current,
    entrant: Entrant,
    id: Uuid,
    parts: Vec<NamedPart>,
) -> Result<HttpResponse, Problem> {
    let worker = Arc::clone(valet);
    let entry = to_its_end(async move { worker.complete(&entrant, id, &parts, worker.clock.now()).await }).await?;
    let Grant { bucket, key, .. } = &entry.grant;
    let location = valet.bucket_named(bucket).map(|known| known.endpoint.object_url(bucket, key));
    Ok(answer(&CompletedView { location, bucket, key }))
}

/// An empty object.
#[derive(Serialize)]
struct Aborted {}

/// `DELETE multipart/{id}?key=`: cancels the grant, aborts its upload.
///
/// # Errors
/// 404, or those of `DELETE /v1/uploads/{id}`.
pub(super) async fn abort(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let grant = own_grant(&valet, &entrant, &http).await?;
    valet.cancel(&entrant, grant.id, valet.clock.now()).await?;
    Ok(answer(&Aborted {}))
}
