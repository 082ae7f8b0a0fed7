//! Why the ledger did not answer.

use std::sync::Arc;

use sqlx::error::ErrorKind;

use super::rows::{CorruptRow, Unrepresentable};
use crate::app::ports::StoreError;

/// What can go wrong inside; shared, because one failed commit is the answer to everybody in the batch.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// SQLite says no, or can't be reached.
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
    /// The ledger was closed, or its task is gone.
    #[error("the ledger is closed")]
    Closed,
}

impl Failure {
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
                )
            }),
            Self::Corrupt(_) | Self::Unrepresentable(_) | Self::OrphanedClaim => true,
            Self::Closed => false,
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}
