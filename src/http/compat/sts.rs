//! The mobile SDKs' auth server (P§6.5): temporary credentials for a directory. Refusals are HTTP 200 with their status inside,
//! because the Android SDK looks into no other answer.

use actix_web::{HttpRequest, HttpResponse, http::header};
use chrono::SecondsFormat;
use serde::Serialize;

use super::{Entrant, profile_query::asked_profile};
use crate::{
    app::{Valet, directory_session::DirectorySession},
    http::{
        house::Current,
        problem::{Code, Problem},
    },
    oss::callback::CallbackBodyType,
};

/// The first five are what the SDKs read; the rest is for the app. Holds secrets: no `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Lent<'a> {
    status_code: u16,
    access_key_id: &'a str,
    access_key_secret: &'a str,
    security_token: &'a str,
    expiration: String,
    bucket: &'a str,
    region: &'a str,
    endpoint: &'a str,
    /// What every key must begin with.
    dir: &'a str,
    /// The Base64 text, for SDKs that send it as a header.
    callback: &'a str,
    /// For SDKs that build that text themselves.
    callback_param: CallbackParam<'a>,
}

/// As the mobile SDKs' `callbackParam`: a map of texts.
#[derive(Serialize)]
struct CallbackParam<'a> {
    #[serde(rename = "callbackUrl")]
    url: &'a str,
    #[serde(rename = "callbackBody")]
    body: &'a str,
    #[serde(rename = "callbackBodyType")]
    body_type: CallbackBodyType,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Refused<'a> {
    status_code: u16,
    error_code: &'a str,
    error_message: &'a str,
}

/// `GET sts?profile=`: always 200.
pub(super) async fn lend(http: HttpRequest, entrant: Result<Entrant, Problem>, valet: Current) -> HttpResponse {
    let lent = match entrant {
        Ok(entrant) => lend_to(&http, &entrant, &valet).await,
        Err(problem) => Err(problem),
    };
    match lent {
        Ok(session) => answer(&lent_view(&valet, &session)),
        Err(problem) => refuse(&problem),
    }
}

/// A refusal in words that the SDKs understand.
pub(super) fn refuse(problem: &Problem) -> HttpResponse {
    answer(&Refused {
        status_code: status_inside(problem.code()),
        error_code: problem.code().as_str(),
        error_message: problem.detail(),
    })
}

async fn lend_to(http: &HttpRequest, entrant: &Entrant, valet: &Valet) -> Result<DirectorySession, Problem> {
    let profile = asked_profile(http, entrant)?;
    Ok(valet.lend_directory(entrant, &profile, valet.clock.now()).await?)
}

/// 403 for what asking again does not help; what may pass is the server's trouble.
fn status_inside(code: Code) -> u16 {
    match code.status().as_u16() {
        429 => 503,
        400..=499 => 403,
        status => status,
    }
}

fn lent_view<'a>(valet: &'a Valet, session: &'a DirectorySession) -> Lent<'a> {
    let DirectorySession { grant, credentials, callback } = session;
    Lent {
        status_code: 200,
        access_key_id: credentials.key.id(),
        access_key_secret: credentials.key.expose_secret(),
        security_token: credentials.key.expose_security_token().unwrap_or_default(),
        expiration: credentials.expiration.to_rfc3339_opts(SecondsFormat::Secs, true),
        bucket: &grant.bucket,
        region: &grant.region,
        endpoint: valet.bucket_named(&grant.bucket).map_or("", |bucket| &bucket.endpoint_url),
        dir: &grant.key,
        callback: &callback.callback,
        callback_param: CallbackParam { url: &callback.url, body: &callback.body, body_type: callback.body_type },
    }
}

fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
