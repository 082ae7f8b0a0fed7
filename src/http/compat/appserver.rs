//! The answers of OSS's official app servers (P§7): a policy for a directory, with which a page uploads by form.

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Entrant,
    profile_query::{ProfileQuery, asked_profile},
};
use crate::{
    app::{Valet, issue_directory::DirectoryForm},
    http::{house::Current, issuing, problem::Problem},
    oss::request::SignatureVersion,
};

/// As `upload.js` beside plupload takes it.
#[derive(Serialize, ToSchema)]
#[schema(as = AppserverPolicy)]
struct V1Answer<'a> {
    /// The form field `OSSAccessKeyId`.
    accessid: &'a str,
    /// Where to post to.
    host: &'a str,
    /// The form field `policy`.
    policy: &'a str,
    /// The form field `Signature`.
    signature: &'a str,
    /// Seconds since the epoch; a number, as most of the samples have it (P§9.16).
    expire: i64,
    /// The form field `callback`.
    callback: &'a str,
    /// What every key must begin with.
    dir: &'a str,
}

/// As the page of the V4 samples takes it.
#[derive(Serialize, ToSchema)]
#[schema(as = AppserverPolicyV4)]
struct V4Answer<'a> {
    /// The form field `policy`.
    policy: &'a str,
    /// Empty with a permanent key: the page sends whatever stands here.
    security_token: &'a str,
    /// The form field of that name.
    x_oss_signature_version: &'a str,
    /// The form field of that name.
    x_oss_credential: &'a str,
    /// The form field of that name.
    x_oss_date: &'a str,
    /// The form field `x-oss-signature`.
    signature: &'a str,
    /// Where to post to.
    host: &'a str,
    /// What every key must begin with.
    dir: &'a str,
    /// The form field `callback`.
    callback: &'a str,
}

/// `GET appserver?profile=`.
///
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    get,
    path = "/compat/appserver",
    operation_id = "getAppserverPolicy",
    tag = "App servers",
    summary = "A policy for a directory, as the V1 samples have it",
    description = "Works with the official plupload sample. Needs a permanent key: the shape has no field for a token.",
    params(ProfileQuery),
    responses((status = 200, description = "The form's fields.", body = V1Answer))
)]
pub(super) async fn v1(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let issued = issue(&http, &entrant, &valet, SignatureVersion::V1).await?;
    Ok(answer(&V1Answer {
        accessid: issued.field("OSSAccessKeyId"),
        host: &issued.host,
        policy: issued.field("policy"),
        signature: issued.field("Signature"),
        expire: issued.grant.expires_at.timestamp(),
        callback: issued.field("callback"),
        dir: &issued.grant.key,
    }))
}

/// `GET appserver/v4?profile=`.
///
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    get,
    path = "/compat/appserver/v4",
    operation_id = "getAppserverPolicyV4",
    tag = "App servers",
    summary = "A policy for a directory, as the V4 samples have it",
    description = "Works with the official V4 samples.",
    params(ProfileQuery),
    responses((status = 200, description = "The form's fields.", body = V4Answer))
)]
pub(super) async fn v4(http: HttpRequest, entrant: Entrant, valet: Current) -> Result<HttpResponse, Problem> {
    let issued = issue(&http, &entrant, &valet, SignatureVersion::V4).await?;
    Ok(answer(&V4Answer {
        policy: issued.field("policy"),
        security_token: issued.field("x-oss-security-token"),
        x_oss_signature_version: issued.field("x-oss-signature-version"),
        x_oss_credential: issued.field("x-oss-credential"),
        x_oss_date: issued.field("x-oss-date"),
        signature: issued.field("x-oss-signature"),
        host: &issued.host,
        dir: &issued.grant.key,
        callback: issued.field("callback"),
    }))
}

async fn issue(
    http: &HttpRequest,
    entrant: &Entrant,
    valet: &Valet,
    version: SignatureVersion,
) -> Result<DirectoryForm, Problem> {
    let profile = asked_profile(http, entrant)?;
    issuing::issue_directory_form(valet, entrant, &profile, version).await
}

fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
