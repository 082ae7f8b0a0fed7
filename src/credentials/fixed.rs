//! A credential given in the configuration, inline or in files that are read again when they change.

use std::{path::PathBuf, sync::RwLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::ports::{Credential, Credentials, CredentialsUnavailable},
    oss::access_key::AccessKey,
};

/// How long a rotated file may go unnoticed.
const REREAD_AFTER: TimeDelta = TimeDelta::seconds(5);

/// One part of a credential.
#[derive(Debug, Clone)]
pub enum Part {
    /// The value itself.
    Inline(SecretString),
    /// The file that holds it; a trailing newline is dropped.
    File(PathBuf),
}

/// A fixed credential.
#[derive(Debug)]
pub struct StaticCredentials {
    id: Part,
    secret: Part,
    token: Option<Part>,
    held: RwLock<Option<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    key: AccessKey,
    read_at: DateTime<Utc>,
}

impl StaticCredentials {
    /// Nothing is read yet.
    pub fn new(id: Part, secret: Part, token: Option<Part>) -> Self {
        Self { id, secret, token, held: RwLock::new(None) }
    }

    fn held(&self) -> Option<Held> {
        self.held.read().expect("no holder of this lock panics").clone()
    }

    fn hold(&self, held: Held) {
        *self.held.write().expect("no holder of this lock panics") = Some(held);
    }

    fn is_inline(&self) -> bool {
        [Some(&self.id), Some(&self.secret), self.token.as_ref()]
            .into_iter()
            .flatten()
            .all(|part| matches!(part, Part::Inline(_)))
    }

    /// Reads until two readings agree: files that are being replaced one after the other would give a torn pair.
    async fn read(&self) -> Result<AccessKey, CredentialsUnavailable> {
        let mut last = self.read_once().await?;
        for _ in 0..3 {
            let again = self.read_once().await?;
            if is_same(&last, &again) {
                return Ok(again);
            }
            last = again;
        }
        Err(CredentialsUnavailable("the credential files are changing".to_owned()))
    }

    async fn read_once(&self) -> Result<AccessKey, CredentialsUnavailable> {
        let key = AccessKey::new(read_part(&self.id).await?, read_part(&self.secret).await?);
        match &self.token {
            Some(token) => Ok(key.with_security_token(read_part(token).await?)),
            None => Ok(key),
        }
    }
}

#[async_trait]
impl Credentials for StaticCredentials {
    async fn current(&self, now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let held = self.held();
        if let Some(held) = &held
            && (now - held.read_at < REREAD_AFTER || self.is_inline())
        {
            return Ok(Credential { key: held.key.clone(), expires_at: None });
        }
        let key = match (self.read().await, held) {
            (Ok(key), _) => key,
            (Err(error), Some(held)) => {
                tracing::warn!(error.cause = %error, "the credential could not be read again; keeping the old one");
                held.key
            }
            (Err(error), None) => return Err(error),
        };
        self.hold(Held { key: key.clone(), read_at: now });
        Ok(Credential { key, expires_at: None })
    }
}

async fn read_part(part: &Part) -> Result<String, CredentialsUnavailable> {
    let path = match part {
        Part::Inline(secret) => return Ok(secret.expose_secret().to_owned()),
        Part::File(path) => path,
    };
    let unusable = |reason: &dyn std::fmt::Display| CredentialsUnavailable(format!("{}: {reason}", path.display()));
    let text = tokio::fs::read_to_string(path).await.map_err(|error| unusable(&error))?;
    let value = text.trim_end_matches(['\r', '\n']);
    if value.is_empty() { Err(unusable(&"the file is empty")) } else { Ok(value.to_owned()) }
}

fn is_same(one: &AccessKey, other: &AccessKey) -> bool {
    let parts = |key: &AccessKey| {
        (key.id().to_owned(), key.expose_secret().to_owned(), key.expose_security_token().map(str::to_owned))
    };
    parts(one) == parts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changed_files_are_noticed_and_lost_files_leave_the_last_good_pair() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("id"), "AK1\n").unwrap();
        std::fs::write(path("secret"), "sesame1\r\n").unwrap();
        let provider = StaticCredentials::new(Part::File(path("id")), Part::File(path("secret")), None);
        let start = DateTime::UNIX_EPOCH;
        let at = async |seconds| provider.current(start + TimeDelta::seconds(seconds)).await.unwrap().key;

        let first = at(0).await;
        assert_eq!((first.id(), first.expose_secret()), ("AK1", "sesame1"));
        std::fs::write(path("id"), "AK2").unwrap();
        std::fs::write(path("secret"), "sesame2").unwrap();
        assert_eq!(at(4).await.id(), "AK1");
        assert_eq!(at(5).await.expose_secret(), "sesame2");
        std::fs::remove_file(path("secret")).unwrap();
        assert_eq!(at(60).await.id(), "AK2");
    }

    #[tokio::test]
    async fn a_missing_file_is_named_and_no_secret_is_shown() {
        let missing = Part::File(PathBuf::from("/nowhere/id"));
        let provider = StaticCredentials::new(missing, Part::Inline("sesame".into()), None);
        let error = provider.current(DateTime::UNIX_EPOCH).await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/id"), "{error}");
        assert!(!format!("{provider:?}").contains("sesame"));
    }
}
