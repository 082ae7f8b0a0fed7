//! Credentials from environment variables, under the names that Alibaba Cloud's tools read (P§6.4).

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    app::ports::{Credential, Credentials, CredentialsUnavailable},
    oss::access_key::AccessKey,
};

/// Id, secret, token: the general names first, then those of OSS's samples. A pair is never mixed from both.
const NAMES: [[&str; 3]; 2] = [
    ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"],
    ["OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"],
];

/// The environment's credential, as it was when the process started.
#[derive(Debug)]
pub struct EnvCredentials(Option<AccessKey>);

impl EnvCredentials {
    /// Looks the variables up in a snapshot of the environment.
    pub fn new<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> Self {
        let find = |names: &[&str; 3]| {
            let [id, secret, token] = names.map(|name| lookup(name).filter(|value| !value.is_empty()));
            let key = AccessKey::new(id?, secret?);
            Some(match token {
                Some(token) => key.with_security_token(token),
                None => key,
            })
        };
        Self(NAMES.iter().find_map(find))
    }
}

#[async_trait]
impl Credentials for EnvCredentials {
    async fn current(&self, _now: DateTime<Utc>) -> Result<Credential, CredentialsUnavailable> {
        let Some(key) = &self.0 else {
            let pairs = NAMES.map(|[id, secret, _]| format!("{id} and {secret}"));
            return Err(CredentialsUnavailable(format!("set {}", pairs.join(", or "))));
        };
        Ok(Credential { key: key.clone(), expires_at: None })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    async fn current(pairs: &[(&str, &str)]) -> Result<Credential, CredentialsUnavailable> {
        let variables: HashMap<_, _> = pairs.iter().copied().collect();
        EnvCredentials::new(|name| variables.get(name).copied()).current(DateTime::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn both_families_of_names_are_read_and_never_mixed() {
        let general = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "b")];
        let credential = current(&general).await.unwrap();
        assert_eq!((credential.key.id(), credential.key.expose_secret()), ("a", "b"));
        assert_eq!(credential.key.expose_security_token(), None);

        let samples = [("OSS_ACCESS_KEY_ID", "c"), ("OSS_ACCESS_KEY_SECRET", "d"), ("OSS_SESSION_TOKEN", "t")];
        let credential = current(&samples).await.unwrap();
        assert_eq!((credential.key.id(), credential.key.expose_security_token()), ("c", Some("t")));

        let mixed = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"), ("OSS_ACCESS_KEY_SECRET", "d")];
        assert!(current(&mixed).await.unwrap_err().to_string().contains("ALIBABA_CLOUD_ACCESS_KEY_ID"));
    }

    #[tokio::test]
    async fn an_empty_variable_counts_as_absent() {
        let empty = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")];
        assert!(current(&empty).await.is_err());
    }
}
