//! STS: `AssumeRole`, signed by the RPC scheme, and `AssumeRoleWithOIDC`, which is not signed (P§6.1, P§6.3).

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::Instrument;
use url::Url;

use super::{
    http_client::{Answer, HttpClient, send},
    issued::{Issued, word},
};
use crate::{
    app::ports::{Credential, TokenError},
    entropy::Entropy,
    oss::{
        access_key::AccessKey,
        encoding::encode_component,
        sign_rpc,
        sts::{API_VERSION, DEFAULT_DURATION, MAX_POLICY_CHARS},
    },
};

/// Calls one STS endpoint.
#[derive(Clone)]
pub struct StsClient {
    endpoint: Url,
    http: HttpClient,
    entropy: Arc<dyn Entropy>,
}

/// Which role, as whom and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRoleRequest {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// Who it is, for audits.
    pub session_name: String,
    /// 15 minutes to the role's own limit.
    pub duration: TimeDelta,
    /// What the role's trust policy asks of a third party; not for `AssumeRoleWithOIDC`.
    pub external_id: Option<String>,
    /// Narrows the role: at most 2048 characters.
    pub policy: Option<String>,
}

impl AssumeRoleRequest {
    /// The longest session that the role surely allows: our own sessions' length, or the hour that no role's limit is below.
    pub fn longest(&self) -> TimeDelta {
        self.duration.max(DEFAULT_DURATION)
    }
}

type Parameters = Vec<(String, String)>;

impl StsClient {
    /// Nothing is called yet. `endpoint` as [`crate::oss::sts::parse_endpoint`] makes it.
    pub fn new(endpoint: Url, http: HttpClient, entropy: Arc<dyn Entropy>) -> Self {
        Self { endpoint, http, entropy }
    }

    /// Assumes a role as the holder of `caller`, a RAM user's key or a role's.
    ///
    /// # Errors
    /// By what is to be done about it; see [`TokenError`].
    pub async fn assume_role(
        &self,
        caller: &AccessKey,
        request: &AssumeRoleRequest,
        now: DateTime<Utc>,
    ) -> Result<Credential, TokenError> {
        let mut form = role_form(request)?;
        push_some(&mut form, "ExternalId", request.external_id.as_deref());
        let mut query = common_query("AssumeRole", now);
        push(&mut query, "AccessKeyId", caller.id());
        push(&mut query, "SignatureMethod", "HMAC-SHA1");
        push(&mut query, "SignatureVersion", "1.0");
        push(&mut query, "SignatureNonce", &self.nonce());
        push_some(&mut query, "SecurityToken", caller.expose_security_token());
        // What is signed is query and form together.
        let all: Parameters = query.iter().chain(&form).cloned().collect();
        push(&mut query, "Signature", &sign_rpc::sign("POST", &all, caller).signature);
        self.call(&query, &form).await
    }

    /// Assumes a role as the holder of an OIDC token that a registered provider has signed.
    ///
    /// # Errors
    /// By what is to be done about it; see [`TokenError`].
    pub async fn assume_role_with_oidc(
        &self,
        oidc_provider_arn: &str,
        token: &SecretString,
        request: &AssumeRoleRequest,
        now: DateTime<Utc>,
    ) -> Result<Credential, TokenError> {
        let mut form = role_form(request)?;
        push(&mut form, "OIDCProviderArn", oidc_provider_arn);
        push(&mut form, "OIDCToken", token.expose_secret());
        self.call(&common_query("AssumeRoleWithOIDC", now), &form).await
    }

    async fn call(&self, query: &Parameters, form: &Parameters) -> Result<Credential, TokenError> {
        let mut url = self.endpoint.clone();
        url.set_query(Some(&encode(query)));
        let request = self.http.0.post(url).header("accept-encoding", "identity");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(encode(form));
        let span = tracing::info_span!("sts", otel.kind = "client", server.address = self.endpoint.host_str());
        let answer = send(request).instrument(span).await.map_err(TokenError::Unavailable)?;
        if answer.status != reqwest::StatusCode::OK {
            return Err(refusal(&answer));
        }
        let document: Document =
            serde_json::from_slice(&answer.body).map_err(|_| TokenError::Unavailable(NO_DOCUMENT.to_owned()))?;
        let issued = document.credentials.ok_or_else(|| TokenError::Unavailable(NO_DOCUMENT.to_owned()))?;
        issued.into_credential().map_err(TokenError::Unavailable)
    }

    /// Unlike any other: STS refuses a repeated one.
    fn nonce(&self) -> String {
        let mut random = [0; 16];
        self.entropy.fill(&mut random);
        hex::encode(random)
    }
}

const NO_DOCUMENT: &str = "what it answered are no credentials";

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Credentials")]
    credentials: Option<Issued>,
}

/// STS's error document; its message is left out, since it may quote what was signed.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Refusal {
    code: String,
    request_id: String,
}

fn role_form(request: &AssumeRoleRequest) -> Result<Parameters, TokenError> {
    let mut form = Vec::new();
    push(&mut form, "RoleArn", &request.role_arn);
    push(&mut form, "RoleSessionName", &request.session_name);
    push(&mut form, "DurationSeconds", &request.duration.num_seconds().to_string());
    if let Some(policy) = &request.policy {
        if policy.chars().count() > MAX_POLICY_CHARS {
            return Err(TokenError::Invalid(format!("the policy is longer than {MAX_POLICY_CHARS} characters")));
        }
        push(&mut form, "Policy", policy);
    }
    Ok(form)
}

fn common_query(action: &str, now: DateTime<Utc>) -> Parameters {
    let mut query = Vec::new();
    push(&mut query, "Action", action);
    push(&mut query, "Format", "JSON");
    push(&mut query, "Version", API_VERSION);
    push(&mut query, "Timestamp", &now.to_rfc3339_opts(SecondsFormat::Secs, true));
    query
}

fn push(parameters: &mut Parameters, name: &str, value: &str) {
    parameters.push((name.to_owned(), value.to_owned()));
}

fn push_some(parameters: &mut Parameters, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        push(parameters, name, value);
    }
}

fn encode(parameters: &Parameters) -> String {
    let pairs =
        parameters.iter().map(|(name, value)| format!("{}={}", encode_component(name), encode_component(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Sorts a refusal by what is to be done about it. Codes as STS's list of errors has them.
fn refusal(answer: &Answer) -> TokenError {
    let document: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = word(&document.code).unwrap_or_default();
    let told = format!(
        "HTTP {}, {}, request {}",
        answer.status.as_u16(),
        word(code).unwrap_or("no code"),
        word(&document.request_id).unwrap_or("-"),
    );
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.starts_with(prefix));
    match answer.status.as_u16() {
        _ if begins(&["Throttling"]) => TokenError::Throttled(told),
        429 => TokenError::Throttled(told),
        _ if begins(&DENIALS) => TokenError::Denied(told),
        _ if begins(&["ServiceUnavailable", "InternalError", "SignatureNonceUsed"]) => TokenError::Unavailable(told),
        401 | 403 => TokenError::Denied(told),
        400 | 404 if !code.is_empty() => TokenError::Invalid(told),
        _ => TokenError::Unavailable(told),
    }
}

/// Codes that say who may not, whatever the status.
const DENIALS: [&str; 9] = [
    "NoPermission",
    "AuthenticationFail",
    "InvalidAccessKeyId",
    "InvalidSecurityToken",
    "MissingSecurityToken",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "EntityNotExist",
    "Forbidden",
];
