//! Ordinary grants, changes and claims; a case changes what it is about.

use chrono::{DateTime, TimeDelta, Utc};
use oss_valet::{
    app::ports::{GrantChange, IdempotencyClaim, LedgerEntry, NewGrant, NextCheck, OutgoingEvent, Store},
    grant::{
        completion::{Completion, CompletionSource},
        event::{Event, EventType},
        grant::{Grant, GrantKind, State},
        profile::Method,
        quota::Quotas,
    },
};
use uuid::Uuid;

/// The present, in all cases.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_795_262_400_123_456).unwrap()
}

/// The `n`th id; they ascend.
pub(crate) fn id(n: u64) -> Uuid {
    Uuid::from_u128((0x0193_0000_0000_7000_8000 << 48) + u128::from(n))
}

/// The `n`th grant, issued at noon to `u-7`, first checked a minute later.
pub(crate) fn grant(n: u64) -> NewGrant {
    let grant = Grant {
        id: id(n),
        kind: GrantKind::Upload,
        profile: "avatar".into(),
        method: Method::Post,
        state: State::Issued,
        reason: None,
        user_id: "u-7".into(),
        created_by: None,
        bucket: "app-media".into(),
        region: "cn-hangzhou".into(),
        key: format!("avatars/u-7/{}.png", id(n)),
        content_type: "image/png".into(),
        min_size: 1,
        max_size: 5_242_880,
        declared_size: Some(48_211),
        filename: None,
        vars: [].into(),
        overwrite: false,
        oss_upload_id: None,
        issued_at: noon(),
        expires_at: noon() + TimeDelta::minutes(10),
        write_until: noon() + TimeDelta::minutes(25),
    };
    NewGrant { grant, next_check_at: noon() + TimeDelta::minutes(1), idempotency: None, quotas: Quotas::default() }
}

/// A grant whose caller sent the `key`th idempotency key.
pub(crate) fn claiming(n: u64, key: u8) -> NewGrant {
    let claim = IdempotencyClaim {
        scope_digest: [key; 32],
        request_digest: [0xAB; 32],
        expires_at: noon() + TimeDelta::hours(24),
    };
    NewGrant { idempotency: Some(claim), ..grant(n) }
}

/// An object of the `n`th grant with this ETag, found at noon.
pub(crate) fn completion(n: u64, etag: &str) -> Completion {
    Completion {
        key: format!("avatars/u-7/{}.png", id(n)),
        size: 48_211,
        etag: etag.into(),
        content_type: "image/png".into(),
        crc64: None,
        version_id: None,
        image: None,
        completed_at: noon(),
        source: CompletionSource::Callback,
        late: false,
        hook: None,
        reason: None,
    }
}

/// An event of the `n`th grant; `number` makes its id.
pub(crate) fn event(n: u64, number: u64) -> OutgoingEvent {
    let event = Event {
        id: id(1_000_000 + number),
        grant_id: id(n),
        kind: EventType::Completed,
        time: noon(),
        payload: r#"{"specversion":"1.0"}"#.into(),
        trace: None,
    };
    OutgoingEvent { event, sinks: Vec::new() }
}

/// From one of these states to that one, and nothing else.
pub(crate) fn change(n: u64, from: &'static [State], to: State) -> GrantChange {
    GrantChange {
        id: id(n),
        from,
        to,
        reason: None,
        completion: None,
        oss_upload_id: None,
        lifetime: None,
        next_check: NextCheck::Keep,
        events: vec![],
    }
}

/// Issued → completed, with an object of that ETag and an event.
pub(crate) fn completing(n: u64, etag: &str, event_number: u64) -> GrantChange {
    GrantChange {
        completion: Some(completion(n, etag)),
        next_check: NextCheck::Never,
        events: vec![event(n, event_number)],
        ..change(n, &[State::Issued], State::Completed)
    }
}

/// The `n`th grant as it stands.
pub(crate) async fn find(store: &dyn Store, n: u64) -> LedgerEntry {
    store.find_grant(id(n)).await.unwrap().expect("the grant is in the ledger")
}
