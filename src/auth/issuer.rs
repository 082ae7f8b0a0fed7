//! One issuer: its keys, fixed or refreshed, and who may wait for whom.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{
    AuthSetupError, IssuerConfig, KeySource, Unauthorized,
    fetch::{JwksOrigin, is_allowed},
    keys::KeySet,
};
use crate::{app::ports::KeySetStatus, instruments};

/// Attempts to fetch, failed ones too, are at least this far apart: else made-up `kid`s would have us hammer the key host.
const MIN_REFETCH: TimeDelta = TimeDelta::seconds(30);
/// Keys older than this are fetched again even though they fit: else a withdrawn key would be trusted until restart.
const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(10);

/// One issuer.
pub(super) struct Issuer {
    pub(super) name: String,
    pub(super) audience: Vec<String>,
    keys: Keys,
}

enum Keys {
    Fixed(KeySet),
    Refreshed(Box<RefreshedKeys>),
}

struct RefreshedKeys {
    /// Whose, for metrics.
    issuer: String,
    origin: JwksOrigin,
    /// For a file there is no limit: it can't be out of reach.
    max_stale: Option<TimeDelta>,
    state: RwLock<State>,
    /// Held while fetching.
    single_flight: Mutex<()>,
    /// Counts changes of any issuer's keys; part of the token cache's key.
    generation: Arc<AtomicU64>,
}

#[derive(Clone, Default)]
struct State {
    keys: Arc<KeySet>,
    digest: [u8; 32],
    fetched_at: Option<DateTime<Utc>>,
    attempted_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
}

impl Issuer {
    pub(super) fn new(
        config: &IssuerConfig,
        allow_loopback_http: bool,
        client: &reqwest::Client,
        generation: &Arc<AtomicU64>,
    ) -> Result<Self, AuthSetupError> {
        let refused = |reason: String| AuthSetupError::Key { issuer: config.issuer.clone(), reason };
        let keys = match &config.keys {
            KeySource::JwksUrl(url) if is_allowed(url, allow_loopback_http) => {
                let origin = JwksOrigin::Url(client.clone(), url.clone());
                Keys::refreshed(&config.issuer, origin, Some(config.max_stale), State::default(), generation)
            }
            KeySource::JwksUrl(_) => return Err(refused("a key set is fetched by https only".to_owned())),
            KeySource::JwksFile(path) => {
                let json = read(path)?;
                let keys = KeySet::from_jwks(json.as_bytes()).map_err(refused)?;
                if keys.is_empty() {
                    return Err(refused(format!("{}: no usable key", path.display())));
                }
                let digest = Sha256::digest(json.as_bytes()).into();
                let state = State { keys: Arc::new(keys), digest, ..State::default() };
                Keys::refreshed(&config.issuer, JwksOrigin::File(path.clone()), None, state, generation)
            }
            KeySource::PublicKeyFile(path) => {
                let pem = read(path)?;
                Keys::Fixed(KeySet::from_pem(&pem).map_err(|e| refused(format!("{}: {e}", path.display())))?)
            }
            KeySource::HmacSecret(secret) => Keys::Fixed(KeySet::from_hmac_secret(secret.expose_secret().as_bytes())),
        };
        Ok(Self { name: config.issuer.clone(), audience: config.audience.clone(), keys })
    }

    /// The key for a token's `kid` and `alg`, fetched if need be.
    pub(super) async fn key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<DecodingKey, Unauthorized> {
        let key = match &self.keys {
            Keys::Fixed(keys) => keys.find(kid, algorithm).cloned(),
            Keys::Refreshed(keys) => keys.find(kid, algorithm, now).await?,
        };
        key.ok_or(Unauthorized::InvalidToken("no key of the issuer fits the token's kid and alg"))
    }

    /// How its keys stand.
    pub(super) fn status(&self) -> KeySetStatus {
        let issuer = self.name.clone();
        match &self.keys {
            Keys::Fixed(keys) => KeySetStatus { issuer, keys: keys.len(), fetched_at: None, failed_at: None },
            Keys::Refreshed(keys) => {
                let State { keys, fetched_at, failed_at, .. } = keys.state();
                KeySetStatus { issuer, keys: keys.len(), fetched_at, failed_at }
            }
        }
    }
}

impl Keys {
    fn refreshed(
        issuer: &str,
        origin: JwksOrigin,
        max_stale: Option<TimeDelta>,
        state: State,
        generation: &Arc<AtomicU64>,
    ) -> Self {
        let (issuer, generation) = (issuer.to_owned(), Arc::clone(generation));
        let (state, single_flight) = (RwLock::new(state), Mutex::new(()));
        Self::Refreshed(Box::new(RefreshedKeys { issuer, origin, max_stale, state, single_flight, generation }))
    }
}

impl RefreshedKeys {
    async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: DateTime<Utc>,
    ) -> Result<Option<DecodingKey>, Unauthorized> {
        let known = self.usable(now).and_then(|keys| keys.find(kid, algorithm).cloned());
        if let Some(key) = known {
            // Due for a refresh: whoever comes first does it, everybody else goes on with what fits.
            if self.is_due(now)
                && let Ok(_flight) = self.single_flight.try_lock()
            {
                self.refresh(now).await;
            } else {
                return Ok(Some(key));
            }
        } else {
            let _flight = self.single_flight.lock().await;
            if self.may_attempt(now) {
                self.refresh(now).await;
            }
        }
        let keys = self.usable(now).ok_or(Unauthorized::KeysUnavailable)?;
        Ok(keys.find(kid, algorithm).cloned())
    }

    /// The last good keys, unless they are too old.
    fn usable(&self, now: DateTime<Utc>) -> Option<Arc<KeySet>> {
        let state = self.state();
        let outdated = match (self.max_stale, state.fetched_at) {
            (Some(max_stale), Some(at)) => now - at > max_stale,
            (Some(_), None) => true,
            (None, _) => false,
        };
        (!outdated && !state.keys.is_empty()).then_some(state.keys)
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let old = self.state().fetched_at.is_none_or(|at| now - at > REFRESH_AFTER);
        old && self.may_attempt(now)
    }

    fn may_attempt(&self, now: DateTime<Utc>) -> bool {
        self.state().attempted_at.is_none_or(|at| now - at >= MIN_REFETCH)
    }

    /// Fetches, then swaps; what fails leaves the last good keys in place. The caller holds the flight.
    async fn refresh(&self, now: DateTime<Utc>) {
        // Noted before the wait: a caller that gives up meanwhile must not let the next one attempt again.
        self.update(|state| state.attempted_at = Some(now));
        let outcome = match self.origin.fetch().await {
            Ok(bytes) => KeySet::from_jwks(&bytes).map(|keys| (keys, <[u8; 32]>::from(Sha256::digest(&bytes)))),
            Err(error) => Err(error.to_string()),
        };
        let word = match &outcome {
            Ok((keys, _)) if keys.is_empty() => "empty",
            Ok(_) => "fetched",
            Err(_) => "failed",
        };
        instruments::jwks_fetch(&self.issuer, word);
        if word != "fetched" {
            self.update(|state| state.failed_at = Some(now));
        }
        match outcome {
            Ok((keys, _)) if keys.is_empty() => tracing::warn!("the key set holds no usable key; keeping the old ones"),
            Ok((keys, digest)) => self.update(|state| {
                if state.digest != digest {
                    state.keys = Arc::new(keys);
                    state.digest = digest;
                    self.generation.fetch_add(1, Ordering::Release);
                }
                state.fetched_at = Some(now);
            }),
            Err(error) => {
                tracing::warn!(error.cause = error, "the issuer's keys could not be refreshed; keeping the old ones");
            }
        }
    }

    fn state(&self) -> State {
        self.state.read().expect("no holder of this lock panics").clone()
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().expect("no holder of this lock panics"));
    }
}

fn read(path: &std::path::Path) -> Result<String, AuthSetupError> {
    std::fs::read_to_string(path).map_err(|source| AuthSetupError::File { path: path.to_owned(), source })
}
