//! What we sign with, and what we lend to clients.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::oss::access_key::AccessKey;

/// What we sign with.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The present credential, valid at `now`.
    async fn current(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable>;

    /// Renews, ahead of need, what is due at `now`. One background task calls this again and again; what is never renewed
    /// has nothing to do.
    async fn refresh_due(&self, _now: DateTime<Utc>) {}

    /// How it stands at `now`, without calling anybody over the network.
    async fn status(&self, now: DateTime<Utc>) -> CredentialStatus {
        match self.current(now).await {
            Ok(credential) => CredentialStatus::ok(credential.expires_at),
            Err(error) => CredentialStatus::missing(error.0),
        }
    }
}

/// An access key and how long it lives.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Signs.
    pub key: AccessKey,
    /// No signature outlives this.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Credential {
    /// Whether it has not expired at `now`.
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// There is no usable credential. The text is a reason for operators; it holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no usable credential: {0}")]
pub struct CredentialsUnavailable(pub String);

/// How a provider of credentials stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialStatus {
    /// In one word.
    pub state: CredentialState,
    /// Whether there is something to sign with now.
    pub usable: bool,
    /// When what it holds was renewed; `None` for what never is.
    pub renewed_at: Option<DateTime<Utc>>,
    /// When what it holds expires; `None` for what lives on.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when renewing fails.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it last failed; holds no secret.
    pub reason: Option<String>,
}

impl CredentialStatus {
    /// There is a credential, and nothing is the matter.
    pub fn ok(expires_at: Option<DateTime<Utc>>) -> Self {
        Self {
            state: CredentialState::Ok,
            usable: true,
            renewed_at: None,
            expires_at,
            failing_since: None,
            reason: None,
        }
    }

    /// There is none, for this reason.
    pub fn missing(reason: String) -> Self {
        Self {
            state: CredentialState::Failing,
            usable: false,
            renewed_at: None,
            expires_at: None,
            failing_since: None,
            reason: Some(reason),
        }
    }
}

/// The state of a provider, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// Nothing is the matter.
    Ok,
    /// The first credential, or the next one, is being fetched.
    Refreshing,
    /// The last attempt to renew failed; what is held may still be usable.
    Failing,
    /// What it held has expired, and there is nothing newer.
    Expired,
}

impl CredentialState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Refreshing, Self::Failing, Self::Expired];

    /// As answers and metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refreshing => "refreshing",
            Self::Failing => "failing",
            Self::Expired => "expired",
        }
    }
}

/// Issues temporary credentials that may do less than we may: STS.
#[async_trait]
pub trait TokenService: Send + Sync {
    /// Takes one of the calls that STS allows in a second; to be asked before each [`Self::issue`], and before anything is
    /// recorded for it. Without a limit there is always one.
    ///
    /// # Errors
    /// [`TokenError::Throttled`].
    fn admit(&self, _now: DateTime<Utc>) -> Result<(), TokenError> {
        Ok(())
    }

    /// The longest session that the role is known to allow.
    fn longest(&self) -> TimeDelta;

    /// A fresh credential of the service's role, narrowed by the session's policy. Never cached.
    async fn issue(&self, session: &Session, now: DateTime<Utc>) -> Result<Credential, TokenError>;
}

/// What temporary credentials are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who it is, for audits: 2 to 64 of `A-Z a-z 0-9 . @ _ -`.
    pub name: String,
    /// What it may do, beside what the role may: a RAM policy of at most 2048 characters (P§6.2).
    pub policy: String,
    /// How long it lasts: 15 minutes to the role's own limit.
    pub duration: TimeDelta,
}

/// Why there is no temporary credential. The texts name STS's code and request id, and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too many calls (100 a second and account): later.
    #[error("STS is throttling: {0}")]
    Throttled(String),
    /// The caller may not have it: permissions, trust policy, key or token.
    #[error("STS denied: {0}")]
    Denied(String),
    /// The request itself is wrong: policy, duration, names.
    #[error("STS found the request invalid: {0}")]
    Invalid(String),
    /// No usable answer.
    #[error("STS gave no usable answer: {0}")]
    Unavailable(String),
    /// Nothing to ask with.
    #[error("nothing to ask STS with: {0}")]
    NoCredentials(String),
}
