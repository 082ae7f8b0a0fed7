//! The ledger on PostgreSQL: a few writers with a group commit, look-ups in groups, a pool for the rest. Several
//! replicas share it.
//!
//! | file | what it is |
//! | --- | --- |
//! | `server` | the URL, and how a connection is made |
//! | `engine` | what is done over one connection |
//! | `statements`, `cells` | SQL, and how facts are written down |
//! | `listen` | hearing what other replicas did |
//! | `schema` | migrations, and refusing what is not ours |

mod cells;
mod engine;
mod listen;
pub(super) mod schema;
mod server;
mod statements;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{PgPool, Postgres, QueryBuilder, query, query_scalar};
use tokio_util::sync::DropGuard;
use uuid::Uuid;

pub(super) use self::server::Server;
use self::statements::FIND_DUE_BUCKETS;
use super::{
    failure::Failure,
    group_commit::{Counters, GroupCommit},
    link::Alarm,
    lookup::{Finder, complete_entries},
    outbox::Shelf,
    rows::{COMPLETION_COLUMNS, GRANT_COLUMNS, read_completion, read_grant},
};
use crate::{
    app::{
        ports::{
            CheckClaim, ClaimedCheck, GrantAdded, GrantChange, GrantChanged, GrantFilter, LedgerEntry, NewGrant, Purge,
            Purged, Store, StoreError,
        },
        watch::GrantWatch,
    },
    grant::completion::Completion,
};

/// Connections that write: while one waits for its commit, others fill theirs.
const WRITERS: usize = 3;

/// Connections for look-ups by id.
const FINDERS: usize = 2;

/// The ledger in one database.
pub(super) struct PostgresStore {
    writer: GroupCommit,
    finder: Finder,
    /// For what is rare beside these.
    pool: PgPool,
    /// Ends the listener.
    _listening: DropGuard,
}

impl PostgresStore {
    /// Opens a database whose schema has been checked. `watch` is told of what other replicas change.
    pub(super) async fn open(server: Server, counters: Arc<Counters>, watch: GrantWatch) -> Result<Self, Failure> {
        let alarm = Alarm::default();
        Ok(Self {
            writer: GroupCommit::start(vec![server.clone(); WRITERS], &alarm, counters).await?,
            finder: Finder::start(vec![server.clone(); FINDERS], &alarm).await?,
            _listening: listen::start(&server, watch).await?,
            pool: server.pool(),
        })
    }

    async fn list(&self, mut list: QueryBuilder<Postgres>) -> Result<Vec<LedgerEntry>, Failure> {
        let mut connection = self.pool.acquire().await?;
        let rows = list.build().fetch_all(&mut *connection).await?;
        let grants = rows.iter().map(read_grant).collect::<Result<_, _>>()?;
        complete_entries(&mut *connection, grants).await
    }

    async fn completions(&self, mut list: QueryBuilder<Postgres>) -> Result<Vec<Completion>, Failure> {
        let rows = list.build().fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(read_completion(row)?.1)).collect()
    }
}

impl Shelf for PostgresStore {
    type Database = Postgres;

    fn writer(&self) -> &GroupCommit {
        &self.writer
    }

    fn pool(&self) -> &PgPool {
        &self.pool
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn add_grant(&self, new: NewGrant) -> Result<GrantAdded, StoreError> {
        Ok(self.writer.add(new).await?)
    }

    async fn find_grant(&self, id: Uuid) -> Result<Option<LedgerEntry>, StoreError> {
        Ok(self.finder.find(id).await?)
    }

    async fn list_grants(&self, filter: &GrantFilter) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut list = QueryBuilder::new(format!("SELECT {GRANT_COLUMNS} FROM grants WHERE true"));
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
            list.push(" AND id < ").push_bind(before);
        }
        list.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
        Ok(self.list(list).await?)
    }

    async fn change_grant(&self, change: GrantChange) -> Result<GrantChanged, StoreError> {
        Ok(self.writer.change(change).await?)
    }

    async fn find_due_buckets(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let due = query_scalar(FIND_DUE_BUCKETS).bind(now.timestamp_micros()).fetch_all(&self.pool).await;
        Ok(due.map_err(Failure::from)?)
    }

    async fn claim_checks(&self, claim: CheckClaim) -> Result<Vec<ClaimedCheck>, StoreError> {
        Ok(self.writer.claim_checks(claim).await?)
    }

    async fn find_completion(&self, id: Uuid, key: &str, etag: &str) -> Result<Option<Completion>, StoreError> {
        let mut find = QueryBuilder::new(format!("SELECT {COMPLETION_COLUMNS} FROM completions WHERE grant_id = "));
        find.push_bind(id);
        find.push(" AND object_key = ").push_bind(key.to_owned());
        find.push(" AND etag = ").push_bind(etag.to_owned());
        Ok(self.completions(find).await?.pop())
    }

    async fn list_completions(&self, id: Uuid, limit: u32) -> Result<Vec<Completion>, StoreError> {
        let mut list = QueryBuilder::new(format!("SELECT {COMPLETION_COLUMNS} FROM completions WHERE grant_id = "));
        // Not `seq` itself: with its index the newest of all grants would be passed over until enough of this one are
        // found.
        list.push_bind(id).push(" ORDER BY seq + 0 DESC LIMIT ").push_bind(i64::from(limit));
        Ok(self.completions(list).await?)
    }

    async fn purge(&self, purge: Purge) -> Result<Purged, StoreError> {
        Ok(self.writer.purge(purge).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // A read as well: the ledger is of no use without either.
        query("SELECT beats FROM heartbeat").execute(&self.pool).await.map_err(Failure::from)?;
        Ok(self.writer.ping().await?)
    }
}
