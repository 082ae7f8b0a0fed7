//! The engine of every provider whose credentials expire: renews early, once for all callers, and keeps the last good one until
//! it really expires.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tracing::instrument;

use super::schedule::{renew_at, retry_after, urgent_at};
use crate::{
    app::ports::{Credential, CredentialState, CredentialStatus, Credentials, CredentialsUnavailable},
    clock::Clock,
    entropy::Entropy,
    instruments,
};

/// Where fresh credentials come from.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// Asks for a fresh credential, by the time `now`.
    async fn fetch(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable>;

    /// Renews, where that is due, what this source itself asks with.
    async fn refresh_due(&self, _now: DateTime<Utc>) {}
}

/// Credentials that are renewed.
///
/// Callers are served from what is held; who finds nothing usable waits for one fetch that all share. After a failure nobody
/// asks again before its time. [`Credentials::refresh_due`], called by the background task, renews long before the end; should
/// it not have done so with little left, one caller does, while the others go on with what there is.
pub struct RefreshingCredentials {
    name: String,
    source: Box<dyn CredentialSource>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    state: RwLock<State>,
    /// Held while fetching.
    flight: tokio::sync::Mutex<()>,
    /// Whether a call is under way: who only looks must not touch the flight.
    calling: AtomicBool,
}

/// Says that a call is under way, until it ends or is given up.
struct Calling<'a>(&'a AtomicBool);

impl<'a> Calling<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failure: Option<Failure>,
}

struct Held {
    credential: Credential,
    renewed_at: DateTime<Utc>,
    /// `None` for what does not expire.
    plan: Option<Plan>,
}

/// From when on who renews.
struct Plan {
    background: DateTime<Utc>,
    callers: DateTime<Utc>,
}

struct Failure {
    /// In a row.
    count: u32,
    since: DateTime<Utc>,
    last_at: DateTime<Utc>,
    retry_at: DateTime<Utc>,
    error: CredentialsUnavailable,
}

impl RefreshingCredentials {
    /// Nothing is fetched yet. `name` is what logs call it; the clock is read after each fetch, which may take a while.
    pub fn new(
        name: impl Into<String>,
        source: impl CredentialSource + 'static,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            name: name.into(),
            source: Box::new(source),
            clock,
            entropy,
            state: RwLock::default(),
            flight: tokio::sync::Mutex::default(),
            calling: AtomicBool::default(),
        }
    }

    /// What is held, if it is valid.
    fn usable(&self, now: DateTime<Utc>) -> Option<Credential> {
        self.read(|state| state.usable(now).map(|held| held.credential.clone()))
    }

    /// Why nothing is asked now, if so.
    fn pause(&self, now: DateTime<Utc>) -> Option<CredentialsUnavailable> {
        self.read(|state| state.failure.as_ref().filter(|failure| failure.pauses(now)).map(|f| f.error.clone()))
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.read(|state| state.usable(now).is_none_or(|held| held.plan.as_ref().is_some_and(|p| now >= p.background)))
    }

    fn is_urgent(&self, now: DateTime<Utc>) -> bool {
        self.read(|state| state.usable(now).and_then(|held| held.plan.as_ref()).is_some_and(|p| now >= p.callers))
    }

    /// Fetches, then swaps; what fails leaves the last good credential in place. The caller holds the flight.
    #[instrument(name = "renew credential", skip_all, fields(credentials.name = self.name))]
    async fn attempt(&self, now: DateTime<Utc>) -> Result<(), CredentialsUnavailable> {
        let _calling = Calling::begin(&self.calling);
        let fetched = self.source.fetch(now).await;
        let now = self.later(now);
        let outcome = fetched.and_then(|credential| {
            if credential.is_valid_at(now) {
                Ok(credential)
            } else {
                Err(CredentialsUnavailable("what was issued has expired already: do the clocks differ?".to_owned()))
            }
        });
        let chance = self.chance();
        match outcome {
            Ok(credential) => {
                instruments::credentials_refresh(&self.name, "renewed");
                tracing::info!(credentials.name = self.name, credentials.expires_at = ?credential.expires_at, "credential renewed");
                self.write(|state| state.renewed(credential, now, chance));
                Ok(())
            }
            Err(error) => {
                instruments::credentials_refresh(&self.name, "failed");
                let retry_at = self.write(|state| state.failed(error.clone(), now, chance));
                tracing::warn!(credentials.name = self.name, error.cause = %error, retry_at = %retry_at, "the credential could not be renewed");
                Err(error)
            }
        }
    }

    /// The next credential where it is high time for it, nobody else is at it and it is to be had; else this one, as long as it is
    /// valid.
    async fn renewed_if_urgent(
        &self,
        credential: Credential,
        now: DateTime<Utc>,
    ) -> Result<Credential, CredentialsUnavailable> {
        if !self.is_urgent(now) || self.pause(now).is_some() {
            return Ok(credential);
        }
        let Ok(_flight) = self.flight.try_lock() else { return Ok(credential) };
        let outcome = if self.is_urgent(now) { self.attempt(now).await } else { Ok(()) };
        // The attempt may have lasted longer than what was held.
        self.usable(self.later(now)).ok_or_else(|| outcome.err().unwrap_or_else(expired_on_the_way))
    }

    /// The time after a wait: a caller's `now` may be old by then.
    fn later(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.now().max(now)
    }

    fn chance(&self) -> u32 {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        u32::from_ne_bytes(bytes)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().expect("no holder of this lock panics"))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().expect("no holder of this lock panics"))
    }
}

#[async_trait]
impl Credentials for RefreshingCredentials {
    async fn current(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        if let Some(credential) = self.usable(now) {
            return self.renewed_if_urgent(credential, now).await;
        }
        let _flight = self.flight.lock().await;
        // Who waited finds what the flight brought, or shares its failure.
        let now = self.later(now);
        if let Some(credential) = self.usable(now) {
            return Ok(credential);
        }
        if let Some(error) = self.pause(now) {
            return Err(error);
        }
        self.attempt(now).await?;
        self.usable(self.later(now)).ok_or_else(expired_on_the_way)
    }

    async fn refresh_due(&self, now: DateTime<Utc>) {
        self.source.refresh_due(now).await;
        if !self.is_due(now) || self.pause(now).is_some() {
            return;
        }
        // Somebody else is at it.
        let Ok(_flight) = self.flight.try_lock() else { return };
        if self.is_due(now) {
            // Logged and noted by the attempt.
            let _ = self.attempt(now).await;
        }
    }

    async fn status(&self, now: DateTime<Utc>) -> CredentialStatus {
        let calling = self.calling.load(Ordering::Relaxed);
        self.read(|state| state.status(now, calling))
    }
}

fn expired_on_the_way() -> CredentialsUnavailable {
    CredentialsUnavailable("it has expired on the way".to_owned())
}

impl State {
    fn usable(&self, now: DateTime<Utc>) -> Option<&Held> {
        self.held.as_ref().filter(|held| held.credential.is_valid_at(now))
    }

    fn renewed(&mut self, credential: Credential, now: DateTime<Utc>, chance: u32) {
        let plan = credential
            .expires_at
            .map(|end| Plan { background: renew_at(now, end, chance), callers: urgent_at(now, end) });
        *self = Self { held: Some(Held { credential, renewed_at: now, plan }), failure: None };
    }

    /// When to try again.
    fn failed(&mut self, error: CredentialsUnavailable, now: DateTime<Utc>, chance: u32) -> DateTime<Utc> {
        let left = self.usable(now).and_then(|held| held.credential.expires_at).map(|end| end - now);
        let (count, since) = self.failure.as_ref().map_or((1, now), |earlier| (earlier.count + 1, earlier.since));
        let retry_at = now + retry_after(count, left, chance);
        self.failure = Some(Failure { count, since, last_at: now, retry_at, error });
        retry_at
    }

    fn status(&self, now: DateTime<Utc>, calling: bool) -> CredentialStatus {
        let usable = self.usable(now).is_some();
        let state = match (&self.held, &self.failure) {
            (Some(_), _) if !usable => CredentialState::Expired,
            (_, Some(_)) => CredentialState::Failing,
            (Some(_), None) if !calling => CredentialState::Ok,
            (_, None) => CredentialState::Refreshing,
        };
        CredentialStatus {
            state,
            usable,
            renewed_at: self.held.as_ref().map(|held| held.renewed_at),
            expires_at: self.held.as_ref().and_then(|held| held.credential.expires_at),
            failing_since: self.failure.as_ref().map(|failure| failure.since),
            reason: self.failure.as_ref().map(|failure| failure.error.0.clone()),
        }
    }
}

impl Failure {
    /// Whether it is too early to try again. A clock that was set back does not prolong the pause.
    fn pauses(&self, now: DateTime<Utc>) -> bool {
        (self.last_at..self.retry_at).contains(&now)
    }
}
