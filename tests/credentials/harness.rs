//! Time, chance and sources of credentials that tests are in charge of.

use std::sync::{
    Arc, Mutex, Once,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use oss_valet::{
    app::ports::{Credential, Credentials, CredentialsUnavailable},
    clock::{Clock, ManualClock},
    credentials::{CredentialSource, HttpClient, RefreshingCredentials, Timeouts},
    entropy::{Entropy, SystemEntropy},
    oss::access_key::AccessKey,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// A clock standing at the instant at which all tests begin.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-21T00:00:00Z".parse().unwrap()))
}

pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}

pub(crate) fn http(timeouts: Timeouts) -> HttpClient {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    HttpClient::new(timeouts).unwrap()
}

/// The provider of a source, under the tests' clock.
pub(crate) fn refreshing(
    source: impl CredentialSource + 'static,
    clock: &Arc<ManualClock>,
) -> Arc<RefreshingCredentials> {
    Arc::new(RefreshingCredentials::new("tested", source, clock.clone(), entropy()))
}

/// `2026-11-21T00:00:00Z`, as all issuers write it.
pub(crate) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The four members in which credentials are handed out.
pub(crate) fn issued(name: &str, expires_at: DateTime<Utc>) -> Value {
    json!({
        "AccessKeyId": format!("STS.{name}"),
        "AccessKeySecret": format!("sesame-of-{name}"),
        "SecurityToken": format!("ticket-of-{name}"),
        "Expiration": written(expires_at),
    })
}

/// Id, secret, token and end of a credential.
pub(crate) fn parts(credential: &Credential) -> (String, String, String, String) {
    let key = &credential.key;
    (
        key.id().to_owned(),
        key.expose_secret().to_owned(),
        key.expose_security_token().unwrap_or_default().to_owned(),
        credential.expires_at.map(written).unwrap_or_default(),
    )
}

/// What [`issued`] makes.
pub(crate) fn parts_of(name: &str, expires_at: DateTime<Utc>) -> (String, String, String, String) {
    (format!("STS.{name}"), format!("sesame-of-{name}"), format!("ticket-of-{name}"), written(expires_at))
}

/// A source that issues numbered credentials, unless it is told to fail.
pub(crate) struct Numbered {
    clock: Arc<ManualClock>,
    pub(crate) life: Mutex<TimeDelta>,
    pub(crate) failing: Mutex<bool>,
    pub(crate) calls: AtomicUsize,
    /// Each call takes a permit: a test may keep it waiting.
    pub(crate) gate: Semaphore,
}

impl Numbered {
    pub(crate) fn new(clock: &Arc<ManualClock>, life: TimeDelta) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            life: Mutex::new(life),
            failing: Mutex::default(),
            calls: AtomicUsize::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn set_failing(&self, failing: bool) {
        *self.failing.lock().unwrap() = failing;
    }
}

/// The same source, shared with a provider.
pub(crate) struct Shared(pub(crate) Arc<Numbered>);

#[async_trait]
impl CredentialSource for Shared {
    async fn fetch(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let _pass = self.0.gate.acquire().await.unwrap();
        if *self.0.failing.lock().unwrap() {
            return Err(CredentialsUnavailable(format!("attempt {number} failed")));
        }
        let key = AccessKey::new(format!("STS.{number}"), "sesame").with_security_token("ticket");
        Ok(Credential { key, expires_at: Some(self.0.clock.now() + *self.0.life.lock().unwrap()) })
    }
}

/// A provider with a fixed outcome that a test may change, and a count of how often it was asked and stepped.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) key: Mutex<Option<AccessKey>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) stepped: AtomicUsize,
}

impl Given {
    pub(crate) fn new(id: Option<&str>) -> Arc<Self> {
        let given = Self::default();
        given.set(id);
        Arc::new(given)
    }

    pub(crate) fn set(&self, id: Option<&str>) {
        *self.key.lock().unwrap() = id.map(|id| AccessKey::new(id, "sesame"));
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn stepped(&self) -> usize {
        self.stepped.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Credentials for Given {
    async fn current(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let key = self.key.lock().unwrap().clone().ok_or_else(|| CredentialsUnavailable("none today".to_owned()))?;
        Ok(Credential { key, expires_at: None })
    }

    async fn refresh_due(&self, _now: DateTime<Utc>) {
        self.stepped.fetch_add(1, Ordering::SeqCst);
    }
}
