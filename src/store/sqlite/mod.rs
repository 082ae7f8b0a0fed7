//! The ledger on SQLite: one writer with a group commit, look-ups in groups, a small pool for lists.
//!
//! | file | what it is |
//! | --- | --- |
//! | `engine` | what is done over one connection |
//! | `checkpoint` | carrying the log over, beside the writer |
//! | `statements`, `cells` | SQL, and how facts are written down |
//! | `schema` | migrations, and refusing what is not ours |

mod cells;
mod checkpoint;
mod engine;
#[cfg(test)]
mod plan_tests;
pub(super) mod schema;
mod statements;

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions as _, Sqlite, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::checkpoint::Checkpointer;
use super::{
    engine::Connector,
    failure::Failure,
    group_commit::{Counters, GroupCommit},
    link::Alarm,
    lookup::Finder,
    shelf::Shelf,
};

/// How long a statement waits for another process that writes (the command line, a backup). Within it a callback can
/// still be answered in OSS's 5 s.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections for lists, which are rare beside look-ups by id.
const READERS: u32 = 2;

/// Page caches, in KiB, taken only when used. The writer hits leaves of `grants_by_user` at random; readers ask for what is new,
/// and the system holds the file's pages anyway.
const WRITERS_CACHE: &str = "-8192";
const READERS_CACHE: &str = "-2048";

/// The ledger in one file.
pub(super) struct SqliteStore {
    writer: GroupCommit,
    finder: Finder,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens an existing file whose schema has been checked.
    pub(super) async fn open(path: &Path, counters: Arc<Counters>) -> Result<Self, Failure> {
        let reading = options(path).pragma("query_only", "ON").pragma("cache_size", READERS_CACHE);
        let writing =
            Writing { checkpointer: Checkpointer::start(options(path).connect().await?), options: options(path) };
        let alarm = Alarm::default();
        Ok(Self {
            writer: GroupCommit::start(vec![writing], &alarm, counters).await?,
            finder: Finder::start(vec![Reading(reading.clone())], &alarm).await?,
            readers: SqlitePoolOptions::new()
                .max_connections(READERS)
                .acquire_timeout(BUSY_TIMEOUT)
                // Asking a local file whether it is still there costs as much as the question itself.
                .test_before_acquire(false)
                .connect_lazy_with(reading),
        })
    }
}

/// For the one writer.
struct Writing {
    options: SqliteConnectOptions,
    checkpointer: Checkpointer,
}

impl Connector for Writing {
    type Connection = SqliteConnection;
    const PATIENCE: Option<Duration> = None;

    async fn connect(&self) -> Result<SqliteConnection, Failure> {
        Ok(self.options.connect().await?)
    }

    async fn after_commit(&mut self, operations: usize, connection: &mut SqliteConnection) {
        self.checkpointer.after_commit(operations, connection).await;
    }
}

/// For look-ups.
struct Reading(SqliteConnectOptions);

impl Connector for Reading {
    type Connection = SqliteConnection;
    const PATIENCE: Option<Duration> = None;

    async fn connect(&self) -> Result<SqliteConnection, Failure> {
        Ok(self.0.connect().await?)
    }
}

/// How every connection is made.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        // Readers never wait for the writer, and a commit is one sequential write and one fsync.
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode NORMAL would not sync at a commit: what was answered could be lost with the machine's power.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // Never within a commit: `checkpoint` does it, without letting callers wait.
        .pragma("wal_autocheckpoint", "0")
        // After a burst the log shrinks to this again.
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", WRITERS_CACHE)
        .disable_statement_logging()
}

impl Shelf for SqliteStore {
    type Database = Sqlite;

    fn writer(&self) -> &GroupCommit {
        &self.writer
    }

    fn finder(&self) -> &Finder {
        &self.finder
    }

    fn pool(&self) -> &SqlitePool {
        &self.readers
    }
}
