//! `GET params` for a file sent by one request, `POST multipart` for one sent in parts.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer,
    ask::{FileFacts, UploadBody},
    query::QueryFields,
};
use crate::{
    grant::{profile::Method, request::ClientRequest},
    http::{
        compat::Entrant,
        house::Current,
        issuing,
        json_body::JsonBody,
        openapi::schemas::{self, CompanionFile},
        problem::{Code, Problem},
    },
};

/// The request to send, and how many seconds there are for it.
#[derive(Serialize, ToSchema)]
#[schema(as = CompanionParams)]
struct ParamsView<'a> {
    #[serde(flatten)]
    #[schema(value_type = schemas::ClientRequest)]
    request: &'a ClientRequest,
    /// In seconds.
    expires: i64,
}

/// A multipart upload that has begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CompanionMultipart)]
struct MultipartView<'a> {
    /// The object's key.
    key: &'a str,
    /// The grant's id.
    upload_id: String,
    /// Where the object will be.
    bucket: &'a str,
}

/// Issues a grant by the profile's first of `post` and `put`.
///
/// # Errors
/// Those of `POST /v1/uploads`.
#[utoipa::path(
    get,
    path = "/compat/companion/s3/params",
    operation_id = "companionParams",
    tag = "Companion",
    summary = "A request for a file sent whole",
    description = "Issues a grant by the profile's first of `post` and `put`. Variables are taken from `metadata[…]`; unknown ones are passed over.",
    params(super::query::FileQuery),
    responses((status = 200, description = "What to send.", body = ParamsView))
)]
pub(super) async fn params(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let facts = FileFacts::of_query(QueryFields::of(&http)?)?;
    let request = facts.into_request(&valet, &entrant, &[Method::Post, Method::Put])?;
    let now = valet.clock.now();
    let signed = issuing::issue(&valet, &entrant, request, None).await?.signed;
    let expires = (signed.grant.expires_at - now).num_seconds();
    match signed.leave.as_ref().and_then(|leave| leave.request()) {
        Some(request) => Ok(answer(&ParamsView { request, expires })),
        None => Err(Problem::new(Code::CredentialsUnavailable, "nothing signs long enough; try again later")),
    }
}

/// Issues a multipart grant; its upload is begun then.
///
/// # Errors
/// Those of `POST /v1/uploads`.
#[utoipa::path(
    post,
    path = "/compat/companion/s3/multipart",
    operation_id = "companionCreateMultipart",
    tag = "Companion",
    summary = "Begins a file sent in parts",
    description = "Issues a multipart grant.",
    request_body = CompanionFile,
    responses((status = 200, description = "The upload.", body = MultipartView))
)]
pub(super) async fn multipart(
    entrant: Entrant,
    body: JsonBody<UploadBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let request = FileFacts::of_json(body.0)?.into_request(&valet, &entrant, &[Method::Multipart])?;
    let grant = issuing::issue(&valet, &entrant, request, None).await?.signed.grant;
    Ok(answer(&MultipartView { key: &grant.key, upload_id: grant.id.to_string(), bucket: &grant.bucket }))
}
