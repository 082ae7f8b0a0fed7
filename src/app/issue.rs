//! Issue a grant: profile rules → key → ledger → signature.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Bucket, Valet,
    audit::{self, Given},
    ports::{Caller, GrantAdded, IdempotencyClaim, NewGrant, StoreError},
    signing::{Means, SignedGrant, SigningError},
};
use crate::grant::{
    fault::{Fault, FaultCode},
    grant::{Grant, GrantKind, IDEMPOTENCY_WINDOW, State},
    key_template::{KeyFacts, UnusableKey},
    limits::{CheckedAsk, UncheckedAsk, is_usable_user_id},
    media_type,
    profile::Profile,
    quota::Quota,
};
use crate::instruments;

/// Lets a machine caller issue for another user.
pub const SCOPE_ISSUE_FOR: &str = "uploads:issue-for";

/// A request for one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// The profile's name.
    pub profile: String,
    /// The effective user, when it is not the caller.
    pub user_id: Option<String>,
    /// What is to be uploaded.
    pub ask: UncheckedAsk,
}

/// What became of the request.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The grant, signed.
    pub signed: SignedGrant,
    /// The same request was answered before.
    pub replayed: bool,
}

/// Why no grant is issued.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The caller may not issue for others.
    #[error("issuing for another user needs the scope `{SCOPE_ISSUE_FOR}`")]
    Forbidden,
    /// No such profile, or not for this caller.
    #[error("this profile is not available to you")]
    ProfileNotAllowed,
    /// The request breaks the profile's rules.
    #[error("the request can't be granted")]
    Faulty(Vec<Fault>),
    /// The key was used for another request.
    #[error("this Idempotency-Key belongs to another request")]
    IdempotencyConflict,
    /// The user has as many grants as one may have.
    #[error("the user's quota `{}` is used up", quota.as_str())]
    QuotaExhausted {
        /// Of which.
        quota: Quota,
        /// How long until there is room again, where that is known.
        wait: Option<TimeDelta>,
    },
    /// Nothing to sign with.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The ledger does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Valet {
    /// Issues one grant, or answers a repeated request with the grant it made.
    ///
    /// # Errors
    /// When the caller may not, the request is faulty, or something we stand on fails; then nothing is recorded.
    pub async fn issue(
        &self,
        caller: &Caller,
        request: IssueRequest,
        idempotency_key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Issued, IssueError> {
        let user_id = effective_user(caller, request.user_id.as_deref())?;
        let profile = self.profile_for(caller, &request.profile).ok_or(IssueError::ProfileNotAllowed)?;
        let idempotency = idempotency_key.map(|key| claim(caller, &user_id, key, &request, now));
        let ask = request.ask.check(profile).map_err(IssueError::Faulty)?;
        let bucket = self.bucket_for(profile)?;
        let means = self.means(ask.method, profile, bucket, now).await?;

        let grant = self.make_grant(caller, user_id, profile, bucket, &means, ask, now)?;
        let request_digest = idempotency.as_ref().map(|claim| claim.request_digest);
        let next_check_at = self.first_look(&grant, now);
        let new = NewGrant { grant: grant.clone(), next_check_at, idempotency, quotas: self.quotas };
        match self.store.add_grant(new).await? {
            GrantAdded::Added => {
                let signed = self.sign_by(&means, grant, profile, bucket, now).await?;
                audit::granted(Given::Issue, caller, &signed);
                Ok(Issued { signed, replayed: false })
            }
            GrantAdded::AlreadyClaimed { request_digest: earlier, .. } if Some(earlier) != request_digest => {
                Err(IssueError::IdempotencyConflict)
            }
            GrantAdded::QuotaExhausted { quota, free_at } => Err(quota_exhausted(quota, free_at, now)),
            GrantAdded::AlreadyClaimed { entry, .. } => {
                let signed = self.sign(entry.grant, profile, now).await?;
                audit::granted(Given::Replay, caller, &signed);
                Ok(Issued { signed, replayed: true })
            }
        }
    }

    /// The profile of that name, if the caller may use it.
    pub fn profile_for(&self, caller: &Caller, name: &str) -> Option<&Profile> {
        self.profiles.get(name).filter(|profile| profile.scope.as_deref().is_none_or(|scope| caller.has_scope(scope)))
    }

    #[expect(clippy::too_many_arguments, reason = "each is a different fact of the new grant")]
    fn make_grant(
        &self,
        caller: &Caller,
        user_id: String,
        profile: &Profile,
        bucket: &Bucket,
        means: &Means,
        ask: CheckedAsk,
        now: DateTime<Utc>,
    ) -> Result<Grant, IssueError> {
        let id = self.new_id(now);
        let key = render_key(profile, &user_id, id, &ask, now).map_err(|fault| IssueError::Faulty(vec![fault]))?;
        let for_another = caller.user_id != user_id;
        Ok(Grant {
            id,
            kind: GrantKind::Upload,
            profile: profile.name.clone(),
            method: ask.method,
            state: State::Issued,
            reason: None,
            created_by: for_another.then(|| format!("{} {}", caller.issuer, caller.subject)),
            user_id,
            bucket: bucket.bucket.clone(),
            region: bucket.region.clone(),
            key,
            content_type: ask.content_type,
            min_size: profile.min_size,
            max_size: profile.max_size,
            declared_size: ask.size,
            filename: ask.filename,
            vars: ask.vars,
            overwrite: profile.overwrite,
            oss_upload_id: None,
            issued_at: now,
            expires_at: means.expires_at,
            write_until: means.write_until,
        })
    }
}

/// A refusal by the ledger; counted here, once.
pub(super) fn quota_exhausted(quota: Quota, free_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> IssueError {
    instruments::limited(quota.as_str());
    IssueError::QuotaExhausted { quota, wait: free_at.map(|free_at| free_at - now) }
}

/// The user that the grant is for.
pub(super) fn effective_user(caller: &Caller, asked: Option<&str>) -> Result<String, IssueError> {
    let user_id = asked.unwrap_or(&caller.user_id);
    if user_id != caller.user_id && !caller.has_scope(SCOPE_ISSUE_FOR) {
        return Err(IssueError::Forbidden);
    }
    if !is_usable_user_id(user_id) {
        let fault = Fault::new("user_id", FaultCode::UserIdUnusable, "empty, too long, or with control characters");
        return Err(IssueError::Faulty(vec![fault]));
    }
    Ok(user_id.to_owned())
}

fn render_key(
    profile: &Profile,
    user_id: &str,
    id: Uuid,
    ask: &CheckedAsk,
    now: DateTime<Utc>,
) -> Result<String, Fault> {
    let vars: Vec<_> = ask.vars.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let facts = KeyFacts {
        user_id,
        id: &id.to_string(),
        ext: &media_type::extension(&ask.content_type, ask.filename.as_deref()),
        profile: &profile.name,
        now,
        vars: &vars,
    };
    profile.key.render(&facts).map_err(|why| match &why {
        UnusableKey::UserId => Fault::new("user_id", FaultCode::UserIdUnusable, why.to_string()),
        UnusableKey::Variable(name) => Fault::new(format!("vars.{name}"), FaultCode::MissingField, why.to_string()),
        UnusableKey::TooLong => Fault::new("vars", FaultCode::InvalidVariable, why.to_string()),
    })
}

/// The claim that makes a repeated request find its first answer: scoped to issuer, subject and effective user.
fn claim(caller: &Caller, user_id: &str, key: &str, request: &IssueRequest, now: DateTime<Utc>) -> IdempotencyClaim {
    let body = serde_json::to_string(&request.ask).expect("plain data with text keys");
    IdempotencyClaim {
        scope_digest: digest(&[&caller.issuer, &caller.subject, user_id, key]),
        request_digest: digest(&[&request.profile, user_id, &body]),
        expires_at: now + IDEMPOTENCY_WINDOW,
    }
}

/// SHA-256 over length-prefixed parts, so that no two lists of parts share a digest.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
