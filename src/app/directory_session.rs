//! Temporary credentials for a directory of the user's: what mobile SDKs ask for again and again.
//!
//! They are lent to the same user until shortly before they end, and asked of STS once however many ask at the same time. A
//! replica has its own; the directory is the ledger's, so that an upload which is being resumed goes on under the next credentials.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::{
    Bucket, Valet,
    audit::{self, Given},
    issue::IssueError,
    ports::{Caller, GrantFilter, TokenError},
    renew::Prolonged,
    session::TemporaryCredentials,
    signing::{Leave, SigningError},
};
use crate::grant::{
    grant::{Grant, GrantKind, State},
    profile::{Method, Profile},
    request::ClientCallback,
};

/// How much of their life credentials must have left to be lent again. The Android SDK asks for others five minutes before the
/// end (P§6.5): then there must be others.
const LEFT: TimeDelta = TimeDelta::minutes(6);
/// How long new credentials are for the same directory.
const DIRECTORY_LIFE: TimeDelta = TimeDelta::hours(24);
/// How many of the user's last grants are looked through for a directory that is open still.
const LAST_GRANTS: u32 = 100;
/// Users and profiles whose credentials are kept.
const MOST_SESSIONS: usize = 10_000;

/// A directory, and what an SDK needs to fill it.
#[derive(Debug, Clone)]
pub struct DirectorySession {
    /// The grant; its key is the directory.
    pub grant: Grant,
    /// Good for objects under the directory.
    pub credentials: TemporaryCredentials,
    /// What the client should send with each object.
    pub callback: ClientCallback,
}

impl DirectorySession {
    fn may_be_lent(&self, now: DateTime<Utc>) -> bool {
        now < self.grant.expires_at && now + LEFT <= self.credentials.expiration
    }
}

/// What is kept for one user and profile.
#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    Session(Box<DirectorySession>),
    /// STS gave none: who was waiting meanwhile does not ask again.
    Failure(TokenError),
}

/// The credentials of this process, by profile and user. In memory only, and bounded.
#[derive(Debug, Default)]
pub struct DirectorySessions(Mutex<HashMap<(String, String), Slot>>);

#[derive(Debug, Clone)]
struct Slot {
    kept: Arc<AsyncMutex<Kept>>,
    last_asked: DateTime<Utc>,
}

impl DirectorySessions {
    /// Those of the named profiles alone, shared with `self`: what is asked for under one is found under the other.
    #[must_use]
    pub fn of_profiles(&self, profiles: &BTreeSet<&str>) -> Self {
        let slots = self.0.lock().expect("no holder of this lock panics");
        let kept = slots.iter().filter(|((profile, _), _)| profiles.contains(profile.as_str()));
        Self(Mutex::new(kept.map(|(key, slot)| (key.clone(), slot.clone())).collect()))
    }

    fn slot(&self, profile: &str, user_id: &str, now: DateTime<Utc>) -> Arc<AsyncMutex<Kept>> {
        let mut slots = self.0.lock().expect("no holder of this lock panics");
        if slots.len() >= MOST_SESSIONS {
            make_room(&mut slots);
        }
        let slot = slots
            .entry((profile.to_owned(), user_id.to_owned()))
            .or_insert_with(|| Slot { kept: Arc::default(), last_asked: now });
        slot.last_asked = now;
        Arc::clone(&slot.kept)
    }
}

/// Forgets the half that nobody has asked for the longest.
fn make_room(slots: &mut HashMap<(String, String), Slot>) {
    let mut asked: Vec<_> = slots.values().map(|slot| slot.last_asked).collect();
    let middle = asked.len() / 2;
    let (_, median, _) = asked.select_nth_unstable(middle);
    let median = *median;
    slots.retain(|_, slot| slot.last_asked > median || Arc::strong_count(&slot.kept) > 1);
}

/// The slot, held; and whether somebody else was asking before.
async fn hold(slot: Arc<AsyncMutex<Kept>>) -> (OwnedMutexGuard<Kept>, bool) {
    match Arc::clone(&slot).try_lock_owned() {
        Ok(held) => (held, false),
        Err(_) => (slot.lock_owned().await, true),
    }
}

impl Valet {
    /// Credentials for a directory of the caller's: those lent before while they last, else fresh ones, for the same directory
    /// where one is open.
    ///
    /// # Errors
    /// When the caller may not, the profile has no directory or does not offer `sts`, or something we stand on fails.
    pub async fn lend_directory(
        &self,
        caller: &Caller,
        profile: &str,
        now: DateTime<Utc>,
    ) -> Result<DirectorySession, IssueError> {
        let (user_id, profile) = self.directory_profile(caller, profile, Method::Sts)?;
        let slot = self.directory_sessions.slot(&profile.name, &user_id, now);
        let (mut kept, waited) = hold(slot).await;
        match &*kept {
            Kept::Session(session) if session.may_be_lent(now) && self.is_open(&session.grant).await? => {
                audit::lent(Given::Replay, caller, &session.grant);
                return Ok((**session).clone());
            }
            Kept::Failure(error) if waited => return Err(SigningError::from(error.clone()).into()),
            Kept::Nothing | Kept::Session(_) | Kept::Failure(_) => {}
        }
        let made = self.open_directory(user_id, profile, now).await;
        *kept = match &made {
            Ok((given, session)) => {
                audit::lent(*given, caller, &session.grant);
                Kept::Session(Box::new(session.clone()))
            }
            Err(IssueError::Signing(SigningError::Tokens(error))) => Kept::Failure(error.clone()),
            Err(_) => Kept::Nothing,
        };
        made.map(|(_, session)| session)
    }

    /// Whether nobody has ended it meanwhile.
    async fn is_open(&self, grant: &Grant) -> Result<bool, IssueError> {
        let entry = self.store.find_grant(grant.id).await?;
        Ok(entry.is_some_and(|entry| entry.grant.state == State::Issued))
    }

    async fn open_directory(
        &self,
        user_id: String,
        profile: &Profile,
        now: DateTime<Utc>,
    ) -> Result<(Given, DirectorySession), IssueError> {
        let bucket = self.bucket_for(profile)?;
        let means = self.means(Method::Sts, profile, bucket, now).await?;
        if let Some(open) = self.find_open_directory(&user_id, profile, bucket, now).await?
            && let Prolonged::Done(grant) = self.prolong(open, &means, now).await?
            && let Some(session) = self.fill_directory(*grant, profile, bucket, now).await?
        {
            return Ok((Given::Renew, session));
        }
        let grant = self.add_directory(user_id, profile, bucket, Method::Sts, &means, now).await?;
        let session = self.fill_directory(grant, profile, bucket, now).await?;
        let session = session.map(|session| (Given::Issue, session));
        session.ok_or_else(|| SigningError::Tokens(TokenError::Unavailable("its grant has ended".to_owned())).into())
    }

    /// Credentials for the directory; `None` where its grant has ended meanwhile.
    async fn fill_directory(
        &self,
        grant: Grant,
        profile: &Profile,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<Option<DirectorySession>, IssueError> {
        let signed = self.open_session(grant, profile, bucket, now).await?;
        Ok(match signed.leave {
            Some(Leave::Sts(credentials, callback)) => {
                Some(DirectorySession { grant: signed.grant, credentials, callback })
            }
            Some(Leave::Request(..) | Leave::Multipart(_)) | None => None,
        })
    }

    async fn find_open_directory(
        &self,
        user_id: &str,
        profile: &Profile,
        bucket: &Bucket,
        now: DateTime<Utc>,
    ) -> Result<Option<Grant>, IssueError> {
        let filter = GrantFilter { user_id: Some(user_id.to_owned()), limit: LAST_GRANTS, ..GrantFilter::default() };
        let last = self.store.list_grants(&filter).await?.into_iter().map(|entry| entry.grant);
        let is_it = |grant: &Grant| {
            grant.kind == GrantKind::Directory
                && (grant.method, grant.state) == (Method::Sts, State::Issued)
                && grant.profile == profile.name
                && grant.bucket == bucket.bucket
                && now < grant.issued_at + DIRECTORY_LIFE
        };
        Ok(last.into_iter().find(is_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_longest_unasked_goes_first() {
        let (sessions, noon) = (DirectorySessions::default(), DateTime::from_timestamp(1_795_219_200, 0).unwrap());
        let at = |n: usize| noon + TimeDelta::milliseconds(i64::try_from(n).unwrap());
        let in_use = sessions.slot("p", "u-0", at(0));
        for n in 1..=MOST_SESSIONS {
            sessions.slot("p", &format!("u-{n}"), at(n));
        }
        let slots = sessions.0.lock().unwrap();
        assert!(slots.len() <= MOST_SESSIONS / 2 + 2, "{}", slots.len());
        assert!(slots.contains_key(&("p".to_owned(), format!("u-{MOST_SESSIONS}"))), "the last one");
        assert!(!slots.contains_key(&("p".to_owned(), "u-1".to_owned())), "one of the first");
        assert!(slots.contains_key(&("p".to_owned(), "u-0".to_owned())), "somebody is asking for it");
        drop(in_use);
    }
}
