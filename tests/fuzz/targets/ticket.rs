//! Tickets: what was sealed comes out again until its time is over, and nothing else is one.
//!
//! The input: a text that may be a ticket, a user id, a subject, a scope, a profile in a line each.

use std::sync::LazyLock;

use chrono::DateTime;
use oss_valet::grant::ticket::{MAX_LEN, NONCE_LEN, TicketFacts, TicketInvalid, TicketKey, TicketKeys};

/// What the committed good ticket was sealed with, as the seal's target uses it.
static KEYS: LazyLock<TicketKeys> = LazyLock::new(|| {
    let key = TicketKey::derive("k1", b"0123456789abcdef0123456789abcdef").expect("a secret");
    TicketKeys::new(vec![key]).expect("keys")
});

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let [claimed, user_id, subject, scope, profile] = super::lines(text);
    let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a date");
    if let Ok(facts) = KEYS.open(claimed, at(0)) {
        assert!(claimed.starts_with("t1.k1.") && claimed.len() <= MAX_LEN);
        assert_eq!(KEYS.open(claimed, facts.expires_at), Err(TicketInvalid::Expired));
        assert!(KEYS.open(&format!("{claimed}A"), at(0)).is_err());
    }
    let facts = TicketFacts {
        issuer: "i".to_owned(),
        subject: subject.to_owned(),
        user_id: user_id.to_owned(),
        scopes: [scope.to_owned()].into(),
        profile: profile.to_owned(),
        expires_at: at(7),
    };
    let mut nonce = [0; NONCE_LEN];
    nonce.iter_mut().zip(data).for_each(|(byte, given)| *byte = *given);
    match KEYS.seal(&facts, nonce) {
        Ok(ticket) => {
            assert!(ticket.len() <= MAX_LEN && ticket.is_ascii());
            assert_eq!(KEYS.open(&ticket, at(6)), Ok(facts));
            assert_eq!(KEYS.open(&ticket, at(7)), Err(TicketInvalid::Expired));
        }
        Err(_) => assert!(data.len() > 200, "only long facts are too long"),
    }
}
