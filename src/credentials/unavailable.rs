//! A provider that lacks what it needs, and says so: in a chain the next one has its turn.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::app::ports::{Credential, Credentials, CredentialsUnavailable};

/// Never has a credential.
#[derive(Debug)]
pub struct UnavailableCredentials(pub String);

#[async_trait]
impl Credentials for UnavailableCredentials {
    async fn current(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        Err(CredentialsUnavailable(self.0.clone()))
    }
}
