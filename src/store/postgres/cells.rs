//! Facts → PostgreSQL's cells: for each statement one array a column.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use sqlx::{Postgres, Row as _, postgres::PgArguments, postgres::PgRow, query::Query};
use uuid::Uuid;

use super::super::{
    engine::Value,
    outbox::Wanted,
    rows::{Cells, write_vars},
};
use crate::{
    app::ports::{GrantChange, NewGrant, NextCheck},
    grant::{completion::Completion, event::Event, grant::Grant, trace_context::TraceContext},
};

/// A statement being bound.
pub(super) type Bound = Query<'static, Postgres, PgArguments>;

/// Binds rows of `grants`: `GRANT_COLUMNS` and `next_check_at`.
pub(super) fn bind_grants(query: Bound, new: &[&NewGrant]) -> Bound {
    let grants: Vec<&Grant> = new.iter().map(|new| &new.grant).collect();
    query
        .bind(column(&grants, |grant| grant.id))
        .bind(column(&grants, |grant| grant.profile.as_str()))
        .bind(column(&grants, |grant| grant.method.as_str()))
        .bind(column(&grants, |grant| grant.state.as_str()))
        .bind(column(&grants, |grant| grant.reason.as_deref()))
        .bind(column(&grants, |grant| grant.user_id.as_str()))
        .bind(column(&grants, |grant| grant.created_by.as_deref()))
        .bind(column(&grants, |grant| grant.bucket.as_str()))
        .bind(column(&grants, |grant| grant.region.as_str()))
        .bind(column(&grants, |grant| grant.key.as_str()))
        .bind(column(&grants, |grant| grant.content_type.as_str()))
        .bind(column(&grants, |grant| grant.min_size.cast_signed()))
        .bind(column(&grants, |grant| grant.max_size.cast_signed()))
        .bind(column(&grants, |grant| grant.declared_size.map(u64::cast_signed)))
        .bind(column(&grants, |grant| grant.filename.as_deref()))
        .bind(column(&grants, write_vars))
        .bind(column(&grants, |grant| grant.overwrite))
        .bind(column(&grants, |grant| grant.oss_upload_id.as_deref()))
        .bind(column(&grants, |grant| grant.kind.as_str()))
        .bind(column(&grants, |grant| micros(grant.issued_at)))
        .bind(column(&grants, |grant| micros(grant.expires_at)))
        .bind(column(&grants, |grant| micros(grant.write_until)))
        .bind(column(new, |new| micros(new.next_check_at)))
}

/// The numbers that users are locked by, in their order: two users that share one only wait for each other.
pub(super) fn user_locks(user_ids: &[&str]) -> Vec<i32> {
    let number = |user_id: &&str| {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(user_id));
        i32::from_be_bytes([a, b, c, d])
    };
    let mut numbers: Vec<i32> = user_ids.iter().map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Binds rows of `idempotency_keys`: `CLAIM_COLUMNS`, for those grants that come with a claim.
pub(super) fn bind_claims(query: Bound, new: &[&NewGrant]) -> Bound {
    let claims: Vec<_> = new.iter().filter_map(|new| Some((&new.grant, new.idempotency.as_ref()?))).collect();
    let claims: Vec<_> = claims.iter().collect();
    query
        .bind(column(&claims, |(_, claim)| claim.scope_digest.as_slice()))
        .bind(column(&claims, |(_, claim)| claim.request_digest.as_slice()))
        .bind(column(&claims, |(grant, _)| grant.id))
        .bind(column(&claims, |(grant, _)| micros(grant.issued_at)))
        .bind(column(&claims, |(_, claim)| micros(claim.expires_at)))
}

/// Binds changes: `CHANGE_COLUMNS`.
pub(super) fn bind_changes(query: Bound, changes: &[&GrantChange]) -> Bound {
    query
        .bind(column(changes, |change| change.id))
        // As a list in one text: an array of arrays would have to be a rectangle.
        .bind(column(changes, |change| change.from.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" ")))
        .bind(column(changes, |change| change.to.as_str()))
        .bind(column(changes, |change| change.reason.as_deref()))
        .bind(column(changes, |change| change.oss_upload_id.as_deref()))
        .bind(column(changes, |change| change.lifetime.map(|(expires_at, _)| micros(expires_at))))
        .bind(column(changes, |change| change.lifetime.map(|(_, write_until)| micros(write_until))))
        .bind(column(changes, |change| change.next_check != NextCheck::Keep))
        .bind(column(changes, |change| match change.next_check {
            NextCheck::At(at) => Some(micros(at)),
            NextCheck::Release(_, next) => next.map(micros),
            NextCheck::Keep | NextCheck::Never => None,
        }))
        .bind(column(changes, |change| match change.next_check {
            NextCheck::Release(lease, _) => Some(micros(lease)),
            NextCheck::Keep | NextCheck::At(_) | NextCheck::Never => None,
        }))
}

/// Binds rows of `completions`: `COMPLETION_COLUMNS`.
pub(super) fn bind_completions(query: Bound, completions: &[(Uuid, &Completion)]) -> Bound {
    let done: Vec<&Completion> = completions.iter().map(|(_, completion)| *completion).collect();
    let ids: Vec<Uuid> = completions.iter().map(|(id, _)| *id).collect();
    query
        .bind(ids)
        .bind(column(&done, |done| done.key.as_str()))
        .bind(column(&done, |done| done.size.cast_signed()))
        .bind(column(&done, |done| done.etag.as_str()))
        .bind(column(&done, |done| done.content_type.as_str()))
        .bind(column(&done, |done| done.crc64.as_deref()))
        .bind(column(&done, |done| done.version_id.as_deref()))
        .bind(column(&done, |done| done.image.as_ref().map(|image| i64::from(image.width))))
        .bind(column(&done, |done| done.image.as_ref().map(|image| i64::from(image.height))))
        .bind(column(&done, |done| done.image.as_ref().map(|image| image.format.as_str())))
        .bind(column(&done, |done| micros(done.completed_at)))
        .bind(column(&done, |done| done.source.as_str()))
        .bind(column(&done, |done| done.late))
        .bind(column(&done, |done| done.hook.as_ref().map(|hook| hook.outcome.as_str())))
        .bind(column(&done, |done| done.hook.as_ref().and_then(|hook| hook.answer.as_deref())))
        .bind(column(&done, |done| done.reason.as_deref()))
}

/// Binds rows of `events`: `EVENT_COLUMNS`.
pub(super) fn bind_events(query: Bound, events: &[&Event]) -> Bound {
    query
        .bind(column(events, |event| event.id))
        .bind(column(events, |event| event.grant_id))
        .bind(column(events, |event| event.kind.as_str()))
        .bind(column(events, |event| micros(event.time)))
        .bind(column(events, |event| event.payload.as_str()))
        .bind(column(events, |event| event.trace.as_ref().map(TraceContext::traceparent)))
        .bind(column(events, |event| event.trace.as_ref().and_then(TraceContext::tracestate)))
}

/// Binds deliveries to add: events, sinks, whether they wait.
pub(super) fn bind_wanted(query: Bound, wanted: &[Wanted<'_>]) -> Bound {
    query
        .bind(wanted.iter().map(|one| one.event_id).collect::<Vec<_>>())
        .bind(wanted.iter().map(|one| one.sink).collect::<Vec<_>>())
        .bind(wanted.iter().map(|one| one.waits).collect::<Vec<_>>())
}

/// Binds one value.
pub(super) fn bind_value(query: Bound, value: &Value<'_>) -> Bound {
    match *value {
        Value::Id(id) => query.bind(id),
        Value::Text(known) => query.bind(known.to_owned()),
        Value::Number(number) => query.bind(number),
        Value::Bytes(known) => query.bind(known.to_vec()),
    }
}

fn column<'r, R, V>(rows: &[&'r R], value: impl Fn(&'r R) -> V) -> Vec<V> {
    rows.iter().map(|row| value(row)).collect()
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

impl Cells for PgRow {
    fn id(&self, position: usize) -> Result<Uuid, sqlx::Error> {
        self.try_get(position)
    }

    fn text(&self, position: usize) -> Result<Option<&str>, sqlx::Error> {
        self.try_get(position)
    }

    fn number(&self, position: usize) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(position)
    }

    fn flag(&self, position: usize) -> Result<bool, sqlx::Error> {
        self.try_get(position)
    }

    fn bytes(&self, position: usize) -> Result<&[u8], sqlx::Error> {
        self.try_get(position)
    }
}
