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

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{
    ConnectOptions as _, QueryBuilder, Sqlite, SqliteConnection, SqlitePool, query, query_scalar,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use self::{checkpoint::Checkpointer, statements::FIND_DUE_BUCKETS};
use super::{
    engine::Connector,
    failure::Failure,
    group_commit::{Counters, GroupCommit},
    link::Alarm,
    lookup::{Finder, complete_entries},
    outbox::Shelf,
    rows::{COMPLETION_COLUMNS, GRANT_COLUMNS, read_completion, read_grant},
};
use crate::{
    app::ports::{
        CheckClaim, ClaimedCheck, GrantAdded, GrantChange, GrantChanged, GrantFilter, LedgerEntry, NewGrant, Purge,
        Purged, Store, StoreError,
    },
    grant::completion::Completion,
};

/// How long a statement waits for another process that writes (the command line, a backup). Within it a callback can
/// still be answered in OSS's 5 s.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections for lists, which are rare beside look-ups by id.
const READERS: u32 = 2;

/// The ledger in one file.
pub(super) struct SqliteStore {
    writer: GroupCommit,
    finder: Finder,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens an existing file whose schema has been checked.
    pub(super) async fn open(path: &Path, counters: Arc<Counters>) -> Result<Self, Failure> {
        let reading = options(path).pragma("query_only", "ON");
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

    async fn list(&self, mut list: QueryBuilder<Sqlite>) -> Result<Vec<LedgerEntry>, Failure> {
        let mut connection = self.readers.acquire().await?;
        let rows = list.build().fetch_all(&mut *connection).await?;
        let grants = rows.iter().map(read_grant).collect::<Result<_, _>>()?;
        complete_entries(&mut *connection, grants).await
    }

    async fn completions(&self, mut list: QueryBuilder<Sqlite>) -> Result<Vec<Completion>, Failure> {
        let mut connection = self.readers.acquire().await?;
        let rows = list.build().fetch_all(&mut *connection).await?;
        rows.iter().map(|row| Ok(read_completion(row)?.1)).collect()
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

/// The newest grants that the filter lets through.
fn select_newest(filter: &GrantFilter) -> QueryBuilder<Sqlite> {
    let mut list = QueryBuilder::new(format!("SELECT {GRANT_COLUMNS} FROM grants WHERE 1"));
    if let Some(user_id) = &filter.user_id {
        list.push(" AND user_id = ").push_bind(user_id.clone());
    }
    if let Some(state) = filter.state {
        list.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(profile) = &filter.profile {
        list.push(" AND profile = ").push_bind(profile.clone());
    }
    if let Some(before) = filter.before {
        list.push(" AND id < ").push_bind(cells::blob(before));
    }
    list.push(" ORDER BY id DESC LIMIT ").push_bind(filter.limit);
    list
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
        // KiB, taken only when used: the leaves of `grants_by_user` are hit at random.
        .pragma("cache_size", "-16384")
        .disable_statement_logging()
}

impl Shelf for SqliteStore {
    type Database = Sqlite;

    fn writer(&self) -> &GroupCommit {
        &self.writer
    }

    fn pool(&self) -> &SqlitePool {
        &self.readers
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn add_grant(&self, new: NewGrant) -> Result<GrantAdded, StoreError> {
        Ok(self.writer.add(new).await?)
    }

    async fn find_grant(&self, id: Uuid) -> Result<Option<LedgerEntry>, StoreError> {
        Ok(self.finder.find(id).await?)
    }

    async fn list_grants(&self, filter: &GrantFilter) -> Result<Vec<LedgerEntry>, StoreError> {
        Ok(self.list(select_newest(filter)).await?)
    }

    async fn change_grant(&self, change: GrantChange) -> Result<GrantChanged, StoreError> {
        Ok(self.writer.change(change).await?)
    }

    async fn find_due_buckets(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let due = query_scalar(FIND_DUE_BUCKETS).bind(now.timestamp_micros()).fetch_all(&self.readers).await;
        Ok(due.map_err(Failure::from)?)
    }

    async fn claim_checks(&self, claim: CheckClaim) -> Result<Vec<ClaimedCheck>, StoreError> {
        Ok(self.writer.claim_checks(claim).await?)
    }

    async fn find_completion(&self, id: Uuid, key: &str, etag: &str) -> Result<Option<Completion>, StoreError> {
        let mut find = QueryBuilder::new(format!("SELECT {COMPLETION_COLUMNS} FROM completions WHERE grant_id = "));
        find.push_bind(cells::blob(id));
        find.push(" AND object_key = ").push_bind(key.to_owned());
        find.push(" AND etag = ").push_bind(etag.to_owned());
        Ok(self.completions(find).await?.pop())
    }

    async fn list_completions(&self, id: Uuid, limit: u32) -> Result<Vec<Completion>, StoreError> {
        let mut list = QueryBuilder::new(format!("SELECT {COMPLETION_COLUMNS} FROM completions WHERE grant_id = "));
        list.push_bind(cells::blob(id)).push(" ORDER BY seq DESC LIMIT ").push_bind(limit);
        Ok(self.completions(list).await?)
    }

    async fn purge(&self, purge: Purge) -> Result<Purged, StoreError> {
        Ok(self.writer.purge(purge).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // A read as well: the ledger is of no use without either.
        let mut connection = self.readers.acquire().await.map_err(Failure::from)?;
        query("SELECT beats FROM heartbeat").execute(&mut *connection).await.map_err(Failure::from)?;
        Ok(self.writer.ping().await?)
    }
}
