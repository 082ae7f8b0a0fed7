//! The engine's work over one connection to a SQLite file.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, SqlSafeStr, SqliteConnection, query, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    super::{
        engine::{Engine, Value},
        failure::Failure,
        outbox::{Wanted, claim_deliveries},
        quota::{Reach, read_usage},
        retention::{delete_events, delete_grants, delete_keys},
        rows,
    },
    cells,
    statements::{
        ADD_DELIVERIES, CHANGE_GRANTS, CLAIM_KEYS, COUNT_USAGE, FIND_COMPLETIONS, FIND_DUE_BUCKETS, FIND_DUE_CHECKS,
        FIND_GRANTS, FIND_OLDEST_OF_DAY, INSERT_COMPLETIONS, INSERT_EVENTS, INSERT_GRANTS, LARGEST, LEASE_CHECKS,
    },
};
use crate::{
    app::ports::{CheckClaim, GrantChange, NewGrant},
    grant::{completion::Completion, event::Event, grant::Grant, quota::Usage},
};

impl Engine for SqliteConnection {
    type Row = SqliteRow;
    const ONE_STATEMENT: usize = LARGEST;
    // Only one connection writes at a time.
    const CLAIM_DELIVERIES: &'static str = claim_deliveries!("");
    const PURGE_GRANTS: &'static str = delete_grants!("");
    const PURGE_EVENTS: &'static str = delete_events!("");
    const PURGE_KEYS: &'static str = delete_keys!("");
    const FIND_DUE_BUCKETS: &'static str = FIND_DUE_BUCKETS;
    const FIND_OLDEST_OF_DAY: &'static str = FIND_OLDEST_OF_DAY;

    async fn begin(&mut self) -> Result<(), Failure> {
        run(self, "BEGIN IMMEDIATE").await
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        run(self, "COMMIT").await
    }

    async fn roll_back(&mut self) -> bool {
        // After some errors SQLite has rolled back by itself, and then ROLLBACK is an error: only whether the connection
        // still answers tells.
        run(self, "ROLLBACK").await.is_ok() || is_idle(self).await
    }

    async fn is_alive(&mut self) -> bool {
        // Its other end is in this process.
        true
    }

    async fn close(self) {
        let _ = sqlx::Connection::close(self).await;
    }

    async fn insert_grants(&mut self, grants: &[&NewGrant]) -> Result<(), Failure> {
        for (statement, piece) in INSERT_GRANTS.split(grants) {
            piece.iter().fold(query(statement), |query, new| cells::bind_grant(query, new)).execute(&mut *self).await?;
        }
        Ok(())
    }

    async fn claim_keys(&mut self, claimants: &[&NewGrant]) -> Result<HashSet<Uuid>, Failure> {
        let mut won = HashSet::with_capacity(claimants.len());
        for (statement, piece) in CLAIM_KEYS.split(claimants) {
            let query = piece.iter().fold(query(statement), |query, new| cells::bind_claim(query, new));
            for row in query.fetch_all(&mut *self).await? {
                won.insert(rows::read_id("idempotency_keys", &row)?);
            }
        }
        Ok(won)
    }

    async fn count_usage(&mut self, user_ids: &[&str], reach: &Reach) -> Result<HashMap<String, Usage>, Failure> {
        let mut usage = HashMap::with_capacity(user_ids.len());
        for (statement, piece) in COUNT_USAGE.split(user_ids) {
            let reach = reach.values().iter().fold(query(statement), cells::bind_value);
            let asked = piece.iter().fold(reach, |query, user_id| cells::bind_value(query, &Value::Text(user_id)));
            for row in asked.fetch_all(&mut *self).await? {
                usage.extend([read_usage(&row)?]);
            }
        }
        Ok(usage)
    }

    async fn change_grants(&mut self, changes: &[&GrantChange]) -> Result<HashSet<Uuid>, Failure> {
        let mut changed = HashSet::with_capacity(changes.len());
        for (statement, piece) in CHANGE_GRANTS.split(changes) {
            let query = piece.iter().fold(query(statement), |query, change| cells::bind_change(query, change));
            for row in query.fetch_all(&mut *self).await? {
                changed.insert(rows::read_id("grants", &row)?);
            }
        }
        Ok(changed)
    }

    async fn insert_completions(
        &mut self,
        completions: &[(Uuid, &Completion)],
    ) -> Result<HashSet<(Uuid, String, String)>, Failure> {
        let mut inserted = HashSet::with_capacity(completions.len());
        for (statement, piece) in INSERT_COMPLETIONS.split(completions) {
            let query =
                piece.iter().fold(query(statement), |query, (id, done)| cells::bind_completion(query, *id, done));
            for row in query.fetch_all(&mut *self).await? {
                inserted.insert(rows::read_completion_identity(&row)?);
            }
        }
        Ok(inserted)
    }

    async fn insert_events(&mut self, events: &[&Event]) -> Result<(), Failure> {
        for (statement, piece) in INSERT_EVENTS.split(events) {
            piece
                .iter()
                .fold(query(statement), |query, event| cells::bind_event(query, event))
                .execute(&mut *self)
                .await?;
        }
        Ok(())
    }

    async fn add_deliveries(&mut self, wanted: &[Wanted<'_>]) -> Result<(), Failure> {
        for (statement, piece) in ADD_DELIVERIES.split(wanted) {
            piece.iter().fold(query(statement), cells::bind_wanted).execute(&mut *self).await?;
        }
        Ok(())
    }

    async fn rows(
        &mut self,
        statement: impl SqlSafeStr + Send,
        values: &[Value<'_>],
    ) -> Result<Vec<SqliteRow>, Failure> {
        Ok(values.iter().fold(query(statement), cells::bind_value).fetch_all(self).await?)
    }

    async fn claim_checks(&mut self, claim: &CheckClaim) -> Result<Vec<(DateTime<Utc>, Grant)>, Failure> {
        // Nobody else writes between the two statements: the transaction has begun as a writer's.
        let due = query(FIND_DUE_CHECKS.as_str())
            .bind(claim.bucket.clone())
            .bind(claim.now.timestamp_micros())
            .bind(claim.limit)
            .fetch_all(&mut *self)
            .await?;
        let ids: Vec<Uuid> = due.iter().map(rows::read_due_id).collect::<Result<_, _>>()?;
        for (statement, piece) in LEASE_CHECKS.split(&ids) {
            let lease = query(statement).bind(claim.leased_until.timestamp_micros());
            piece.iter().fold(lease, |query, id| query.bind(cells::blob(*id))).execute(&mut *self).await?;
        }
        Ok(rows::read_due(&due))
    }

    async fn find_grants(&mut self, ids: &[Uuid]) -> Result<Vec<Grant>, Failure> {
        let mut found = Vec::with_capacity(ids.len());
        for (statement, piece) in FIND_GRANTS.split(ids) {
            let query = piece.iter().fold(query(statement), |query, id| query.bind(cells::blob(*id)));
            for row in query.fetch_all(&mut *self).await? {
                found.push(rows::read_grant(&row)?);
            }
        }
        Ok(found)
    }

    async fn find_completions(&mut self, ids: &[Uuid]) -> Result<Vec<(Uuid, Completion)>, Failure> {
        let mut found = Vec::with_capacity(ids.len());
        for (statement, piece) in FIND_COMPLETIONS.split(ids) {
            let query = piece.iter().fold(query(statement), |query, id| query.bind(cells::blob(*id)));
            for row in query.fetch_all(&mut *self).await? {
                found.push(rows::read_completion(&row)?);
            }
        }
        Ok(found)
    }
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), Failure> {
    query(statement).execute(connection).await?;
    Ok(())
}

/// Whether no transaction is open: only then can one be begun.
async fn is_idle(connection: &mut SqliteConnection) -> bool {
    connection.ping().await.is_ok()
        && run(connection, "BEGIN").await.is_ok()
        && run(connection, "ROLLBACK").await.is_ok()
}
