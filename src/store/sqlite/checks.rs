//! Claiming the grants that the reconciler looks after.

use chrono::{DateTime, Utc};
use sqlx::{SqliteConnection, query, query_scalar};

use super::{
    lookup::add_completions,
    rows::{self, GRANT_COLUMNS},
    statements::LEASE_CHECKS,
};
use crate::{
    app::ports::{CheckClaim, ClaimedCheck},
    store::failure::{CorruptRow, Failure},
};

/// The buckets with a check due. The index is asked for the next bucket, then for its earliest check: as many steps as there are
/// buckets, however many grants wait.
pub(super) const FIND_DUE_BUCKETS: &str = "\
    WITH RECURSIVE waiting (bucket) AS ( \
        SELECT min(bucket) FROM grants WHERE next_check_at IS NOT NULL \
        UNION ALL \
        SELECT (SELECT min(bucket) FROM grants WHERE next_check_at IS NOT NULL AND bucket > waiting.bucket) \
        FROM waiting WHERE waiting.bucket IS NOT NULL \
    ) \
    SELECT bucket FROM waiting WHERE bucket IS NOT NULL \
    AND EXISTS (SELECT 1 FROM grants WHERE grants.bucket = waiting.bucket AND next_check_at <= ?)";

/// A bucket's due checks, earliest first, each with [`GRANT_COLUMNS`].
fn find_due_checks() -> &'static str {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!(
            "SELECT next_check_at, {GRANT_COLUMNS} FROM grants WHERE bucket = ? AND next_check_at <= ? \
             ORDER BY next_check_at LIMIT ?"
        )
    });
    &TEXT
}

fn told<T>(read: Result<T, CorruptRow>) -> Option<T> {
    read.inspect_err(|corrupt| tracing::error!(cause = %corrupt, "a grant can't be looked after")).ok()
}

pub(super) async fn find_due_buckets(
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Failure> {
    Ok(query_scalar(FIND_DUE_BUCKETS).bind(rows::micros(now)).fetch_all(connection).await?)
}

/// Answers claims one after the other, within the writer's transaction: nobody else can see a row between finding and leasing it.
pub(super) async fn claim_all(
    connection: &mut SqliteConnection,
    claims: &[&CheckClaim],
) -> Result<Vec<Vec<ClaimedCheck>>, Failure> {
    let mut answers = Vec::with_capacity(claims.len());
    for claim in claims {
        answers.push(claim_one(connection, claim).await?);
    }
    Ok(answers)
}

async fn claim_one(connection: &mut SqliteConnection, claim: &CheckClaim) -> Result<Vec<ClaimedCheck>, Failure> {
    let due = query(find_due_checks())
        .bind(claim.bucket.clone())
        .bind(rows::micros(claim.now))
        .bind(claim.limit)
        .fetch_all(&mut *connection)
        .await?;
    let ids: Vec<_> = due.iter().map(rows::read_due_id).collect::<Result<_, _>>()?;
    // What makes no sense is leased too, else it would be in the way of all others each time.
    let (times, grants): (Vec<_>, Vec<_>) = due.iter().filter_map(|row| told(rows::read_due(row))).unzip();
    for (statement, piece) in LEASE_CHECKS.split(&ids) {
        let lease = query(statement).bind(rows::micros(claim.leased_until));
        piece.iter().fold(lease, |query, id| query.bind(rows::blob(*id))).execute(&mut *connection).await?;
    }
    let entries = add_completions(connection, grants).await?;
    let claimed = times.into_iter().zip(entries).map(|(due_at, entry)| ClaimedCheck {
        entry,
        due_at,
        leased_until: claim.leased_until,
    });
    Ok(claimed.collect())
}
