//! The engine's work over one connection to PostgreSQL.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection, SqlSafeStr, postgres::PgRow, query};
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
    cells, listen,
    statements::{
        ADD_DELIVERIES, CHANGE_GRANTS, CLAIM_CHECKS, CLAIM_KEYS, COUNT_USAGE, FIND_COMPLETIONS, FIND_DUE_BUCKETS,
        FIND_GRANTS, FIND_OLDEST_OF_DAY, HOLD_GRANTS, HOLD_USERS, INSERT_COMPLETIONS, INSERT_EVENTS, INSERT_GRANTS,
        NOTIFY,
    },
};
use crate::{
    app::ports::{CheckClaim, GrantChange, NewGrant},
    grant::{completion::Completion, event::Event, grant::Grant, quota::Usage},
};

/// The class of the advisory locks on users. Any number, as long as it is the same in every version.
const USER_LOCKS: i32 = 0x7573_6572;

impl Engine for PgConnection {
    type Row = PgRow;
    const ONE_STATEMENT: usize = usize::MAX;
    const CLAIM_DELIVERIES: &'static str = claim_deliveries!(" FOR UPDATE SKIP LOCKED");
    const PURGE_GRANTS: &'static str = delete_grants!(" FOR UPDATE SKIP LOCKED");
    const PURGE_EVENTS: &'static str = delete_events!(" FOR UPDATE SKIP LOCKED");
    const PURGE_KEYS: &'static str = delete_keys!(" FOR UPDATE SKIP LOCKED");
    const FIND_DUE_BUCKETS: &'static str = FIND_DUE_BUCKETS;
    const FIND_OLDEST_OF_DAY: &'static str = FIND_OLDEST_OF_DAY;

    async fn begin(&mut self) -> Result<(), Failure> {
        run(self, "BEGIN").await
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        run(self, "COMMIT").await
    }

    async fn roll_back(&mut self) -> bool {
        run(self, "ROLLBACK").await.is_ok()
    }

    async fn is_alive(&mut self) -> bool {
        self.ping().await.is_ok()
    }

    async fn close(self) {
        let _ = sqlx::Connection::close(self).await;
    }

    async fn insert_grants(&mut self, grants: &[&NewGrant]) -> Result<(), Failure> {
        cells::bind_grants(query(INSERT_GRANTS.as_str()), grants).execute(self).await?;
        Ok(())
    }

    async fn claim_keys(&mut self, claimants: &[&NewGrant]) -> Result<HashSet<Uuid>, Failure> {
        let won = cells::bind_claims(query(CLAIM_KEYS.as_str()), claimants).fetch_all(self).await?;
        Ok(won.iter().map(|row| rows::read_id("idempotency_keys", row)).collect::<Result<_, _>>()?)
    }

    async fn hold_users(&mut self, user_ids: &[&str]) -> Result<(), Failure> {
        query(HOLD_USERS).bind(USER_LOCKS).bind(cells::user_locks(user_ids)).execute(self).await?;
        Ok(())
    }

    async fn count_usage(&mut self, user_ids: &[&str], reach: &Reach) -> Result<HashMap<String, Usage>, Failure> {
        let user_ids: Vec<String> = user_ids.iter().map(|&user_id| user_id.to_owned()).collect();
        let reach = reach.values().iter().fold(query(COUNT_USAGE.as_str()), cells::bind_value);
        let counted = reach.bind(user_ids).fetch_all(self).await?;
        Ok(counted.iter().map(read_usage).collect::<Result<_, _>>()?)
    }

    async fn change_grants(&mut self, changes: &[&GrantChange]) -> Result<HashSet<Uuid>, Failure> {
        let changed = cells::bind_changes(query(CHANGE_GRANTS.as_str()), changes).fetch_all(self).await?;
        Ok(changed.iter().map(|row| rows::read_id("grants", row)).collect::<Result<_, _>>()?)
    }

    async fn insert_completions(
        &mut self,
        completions: &[(Uuid, &Completion)],
    ) -> Result<HashSet<(Uuid, String, String)>, Failure> {
        let inserted = cells::bind_completions(query(INSERT_COMPLETIONS.as_str()), completions).fetch_all(self).await?;
        Ok(inserted.iter().map(rows::read_completion_identity).collect::<Result<_, _>>()?)
    }

    async fn insert_events(&mut self, events: &[&Event]) -> Result<(), Failure> {
        cells::bind_events(query(INSERT_EVENTS.as_str()), events).execute(self).await?;
        Ok(())
    }

    async fn claim_checks(&mut self, claim: &CheckClaim) -> Result<Vec<(DateTime<Utc>, Grant)>, Failure> {
        let claimed = query(CLAIM_CHECKS.as_str())
            .bind(claim.bucket.clone())
            .bind(claim.now.timestamp_micros())
            .bind(i64::from(claim.limit))
            .bind(claim.leased_until.timestamp_micros())
            .fetch_all(self)
            .await?;
        let mut due = rows::read_due(&claimed);
        due.sort_by_key(|(due_at, grant)| (*due_at, grant.id));
        Ok(due)
    }

    async fn add_deliveries(&mut self, wanted: &[Wanted<'_>]) -> Result<(), Failure> {
        cells::bind_wanted(query(ADD_DELIVERIES), wanted).execute(self).await?;
        Ok(())
    }

    async fn hold_grants(&mut self, ids: &[Uuid]) -> Result<(), Failure> {
        query(HOLD_GRANTS).bind(ids.to_vec()).execute(self).await?;
        Ok(())
    }

    async fn rows(&mut self, statement: impl SqlSafeStr + Send, values: &[Value<'_>]) -> Result<Vec<PgRow>, Failure> {
        Ok(values.iter().fold(query(statement), cells::bind_value).fetch_all(self).await?)
    }

    async fn announce(&mut self, changed: &[Uuid]) -> Result<(), Failure> {
        query(NOTIFY).bind(listen::CHANNEL).bind(listen::payloads(changed)).execute(self).await?;
        Ok(())
    }

    async fn find_grants(&mut self, ids: &[Uuid]) -> Result<Vec<Grant>, Failure> {
        let found = query(FIND_GRANTS.as_str()).bind(ids.to_vec()).fetch_all(self).await?;
        Ok(found.iter().map(rows::read_grant).collect::<Result<_, _>>()?)
    }

    async fn find_completions(&mut self, ids: &[Uuid]) -> Result<Vec<(Uuid, Completion)>, Failure> {
        let found = query(FIND_COMPLETIONS.as_str()).bind(ids.to_vec()).fetch_all(self).await?;
        Ok(found.iter().map(rows::read_completion).collect::<Result<_, _>>()?)
    }
}

async fn run(connection: &mut PgConnection, statement: &'static str) -> Result<(), Failure> {
    query(statement).execute(connection).await?;
    Ok(())
}
