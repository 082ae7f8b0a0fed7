//! Several providers, of which the first that works is used.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::app::ports::{Credential, CredentialState, CredentialStatus, Credentials, CredentialsUnavailable};

/// Asks its providers in order and sticks to the one that works. Only when that one has nothing usable any more does it go through
/// them again, from the first on.
pub struct ChainCredentials {
    providers: Vec<(String, Arc<dyn Credentials>)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Index of the provider that works.
    chosen: Option<usize>,
    /// Since when none works, and why.
    failure: Option<(DateTime<Utc>, CredentialsUnavailable)>,
}

impl ChainCredentials {
    /// The providers in their order, each with the name that logs call it by.
    pub fn new(providers: Vec<(String, Arc<dyn Credentials>)>) -> Self {
        Self { providers, state: Mutex::default() }
    }

    fn chosen(&self) -> Option<usize> {
        self.with(|state| state.chosen)
    }

    async fn walk(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let mut reasons = Vec::new();
        for (index, (name, provider)) in self.providers.iter().enumerate() {
            match provider.current(now).await {
                Ok(credential) => {
                    self.choose(index, name);
                    return Ok(credential);
                }
                Err(error) => reasons.push(format!("{name}: {}", error.0)),
            }
        }
        let error = CredentialsUnavailable(format!("none of the chain works; {}", reasons.join("; ")));
        self.with(|state| {
            let since = state.failure.as_ref().map_or(now, |(since, _)| *since);
            *state = State { chosen: None, failure: Some((since, error.clone())) };
        });
        Err(error)
    }

    fn choose(&self, index: usize, name: &str) {
        let before = self.with(|state| {
            state.failure = None;
            state.chosen.replace(index)
        });
        match before {
            Some(before) if before == index => {}
            Some(before) => {
                tracing::warn!(
                    provider.before = self.providers[before].0,
                    provider.name = name,
                    "the chain has changed its provider"
                );
            }
            None => tracing::info!(provider.name = name, "the chain has found a provider that works"),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().expect("no holder of this lock panics"))
    }
}

#[async_trait]
impl Credentials for ChainCredentials {
    async fn current(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        if let Some(index) = self.chosen()
            && let Ok(credential) = self.providers[index].1.current(now).await
        {
            return Ok(credential);
        }
        self.walk(now).await
    }

    async fn refresh_due(&self, now: DateTime<Utc>) {
        // Only the one that works is renewed: the others would be asked in vain, again and again.
        if let Some(index) = self.chosen() {
            self.providers[index].1.refresh_due(now).await;
        } else {
            // What is found, or why nothing is, is noted.
            let _ = self.walk(now).await;
        }
    }

    async fn status(&self, now: DateTime<Utc>) -> CredentialStatus {
        if let Some(index) = self.chosen() {
            return self.providers[index].1.status(now).await;
        }
        self.with(|state| match &state.failure {
            Some((since, error)) => {
                CredentialStatus { failing_since: Some(*since), ..CredentialStatus::missing(error.0.clone()) }
            }
            None => CredentialStatus {
                state: CredentialState::Refreshing,
                usable: false,
                renewed_at: None,
                expires_at: None,
                failing_since: None,
                reason: None,
            },
        })
    }
}
