//! `[callback]`: where OSS calls back, whose signature is believed, and what seals a grant.

use secrecy::ExposeSecret;
use url::Url;

use super::{reader::Section, server::parse_web_url};
use crate::{
    grant::{
        seal::{SealKey, SealKeys},
        ticket::{TicketKey, TicketKeys},
    },
    oss::callback_signature::{OSS_KEY_URLS, TrustedKeys},
};

/// OSS takes at most five callback URLs (P§1.2).
pub const MAX_CALLBACK_URLS: usize = 5;

/// `[callback]`.
#[derive(Debug, Clone)]
pub struct CallbackSettings {
    /// Where OSS reaches our callback route, tried in order.
    pub public_urls: Vec<Url>,
    /// The pinned keys.
    pub trusted_keys: TrustedKeys,
    /// The URLs that name them.
    pub trusted_key_urls: Vec<String>,
    /// Newest first.
    pub seal_keys: SealKeys,
    /// Of the same secrets.
    pub ticket_keys: TicketKeys,
}

impl CallbackSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let public_urls = read_urls(section, "public_urls");
        if public_urls.is_empty() {
            section.fault("public_urls", "missing: OSS must know where to call back");
        }
        let (trusted_keys, trusted_key_urls) = read_trusted_keys(section);
        let (seal_keys, ticket_keys) = read_seal_secrets(section)?;
        Some(Self { public_urls, trusted_keys, trusted_key_urls, seal_keys, ticket_keys })
    }
}

/// Callback URLs, at most [`MAX_CALLBACK_URLS`].
pub(super) fn read_urls(section: &mut Section<'_>, key: &str) -> Vec<Url> {
    let urls = section.parsed_texts(key, parse_callback_url);
    if urls.len() > MAX_CALLBACK_URLS {
        section.fault(key, format!("{} URLs; OSS takes at most {MAX_CALLBACK_URLS}", urls.len()));
    }
    urls
}

/// URLs are joined by `;` on the wire.
fn parse_callback_url(text: &str) -> Result<Url, String> {
    if text.contains(';') { Err(format!("`{text}` holds a `;`: list each URL by itself")) } else { parse_web_url(text) }
}

fn read_trusted_keys(section: &mut Section<'_>) -> (TrustedKeys, Vec<String>) {
    if !section.has("trusted_keys") {
        return (TrustedKeys::oss(), OSS_KEY_URLS.map(str::to_owned).to_vec());
    }
    let keys = section.items("trusted_keys", |item| {
        let url = item.required_text("url");
        let pem = item.required_secret("pem")?;
        // Judged here, so that the fault names this key.
        item.judge("pem", TrustedKeys::none().with(&url, pem.expose_secret()).map_err(|error| error.to_string()))?;
        Some((url, pem))
    });
    let urls: Vec<_> = keys.iter().map(|(url, _)| url.clone()).collect();
    let trusted = keys.iter().try_fold(TrustedKeys::none(), |all, (url, pem)| all.with(url, pem.expose_secret()));
    (trusted.unwrap_or_else(|_| TrustedKeys::none()), urls)
}

/// What is derived from the seal secrets.
fn read_seal_secrets(section: &mut Section<'_>) -> Option<(SealKeys, TicketKeys)> {
    if !section.has("seal_secrets") || section.is_empty_list("seal_secrets") {
        section.fault("seal_secrets", "missing: at least one `{ kid, secret | secret_file }`, newest first");
        return None;
    }
    let keys = section.items("seal_secrets", |item| {
        let kid = item.required_text("kid");
        let secret = item.required_secret("secret")?;
        let secret = secret.expose_secret().as_bytes();
        let derived = SealKey::derive(&kid, secret).and_then(|seal| Ok((seal, TicketKey::derive(&kid, secret)?)));
        item.judge("secret", derived.map_err(|error| error.to_string()))
    });
    // Without any key left, the items have told why.
    (!keys.is_empty()).then_some(())?;
    let (seal_keys, ticket_keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let both = SealKeys::new(seal_keys).and_then(|seals| Ok((seals, TicketKeys::new(ticket_keys)?)));
    section.judge("seal_secrets", both.map_err(|error| error.to_string()))
}
