//! A role, assumed on top of another provider's credential.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    refreshing::CredentialSource,
    sts_client::{AssumeRoleRequest, StsClient},
};
use crate::app::ports::{Credential, Credentials, CredentialsUnavailable, Session, TokenError, TokenService};

/// Asks STS for a role's credentials, as the holder of what `caller` provides.
#[derive(Clone)]
pub struct AssumeRole {
    /// STS.
    pub sts: StsClient,
    /// What the request is signed with.
    pub caller: Arc<dyn Credentials>,
    /// The role, and the session that our own credential is.
    pub request: AssumeRoleRequest,
}

#[async_trait]
impl CredentialSource for AssumeRole {
    async fn fetch(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let caller = self.caller.current(now).await?;
        let issued = self.sts.assume_role(&caller.key, &self.request, now).await;
        issued.map_err(|error| CredentialsUnavailable(format!("AssumeRole: {error}")))
    }

    async fn refresh_due(&self, now: DateTime<Utc>) {
        self.caller.refresh_due(now).await;
    }
}

#[async_trait]
impl TokenService for AssumeRole {
    fn longest(&self) -> TimeDelta {
        self.request.longest()
    }

    async fn issue(&self, session: &Session, now: DateTime<Utc>) -> Result<Credential, TokenError> {
        let caller = self.caller.current(now).await.map_err(|error| TokenError::NoCredentials(error.0))?;
        self.sts.assume_role(&caller.key, &narrowed(&self.request, session), now).await
    }
}

/// The same role, for somebody else's session.
pub(super) fn narrowed(request: &AssumeRoleRequest, session: &Session) -> AssumeRoleRequest {
    AssumeRoleRequest {
        session_name: session.name.clone(),
        duration: session.duration,
        policy: Some(session.policy.clone()),
        ..request.clone()
    }
}
