//! Standard Webhooks 1.0: how a receiver knows that a message is ours, whole and fresh.
//!
//! Signed is `ID.TIMESTAMP.BODY` with HMAC-SHA256; `webhook-signature` holds one `v1,BASE64` per secret, parted by spaces, so that a
//! receiver may know the old or the new secret while it is exchanged.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Identifies the message; the same when it is sent again.
pub const HEADER_ID: &str = "webhook-id";
/// When it was sent, in seconds since the epoch.
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// `v1,BASE64`, once per secret.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

/// How a secret begins when it is written down.
const SECRET_PREFIX: &str = "whsec_";
/// How many bytes a secret has, as the specification says.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret shared with one receiver, keyed and ready. `Debug` does not show it.
#[derive(Clone)]
pub struct WebhookSecret(Hmac<Sha256>);

/// Not `whsec_` and the Base64 of 24 to 64 bytes. The text is not repeated: it may be a secret all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and the Base64 of 24 to 64 bytes")]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// When it is written otherwise, too short or too long.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let base64 = text.strip_prefix(SECRET_PREFIX).ok_or(InvalidWebhookSecret)?;
        let key = STANDARD.decode(base64).map_err(|_| InvalidWebhookSecret)?;
        if !SECRET_BYTES.contains(&key.len()) {
            return Err(InvalidWebhookSecret);
        }
        Ok(Self(Hmac::new_from_slice(&key).expect("HMAC takes a key of any length")))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// The headers that sign `body` as the message `id`, sent at `now`: by every secret, in their order.
pub fn sign_webhook(
    secrets: &[WebhookSecret],
    id: &str,
    now: DateTime<Utc>,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let timestamp = now.timestamp();
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    [(HEADER_ID, id.to_owned()), (HEADER_TIMESTAMP, timestamp.to_string()), (HEADER_SIGNATURE, signatures.join(" "))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn sent() -> DateTime<Utc> {
        DateTime::from_timestamp(1_614_265_330, 999_000_000).unwrap()
    }

    fn signature(secrets: &[&str], id: &str, now: DateTime<Utc>, body: &[u8]) -> String {
        let secrets: Vec<_> = secrets.iter().map(|text| WebhookSecret::parse(text).unwrap()).collect();
        let [_, _, (_, signature)] = sign_webhook(&secrets, id, now, body);
        signature
    }

    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        let headers = sign_webhook(&[secret], ID, sent(), BODY);
        let expected = [("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", SIGNATURE)];
        assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn every_secret_signs_in_its_order() {
        let newer = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
        let both = signature(&[newer, SECRET], ID, sent(), BODY);
        assert_eq!(both, format!("{} {SIGNATURE}", signature(&[newer], ID, sent(), BODY)));
    }

    #[test]
    fn id_time_and_body_are_signed() {
        let later = sent() + chrono::TimeDelta::seconds(1);
        for (what, id, now, body) in [
            ("id", "msg_other", sent(), BODY),
            ("time", ID, later, BODY),
            ("body", ID, sent(), b"{\"test\":2432232314}".as_slice()),
        ] {
            assert_ne!(signature(&[SECRET], id, now, body), SIGNATURE, "{what}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_no_secret_is_shown() {
        for (why, text) in [
            ("empty", ""),
            ("no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("nothing behind the prefix", "whsec_"),
            ("no Base64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS?"),
            ("23 bytes", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="),
        ] {
            assert_eq!(WebhookSecret::parse(text).unwrap_err(), InvalidWebhookSecret, "{why}");
        }
        let long = |bytes: usize| WebhookSecret::parse(&format!("whsec_{}", STANDARD.encode(vec![7; bytes])));
        assert!(long(64).is_ok() && long(65).is_err());
        assert_eq!(format!("{:?}", WebhookSecret::parse(SECRET)), "Ok(WebhookSecret(..))");
    }
}
