//! "I am done", and "never mind".

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
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
        whole::Whole,
    },
};

/// The body of `POST …/complete`; clients may tell more of a part than we need.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompanionCompleteRequest)]
pub(super) struct CompleteBody {
    /// None means all that OSS holds.
    #[serde(default)]
    parts: Vec<PartBody>,
}

/// A part that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = CompanionNamedPart)]
struct PartBody {
    /// From 1.
    #[schema(value_type = u32, minimum = 1, maximum = 10_000)]
    part_number: Whole<u32>,
    /// As OSS answered it, with or without quotes.
    #[serde(rename = "ETag")]
    etag: String,
}

impl RequestBody for CompleteBody {
    const MAX_LEN: usize = 1024 * 1024;
    const FIELDS: &'static [&'static str] = &["parts"];
    const REQUIRED: &'static [&'static str] = &[];
}

/// Where the object is.
#[derive(Serialize, ToSchema)]
#[schema(as = CompanionCompleted)]
struct CompletedView<'a> {
    /// The object's URL; it may need a signature.
    #[schema(required = true)]
    location: Option<String>,
    /// Its bucket.
    bucket: &'a str,
    /// Its key.
    key: &'a str,
}

/// `POST multipart/{id}/complete?key=`: joins the parts, records the object.
///
/// # Errors
/// 404, or those of `POST /v1/uploads/{id}/complete`.
#[utoipa::path(
    post,
    path = "/compat/companion/s3/multipart/{id}/complete",
    operation_id = "companionCompleteMultipart",
    tag = "Companion",
    summary = "Joins the parts",
    description = "And records the object.",
    params(("id" = Uuid, Path, description = "`uploadId`: the grant's id."), ("key" = String, Query, description = "The object's key; it must be the grant's.")),
    request_body = CompleteBody,
    responses((status = 200, description = "Where the object is.", body = CompletedView))
)]
pub(super) async fn complete(
    http: HttpRequest,
    entrant: Entrant,
    body: JsonBody<CompleteBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let grant = own_grant(&valet, &entrant, &http).await?;
    let parts = body.0.parts.into_iter().map(|part| NamedPart { part_number: part.part_number.0, etag: part.etag });
    complete_grant(&valet, entrant, grant.id, parts.collect()).await
}

/// `POST complete?key=`, which Companion does not have: Uppy takes OSS's 203 as success and tells nothing of it, so a page asks
/// here whether its file is recorded, by the only thing that it knows.
///
/// # Errors
/// 404, or those of `POST /v1/uploads/{id}/complete`.
#[utoipa::path(
    post,
    path = "/compat/companion/s3/complete",
    operation_id = "companionComplete",
    tag = "Companion",
    summary = "Asks whether a file sent whole is recorded",
    description = "Companion does not have this: Uppy takes OSS's 203 as success and tells nothing of it.",
    params(("key" = String, Query, description = "The object's key; it must be the grant's.")),
    responses((status = 200, description = "Where the object is.", body = CompletedView))
)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = CompanionAborted)]
struct Aborted {}

/// `DELETE multipart/{id}?key=`: cancels the grant, aborts its upload.
///
/// # Errors
/// 404, or those of `DELETE /v1/uploads/{id}`.
#[utoipa::path(
    delete,
    path = "/compat/companion/s3/multipart/{id}",
    operation_id = "companionAbortMultipart",
    tag = "Companion",
    summary = "Gives an upload up",
    description = "Cancels the grant and aborts its upload.",
    params(("id" = Uuid, Path, description = "`uploadId`: the grant's id."), ("key" = String, Query, description = "The object's key; it must be the grant's.")),
    responses((status = 200, description = "It is given up.", body = Aborted))
)]
pub(super) async fn abort(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let grant = own_grant(&valet, &entrant, &http).await?;
    valet.cancel(&entrant, grant.id, valet.clock.now()).await?;
    Ok(answer(&Aborted {}))
}
