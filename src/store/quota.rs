//! Quotas: what a user has is counted in the transaction that gives him more, and one transaction at a time gives a user more.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    engine::{Engine, Value},
    failure::{CorruptRow, Failure},
    rows::{Cells, Columns},
};
use crate::{
    app::ports::{GrantAdded, NewGrant},
    grant::quota::{DAY, Quota, Usage},
};

/// How far counting goes: nobody needs to know by how much a quota is exceeded, and what is not limited is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) open_grants: i64,
    pub(super) grants_per_day: i64,
    pub(super) open_multiparts: i64,
    /// The first id of the day.
    pub(super) day: Uuid,
}

impl Reach {
    /// Far enough for all of these.
    fn over(limited: &[&NewGrant]) -> Self {
        let most = |quota: fn(&NewGrant) -> Option<u32>| {
            limited.iter().filter_map(|new| quota(new)).max().map_or(0, i64::from)
        };
        let first = limited.iter().map(|new| new.grant.issued_at).min().unwrap_or_default();
        Self {
            open_grants: most(|new| new.quotas.open_grants),
            grants_per_day: most(|new| new.quotas.grants_per_day),
            open_multiparts: most(|new| new.quotas.open_multiparts),
            day: first_id_after(first - DAY),
        }
    }

    /// `$1` to `$4` of [`select_usage`].
    pub(super) fn values(&self) -> [Value<'static>; 4] {
        let Self { open_grants, grants_per_day, open_multiparts, day } = *self;
        [Value::Number(open_grants), Value::Id(day), Value::Number(grants_per_day), Value::Number(open_multiparts)]
    }
}

/// Which of these may not be added, and why. Each that may counts for those after it; which these are is kept from changing until
/// the transaction ends.
pub(super) async fn judge<E: Engine>(engine: &mut E, adds: &[&NewGrant]) -> Result<HashMap<Uuid, GrantAdded>, Failure> {
    let limited: Vec<&NewGrant> = adds.iter().copied().filter(|new| !new.quotas.is_unlimited()).collect();
    let mut refused = HashMap::new();
    if limited.is_empty() {
        return Ok(refused);
    }
    let mut users: Vec<&str> = limited.iter().map(|new| new.grant.user_id.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    engine.hold_users(&users).await?;
    let reach = Reach::over(&limited);
    let before = engine.count_usage(&users, &reach).await?;
    let mut usage = before.clone();
    for new in limited {
        let (user_id, method) = (new.grant.user_id.as_str(), new.grant.method);
        let used = usage.entry(user_id.to_owned()).or_default();
        let Some(quota) = new.quotas.exhausted_by(used, method) else {
            used.add(method);
            continue;
        };
        let free_at = match (quota, new.quotas.grants_per_day) {
            (Quota::GrantsPerDay, Some(most)) => {
                let added = used.grants_per_day - before.get(user_id).map_or(0, |before| before.grants_per_day);
                Some(day_has_room_at(engine, new, reach.day, i64::from(most) - i64::from(added)).await?)
            }
            _ => None,
        };
        refused.insert(new.grant.id, GrantAdded::QuotaExhausted { quota, free_at });
    }
    Ok(refused)
}

/// When the `nth` newest of the user's grants is no longer of the day; those that are added now are newer.
async fn day_has_room_at<E: Engine>(
    engine: &mut E,
    new: &NewGrant,
    day: Uuid,
    nth: i64,
) -> Result<DateTime<Utc>, Failure> {
    let in_turn = new.grant.issued_at + DAY;
    if nth < 1 {
        return Ok(in_turn);
    }
    let values = [Value::Text(&new.grant.user_id), Value::Id(day), Value::Number(nth - 1)];
    let found = engine.rows(E::FIND_OLDEST_OF_DAY, &values).await?;
    let issued_at = found.first().map(|row| Columns::of("grants", row).next_time("issued_at")).transpose()?;
    Ok(issued_at.map_or(in_turn, |issued_at| issued_at + DAY))
}

/// Counts what each user of `asked`, a table with the column `user_id`, has; no further than [`Reach`] goes. `of_day` says which
/// grants are of the day.
pub(super) fn select_usage(asked: &str, of_day: &str) -> String {
    let count = |condition: &str, reach: &str| {
        format!(
            "(SELECT count(*) FROM (SELECT 1 FROM grants WHERE grants.user_id = asked.user_id AND {condition} LIMIT {reach}) AS counted)"
        )
    };
    format!(
        "SELECT user_id, {}, {}, {} FROM {asked} WHERE user_id IS NOT NULL",
        count("grants.state = 'issued'", "$1"),
        count(of_day, "$3"),
        count("grants.state = 'issued' AND grants.method = 'multipart'", "$4"),
    )
}

/// Reads a row of [`select_usage`].
pub(super) fn read_usage(row: &impl Cells) -> Result<(String, Usage), CorruptRow> {
    let mut row = Columns::of("grants", row);
    let user_id = row.next_text("user_id")?;
    let usage = Usage {
        open_grants: row.next_number("open_grants")?,
        grants_per_day: row.next_number("grants_per_day")?,
        open_multiparts: row.next_number("open_multiparts")?,
    };
    Ok((user_id, usage))
}

/// The lowest id of the first millisecond after this instant: ids are in the order of their times.
fn first_id_after(time: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(time.timestamp_millis() + 1).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
