//! STS without HTTP, for tests that need a session and not the call that gives one.

use std::{io, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    oss::access_key::AccessKey,
    simulator::{
        access::{permissions::Permissions, policy::MalformedPolicy, sessions::NewSession},
        server::Oss,
    },
};

/// A simulator's STS, from the inside.
#[derive(Clone)]
pub struct StsHandle(Arc<Oss>);

/// A session, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// `STS.…`.
    pub access_key_id: String,
    /// The name of its role.
    pub role: String,
    /// `RoleSessionName`.
    pub session_name: String,
    /// From then on it is refused.
    pub expires_at: DateTime<Utc>,
    /// The session policy as it was given.
    pub policy: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
}

/// Why no session was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no role of this name.
    #[error("there is no role {0}")]
    NoSuchRole(String),
    /// The session policy is none.
    #[error(transparent)]
    Policy(#[from] MalformedPolicy),
    /// It can't be kept.
    #[error("the session can't be kept")]
    Io(#[from] io::Error),
}

impl StsHandle {
    pub(in crate::simulator) fn new(oss: Arc<Oss>) -> Self {
        Self(oss)
    }

    /// Makes a session of a role as `AssumeRole` does, but of any length and for nobody in particular.
    ///
    /// # Errors
    /// When there is no such role, the policy is malformed, or the data folder can't be written.
    pub async fn issue(
        &self,
        role: &str,
        session_name: &str,
        lifetime: TimeDelta,
        policy: Option<&str>,
    ) -> Result<AccessKey, IssueError> {
        self.0.settings.role(role).ok_or_else(|| IssueError::NoSuchRole(role.to_owned()))?;
        let read = |json| Permissions::policy(json).map(|policy| (json, policy));
        let now = self.0.settings.clock.now();
        let policy = policy.map(read).transpose()?;
        let new = NewSession { role, session_name, expires_at: now + lifetime, policy, source_identity: None };
        Ok(self.0.sts.sessions.issue(new, now).await?.key())
    }

    /// Every session that is remembered, the expired ones of the last day too, by expiry.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        let mut sessions: Vec<_> = self
            .0
            .sts
            .sessions
            .list()
            .into_iter()
            .map(|session| SessionInfo {
                access_key_id: session.access_key_id,
                role: session.role,
                session_name: session.name,
                expires_at: session.expires_at,
                policy: session.policy,
                source_identity: session.source_identity,
            })
            .collect();
        sessions.sort_by(|a, b| (a.expires_at, &a.access_key_id).cmp(&(b.expires_at, &b.access_key_id)));
        sessions
    }
}
