//! The JSON in which temporary credentials are handed out, everywhere with the same four members (P§6).

use chrono::DateTime;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{app::ports::Credential, oss::access_key::AccessKey};

/// `AccessKeyId`, `AccessKeySecret`, `SecurityToken`, `Expiration`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Issued {
    access_key_id: Option<String>,
    access_key_secret: Option<SecretString>,
    security_token: Option<SecretString>,
    expiration: Option<String>,
}

impl Issued {
    /// The credential, if all four are there and the expiration is a date.
    pub(super) fn into_credential(self) -> Result<Credential, String> {
        let missing = |name: &str| format!("the answer has no {name}");
        let id = self.access_key_id.filter(|id| !id.is_empty()).ok_or_else(|| missing("AccessKeyId"))?;
        let secret = present(self.access_key_secret).ok_or_else(|| missing("AccessKeySecret"))?;
        let token = present(self.security_token).ok_or_else(|| missing("SecurityToken"))?;
        let expiration = self.expiration.ok_or_else(|| missing("Expiration"))?;
        let expires_at =
            DateTime::parse_from_rfc3339(&expiration).map_err(|_| "the answer's Expiration is no date".to_owned())?;
        let key = AccessKey::new(id, secret.expose_secret()).with_security_token(token.expose_secret());
        Ok(Credential { key, expires_at: Some(expires_at.to_utc()) })
    }
}

fn present(secret: Option<SecretString>) -> Option<SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}

/// What a peer calls itself or its error, fit for a log: a code or an id, never a sentence, which could quote what we sent.
pub(super) fn word(text: &str) -> Option<&str> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    fits.then_some(text)
}
