//! What one transaction does: any number of operations, all or nothing.
//!
//! The statements are such that a lost race is an answer, not an error; an error means that the whole transaction is
//! rolled back.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use uuid::Uuid;

use super::{
    engine::{Engine, Value},
    failure::Failure,
    lookup::{complete_entries, find_entries},
    outbox, quota, retention,
    rows::read_claim,
};
use crate::{
    app::ports::{
        CheckClaim, ClaimedCheck, GrantAdded, GrantChange, GrantChanged, LedgerEntry, NewGrant, Purge, Purged,
    },
    grant::grant::State,
};

/// Something to be written.
#[derive(Debug)]
pub(super) enum Operation {
    Add(NewGrant),
    Change(GrantChange),
    ClaimChecks(CheckClaim),
    Outbox(outbox::Write),
    Purge(Purge),
    Ping,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    Added(GrantAdded),
    Changed(GrantChanged),
    ChecksClaimed(Vec<ClaimedCheck>),
    Outbox(outbox::Written),
    Purged(Purged),
    Alive,
}

/// Why a transaction did not commit.
pub(super) struct Aborted {
    pub(super) failure: Failure,
    /// The connection could not even be rolled back: it is in an unknown state and must be replaced.
    pub(super) connection_broken: bool,
}

/// Where there is no transaction to roll back: no connection, or one that did not answer in time.
impl From<Failure> for Aborted {
    fn from(failure: Failure) -> Self {
        Self { failure, connection_broken: true }
    }
}

/// Runs all operations in one transaction; what is returned `Ok` is durable.
pub(super) async fn run<E: Engine>(engine: &mut E, operations: &[Operation]) -> Result<Vec<Outcome>, Aborted> {
    let done = match plain_adds::<E>(operations) {
        // The ordinary case: one statement is a transaction of its own, and one journey instead of three.
        Some(adds) => {
            engine.insert_grants(&adds).await.map(|()| adds.iter().map(|_| Outcome::Added(GrantAdded::Added)).collect())
        }
        None => run_and_commit(engine, operations).await,
    };
    match done {
        Ok(outcomes) => Ok(outcomes),
        Err(failure) => {
            let broken = failure.breaks_the_connection() || !engine.roll_back().await;
            Err(Aborted { failure, connection_broken: broken })
        }
    }
}

/// The grants to add, if there is nothing else to do, no key to claim and no quota to keep, and one statement has room for them.
fn plain_adds<E: Engine>(operations: &[Operation]) -> Option<Vec<&NewGrant>> {
    fn plain(operation: &Operation) -> Option<&NewGrant> {
        match operation {
            Operation::Add(new) => (new.idempotency.is_none() && new.quotas.is_unlimited()).then_some(new),
            Operation::Change(_)
            | Operation::ClaimChecks(_)
            | Operation::Outbox(_)
            | Operation::Purge(_)
            | Operation::Ping => None,
        }
    }
    if operations.len() > E::ONE_STATEMENT { None } else { operations.iter().map(plain).collect() }
}

async fn run_and_commit<E: Engine>(engine: &mut E, operations: &[Operation]) -> Result<Vec<Outcome>, Failure> {
    let mut adds = Vec::with_capacity(operations.len());
    let mut changes = Vec::with_capacity(operations.len());
    let mut claims = Vec::new();
    let mut writes = Vec::with_capacity(operations.len());
    let mut purges = Vec::new();
    let mut ping = false;
    for operation in operations {
        match operation {
            Operation::Add(new) => adds.push(new),
            Operation::Change(change) => changes.push(change),
            Operation::ClaimChecks(claim) => claims.push(claim),
            Operation::Outbox(write) => writes.push(write),
            Operation::Purge(purge) => purges.push(purge),
            Operation::Ping => ping = true,
        }
    }
    engine.begin().await?;
    // All of these are under way at the same time, so that any order among them is right.
    let mut answers_to_adds = add_grants(engine, &adds).await?.into_iter();
    hold_grants(engine, &changes, &writes).await?;
    let mut answers_to_changes = change_grants(engine, &changes).await?.into_iter();
    let mut answers_to_writes = outbox::write(engine, &writes).await?.into_iter();
    let mut answers_to_claims = claim_checks(engine, &claims).await?.into_iter();
    let mut answers_to_purges = Vec::with_capacity(purges.len());
    for purge in purges {
        answers_to_purges.push(retention::purge(engine, purge).await?);
    }
    let mut answers_to_purges = answers_to_purges.into_iter();
    if ping {
        engine.rows("UPDATE heartbeat SET beats = beats + 1", &[]).await?;
    }
    engine.commit().await?;
    let outcomes = operations.iter().map(|operation| match operation {
        Operation::Add(_) => Outcome::Added(answers_to_adds.next().expect("an answer for each added grant")),
        Operation::Change(_) => Outcome::Changed(answers_to_changes.next().expect("an answer for each change")),
        Operation::ClaimChecks(_) => {
            Outcome::ChecksClaimed(answers_to_claims.next().expect("an answer for each claim"))
        }
        Operation::Outbox(_) => Outcome::Outbox(answers_to_writes.next().expect("an answer for each write")),
        Operation::Purge(_) => Outcome::Purged(answers_to_purges.next().expect("an answer for each purge")),
        Operation::Ping => Outcome::Alive,
    });
    Ok(outcomes.collect())
}

async fn add_grants<E: Engine>(engine: &mut E, adds: &[&NewGrant]) -> Result<Vec<GrantAdded>, Failure> {
    let late = claim_keys(engine, adds).await?;
    let fresh: Vec<&NewGrant> = adds.iter().copied().filter(|new| !late.contains(&new.grant.id)).collect();
    let refused = quota::judge(engine, &fresh).await?;
    let released = release_keys(engine, &fresh, &refused).await?;
    let wanted: Vec<&NewGrant> = fresh.into_iter().filter(|new| !refused.contains_key(&new.grant.id)).collect();
    if !wanted.is_empty() {
        engine.insert_grants(&wanted).await?;
    }
    let mut added = Vec::with_capacity(adds.len());
    for new in adds {
        added.push(match (&new.idempotency, refused.get(&new.grant.id)) {
            (_, Some(refusal)) => refusal.clone(),
            (Some(claim), None) if late.contains(&new.grant.id) => match released.get(&claim.scope_digest) {
                Some(refusal) => refusal.clone(),
                None => find_claimant(engine, &claim.scope_digest).await?,
            },
            (_, None) => GrantAdded::Added,
        });
    }
    Ok(added)
}

/// Gives back the keys of grants that are refused: the same request may be granted another day. Why, by key: who came too late for
/// one of them is refused as well.
async fn release_keys<E: Engine>(
    engine: &mut E,
    fresh: &[&NewGrant],
    refused: &HashMap<Uuid, GrantAdded>,
) -> Result<HashMap<[u8; 32], GrantAdded>, Failure> {
    let mut released = HashMap::new();
    for new in fresh {
        let (Some(claim), Some(refusal)) = (&new.idempotency, refused.get(&new.grant.id)) else { continue };
        engine.rows(RELEASE_KEY, &[Value::Bytes(&claim.scope_digest)]).await?;
        released.insert(claim.scope_digest, refusal.clone());
    }
    Ok(released)
}

/// Of whoever has just claimed it.
pub(super) const RELEASE_KEY: &str = "DELETE FROM idempotency_keys WHERE scope_digest = $1";

/// Claims the keys of those that have one; returns the grants that came too late.
async fn claim_keys<E: Engine>(engine: &mut E, adds: &[&NewGrant]) -> Result<HashSet<Uuid>, Failure> {
    let claimants = adds.iter().filter_map(|new| Some((new.idempotency.as_ref()?.scope_digest, *new)));
    let mut refused = HashSet::new();
    // A key that is claimed twice here: the second claim must see the first.
    for mut round in rounds(claimants) {
        round.sort_unstable_by_key(|(scope, _)| *scope);
        let round: Vec<&NewGrant> = round.into_iter().map(|(_, new)| new).collect();
        let won = engine.claim_keys(&round).await?;
        refused.extend(round.iter().map(|new| new.grant.id).filter(|id| !won.contains(id)));
    }
    Ok(refused)
}

/// Who holds an idempotency key.
pub(super) const FIND_CLAIM: &str = "SELECT request_digest, grant_id FROM idempotency_keys WHERE scope_digest = $1";

async fn find_claimant<E: Engine>(engine: &mut E, scope_digest: &[u8; 32]) -> Result<GrantAdded, Failure> {
    let claim = engine.rows(FIND_CLAIM, &[Value::Bytes(scope_digest)]).await?;
    let (request_digest, id) = read_claim(claim.first().ok_or(Failure::OrphanedClaim)?)?;
    let entry = find_entries(engine, &[id]).await?.remove(&id).ok_or(Failure::OrphanedClaim)?;
    Ok(GrantAdded::AlreadyClaimed { entry: Box::new(entry), request_digest })
}

/// Holds the grants whose events are settled, and with them all that are changed here: who takes several locks takes
/// them in one order. Without this an event recorded meanwhile would not be seen by the settlement that lets it go, nor
/// would it see that settlement.
async fn hold_grants<E: Engine>(
    engine: &mut E,
    changes: &[&GrantChange],
    writes: &[&outbox::Write],
) -> Result<(), Failure> {
    let mut held: Vec<Uuid> = writes.iter().filter_map(|write| write.settled_grant()).collect();
    if held.is_empty() {
        return Ok(());
    }
    held.extend(changes.iter().map(|change| change.id));
    held.sort_unstable();
    held.dedup();
    engine.hold_grants(&held).await
}

async fn change_grants<E: Engine>(engine: &mut E, changes: &[&GrantChange]) -> Result<Vec<GrantChanged>, Failure> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let applied = update_grants(engine, changes).await?;
    let made: Vec<_> =
        changes.iter().zip(&applied).filter(|(_, applied)| **applied).map(|(change, _)| *change).collect();
    let news = insert_completions(engine, &made).await?;
    let events: Vec<_> = news.iter().flat_map(|change| &change.events).collect();
    if !events.is_empty() {
        outbox::add_events(engine, &events).await?;
    }
    // Those who wait, wait for a grant to be no longer `issued`.
    let ended: Vec<Uuid> = made.iter().filter(|change| change.to != State::Issued).map(|change| change.id).collect();
    if !ended.is_empty() {
        engine.announce(&ended).await?;
    }
    let refused: Vec<Uuid> =
        changes.iter().zip(&applied).filter(|(_, applied)| !**applied).map(|(change, _)| change.id).collect();
    let standing = if refused.is_empty() { HashMap::new() } else { find_entries(engine, &refused).await? };
    Ok(changes.iter().zip(applied).map(|(change, applied)| answer(change, applied, &standing)).collect())
}

/// Answers claims one after the other: the next one does not find what this one has got.
async fn claim_checks<E: Engine>(engine: &mut E, claims: &[&CheckClaim]) -> Result<Vec<Vec<ClaimedCheck>>, Failure> {
    let mut answers = Vec::with_capacity(claims.len());
    for claim in claims {
        let (times, grants): (Vec<_>, Vec<_>) = engine.claim_checks(claim).await?.into_iter().unzip();
        let entries = complete_entries(engine, grants).await?;
        let claimed = times.into_iter().zip(entries);
        answers.push(
            claimed.map(|(due_at, entry)| ClaimedCheck { entry, due_at, leased_until: claim.leased_until }).collect(),
        );
    }
    Ok(answers)
}

/// Updates the grants that are in one of their expected states; says for each whether it was.
async fn update_grants<E: Engine>(engine: &mut E, changes: &[&GrantChange]) -> Result<Vec<bool>, Failure> {
    let mut applied = vec![false; changes.len()];
    // Several changes of one grant must see each other. The first round has every grant in it, and so takes all locks.
    for mut round in rounds(changes.iter().map(|change| change.id).zip(0..)) {
        round.sort_unstable();
        let round_changes: Vec<&GrantChange> = round.iter().map(|(_, place)| changes[*place]).collect();
        let changed = engine.change_grants(&round_changes).await?;
        for (id, place) in round {
            applied[place] = changed.contains(&id);
        }
    }
    Ok(applied)
}

/// Cuts items into rounds, so that no key occurs twice in one: the first of each key, the second of each, and so on.
fn rounds<K: Eq + Hash + Copy, T>(items: impl IntoIterator<Item = (K, T)>) -> Vec<Vec<(K, T)>> {
    let mut rounds: Vec<Vec<(K, T)>> = Vec::new();
    let mut seen: HashMap<K, usize> = HashMap::new();
    for (key, item) in items {
        let turn = seen.entry(key).or_default();
        if rounds.len() == *turn {
            rounds.push(Vec::new());
        }
        rounds[*turn].push((key, item));
        *turn += 1;
    }
    rounds
}

/// Inserts the completions of changes; gives back the changes that are news: whose completion was not known before, or
/// that have none.
async fn insert_completions<'c, E: Engine>(
    engine: &mut E,
    changes: &[&'c GrantChange],
) -> Result<Vec<&'c GrantChange>, Failure> {
    let completions: Vec<_> =
        changes.iter().filter_map(|change| Some((change.id, change.completion.as_ref()?))).collect();
    let mut inserted =
        if completions.is_empty() { HashSet::new() } else { engine.insert_completions(&completions).await? };
    let mut is_news = |change: &&GrantChange| match &change.completion {
        Some(done) => inserted.remove(&(change.id, done.key.clone(), done.etag.clone())),
        None => true,
    };
    Ok(changes.iter().copied().filter(|change| is_news(change)).collect())
}

fn answer(change: &GrantChange, applied: bool, standing: &HashMap<Uuid, LedgerEntry>) -> GrantChanged {
    if applied {
        return GrantChanged::Applied;
    }
    standing.get(&change.id).map_or(GrantChanged::Unknown, |entry| GrantChanged::Conflict(Box::new(entry.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_occurs_twice_in_a_round_and_each_keeps_its_order() {
        let items = [('a', 1), ('b', 2), ('a', 3), ('a', 4), ('b', 5)];
        assert_eq!(rounds(items), [vec![('a', 1), ('b', 2)], vec![('a', 3), ('b', 5)], vec![('a', 4)]]);
        assert!(rounds::<char, u8>([]).is_empty());
    }
}
