//! Facts → SQLite's cells.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{
    Row as _, Sqlite,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::super::{
    engine::Value,
    outbox::Wanted,
    rows::{Cells, write_vars},
};
use crate::{
    app::ports::{GrantChange, NewGrant, NextCheck},
    grant::{completion::Completion, event::Event},
};

/// A statement being bound.
pub(super) type Bound = Query<'static, Sqlite, SqliteArguments>;

/// Binds one row of `grants`: `GRANT_COLUMNS` and `next_check_at`.
pub(super) fn bind_grant(query: Bound, new: &NewGrant) -> Bound {
    let grant = &new.grant;
    query
        .bind(blob(grant.id))
        .bind(text(&grant.profile))
        .bind(text(grant.method.as_str()))
        .bind(text(grant.state.as_str()))
        .bind(optional_text(grant.reason.as_ref()))
        .bind(text(&grant.user_id))
        .bind(optional_text(grant.created_by.as_ref()))
        .bind(text(&grant.bucket))
        .bind(text(&grant.region))
        .bind(text(&grant.key))
        .bind(text(&grant.content_type))
        .bind(grant.min_size.cast_signed())
        .bind(grant.max_size.cast_signed())
        .bind(grant.declared_size.map(u64::cast_signed))
        .bind(optional_text(grant.filename.as_ref()))
        .bind(text(&write_vars(grant)))
        .bind(grant.overwrite)
        .bind(optional_text(grant.oss_upload_id.as_ref()))
        .bind(text(grant.kind.as_str()))
        .bind(micros(grant.issued_at))
        .bind(micros(grant.expires_at))
        .bind(micros(grant.write_until))
        .bind(micros(new.next_check_at))
}

/// Binds one row of `idempotency_keys`, if the grant comes with a claim.
pub(super) fn bind_claim(query: Bound, new: &NewGrant) -> Bound {
    let Some(claim) = &new.idempotency else { return query };
    query
        .bind(claim.scope_digest.to_vec())
        .bind(claim.request_digest.to_vec())
        .bind(blob(new.grant.id))
        .bind(micros(new.grant.issued_at))
        .bind(micros(claim.expires_at))
}

/// Binds one change: `CHANGE_COLUMNS`.
pub(super) fn bind_change(query: Bound, change: &GrantChange) -> Bound {
    let (move_check, new_check_at, lease) = match change.next_check {
        NextCheck::Keep => (false, None, None),
        NextCheck::At(at) => (true, Some(micros(at)), None),
        NextCheck::Never => (true, None, None),
        NextCheck::Release(lease, next) => (true, next.map(micros), Some(micros(lease))),
    };
    query
        .bind(blob(change.id))
        // No state's name is part of another's, so that the statement can look for it in this text.
        .bind(change.from.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" "))
        .bind(text(change.to.as_str()))
        .bind(optional_text(change.reason.as_ref()))
        .bind(optional_text(change.oss_upload_id.as_ref()))
        .bind(change.lifetime.map(|(expires_at, _)| micros(expires_at)))
        .bind(change.lifetime.map(|(_, write_until)| micros(write_until)))
        .bind(move_check)
        .bind(new_check_at)
        .bind(lease)
}

/// Binds one row of `completions`: `COMPLETION_COLUMNS`.
pub(super) fn bind_completion(query: Bound, grant_id: Uuid, completion: &Completion) -> Bound {
    let image = completion.image.as_ref();
    let hook = completion.hook.as_ref();
    query
        .bind(blob(grant_id))
        .bind(text(&completion.key))
        .bind(completion.size.cast_signed())
        .bind(text(&completion.etag))
        .bind(text(&completion.content_type))
        .bind(optional_text(completion.crc64.as_ref()))
        .bind(optional_text(completion.version_id.as_ref()))
        .bind(image.map(|image| image.width))
        .bind(image.map(|image| image.height))
        .bind(image.map(|image| text(&image.format)))
        .bind(micros(completion.completed_at))
        .bind(text(completion.source.as_str()))
        .bind(completion.late)
        .bind(hook.map(|hook| text(hook.outcome.as_str())))
        .bind(hook.and_then(|hook| hook.answer.as_ref()).map(|answer| text(answer)))
        .bind(optional_text(completion.reason.as_ref()))
}

/// Binds one row of `events`: `EVENT_COLUMNS`.
pub(super) fn bind_event(query: Bound, event: &Event) -> Bound {
    query
        .bind(blob(event.id))
        .bind(blob(event.grant_id))
        .bind(text(event.kind.as_str()))
        .bind(micros(event.time))
        .bind(text(&event.payload))
        .bind(event.trace.as_ref().map(|trace| text(trace.traceparent())))
        .bind(event.trace.as_ref().and_then(|trace| trace.tracestate()).map(text))
}

/// Binds one delivery to add: event, sink, whether it waits.
pub(super) fn bind_wanted(query: Bound, wanted: &Wanted<'_>) -> Bound {
    query.bind(blob(wanted.event_id)).bind(text(wanted.sink)).bind(wanted.waits)
}

/// Binds one value.
pub(super) fn bind_value(query: Bound, value: &Value<'_>) -> Bound {
    match *value {
        Value::Id(id) => query.bind(blob(id)),
        Value::Text(known) => query.bind(text(known)),
        Value::Number(number) => query.bind(number),
        Value::Bytes(known) => query.bind(known.to_vec()),
    }
}

/// A text for a statement: in the one form that sqlx takes over without another allocation.
fn text(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn optional_text(optional: Option<&String>) -> Option<Arc<str>> {
    optional.map(|known| text(known))
}

/// An id as the ledger holds it.
pub(super) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

impl Cells for SqliteRow {
    fn id(&self, position: usize) -> Result<Uuid, sqlx::Error> {
        let bytes = self.bytes(position)?;
        Uuid::from_slice(bytes).map_err(|_| sqlx::Error::Decode(format!("has {} bytes, not 16", bytes.len()).into()))
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

#[cfg(test)]
mod tests {
    use crate::grant::grant::State;

    #[test]
    fn no_states_name_is_part_of_anothers() {
        let states = [State::Issued, State::Completed, State::Rejected, State::Expired, State::Cancelled];
        for (one, other) in states.iter().flat_map(|one| states.iter().map(move |other| (one, other))) {
            assert_eq!(one.as_str().contains(other.as_str()), one == other, "{one:?} {other:?}");
        }
    }
}
