//! What an engine must be able to do. Everything above it is the same for all: which operations share a transaction, in
//! which order they are done, what is answered.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::SqlSafeStr;
use uuid::Uuid;

use super::{failure::Failure, outbox::Wanted, quota::Reach, rows::Cells};
use crate::{
    app::ports::{CheckClaim, GrantChange, NewGrant},
    grant::{completion::Completion, event::Event, grant::Grant, quota::Usage},
};

/// A value for a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'v> {
    Id(Uuid),
    Text(&'v str),
    Number(i64),
    Bytes(&'v [u8]),
}

/// Makes connections to one ledger.
pub(super) trait Connector: Send + 'static {
    /// What it makes.
    type Connection: Engine;

    /// How long a whole transaction may take before the server is held to be gone; `None` where nothing lies between
    /// us and the engine.
    const PATIENCE: Option<Duration>;

    /// A new connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Failure>> + Send;

    /// To be called after each commit, when its callers have been answered.
    fn after_commit(
        &mut self,
        _operations: usize,
        _connection: &mut Self::Connection,
    ) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// A connection, and what is done over it: each in as few statements as the engine allows.
///
/// Where rows are given, none occurs twice, and none of them is an error when it loses a race: who won is told. The
/// engine takes whatever locks it needs in an order that is the same for all.
pub(super) trait Engine: Send + 'static {
    /// What it answers with.
    type Row: Cells + Send + Sync;

    /// Grants that one statement can insert at most.
    const ONE_STATEMENT: usize;

    fn begin(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    fn commit(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Rolls back whatever is open; tells whether the connection can be used on.
    fn roll_back(&mut self) -> impl Future<Output = bool> + Send;

    /// Whether a connection that nobody has used for a while is still there.
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    fn close(self) -> impl Future<Output = ()> + Send;

    fn insert_grants(&mut self, grants: &[&NewGrant]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Claims the keys of these grants, all of which have one, and another one each: a claim that has run out is taken
    /// over, one that is alive stays. The grants that won.
    fn claim_keys(&mut self, claimants: &[&NewGrant]) -> impl Future<Output = Result<HashSet<Uuid>, Failure>> + Send;

    /// Keeps others from adding grants of these users, none of whom occurs twice, until the transaction ends.
    fn hold_users(&mut self, _user_ids: &[&str]) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// What these users have, none of whom occurs twice.
    fn count_usage(
        &mut self,
        user_ids: &[&str],
        reach: &Reach,
    ) -> impl Future<Output = Result<HashMap<String, Usage>, Failure>> + Send;

    /// When the user's newest grant of a day but so many was issued: `$1` is the user, `$2` the day's first id, `$3` how many.
    const FIND_OLDEST_OF_DAY: &'static str;

    /// Changes grants, each once, that are still in one of their expected states. Those that were.
    fn change_grants(
        &mut self,
        changes: &[&GrantChange],
    ) -> impl Future<Output = Result<HashSet<Uuid>, Failure>> + Send;

    /// Inserts completions; one that is known (same grant, key and `ETag`), or repeated here, stays as it is. The new
    /// ones, by grant, key and `ETag`.
    fn insert_completions(
        &mut self,
        completions: &[(Uuid, &Completion)],
    ) -> impl Future<Output = Result<HashSet<(Uuid, String, String)>, Failure>> + Send;

    /// Inserts events, in this order.
    fn insert_events(&mut self, events: &[&Event]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Adds deliveries of events that are there. One waits (has no time) where it says so, and while the same sink has an
    /// earlier event of the same grant pending.
    fn add_deliveries(&mut self, wanted: &[Wanted<'_>]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Keeps these grants, given in the order of their ids, from being changed by others until the transaction ends.
    fn hold_grants(&mut self, _ids: &[Uuid]) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Takes deliveries as `outbox::CLAIM` says, passing over what others hold.
    const CLAIM_DELIVERIES: &'static str;

    /// As `retention` says, passing over what others hold.
    const PURGE_GRANTS: &'static str;
    /// As [`Self::PURGE_GRANTS`].
    const PURGE_EVENTS: &'static str;
    /// As [`Self::PURGE_GRANTS`].
    const PURGE_KEYS: &'static str;

    /// The buckets that have a check due at `$1`, by name.
    const FIND_DUE_BUCKETS: &'static str;

    /// Runs one statement whose `$1`, `$2`, … are these values; what it returns.
    fn rows(
        &mut self,
        statement: impl SqlSafeStr + Send,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, Failure>> + Send;

    /// Claims due checks: moves them to the end of the lease. The grants, each with when it was due, earliest first.
    fn claim_checks(
        &mut self,
        claim: &CheckClaim,
    ) -> impl Future<Output = Result<Vec<(DateTime<Utc>, Grant)>, Failure>> + Send;

    /// Tells other processes, when the transaction commits, that these grants have changed.
    fn announce(&mut self, _changed: &[Uuid]) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// The grants of these ids, as far as they exist, in any order.
    fn find_grants(&mut self, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Grant>, Failure>> + Send;

    /// All completions of these grants, each grant's first one first.
    fn find_completions(
        &mut self,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<(Uuid, Completion)>, Failure>> + Send;
}
