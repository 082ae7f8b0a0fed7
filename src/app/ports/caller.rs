//! Who calls.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Who calls: a verified identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `sub`.
    pub subject: String,
    /// The configured claim: whose uploads these are.
    pub user_id: String,
    /// What else the caller may do.
    pub scopes: BTreeSet<String>,
}

impl Caller {
    /// Whether the token carries the scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
}

/// Tells who a bearer token speaks for.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Verifies the token at `now`.
    async fn authenticate(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Caller>, Unauthenticated>;

    /// How the keys of each issuer stand.
    fn key_sets(&self) -> Vec<KeySetStatus>;
}

/// How the keys of one issuer stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetStatus {
    /// Whose.
    pub issuer: String,
    /// How many can be used.
    pub keys: usize,
    /// When they were last fetched; `None` for what never was, or is configured.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When fetching them last failed.
    pub failed_at: Option<DateTime<Utc>>,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The token is no good; the text is safe to show.
    #[error("{0}")]
    InvalidToken(String),
    /// The issuer's keys can't be had now, so nobody can tell.
    #[error("the issuer's keys are not available")]
    KeysUnavailable,
}
