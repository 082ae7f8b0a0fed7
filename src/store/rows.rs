//! Rows → domain: the one place that knows what a row's cells mean, in whatever engine they lie.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::failure::CorruptRow;
use crate::{
    grant::{
        completion::{Completion, CompletionSource},
        grant::{Grant, GrantKind, State},
        hook::{HookOutcome, HookRecord},
        profile::Method,
        trace_context::TraceContext,
    },
    oss::callback::ImageInfo,
};

/// The columns of `grants` in the order in which [`read_grant`] takes them, without `next_check_at`.
pub(super) const GRANT_COLUMNS: &str = "id, profile, method, state, reason, user_id, created_by, bucket, region, key, \
    content_type, min_size, max_size, declared_size, filename, vars, overwrite, oss_upload_id, kind, \
    issued_at, expires_at, write_until";

/// The columns of `completions` in the order in which [`read_completion`] takes them.
pub(super) const COMPLETION_COLUMNS: &str = "grant_id, object_key, size, etag, content_type, crc64, version_id, \
    image_width, image_height, image_format, completed_at, source, late, hook_outcome, hook_answer, reason";

/// The columns of `events`.
pub(super) const EVENT_COLUMNS: &str = "id, grant_id, type, time, payload, traceparent, tracestate";

/// The columns of `idempotency_keys`.
pub(super) const CLAIM_COLUMNS: &str = "scope_digest, request_digest, grant_id, claimed_at, expires_at";

/// What one change is made of.
pub(super) const CHANGE_COLUMNS: &str = "id, from_states, new_state, new_reason, new_oss_upload_id, new_expires_at, \
    new_write_until, move_check, new_check_at, lease";

/// A row, cell by cell; by position, because a look-up by name costs more than the rest of the reading.
pub(super) trait Cells {
    fn id(&self, position: usize) -> Result<Uuid, sqlx::Error>;
    fn text(&self, position: usize) -> Result<Option<&str>, sqlx::Error>;
    fn number(&self, position: usize) -> Result<Option<i64>, sqlx::Error>;
    fn flag(&self, position: usize) -> Result<bool, sqlx::Error>;
    fn bytes(&self, position: usize) -> Result<&[u8], sqlx::Error>;
}

/// Reads a row of [`GRANT_COLUMNS`].
pub(super) fn read_grant(row: &impl Cells) -> Result<Grant, CorruptRow> {
    read_next_grant(&mut Columns::of("grants", row))
}

/// Reads rows of `next_check_at` and [`GRANT_COLUMNS`]. What makes no sense is told and passed over: it is claimed all the same,
/// else it would be in the way of all others each time.
pub(super) fn read_due<'r, R: Cells + 'r>(rows: impl IntoIterator<Item = &'r R>) -> Vec<(DateTime<Utc>, Grant)> {
    let read = |row| {
        let mut row = Columns::of("grants", row);
        Ok((row.next_time("next_check_at")?, read_next_grant(&mut row)?))
    };
    let told = |corrupt: &CorruptRow| tracing::error!(error.cause = %corrupt, "a grant can't be looked after");
    rows.into_iter().filter_map(|row| read(row).inspect_err(told).ok()).collect()
}

/// Reads the id alone of such a row.
pub(super) fn read_due_id(row: &impl Cells) -> Result<Uuid, CorruptRow> {
    Columns { position: 1, ..Columns::of("grants", row) }.next_id("id")
}

fn read_next_grant(row: &mut Columns<'_, impl Cells>) -> Result<Grant, CorruptRow> {
    Ok(Grant {
        id: row.next_id("id")?,
        profile: row.next_text("profile")?,
        method: row.next_word("method", Method::from_name)?,
        state: row.next_word("state", State::from_name)?,
        reason: row.next_optional_text("reason")?,
        user_id: row.next_text("user_id")?,
        created_by: row.next_optional_text("created_by")?,
        bucket: row.next_text("bucket")?,
        region: row.next_text("region")?,
        key: row.next_text("key")?,
        content_type: row.next_text("content_type")?,
        min_size: row.next_number("min_size")?,
        max_size: row.next_number("max_size")?,
        declared_size: row.next_optional_number("declared_size")?,
        filename: row.next_optional_text("filename")?,
        vars: row.next_word("vars", |text| serde_json::from_str(text).ok())?,
        overwrite: row.next_flag("overwrite")?,
        oss_upload_id: row.next_optional_text("oss_upload_id")?,
        kind: row.next_word("kind", GrantKind::from_name)?,
        issued_at: row.next_time("issued_at")?,
        expires_at: row.next_time("expires_at")?,
        write_until: row.next_time("write_until")?,
    })
}

/// Reads a row of [`COMPLETION_COLUMNS`]: whose, and what.
pub(super) fn read_completion(row: &impl Cells) -> Result<(Uuid, Completion), CorruptRow> {
    let mut row = Columns::of("completions", row);
    let grant_id = row.next_id("grant_id")?;
    let completion = Completion {
        key: row.next_text("object_key")?,
        size: row.next_number("size")?,
        etag: row.next_text("etag")?,
        content_type: row.next_text("content_type")?,
        crc64: row.next_optional_text("crc64")?,
        version_id: row.next_optional_text("version_id")?,
        image: match (
            row.next_optional_number("image_width")?,
            row.next_optional_number("image_height")?,
            row.next_optional_text("image_format")?,
        ) {
            (Some(width), Some(height), Some(format)) => Some(ImageInfo { width, height, format }),
            _ => None,
        },
        completed_at: row.next_time("completed_at")?,
        source: row.next_word("source", CompletionSource::from_name)?,
        late: row.next_flag("late")?,
        hook: read_hook(&mut row)?,
        reason: row.next_optional_text("reason")?,
    };
    Ok((grant_id, completion))
}

fn read_hook(row: &mut Columns<'_, impl Cells>) -> Result<Option<HookRecord>, CorruptRow> {
    let outcome = row.next_optional_text("hook_outcome")?;
    let answer = row.next_optional_text("hook_answer")?;
    let Some(name) = outcome else { return Ok(None) };
    match HookOutcome::from_name(&name) {
        Some(outcome) => Ok(Some(HookRecord { outcome, answer })),
        None => Err(row.corrupt("hook_outcome", format!("can't be `{}`", name.escape_debug()))),
    }
}

/// Reads `request_digest, grant_id`.
pub(super) fn read_claim(row: &impl Cells) -> Result<([u8; 32], Uuid), CorruptRow> {
    let mut row = Columns::of("idempotency_keys", row);
    Ok((row.next_digest("request_digest")?, row.next_id("grant_id")?))
}

/// Reads `grant_id, object_key, etag` of a completion just inserted.
pub(super) fn read_completion_identity(row: &impl Cells) -> Result<(Uuid, String, String), CorruptRow> {
    let mut row = Columns::of("completions", row);
    Ok((row.next_id("grant_id")?, row.next_text("object_key")?, row.next_text("etag")?))
}

/// Reads the id in the first column.
pub(super) fn read_id(table: &'static str, row: &impl Cells) -> Result<Uuid, CorruptRow> {
    Columns::of(table, row).next_id("id")
}

/// Walks through a row.
pub(super) struct Columns<'r, R> {
    table: &'static str,
    row: &'r R,
    position: usize,
    grant: Option<Uuid>,
}

impl<'r, R: Cells> Columns<'r, R> {
    pub(super) fn of(table: &'static str, row: &'r R) -> Self {
        Self { table, row, position: 0, grant: None }
    }

    fn next<T>(
        &mut self,
        column: &'static str,
        cell: impl Fn(&'r R, usize) -> Result<T, sqlx::Error>,
    ) -> Result<T, CorruptRow> {
        let value = cell(self.row, self.position).map_err(|error| self.corrupt(column, error.to_string()));
        self.position += 1;
        value
    }

    pub(super) fn next_id(&mut self, column: &'static str) -> Result<Uuid, CorruptRow> {
        let id = self.next(column, R::id)?;
        self.grant = Some(id);
        Ok(id)
    }

    pub(super) fn next_optional_text(&mut self, column: &'static str) -> Result<Option<String>, CorruptRow> {
        Ok(self.next(column, R::text)?.map(str::to_owned))
    }

    pub(super) fn next_text(&mut self, column: &'static str) -> Result<String, CorruptRow> {
        self.next_optional_text(column)?.ok_or_else(|| self.missing(column))
    }

    /// The two columns of a place in a trace. What is none is no reason to lose an event.
    pub(super) fn next_trace(&mut self) -> Result<Option<TraceContext>, CorruptRow> {
        let (parent, state) = (self.next_optional_text("traceparent")?, self.next_optional_text("tracestate")?);
        Ok(parent.and_then(|parent| TraceContext::parse(&parent, state.as_deref())))
    }

    fn next_flag(&mut self, column: &'static str) -> Result<bool, CorruptRow> {
        self.next(column, R::flag)
    }

    fn next_digest(&mut self, column: &'static str) -> Result<[u8; 32], CorruptRow> {
        let bytes = self.next(column, R::bytes)?;
        bytes.try_into().map_err(|_| self.corrupt(column, "is not 32 bytes".into()))
    }

    pub(super) fn next_number<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, CorruptRow> {
        self.next_optional_number(column)?.ok_or_else(|| self.missing(column))
    }

    fn next_optional_number<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<Option<T>, CorruptRow> {
        let Some(number) = self.next(column, R::number)? else { return Ok(None) };
        match T::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.corrupt(column, format!("can't be {number}"))),
        }
    }

    pub(super) fn next_time(&mut self, column: &'static str) -> Result<DateTime<Utc>, CorruptRow> {
        let micros: i64 = self.next_number(column)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| self.corrupt(column, format!("is no time: {micros}")))
    }

    pub(super) fn next_optional_time(&mut self, column: &'static str) -> Result<Option<DateTime<Utc>>, CorruptRow> {
        let Some(micros) = self.next_optional_number(column)? else { return Ok(None) };
        let time = DateTime::from_timestamp_micros(micros);
        time.map(Some).ok_or_else(|| self.corrupt(column, format!("is no time: {micros}")))
    }

    pub(super) fn next_word<T>(
        &mut self,
        column: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, CorruptRow> {
        let word = self.next(column, R::text)?.ok_or_else(|| self.missing(column))?;
        parse(word).ok_or_else(|| self.corrupt(column, format!("can't be `{}`", word.escape_debug())))
    }

    fn missing(&self, column: &'static str) -> CorruptRow {
        self.corrupt(column, "is NULL".to_owned())
    }

    pub(super) fn corrupt(&self, column: &'static str, problem: String) -> CorruptRow {
        CorruptRow { table: self.table, column, grant: self.grant, problem }
    }
}

/// The variables as they are written down; the same text comes back.
pub(super) fn write_vars(grant: &Grant) -> String {
    if grant.vars.is_empty() {
        return "{}".to_owned();
    }
    serde_json::to_string(&grant.vars).expect("a map of strings is always JSON")
}
