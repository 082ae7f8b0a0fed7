//! Seals: no text is one but what was sealed, for what it was sealed.
//!
//! The input: a text that may be a seal, an upload id, a user id, a key in a line each, then a variable's value.

use std::sync::LazyLock;

use chrono::DateTime;
use oss_valet::grant::{
    grant::GrantKind,
    seal::{SealKey, SealKeys, SealedFacts},
};

static KEYS: LazyLock<SealKeys> = LazyLock::new(|| {
    let key = SealKey::derive("k1", b"0123456789abcdef0123456789abcdef").expect("a secret");
    SealKeys::new(vec![key]).expect("keys")
});

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let [claimed, upload_id, user_id, key, value] = super::lines(text);
    let vars = [("a".to_owned(), value.to_owned())];
    let facts = SealedFacts { kind: GrantKind::Upload, upload_id, user_id, bucket: "b", key, vars: &vars };
    let expiry = i64::try_from(data.len()).expect("a length");
    let seal = KEYS.seal(&facts, DateTime::from_timestamp(expiry, 0).expect("a date"));
    assert_eq!(KEYS.verify(&seal, &facts), Ok(()));
    let longer = format!("{user_id}x");
    let others = [
        SealedFacts { kind: GrantKind::Directory, ..facts.clone() },
        SealedFacts { user_id: &longer, ..facts.clone() },
        SealedFacts { upload_id: user_id, user_id: upload_id, ..facts.clone() },
    ];
    for other in others.iter().filter(|other| other.kind != facts.kind || other.user_id != user_id) {
        assert!(KEYS.verify(&seal, other).is_err(), "{other:?}");
    }
    if KEYS.verify(claimed, &facts).is_ok() {
        assert!(claimed.starts_with("v1.k1.") && KEYS.verify(claimed, &others[0]).is_err());
    }
    assert_eq!(KEYS.verify(claimed, &facts).is_ok(), KEYS.verify_ignoring_kid(claimed, &facts).is_ok());
}
