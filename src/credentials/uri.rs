//! Credentials from a URL that answers them to whoever asks: a sidecar, a local agent (P§6.4).

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::{
    http_client::{HttpClient, send},
    issued::Issued,
    refreshing::CredentialSource,
};
use crate::app::ports::{Credential, CredentialsUnavailable};

/// Asks the URL.
pub struct CredentialsUri {
    /// The URL; a secret, because it may hold one.
    pub url: SecretString,
    /// With what to ask.
    pub http: HttpClient,
}

#[async_trait]
impl CredentialSource for CredentialsUri {
    async fn fetch(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let unusable = |reason: String| CredentialsUnavailable(format!("credentials URI: {reason}"));
        let answer = send(self.http.0.get(self.url.expose_secret())).await.map_err(unusable)?;
        if answer.status != reqwest::StatusCode::OK {
            return Err(unusable(format!("it answered HTTP {}", answer.status.as_u16())));
        }
        let issued: Issued = serde_json::from_slice(&answer.body)
            .map_err(|_| unusable("what it answered are no credentials".to_owned()))?;
        issued.into_credential().map_err(unusable)
    }
}
