//! What one transaction does: any number of operations, all or nothing.
//!
//! The statements are such that a lost race is an answer, not an error; an error means that the whole transaction is
//! rolled back.

use std::collections::{HashMap, HashSet};

use sqlx::{Connection as _, SqliteConnection, query};
use uuid::Uuid;

use super::{
    lookup::find_entries,
    rows,
    statements::{CHANGE_GRANTS, CLAIM_KEYS, FIND_CLAIM, INSERT_COMPLETIONS, INSERT_EVENTS, INSERT_GRANTS, LARGEST},
};
use crate::app::ports::{GrantAdded, GrantChange, GrantChanged, LedgerEntry, NewGrant};
use crate::store::failure::Failure;

/// Something to be written.
#[derive(Debug)]
pub(super) enum Operation {
    Add(NewGrant),
    Change(GrantChange),
    Ping,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    Added(GrantAdded),
    Changed(GrantChanged),
    Alive,
}

/// Why a transaction did not commit.
pub(super) struct Aborted {
    pub(super) failure: Failure,
    /// The connection could not even be rolled back: it is in an unknown state and must be replaced.
    pub(super) connection_broken: bool,
}

/// Runs all operations in one transaction; what is returned `Ok` is durable.
pub(super) async fn run(connection: &mut SqliteConnection, operations: &[Operation]) -> Result<Vec<Outcome>, Aborted> {
    if let Some(adds) = plain_adds(operations) {
        return run_one_statement(connection, &adds).await;
    }
    let failure = match run_uncommitted(connection, operations).await {
        Ok(outcomes) => match query("COMMIT").execute(&mut *connection).await {
            Ok(_) => return Ok(outcomes),
            Err(error) => Failure::from(error),
        },
        Err(failure) => failure,
    };
    // After some errors SQLite has rolled back by itself, and then ROLLBACK is an error: only whether the connection
    // still answers tells.
    let rolled_back = query("ROLLBACK").execute(&mut *connection).await.is_ok();
    let connection_broken = !rolled_back && !is_idle(connection).await;
    Err(Aborted { failure, connection_broken })
}

/// The grants to add, if there is nothing else to do and no key to claim, and one statement has room for them.
fn plain_adds(operations: &[Operation]) -> Option<Vec<&NewGrant>> {
    fn plain(operation: &Operation) -> Option<&NewGrant> {
        match operation {
            Operation::Add(new) => new.idempotency.is_none().then_some(new),
            Operation::Change(_) | Operation::Ping => None,
        }
    }
    if operations.len() > LARGEST { None } else { operations.iter().map(plain).collect() }
}

/// The ordinary case: one statement is a transaction of its own, and one crossing to SQLite's thread instead of three.
async fn run_one_statement(connection: &mut SqliteConnection, adds: &[&NewGrant]) -> Result<Vec<Outcome>, Aborted> {
    match insert_grants(connection, adds).await {
        Ok(()) => Ok(adds.iter().map(|_| Outcome::Added(GrantAdded::Added)).collect()),
        Err(failure) => Err(Aborted { failure, connection_broken: !is_idle(connection).await }),
    }
}

/// Whether no transaction is open: only then can one be begun.
async fn is_idle(connection: &mut SqliteConnection) -> bool {
    connection.ping().await.is_ok()
        && query("BEGIN").execute(&mut *connection).await.is_ok()
        && query("ROLLBACK").execute(&mut *connection).await.is_ok()
}

async fn run_uncommitted(connection: &mut SqliteConnection, operations: &[Operation]) -> Result<Vec<Outcome>, Failure> {
    let mut adds = Vec::with_capacity(operations.len());
    let mut changes = Vec::with_capacity(operations.len());
    let mut ping = false;
    for operation in operations {
        match operation {
            Operation::Add(new) => adds.push(new),
            Operation::Change(change) => changes.push(change),
            Operation::Ping => ping = true,
        }
    }
    query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    // All of these are under way at the same time, so that any order among them is right.
    let mut answers_to_adds = add_grants(connection, &adds).await?.into_iter();
    let mut answers_to_changes = change_grants(connection, &changes).await?.into_iter();
    if ping {
        query("UPDATE heartbeat SET beats = beats + 1").execute(&mut *connection).await?;
    }
    let outcomes = operations.iter().map(|operation| match operation {
        Operation::Add(_) => Outcome::Added(answers_to_adds.next().expect("an answer for each added grant")),
        Operation::Change(_) => Outcome::Changed(answers_to_changes.next().expect("an answer for each change")),
        Operation::Ping => Outcome::Alive,
    });
    Ok(outcomes.collect())
}

async fn add_grants(connection: &mut SqliteConnection, adds: &[&NewGrant]) -> Result<Vec<GrantAdded>, Failure> {
    let refused = claim_keys(connection, adds).await?;
    let wanted: Vec<&NewGrant> = adds.iter().copied().filter(|new| !refused.contains(&new.grant.id)).collect();
    insert_grants(connection, &wanted).await?;
    let mut added = Vec::with_capacity(adds.len());
    for new in adds {
        added.push(match &new.idempotency {
            Some(claim) if refused.contains(&new.grant.id) => {
                find_claimant(connection, claim.scope_digest.to_vec()).await?
            }
            _ => GrantAdded::Added,
        });
    }
    Ok(added)
}

async fn insert_grants(connection: &mut SqliteConnection, grants: &[&NewGrant]) -> Result<(), Failure> {
    for (statement, piece) in INSERT_GRANTS.split(grants) {
        piece
            .iter()
            .fold(query(statement), |query, new| rows::bind_grant(query, new))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Claims the keys of those that have one; returns the grants that came too late.
async fn claim_keys(connection: &mut SqliteConnection, adds: &[&NewGrant]) -> Result<HashSet<Uuid>, Failure> {
    let claimants: Vec<&NewGrant> = adds.iter().copied().filter(|new| new.idempotency.is_some()).collect();
    let mut refused: HashSet<Uuid> = claimants.iter().map(|new| new.grant.id).collect();
    for (statement, piece) in CLAIM_KEYS.split(&claimants) {
        let query = piece.iter().fold(query(statement), |query, new| rows::bind_claim(query, new));
        for row in query.fetch_all(&mut *connection).await? {
            refused.remove(&rows::read_id("idempotency_keys", &row)?);
        }
    }
    Ok(refused)
}

async fn find_claimant(connection: &mut SqliteConnection, scope_digest: Vec<u8>) -> Result<GrantAdded, Failure> {
    let claim = query(FIND_CLAIM).bind(scope_digest).fetch_optional(&mut *connection).await?;
    let (request_digest, id) = rows::read_claim(&claim.ok_or(Failure::OrphanedClaim)?)?;
    let entry = find_entries(connection, &[id]).await?.remove(&id).ok_or(Failure::OrphanedClaim)?;
    Ok(GrantAdded::AlreadyClaimed { entry: Box::new(entry), request_digest })
}

async fn change_grants(
    connection: &mut SqliteConnection,
    changes: &[&GrantChange],
) -> Result<Vec<GrantChanged>, Failure> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let applied = update_grants(connection, changes).await?;
    let made: Vec<_> =
        changes.iter().zip(&applied).filter(|(_, applied)| **applied).map(|(change, _)| *change).collect();
    let news = insert_completions(connection, &made).await?;
    let events: Vec<_> = news.iter().flat_map(|change| &change.events).collect();
    for (statement, piece) in INSERT_EVENTS.split(&events) {
        piece
            .iter()
            .fold(query(statement), |query, event| rows::bind_event(query, event))
            .execute(&mut *connection)
            .await?;
    }
    let refused: Vec<Uuid> =
        changes.iter().zip(&applied).filter(|(_, applied)| !**applied).map(|(change, _)| change.id).collect();
    let standing = find_entries(connection, &refused).await?;
    Ok(changes.iter().zip(applied).map(|(change, applied)| answer(change, applied, &standing)).collect())
}

/// Updates the grants that are in one of their expected states; says for each whether it was.
async fn update_grants(connection: &mut SqliteConnection, changes: &[&GrantChange]) -> Result<Vec<bool>, Failure> {
    let mut applied = vec![false; changes.len()];
    let mut waiting: Vec<usize> = (0..changes.len()).collect();
    while !waiting.is_empty() {
        // Several changes of one grant must see each other: the next one of each grant at a time.
        let mut round = HashMap::with_capacity(waiting.len());
        waiting.retain(|&place| {
            let taken = round.contains_key(&changes[place].id);
            if !taken {
                round.insert(changes[place].id, place);
            }
            taken
        });
        let places: Vec<usize> = round.values().copied().collect();
        for (statement, piece) in CHANGE_GRANTS.split(&places) {
            let query = piece.iter().fold(query(statement), |query, place| rows::bind_change(query, changes[*place]));
            for row in query.fetch_all(&mut *connection).await? {
                if let Some(place) = round.get(&rows::read_id("grants", &row)?) {
                    applied[*place] = true;
                }
            }
        }
    }
    Ok(applied)
}

/// Inserts the completions of changes; gives back the changes that are news: whose completion was not known before, or
/// that have none.
async fn insert_completions<'c>(
    connection: &mut SqliteConnection,
    changes: &[&'c GrantChange],
) -> Result<Vec<&'c GrantChange>, Failure> {
    let completions: Vec<_> =
        changes.iter().filter_map(|change| Some((change.id, change.completion.as_ref()?))).collect();
    let mut inserted = HashSet::new();
    for (statement, piece) in INSERT_COMPLETIONS.split(&completions) {
        let query = piece.iter().fold(query(statement), |query, (id, done)| rows::bind_completion(query, *id, done));
        for row in query.fetch_all(&mut *connection).await? {
            inserted.insert(rows::read_completion_identity(&row)?);
        }
    }
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
