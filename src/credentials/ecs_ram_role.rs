//! The RAM role of the ECS instance we run on, from its metadata service (P§6.4).

use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    http_client::{Answer, HttpClient, send},
    issued::{Issued, word},
    refreshing::CredentialSource,
};
use crate::{
    app::ports::{Credential, CredentialsUnavailable},
    oss::sts::is_role_name,
};

/// The metadata service, on every ECS instance.
pub const METADATA_URL: &str = "http://100.100.100.200";

const TOKEN_PATH: &str = "/latest/api/token";
const ROLE_PATH: &str = "/latest/meta-data/ram/security-credentials/";
const TOKEN_TTL: TimeDelta = TimeDelta::seconds(21_600);
/// A token is not used to its last second.
const TOKEN_MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Asks the metadata service, in its guarded mode (with a token) first.
pub struct EcsRamRole {
    base_url: String,
    /// Asked for where it is not given.
    role_name: Option<String>,
    /// Whether to go without a token where there is none to be had.
    allow_v1: bool,
    http: HttpClient,
    token: Mutex<Option<MetadataToken>>,
}

#[derive(Clone)]
struct MetadataToken {
    text: SecretString,
    good_until: DateTime<Utc>,
}

/// What the metadata service answers beside the credential.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Code")]
    code: String,
    #[serde(flatten)]
    issued: Issued,
}

impl EcsRamRole {
    /// Nothing is asked yet. `base_url` is [`METADATA_URL`], except in tests.
    pub fn new(base_url: &str, role_name: Option<String>, allow_v1: bool, http: HttpClient) -> Self {
        Self { base_url: base_url.to_owned(), role_name, allow_v1, http, token: Mutex::default() }
    }

    /// GET with a token where there is one. Refused, it is asked for anew, once; then comes the way without one, if allowed.
    async fn get(&self, path: &str, now: DateTime<Utc>) -> Result<Vec<u8>, String> {
        let (token, fresh) = match self.cached_token(now) {
            Some(token) => (Ok(token), false),
            None => (self.fetch_token(now).await, true),
        };
        let mut failure = match token {
            Ok(token) => match self.get_with(path, Some(&token)).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        if !fresh {
            self.hold_token(None);
            if let Ok(token) = self.fetch_token(now).await {
                match self.get_with(path, Some(&token)).await {
                    Ok(body) => return Ok(body),
                    Err(again) => failure = again,
                }
            }
        }
        if self.allow_v1 { self.get_with(path, None).await } else { Err(failure) }
    }

    async fn get_with(&self, path: &str, token: Option<&SecretString>) -> Result<Vec<u8>, String> {
        let mut request = self.http.0.request(Method::GET, format!("{}{path}", self.base_url));
        if let Some(token) = token {
            request = request.header("x-aliyun-ecs-metadata-token", token.expose_secret());
        }
        body_of(send(request).await?)
    }

    async fn fetch_token(&self, now: DateTime<Utc>) -> Result<SecretString, String> {
        let request = self.http.0.request(Method::PUT, format!("{}{TOKEN_PATH}", self.base_url));
        let ttl = TOKEN_TTL.num_seconds();
        let body = body_of(send(request.header("x-aliyun-ecs-metadata-token-ttl-seconds", ttl)).await?)?;
        let text = std::str::from_utf8(&body).map(str::trim).unwrap_or_default();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("its token is none".to_owned());
        }
        let text = SecretString::from(text);
        self.hold_token(Some(MetadataToken { text: text.clone(), good_until: now + TOKEN_TTL - TOKEN_MARGIN }));
        Ok(text)
    }

    fn cached_token(&self, now: DateTime<Utc>) -> Option<SecretString> {
        let held = self.token.lock().expect("no holder of this lock panics");
        held.as_ref().filter(|token| now < token.good_until).map(|token| token.text.clone())
    }

    fn hold_token(&self, token: Option<MetadataToken>) {
        *self.token.lock().expect("no holder of this lock panics") = token;
    }

    async fn find_role_name(&self, now: DateTime<Utc>) -> Result<String, String> {
        if let Some(name) = &self.role_name {
            return Ok(name.clone());
        }
        let body = self.get(ROLE_PATH, now).await?;
        let name = std::str::from_utf8(&body).map(str::trim).unwrap_or_default();
        if is_role_name(name) { Ok(name.to_owned()) } else { Err("it names no role: is one attached?".to_owned()) }
    }

    async fn ask(&self, now: DateTime<Utc>) -> Result<Credential, String> {
        let role = self.find_role_name(now).await?;
        let body = self.get(&format!("{ROLE_PATH}{role}"), now).await?;
        let document: Document =
            serde_json::from_slice(&body).map_err(|_| "what it answered are no credentials".to_owned())?;
        if document.code != "Success" {
            return Err(format!("it answered the code {}", word(&document.code).unwrap_or("?")));
        }
        document.issued.into_credential()
    }
}

#[async_trait]
impl CredentialSource for EcsRamRole {
    async fn fetch(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        self.ask(now).await.map_err(|reason| CredentialsUnavailable(format!("metadata service: {reason}")))
    }
}

fn body_of(answer: Answer) -> Result<Vec<u8>, String> {
    if answer.status == StatusCode::OK {
        Ok(answer.body)
    } else {
        Err(format!("it answered HTTP {}", answer.status.as_u16()))
    }
}
