//! The mobile SDKs' auth server (P§6.5): temporary credentials for a directory. Refusals are HTTP 200 with their status inside,
//! because the Android SDK looks into no other answer.

use actix_web::{HttpRequest, HttpResponse, http::header};
use chrono::SecondsFormat;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Entrant,
    profile_query::{ProfileQuery, asked_profile},
};
use crate::{
    app::{Valet, directory_session::DirectorySession},
    http::{
        house::Current,
        issuing,
        openapi::schemas,
        problem::{Code, Problem},
        root_span::tell_refusal,
    },
    oss::callback::CallbackBodyType,
};

/// The first five are what the SDKs read; the rest is for the app. Holds secrets: no `Debug`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = LentCredentials)]
struct Lent<'a> {
    /// 200.
    #[schema(minimum = 200, maximum = 200)]
    status_code: u16,
    /// Of the temporary credentials.
    access_key_id: &'a str,
    /// Of the temporary credentials.
    access_key_secret: &'a str,
    /// Of the temporary credentials.
    security_token: &'a str,
    /// `yyyy-MM-ddTHH:mm:ssZ`.
    expiration: String,
    /// Where to upload to.
    bucket: &'a str,
    /// OSS's name of the region.
    region: &'a str,
    /// Where clients reach OSS.
    endpoint: &'a str,
    /// What every key must begin with.
    dir: &'a str,
    /// The Base64 text, for SDKs that send it as a header.
    callback: &'a str,
    /// For SDKs that build that text themselves.
    callback_param: CallbackParam<'a>,
}

/// As the mobile SDKs' `callbackParam`: a map of texts.
#[derive(Serialize, ToSchema)]
struct CallbackParam<'a> {
    /// Where OSS calls.
    #[serde(rename = "callbackUrl")]
    url: &'a str,
    /// What it sends.
    #[serde(rename = "callbackBody")]
    body: &'a str,
    #[serde(rename = "callbackBodyType")]
    #[schema(value_type = schemas::CallbackBodyType)]
    body_type: CallbackBodyType,
}

/// A refusal, for SDKs that look into no other answer than 200.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = RefusedCredentials)]
struct Refused<'a> {
    /// 403 for what asking again does not help, else 5xx.
    #[schema(minimum = 403, maximum = 599)]
    status_code: u16,
    /// One of the codes of problems.
    error_code: &'a str,
    /// What is wrong this time, for people.
    error_message: &'a str,
}

/// What `sts` answers.
#[derive(ToSchema)]
#[schema(as = StsAnswer)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the document only")]
enum Answer<'a> {
    Lent(Lent<'a>),
    Refused(Refused<'a>),
}

/// `GET sts?profile=`: always 200.
#[utoipa::path(
    get,
    path = "/compat/sts",
    operation_id = "lendCredentials",
    tag = "App servers",
    summary = "Temporary credentials for a directory, as the mobile SDKs ask for them",
    description = "Refusals are HTTP 200, too, with their status inside: the Android SDK looks into no other answer.",
    params(ProfileQuery),
    responses((status = 200, description = "The credentials, or a refusal: look at `StatusCode`.", body = Answer))
)]
pub(super) async fn lend(http: HttpRequest, entrant: Result<Entrant, Problem>, valet: Current) -> HttpResponse {
    let lent = match entrant {
        Ok(entrant) => {
            // It is refused inside an answer that says 200, where nobody else sees it.
            let lent = lend_to(&http, &entrant, &valet).await;
            lent.inspect_err(|problem| tell_refusal(&entrant, None, problem))
        }
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
    issuing::lend_directory(valet, entrant, &profile).await
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
