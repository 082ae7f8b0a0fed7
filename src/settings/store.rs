//! `[store]`: the ledger.

use secrecy::{ExposeSecret, SecretString};

use super::reader::Section;

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// `sqlite:///path/ledger.db` or `postgres://…`; a secret, for it may hold a password.
    pub url: SecretString,
}

impl StoreSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        section.required_secret("url").map(|url| Self { url })
    }

    /// The URL, for the store and nothing else.
    pub fn expose_url(&self) -> &str {
        self.url.expose_secret()
    }
}
