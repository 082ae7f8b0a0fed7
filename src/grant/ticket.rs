//! Tickets: short-lived opaque capabilities for clients that cannot send headers. Nothing is stored: whoever has the secret can
//! judge one, so any replica serves any ticket.
//!
//! `t1.<kid>.<base64url(nonce ‖ ciphertext)>`: XChaCha20-Poly1305 under a key that HKDF-SHA256 derives from the seal secret. What
//! stands before the last dot is authenticated too.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use chrono::{DateTime, TimeDelta, Utc, serde::ts_seconds};
use serde::{Deserialize, Serialize};

use super::seal::{UnusableSecret, check_kids, derive_key};

/// First part of every ticket. Another value would make every ticket in use worthless.
const VERSION: &str = "t1";
/// HKDF's `info`: binds the derived key to this use; the seal has another.
const KEY_INFO: &[u8] = b"oss-valet/ticket/v1";
/// Bytes of a nonce: so many that random ones never meet.
pub const NONCE_LEN: usize = 24;
/// How long a ticket lives.
pub const LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Longest ticket, in characters. It travels in paths, and some proxies cut those off at 4 KB.
pub const MAX_LEN: usize = 2048;

/// What a ticket says: who may enter, for which profile, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketFacts {
    /// The `iss` of the token that it was opened with.
    #[serde(rename = "i")]
    pub issuer: String,
    /// Its `sub`.
    #[serde(rename = "s")]
    pub subject: String,
    /// Whose uploads these are.
    #[serde(rename = "u")]
    pub user_id: String,
    /// What else its holder may do.
    #[serde(rename = "c")]
    pub scopes: BTreeSet<String>,
    /// The only profile it is good for.
    #[serde(rename = "p")]
    pub profile: String,
    /// Whole seconds.
    #[serde(rename = "e", with = "ts_seconds")]
    pub expires_at: DateTime<Utc>,
}

/// A named key, HKDF-SHA256(seal secret, info `oss-valet/ticket/v1`).
#[derive(Clone)]
pub struct TicketKey {
    kid: String,
    cipher: XChaCha20Poly1305,
}

/// The keys in use, newest first: the first makes tickets, all open them.
#[derive(Debug, Clone)]
pub struct TicketKeys {
    keys: Vec<TicketKey>,
}

/// The facts are more than a ticket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket has at most {MAX_LEN} characters, and this one would have more")]
pub struct TicketTooLong;

/// Why a ticket is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketInvalid {
    /// Not `t1.<kid>.<base64url>`, or too long.
    #[error("not a ticket")]
    Malformed,
    /// The kid is unknown.
    #[error("made with a secret that is not known here")]
    UnknownKey,
    /// Not ours, or changed.
    #[error("forged")]
    Forged,
    /// Its time is over.
    #[error("expired")]
    Expired,
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketKey(..)")
    }
}

impl TicketKey {
    /// Derives the key.
    ///
    /// # Errors
    /// When kid or secret is unusable.
    pub fn derive(kid: &str, secret: &[u8]) -> Result<Self, UnusableSecret> {
        let key = derive_key(kid, secret, KEY_INFO)?;
        Ok(Self { kid: kid.to_owned(), cipher: XChaCha20Poly1305::new(&key.into()) })
    }
}

impl TicketKeys {
    /// Newest first.
    ///
    /// # Errors
    /// When there is none, or a kid occurs twice.
    pub fn new(keys: Vec<TicketKey>) -> Result<Self, UnusableSecret> {
        check_kids(keys.iter().map(|key| key.kid.as_str()))?;
        Ok(Self { keys })
    }

    /// The ticket that says this. The nonce must be random, and used once.
    ///
    /// # Errors
    /// When it would be longer than [`MAX_LEN`].
    pub fn seal(&self, facts: &TicketFacts, nonce: [u8; NONCE_LEN]) -> Result<String, TicketTooLong> {
        let key = &self.keys[0];
        let head = format!("{VERSION}.{}", key.kid);
        let plain = serde_json::to_vec(facts).expect("facts are plain data");
        let payload = Payload { msg: &plain, aad: head.as_bytes() };
        let sealed = key.cipher.encrypt(XNonce::from_slice(&nonce), payload).expect("no ticket has 256 GiB");
        let ticket = format!("{head}.{}", URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()));
        if ticket.len() <= MAX_LEN { Ok(ticket) } else { Err(TicketTooLong) }
    }

    /// What the ticket says, if it is one of ours and its time is not over at `now`.
    ///
    /// # Errors
    /// When it is not.
    pub fn open(&self, ticket: &str, now: DateTime<Utc>) -> Result<TicketFacts, TicketInvalid> {
        if ticket.len() > MAX_LEN {
            return Err(TicketInvalid::Malformed);
        }
        let (head, body) = ticket.rsplit_once('.').ok_or(TicketInvalid::Malformed)?;
        let Some((VERSION, kid)) = head.split_once('.') else { return Err(TicketInvalid::Malformed) };
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| TicketInvalid::Malformed)?;
        let (nonce, sealed) = body.split_at_checked(NONCE_LEN).ok_or(TicketInvalid::Malformed)?;
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or(TicketInvalid::UnknownKey)?;
        let payload = Payload { msg: sealed, aad: head.as_bytes() };
        let plain = key.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| TicketInvalid::Forged)?;
        let facts: TicketFacts = serde_json::from_slice(&plain).map_err(|_| TicketInvalid::Malformed)?;
        if now < facts.expires_at { Ok(facts) } else { Err(TicketInvalid::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";
    const NONCE: [u8; NONCE_LEN] = *b"a nonce of 24 bytes long";

    fn keys(named: &[(&str, &[u8])]) -> TicketKeys {
        TicketKeys::new(named.iter().map(|(kid, secret)| TicketKey::derive(kid, secret).unwrap()).collect()).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn facts() -> TicketFacts {
        TicketFacts {
            issuer: "https://id.example.com".to_owned(),
            subject: "sub-7".to_owned(),
            user_id: "u-7".to_owned(),
            scopes: ["uploads:staff".to_owned()].into(),
            profile: "staff".to_owned(),
            expires_at: at(1_000),
        }
    }

    #[test]
    fn a_ticket_says_what_it_was_made_of_until_its_time_is_over() {
        let keys = keys(&[("k1", SECRET)]);
        let ticket = keys.seal(&facts(), NONCE).unwrap();
        assert!(ticket.starts_with("t1.k1."), "{ticket}");
        assert_eq!(keys.open(&ticket, at(0)), Ok(facts()));
        assert_eq!(keys.open(&ticket, at(999)), Ok(facts()));
        assert_eq!(keys.open(&ticket, at(1_000)), Err(TicketInvalid::Expired));
    }

    #[test]
    fn nothing_in_a_ticket_can_be_read() {
        let ticket = keys(&[("k1", SECRET)]).seal(&facts(), NONCE).unwrap();
        let body = URL_SAFE_NO_PAD.decode(ticket.rsplit('.').next().unwrap()).unwrap();
        for word in ["u-7", "sub-7", "staff", "example"] {
            assert!(!body.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
        }
    }

    /// Computed with Python's `cryptography` and a hand-written `HChaCha20`.
    #[test]
    fn a_ticket_is_what_another_implementation_computes() {
        let keys = keys(&[("k1", SECRET)]);
        let expected = concat!(
            "t1.k1.YSBub25jZSBvZiAyNCBieXRlcyBsb25nK5QhImluJ95-pfbddJoKDd1bocCPn1XjEJkPMiPh4FEgN9rHpzJJ",
            "xEdZ-wI49gHO82J3kx-iS0u0sO1GrQN9TyU6WNNFxUyxYUI6xmn_r2rD_BV3-E3P36fuiYKNQZikWzbFSD2IezcN7z",
            "kWPuXz",
        );
        assert_eq!(keys.seal(&facts(), NONCE).unwrap(), expected);
        assert_eq!(keys.open(expected, at(0)), Ok(facts()));
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let keys = keys(&[("k1", SECRET), ("k2", OTHER)]);
        let ticket = keys.seal(&facts(), NONCE).unwrap();
        for at_byte in 0..ticket.len() {
            for other in [b'A', b'B', b'2', b'.', b'=', b'_'] {
                let mut changed = ticket.clone().into_bytes();
                if changed[at_byte] == other {
                    continue;
                }
                changed[at_byte] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert!(keys.open(&changed, at(0)).is_err(), "{changed}");
            }
            assert!(keys.open(&ticket[..at_byte], at(0)).is_err(), "cut off after {at_byte}");
        }
        for longer in [format!("{ticket}A"), format!("{ticket}="), format!("{ticket}.x"), format!(" {ticket}")] {
            assert!(keys.open(&longer, at(0)).is_err(), "{longer}");
        }
    }

    #[test]
    fn rotation_makes_tickets_with_the_newest_and_opens_those_of_all() {
        let old = keys(&[("k1", SECRET)]);
        let both = keys(&[("k2", OTHER), ("k1", SECRET)]);
        let (by_old, by_both) = (old.seal(&facts(), NONCE).unwrap(), both.seal(&facts(), NONCE).unwrap());
        assert!(by_both.starts_with("t1.k2."));
        assert_eq!(both.open(&by_old, at(0)), Ok(facts()));
        assert_eq!(both.open(&by_both, at(0)), Ok(facts()));
        assert_eq!(old.open(&by_both, at(0)), Err(TicketInvalid::UnknownKey));
        assert_eq!(keys(&[("k1", OTHER)]).open(&by_old, at(0)), Err(TicketInvalid::Forged));
    }

    #[test]
    fn a_ticket_is_bounded() {
        let keys = keys(&[("k1", SECRET)]);
        let long = TicketFacts { subject: "s".repeat(MAX_LEN), ..facts() };
        assert_eq!(keys.seal(&long, NONCE), Err(TicketTooLong));
        let usual = TicketFacts { user_id: "u".repeat(128), subject: "s".repeat(128), ..facts() };
        assert!(keys.seal(&usual, NONCE).unwrap().len() <= 700);
        assert_eq!(keys.open(&"t".repeat(MAX_LEN + 1), at(0)), Err(TicketInvalid::Malformed));
    }

    #[test]
    fn unusable_keys_are_refused_and_debug_shows_no_secret() {
        assert_eq!(TicketKey::derive("k", &SECRET[1..]).unwrap_err(), UnusableSecret::TooShort);
        assert_eq!(TicketKey::derive("a.b", SECRET).unwrap_err(), UnusableSecret::Kid);
        let key = TicketKey::derive("k", SECRET).unwrap();
        assert_eq!(TicketKeys::new(vec![]).unwrap_err(), UnusableSecret::Keys);
        assert_eq!(TicketKeys::new(vec![key.clone(), key]).unwrap_err(), UnusableSecret::Keys);
        assert_eq!(format!("{:?}", keys(&[("k1", SECRET)])), "TicketKeys { keys: [TicketKey(..)] }");
    }
}
