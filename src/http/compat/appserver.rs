//! The answers of OSS's official app servers (P§7): a policy for a directory, with which a page uploads by form.

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;

use super::{Entrant, profile_query::asked_profile};
use crate::{
    app::{Valet, issue_directory::DirectoryForm},
    http::{house::Current, problem::Problem},
    oss::request::SignatureVersion,
};

/// As `upload.js` beside plupload takes it.
#[derive(Serialize)]
struct V1Answer<'a> {
    accessid: &'a str,
    host: &'a str,
    policy: &'a str,
    signature: &'a str,
    /// Seconds since the epoch; a number, as most of the samples have it (P§9.16).
    expire: i64,
    callback: &'a str,
    dir: &'a str,
}

/// As the page of the V4 samples takes it.
#[derive(Serialize)]
struct V4Answer<'a> {
    policy: &'a str,
    /// Empty with a permanent key: the page sends whatever stands here.
    security_token: &'a str,
    x_oss_signature_version: &'a str,
    x_oss_credential: &'a str,
    x_oss_date: &'a str,
    signature: &'a str,
    host: &'a str,
    dir: &'a str,
    callback: &'a str,
}

/// `GET appserver?profile=`.
///
/// # Errors
/// The contract's codes for this call.
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
    Ok(valet.issue_directory_form(entrant, &profile, version, valet.clock.now()).await?)
}

fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
