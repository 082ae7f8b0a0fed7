//! The port on any engine: written is through the group commit, looked up through the finder, and the rest is asked over a
//! connection of the pool.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Database, Pool, pool::PoolConnection};
use uuid::Uuid;

use super::{
    engine::{Engine, Value},
    failure::Failure,
    group_commit::GroupCommit,
    lookup::{Finder, complete_entries},
    rows::{COMPLETION_COLUMNS, Columns, GRANT_COLUMNS, read_completion, read_grant},
};
use crate::{
    app::ports::{
        CheckClaim, ClaimedCheck, GrantAdded, GrantChange, GrantChanged, GrantFilter, LedgerEntry, NewGrant, Purge,
        Purged, Store, StoreError,
    },
    grant::completion::Completion,
};

/// What a ledger is kept in.
pub(super) trait Shelf: Send + Sync {
    type Database: Database<Connection: Engine>;

    fn writer(&self) -> &GroupCommit;

    fn finder(&self) -> &Finder;

    /// For what is rare beside these.
    fn pool(&self) -> &Pool<Self::Database>;
}

pub(super) async fn reader<S: Shelf>(shelf: &S) -> Result<PoolConnection<S::Database>, Failure> {
    Ok(shelf.pool().acquire().await?)
}

#[async_trait]
impl<S: Shelf> Store for S {
    async fn add_grant(&self, new: NewGrant) -> Result<GrantAdded, StoreError> {
        Ok(self.writer().add(new).await?)
    }

    async fn find_grant(&self, id: Uuid) -> Result<Option<LedgerEntry>, StoreError> {
        Ok(self.finder().find(id).await?)
    }

    async fn list_grants(&self, filter: &GrantFilter) -> Result<Vec<LedgerEntry>, StoreError> {
        Ok(list_grants(&mut *reader(self).await?, filter).await?)
    }

    async fn change_grant(&self, change: GrantChange) -> Result<GrantChanged, StoreError> {
        Ok(self.writer().change(change).await?)
    }

    async fn find_due_buckets(&self, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        Ok(find_due_buckets(&mut *reader(self).await?, now).await?)
    }

    async fn claim_checks(&self, claim: CheckClaim) -> Result<Vec<ClaimedCheck>, StoreError> {
        Ok(self.writer().claim_checks(claim).await?)
    }

    async fn find_completion(&self, id: Uuid, key: &str, etag: &str) -> Result<Option<Completion>, StoreError> {
        let object = [Value::Id(id), Value::Text(key), Value::Text(etag)];
        let which = "grant_id = $1 AND object_key = $2 AND etag = $3";
        Ok(completions(&mut *reader(self).await?, which, &object).await?.pop())
    }

    async fn list_completions(&self, id: Uuid, limit: u32) -> Result<Vec<Completion>, StoreError> {
        // Not `seq` itself: with its index PostgreSQL would pass over the newest of all grants until enough of this one are
        // found.
        let newest = "grant_id = $1 ORDER BY seq + 0 DESC LIMIT $2";
        Ok(completions(&mut *reader(self).await?, newest, &[Value::Id(id), Value::Number(limit.into())]).await?)
    }

    async fn purge(&self, purge: Purge) -> Result<Purged, StoreError> {
        Ok(self.writer().purge(purge).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // A read as well: the ledger is of no use without either.
        reader(self).await?.rows("SELECT beats FROM heartbeat", &[]).await?;
        Ok(self.writer().ping().await?)
    }
}

async fn list_grants<E: Engine>(engine: &mut E, filter: &GrantFilter) -> Result<Vec<LedgerEntry>, Failure> {
    let (statement, values) = select_newest(filter);
    let rows = engine.rows(AssertSqlSafe(statement), &values).await?;
    let grants = rows.iter().map(read_grant).collect::<Result<_, _>>()?;
    complete_entries(engine, grants).await
}

/// The newest grants that the filter lets through. No value of the filter stands in the statement.
pub(super) fn select_newest(filter: &GrantFilter) -> (String, Vec<Value<'_>>) {
    let conditions = [
        ("user_id =", filter.user_id.as_deref().map(Value::Text)),
        ("state =", filter.state.map(|state| Value::Text(state.as_str()))),
        ("profile =", filter.profile.as_deref().map(Value::Text)),
        ("id <", filter.before.map(Value::Id)),
    ];
    let mut clauses = String::new();
    let mut values = Vec::with_capacity(conditions.len() + 1);
    for (condition, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            clauses = format!("{clauses} AND {condition} ${}", values.len());
        }
    }
    values.push(Value::Number(filter.limit.into()));
    let limit = values.len();
    (format!("SELECT {GRANT_COLUMNS} FROM grants WHERE true{clauses} ORDER BY id DESC LIMIT ${limit}"), values)
}

async fn find_due_buckets<E: Engine>(engine: &mut E, now: DateTime<Utc>) -> Result<Vec<String>, Failure> {
    let due = engine.rows(E::FIND_DUE_BUCKETS, &[Value::Number(now.timestamp_micros())]).await?;
    due.iter().map(|row| Ok(Columns::of("grants", row).next_text("bucket")?)).collect()
}

async fn completions<E: Engine>(
    engine: &mut E,
    which: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<Completion>, Failure> {
    let statement = AssertSqlSafe(format!("SELECT {COMPLETION_COLUMNS} FROM completions WHERE {which}"));
    let rows = engine.rows(statement, values).await?;
    rows.iter().map(|row| Ok(read_completion(row)?.1)).collect()
}
