//! The key that signs: id, secret and, when it came from STS, a security token.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// An AccessKey pair, with the security token that belongs to it when STS issued it (P§6).
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
}

impl AccessKey {
    /// A long-lived pair.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: SecretString::from(secret.into()), security_token: None }
    }

    /// The same pair with the security token of its STS session.
    #[must_use]
    pub fn with_security_token(mut self, token: impl Into<String>) -> Self {
        self.security_token = Some(SecretString::from(token.into()));
        self
    }

    /// The AccessKey id; it travels in the clear in every signature.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret, for the HMAC and nothing else.
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The STS security token, which must travel with every request signed by this key.
    pub fn expose_security_token(&self) -> Option<&str> {
        self.security_token.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_secret_nor_token() {
        let key = AccessKey::new("AK", "sesame").with_security_token("ticket");
        let shown = format!("{key:?}");
        assert!(shown.contains("AK") && !shown.contains("sesame") && !shown.contains("ticket"), "{shown}");
    }
}
