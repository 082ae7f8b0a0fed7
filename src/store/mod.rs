//! The ledger: grants, completions and the outbox, durably.
//!
//! | file | what it is |
//! | --- | --- |
//! | `sqlite` | the port on SQLite |
//! | `queue` | what waits for an engine's tasks, in groups |
//! | `failure` | why there was no answer |

mod failure;
mod queue;
mod sqlite;

use std::{path::Path, sync::Arc};

pub use sqlite::Counters;

use crate::app::ports::Store;

/// Why a ledger can't be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL's scheme is none of ours. The URL itself is not told: it may hold a password.
    #[error("a store URL is sqlite://PATH; `{0}` is not a store")]
    UnknownScheme(String),
    /// Postgres.
    #[error("PostgreSQL as a store is not available yet; use sqlite://PATH")]
    NotAvailableYet,
    /// `sqlite://` with nothing after it.
    #[error("the store URL names no file: write sqlite://PATH")]
    NoPath,
    /// The schema is missing, or older than this program.
    #[error("the store has no up-to-date schema: run `oss-valet migrate`")]
    NotMigrated,
    /// The schema is of a later version of this program.
    #[error("the store was migrated by a newer version of this program (migration {0})")]
    Newer(i64),
    /// The file belongs to another program.
    #[error("the store is not an oss-valet ledger: {0}")]
    Foreign(String),
    /// It can't be opened, read or migrated.
    #[error("the store can't be opened: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Opens a ledger whose schema is up to date ([`migrate`] makes it so).
///
/// Must be called inside a tokio runtime, on which the ledger's tasks then run. Dropping the last handle ends them,
/// after they have done what was queued.
///
/// # Errors
/// When the URL is not usable, or the schema is missing, foreign, older or newer.
pub async fn open(url: &str, counters: Arc<Counters>) -> Result<Arc<dyn Store>, OpenError> {
    let path = sqlite_path(url)?;
    sqlite::schema::check(path).await?;
    let store = sqlite::SqliteStore::open(path, counters).await;
    Ok(Arc::new(store.map_err(|error| OpenError::Unreadable(error.into()))?))
}

/// Brings the schema up to date, creating the ledger where there is none. Doing it again does nothing.
///
/// # Errors
/// When the URL is not usable, the file belongs to another program, or a migration fails.
pub async fn migrate(url: &str) -> Result<(), OpenError> {
    sqlite::schema::migrate(sqlite_path(url)?).await
}

fn sqlite_path(url: &str) -> Result<&Path, OpenError> {
    let (scheme, path) = url.split_once("://").unwrap_or((url, ""));
    match scheme {
        "sqlite" if path.is_empty() => Err(OpenError::NoPath),
        "sqlite" => Ok(Path::new(path)),
        "postgres" | "postgresql" => Err(OpenError::NotAvailableYet),
        other => Err(OpenError::UnknownScheme(other.chars().take(16).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sqlite_url_with_a_path_names_a_ledger() {
        assert_eq!(sqlite_path("sqlite:///var/lib/ledger.db").unwrap(), Path::new("/var/lib/ledger.db"));
        assert_eq!(sqlite_path("sqlite://ledger.db").unwrap(), Path::new("ledger.db"));
        assert!(matches!(sqlite_path("sqlite://"), Err(OpenError::NoPath)));
        assert!(matches!(sqlite_path("postgres://u:secret@h/d"), Err(OpenError::NotAvailableYet)));
    }

    #[test]
    fn a_refused_url_does_not_tell_its_password() {
        let refused = sqlite_path("mysql://u:secret@h/d").unwrap_err().to_string();
        assert!(refused.contains("mysql") && !refused.contains("secret"), "{refused}");
    }
}
