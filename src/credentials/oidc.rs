//! RRSA: a Kubernetes service account's token, exchanged at STS for a role's credentials (P§6.3).

use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::{
    assume_role::narrowed,
    refreshing::CredentialSource,
    sts_client::{AssumeRoleRequest, StsClient},
};
use crate::app::ports::{Credential, CredentialsUnavailable, Session, TokenError, TokenService};

/// Asks STS for a role's credentials, as the holder of the token in a file.
#[derive(Clone)]
pub struct Oidc {
    /// STS.
    pub sts: StsClient,
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub provider_arn: String,
    /// Read anew for every request: Kubernetes replaces the token well before it expires.
    pub token_file: PathBuf,
    /// The role, and the session that our own credential is.
    pub request: AssumeRoleRequest,
}

impl Oidc {
    async fn exchange(&self, request: &AssumeRoleRequest, now: DateTime<Utc>) -> Result<Credential, TokenError> {
        let token = self.read_token().await.map_err(TokenError::NoCredentials)?;
        self.sts.assume_role_with_oidc(&self.provider_arn, &token, request, now).await
    }

    async fn read_token(&self) -> Result<SecretString, String> {
        let unusable = |reason: &dyn std::fmt::Display| format!("{}: {reason}", self.token_file.display());
        let text = tokio::fs::read_to_string(&self.token_file).await.map_err(|error| unusable(&error))?;
        let token = text.trim_end();
        if token.is_empty() { Err(unusable(&"the file is empty")) } else { Ok(token.into()) }
    }
}

#[async_trait]
impl CredentialSource for Oidc {
    async fn fetch(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let issued = self.exchange(&self.request, now).await;
        issued.map_err(|error| CredentialsUnavailable(format!("AssumeRoleWithOIDC: {error}")))
    }
}

#[async_trait]
impl TokenService for Oidc {
    fn longest(&self) -> TimeDelta {
        self.request.longest()
    }

    async fn issue(&self, session: &Session, now: DateTime<Utc>) -> Result<Credential, TokenError> {
        self.exchange(&narrowed(&self.request, session), now).await
    }
}
