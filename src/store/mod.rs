//! The ledger: grants, completions and the outbox, durably.
//!
//! | file | what it is |
//! | --- | --- |
//! | `shelf` | the port, on any engine |
//! | `sqlite`, `postgres` | the engines |
//! | `group_commit` | the tasks through which everything is written |
//! | `transaction` | what one transaction does |
//! | `lookup` | reading by id, for many callers at once |
//! | `outbox` | who is still to be told of what |
//! | `retention` | removing what has been kept long enough |
//! | `quota` | how many grants a user may have |
//! | `engine` | what these need of an engine |
//! | `rows` | what a row's cells mean |
//! | `queue` | what waits for an engine's tasks, in groups |
//! | `link` | a task's connection, made again after it broke |
//! | `failure` | why there was no answer |

mod engine;
mod failure;
mod group_commit;
mod link;
mod lookup;
mod outbox;
mod postgres;
mod queue;
mod quota;
mod retention;
mod rows;
mod shelf;
mod sqlite;
mod transaction;

use std::{path::Path, sync::Arc};

pub use self::group_commit::Counters;
use self::{failure::Failure, postgres::PostgresStore, sqlite::SqliteStore};
use crate::app::{ports::Ledger, watch::GrantWatch};

/// Why a ledger can't be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL's scheme is none of ours. The URL itself is not told: it may hold a password.
    #[error("a store URL is sqlite://PATH or postgres://…; `{0}` is not a store")]
    UnknownScheme(String),
    /// `sqlite://` with nothing after it.
    #[error("the store URL names no file: write sqlite://PATH")]
    NoPath,
    /// What the URL says, or what it leads to, is not what a ledger can be kept in.
    #[error("the store can't be used: {0}")]
    Unusable(String),
    /// The schema is missing, or older than this program.
    #[error("the store has no up-to-date schema: run `oss-valet migrate`")]
    NotMigrated,
    /// The schema is of a later version of this program, and not one that this version can work on.
    #[error("the store was migrated by a newer version of this program (migration {0})")]
    Newer(i64),
    /// It belongs to another program.
    #[error("the store is not an oss-valet ledger: {0}")]
    Foreign(String),
    /// It can't be opened, read or migrated.
    #[error("the store can't be opened: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Unreadable(failure.into())
    }
}

/// Opens a ledger whose schema is up to date ([`migrate`] makes it so). `watch` is told of the grants that other
/// processes change, as far as the engine lets us know.
///
/// Must be called inside a tokio runtime, on which the ledger's tasks then run. Dropping the last handle ends them,
/// after they have done what was queued.
///
/// # Errors
/// When the URL is not usable, or the schema is missing, foreign, older or newer.
pub async fn open(url: &str, counters: Arc<Counters>, watch: &GrantWatch) -> Result<Arc<dyn Ledger>, OpenError> {
    match Place::named_by(url)? {
        Place::File(path) => {
            sqlite::schema::check(path).await?;
            Ok(Arc::new(SqliteStore::open(path, counters).await?))
        }
        Place::Server(server) => {
            postgres::schema::check(&server).await?;
            Ok(Arc::new(PostgresStore::open(*server, counters, watch.clone()).await?))
        }
    }
}

/// Brings the schema up to date, creating a file where there is none. Doing it again does nothing, and doing it in
/// several processes at once does it once.
///
/// # Errors
/// When the URL is not usable, the file or database belongs to another program, or a migration fails.
pub async fn migrate(url: &str) -> Result<(), OpenError> {
    match Place::named_by(url)? {
        Place::File(path) => sqlite::schema::migrate(path).await,
        Place::Server(server) => postgres::schema::migrate(&server).await,
    }
}

/// Where a ledger is.
enum Place<'u> {
    File(&'u Path),
    Server(Box<postgres::Server>),
}

impl<'u> Place<'u> {
    fn named_by(url: &'u str) -> Result<Self, OpenError> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        match scheme {
            "sqlite" if rest.is_empty() => Err(OpenError::NoPath),
            "sqlite" => Ok(Self::File(Path::new(rest))),
            "postgres" | "postgresql" => Ok(Self::Server(Box::new(postgres::Server::at(url)?))),
            other => Err(OpenError::UnknownScheme(other.chars().take(16).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Option<&Path> {
        match Place::named_by(url) {
            Ok(Place::File(path)) => Some(path),
            _ => None,
        }
    }

    #[test]
    fn a_url_names_a_file_or_a_server() {
        assert_eq!(path("sqlite:///var/lib/ledger.db"), Some(Path::new("/var/lib/ledger.db")));
        assert_eq!(path("sqlite://ledger.db"), Some(Path::new("ledger.db")));
        assert!(matches!(Place::named_by("sqlite://"), Err(OpenError::NoPath)));
        assert!(matches!(Place::named_by("postgres://u:secret@h/d"), Ok(Place::Server(_))));
        assert!(matches!(Place::named_by("postgresql://h/d"), Ok(Place::Server(_))));
    }

    #[test]
    fn a_refused_url_does_not_tell_its_password() {
        let refused = Place::named_by("mysql://u:secret@h/d").err().unwrap().to_string();
        assert!(refused.contains("mysql") && !refused.contains("secret"), "{refused}");
    }
}
