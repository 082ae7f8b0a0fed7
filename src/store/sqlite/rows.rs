//! Rows ↔ domain: the one place that knows how facts are written down in SQLite.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{
    Decode, Row, Sqlite, Type,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use crate::{
    app::ports::{GrantChange, NewGrant, NextCheck},
    grant::{
        completion::{Completion, CompletionSource},
        event::Event,
        grant::{Grant, GrantKind, State},
        hook::{HookOutcome, HookRecord},
        profile::Method,
    },
    oss::callback::ImageInfo,
    store::failure::CorruptRow,
};

/// A statement being bound.
pub(super) type Bound = Query<'static, Sqlite, SqliteArguments>;

/// The columns of `grants` in the order in which [`bind_grant`] and [`read_grant`] take them, without `next_check_at`.
pub(super) const GRANT_COLUMNS: &str = "id, profile, method, state, reason, user_id, created_by, bucket, region, key, \
    content_type, min_size, max_size, declared_size, filename, vars, overwrite, oss_upload_id, kind, issued_at, expires_at, write_until";

/// The columns of `completions` in the order in which [`bind_completion`] and [`read_completion`] take them.
pub(super) const COMPLETION_COLUMNS: &str = "grant_id, object_key, size, etag, content_type, crc64, version_id, \
    image_width, image_height, image_format, completed_at, source, late, hook_outcome, hook_answer, reason";

/// The columns of `events` in the order of [`bind_event`].
pub(super) const EVENT_COLUMNS: &str = "id, grant_id, type, time, payload";

/// The columns of `idempotency_keys` in the order of [`bind_claim`].
pub(super) const CLAIM_COLUMNS: &str = "scope_digest, request_digest, grant_id, claimed_at, expires_at";

/// What one change is made of, in the order of [`bind_change`].
pub(super) const CHANGE_COLUMNS: &str = "id, from_states, new_state, new_reason, new_oss_upload_id, new_expires_at, new_write_until, move_check, new_check_at";

/// Binds one row of `grants`: [`GRANT_COLUMNS`] and `next_check_at`.
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

/// Binds one change: [`CHANGE_COLUMNS`].
pub(super) fn bind_change(query: Bound, change: &GrantChange) -> Bound {
    let (move_check, new_check_at) = match change.next_check {
        NextCheck::Keep => (false, None),
        NextCheck::At(at) => (true, Some(micros(at))),
        NextCheck::Never => (true, None),
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
}

/// Binds one row of `completions`: [`COMPLETION_COLUMNS`].
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

/// Binds one row of `events`: [`EVENT_COLUMNS`].
pub(super) fn bind_event(query: Bound, event: &Event) -> Bound {
    query
        .bind(blob(event.id))
        .bind(blob(event.grant_id))
        .bind(text(event.kind.as_str()))
        .bind(micros(event.time))
        .bind(text(&event.payload))
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

/// Reads a row of [`GRANT_COLUMNS`].
pub(super) fn read_grant(row: &SqliteRow) -> Result<Grant, CorruptRow> {
    let mut row = Columns::of("grants", row);
    Ok(Grant {
        id: row.next_id("id")?,
        profile: row.next("profile")?,
        method: row.next_word("method", Method::from_name)?,
        state: row.next_word("state", State::from_name)?,
        reason: row.next("reason")?,
        user_id: row.next("user_id")?,
        created_by: row.next("created_by")?,
        bucket: row.next("bucket")?,
        region: row.next("region")?,
        key: row.next("key")?,
        content_type: row.next("content_type")?,
        min_size: row.next_number("min_size")?,
        max_size: row.next_number("max_size")?,
        declared_size: row.next_optional_number("declared_size")?,
        filename: row.next("filename")?,
        vars: row.next_word("vars", |text| serde_json::from_str(text).ok())?,
        overwrite: row.next("overwrite")?,
        oss_upload_id: row.next("oss_upload_id")?,
        kind: row.next_word("kind", GrantKind::from_name)?,
        issued_at: row.next_time("issued_at")?,
        expires_at: row.next_time("expires_at")?,
        write_until: row.next_time("write_until")?,
    })
}

/// Reads a row of [`COMPLETION_COLUMNS`]: whose, and what.
pub(super) fn read_completion(row: &SqliteRow) -> Result<(Uuid, Completion), CorruptRow> {
    let mut row = Columns::of("completions", row);
    let grant_id = row.next_id("grant_id")?;
    let completion = Completion {
        key: row.next("object_key")?,
        size: row.next_number("size")?,
        etag: row.next("etag")?,
        content_type: row.next("content_type")?,
        crc64: row.next("crc64")?,
        version_id: row.next("version_id")?,
        image: match (row.next("image_width")?, row.next("image_height")?, row.next("image_format")?) {
            (Some(width), Some(height), Some(format)) => Some(ImageInfo { width, height, format }),
            _ => None,
        },
        completed_at: row.next_time("completed_at")?,
        source: row.next_word("source", CompletionSource::from_name)?,
        late: row.next("late")?,
        hook: read_hook(&mut row)?,
        reason: row.next("reason")?,
    };
    Ok((grant_id, completion))
}

fn read_hook(row: &mut Columns<'_>) -> Result<Option<HookRecord>, CorruptRow> {
    let outcome: Option<String> = row.next("hook_outcome")?;
    let answer = row.next("hook_answer")?;
    let Some(name) = outcome else { return Ok(None) };
    match HookOutcome::from_name(&name) {
        Some(outcome) => Ok(Some(HookRecord { outcome, answer })),
        None => Err(row.corrupt("hook_outcome", format!("can't be `{}`", name.escape_debug()))),
    }
}

/// Reads `request_digest, grant_id`.
pub(super) fn read_claim(row: &SqliteRow) -> Result<([u8; 32], Uuid), CorruptRow> {
    let mut row = Columns::of("idempotency_keys", row);
    let digest: Vec<u8> = row.next("request_digest")?;
    let digest = digest.try_into().map_err(|_| row.corrupt("request_digest", "is not 32 bytes".into()))?;
    Ok((digest, row.next_id("grant_id")?))
}

/// Reads `grant_id, object_key, etag` of a completion just inserted.
pub(super) fn read_completion_identity(row: &SqliteRow) -> Result<(Uuid, String, String), CorruptRow> {
    let mut row = Columns::of("completions", row);
    Ok((row.next_id("grant_id")?, row.next("object_key")?, row.next("etag")?))
}

/// Reads the id in the first column.
pub(super) fn read_id(table: &'static str, row: &SqliteRow) -> Result<Uuid, CorruptRow> {
    Columns::of(table, row).next_id("id")
}

/// Walks through a row; by position, because a look-up by name costs more than the rest of the reading.
struct Columns<'r> {
    table: &'static str,
    row: &'r SqliteRow,
    position: usize,
    grant: Option<Uuid>,
}

impl<'r> Columns<'r> {
    fn of(table: &'static str, row: &'r SqliteRow) -> Self {
        Self { table, row, position: 0, grant: None }
    }

    fn next<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self, column: &'static str) -> Result<T, CorruptRow> {
        let value = self.row.try_get(self.position).map_err(|error| self.corrupt(column, error.to_string()));
        self.position += 1;
        value
    }

    fn next_id(&mut self, column: &'static str) -> Result<Uuid, CorruptRow> {
        let bytes: &[u8] = self.next(column)?;
        let id =
            Uuid::from_slice(bytes).map_err(|_| self.corrupt(column, format!("has {} bytes, not 16", bytes.len())))?;
        self.grant = Some(id);
        Ok(id)
    }

    fn next_number(&mut self, column: &'static str) -> Result<u64, CorruptRow> {
        let number: i64 = self.next(column)?;
        u64::try_from(number).map_err(|_| self.corrupt(column, format!("is negative: {number}")))
    }

    fn next_optional_number(&mut self, column: &'static str) -> Result<Option<u64>, CorruptRow> {
        let number: Option<i64> = self.next(column)?;
        let number = number.map(|number| u64::try_from(number).map_err(|_| self.corrupt(column, "is negative".into())));
        number.transpose()
    }

    fn next_time(&mut self, column: &'static str) -> Result<DateTime<Utc>, CorruptRow> {
        let micros: i64 = self.next(column)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| self.corrupt(column, format!("is no time: {micros}")))
    }

    fn next_word<T>(&mut self, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, CorruptRow> {
        let word: &str = self.next(column)?;
        parse(word).ok_or_else(|| self.corrupt(column, format!("can't be `{}`", word.escape_debug())))
    }

    fn corrupt(&self, column: &'static str, problem: String) -> CorruptRow {
        CorruptRow { table: self.table, column, grant: self.grant, problem }
    }
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

fn write_vars(grant: &Grant) -> String {
    if grant.vars.is_empty() {
        return "{}".to_owned();
    }
    serde_json::to_string(&grant.vars).expect("a map of strings is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_states_name_is_part_of_anothers() {
        let states = [State::Issued, State::Completed, State::Rejected, State::Expired, State::Cancelled];
        for (one, other) in states.iter().flat_map(|one| states.iter().map(move |other| (one, other))) {
            assert_eq!(one.as_str().contains(other.as_str()), one == other, "{one:?} {other:?}");
        }
    }
}
