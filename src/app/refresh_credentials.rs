//! Renewing what we sign with, ahead of need.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::{Valet, ports::CredentialStatus};

impl Valet {
    /// One step: renews every credential that is due at `now`. A provider that keeps us waiting delays no other.
    pub async fn refresh_credentials(&self, now: DateTime<Utc>) {
        join_all(self.credentials.values().map(|provider| provider.refresh_due(now))).await;
    }

    /// How each of them stands, by section name.
    pub async fn credential_statuses(&self, now: DateTime<Utc>) -> Vec<(&str, CredentialStatus)> {
        let statuses =
            self.credentials.iter().map(async |(name, provider)| (name.as_str(), provider.status(now).await));
        join_all(statuses).await
    }
}
