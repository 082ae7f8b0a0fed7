//! Why the ledger did not answer.

use std::sync::Arc;

use sqlx::{
    error::{DatabaseError, ErrorKind},
    postgres::PgDatabaseError,
};
use uuid::Uuid;

use crate::{
    app::ports::{GrantChange, StoreError},
    grant::grant::Grant,
    instruments,
};

/// What can go wrong inside; shared, because one failed commit is the answer to everybody in the batch.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// The engine says no, or can't be reached.
    #[error(transparent)]
    Sql(Arc<sqlx::Error>),
    /// What is in the ledger makes no sense.
    #[error(transparent)]
    Corrupt(#[from] CorruptRow),
    /// What is to be written does not fit.
    #[error(transparent)]
    Unrepresentable(#[from] Unrepresentable),
    /// An idempotency key whose grant is gone.
    #[error("an idempotency key is claimed by a grant that is not in the ledger")]
    OrphanedClaim,
    /// The engine did not answer in time. Whether it did what it was asked for is not known.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The ledger was closed, or its task is gone.
    #[error("the ledger is closed")]
    Closed,
}

impl Failure {
    /// In one word, for metrics.
    fn kind(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::Corrupt(_) | Self::OrphanedClaim => "corrupt",
            Self::Unrepresentable(_) => "unrepresentable",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
        }
    }

    /// Whether one operation is to blame, so that its neighbours in the batch deserve another try without it. Anything
    /// else (disk full, locked, I/O) would only fail again, once for each of them.
    pub(super) fn blames_one_operation(&self) -> bool {
        match self {
            Self::Sql(error) => error.as_database_error().is_some_and(|error| {
                matches!(
                    error.kind(),
                    ErrorKind::UniqueViolation
                        | ErrorKind::ForeignKeyViolation
                        | ErrorKind::NotNullViolation
                        | ErrorKind::CheckViolation
                ) || sqlstate(error).is_some_and(is_of_one_operation)
            }),
            Self::Corrupt(_) | Self::Unrepresentable(_) | Self::OrphanedClaim => true,
            Self::TimedOut | Self::Closed => false,
        }
    }

    /// Whether the connection is of no use any more. An error that the engine reports leaves it usable, unless it is the
    /// news that the server goes away, or must not be written to any more.
    pub(super) fn breaks_the_connection(&self) -> bool {
        match self {
            Self::Sql(error) => match &**error {
                sqlx::Error::Database(error) => sqlstate(&**error).is_some_and(is_of_the_server),
                sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => false,
                _ => true,
            },
            Self::TimedOut => true,
            Self::Corrupt(_) | Self::Unrepresentable(_) | Self::OrphanedClaim | Self::Closed => false,
        }
    }
}

/// PostgreSQL's code of an error; SQLite's are no SQLSTATEs.
fn sqlstate(error: &dyn DatabaseError) -> Option<&str> {
    error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}

/// Data that can't be stored; transactions that got in each other's way, which single operations can't.
fn is_of_one_operation(sqlstate: &str) -> bool {
    ["22", "40"].iter().any(|class| sqlstate.starts_with(class))
}

/// Connection lost, server stopped, transaction sat idle too long, or a server that has become a standby: only another
/// connection can be better.
fn is_of_the_server(sqlstate: &str) -> bool {
    ["08", "57P", "25P03", "25006"].iter().any(|prefix| sqlstate.starts_with(prefix))
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl From<Failure> for StoreError {
    /// Counted here, where it becomes somebody's answer: whatever fails inside, and is tried again, is nobody's business.
    fn from(failure: Failure) -> Self {
        instruments::store_error(failure.kind());
        Self(Box::new(failure))
    }
}

/// A row that this program can't have written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("corrupt row in the ledger: column `{column}` of `{table}`{} {problem}", of_grant(*.grant))]
pub(super) struct CorruptRow {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) grant: Option<Uuid>,
    pub(super) problem: String,
}

fn of_grant(grant: Option<Uuid>) -> String {
    grant.map(|id| format!(" (grant {id})")).unwrap_or_default()
}

/// A fact that no row can hold.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("`{0}` is beyond what the ledger can hold")]
pub(super) struct Unrepresentable(&'static str);

/// Whether every number of the grant fits its column; asked before it is queued, so that a batch can't fail on it.
pub(super) fn check_grant(grant: &Grant) -> Result<(), Unrepresentable> {
    fits("min_size", grant.min_size)?;
    fits("max_size", grant.max_size)?;
    fits("declared_size", grant.declared_size.unwrap_or_default())
}

/// As [`check_grant`], for a change.
pub(super) fn check_change(change: &GrantChange) -> Result<(), Unrepresentable> {
    change.completion.as_ref().map_or(Ok(()), |completion| fits("size", completion.size))
}

fn fits(name: &'static str, value: u64) -> Result<(), Unrepresentable> {
    if i64::try_from(value).is_ok() { Ok(()) } else { Err(Unrepresentable(name)) }
}
