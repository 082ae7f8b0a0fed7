//! Reading entries by id, and the task that reads for many callers at once.

use std::collections::HashMap;

use sqlx::{Connection as _, SqliteConnection, query, sqlite::SqliteRow};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::{
    failure::Failure,
    queue::{Receiver, Sender, queue},
};
use super::{
    rows,
    statements::{FIND_COMPLETIONS, FIND_GRANTS, LARGEST},
};
use crate::{
    app::ports::LedgerEntry,
    grant::{
        completion::Completion,
        grant::{Grant, State},
    },
};

/// Look-ups that share one statement at most.
const MAX_BATCH: usize = LARGEST;

/// A question for one grant.
struct Asked {
    id: Uuid,
    answer: oneshot::Sender<Result<Option<LedgerEntry>, Failure>>,
}

/// Looks grants up by id. Questions that arrive while a statement runs share the next one: crossing over to SQLite's
/// thread costs more than finding a row.
pub(super) struct Finder(Sender<Asked>);

impl Finder {
    /// Starts the task; it ends with the last handle.
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (sender, receiver) = queue();
        tokio::spawn(answer_all(connection, receiver));
        Self(sender)
    }

    /// The entry of that id.
    pub(super) async fn find(&self, id: Uuid) -> Result<Option<LedgerEntry>, Failure> {
        let (answer, answered) = oneshot::channel();
        let _room = self.0.send(Asked { id, answer }).await?;
        answered.await.map_err(|_| Failure::Closed)?
    }
}

async fn answer_all(mut connection: SqliteConnection, mut questions: Receiver<Asked>) {
    loop {
        let batch = questions.receive(MAX_BATCH).await;
        if batch.is_empty() {
            break;
        }
        let ids: Vec<Uuid> = batch.iter().map(|asked| asked.id).collect();
        let found = find_entries(&mut connection, &ids).await;
        let one_by_one = batch.len() > 1 && found.as_ref().is_err_and(Failure::blames_one_operation);
        for asked in batch {
            let answer = if one_by_one {
                find_entries(&mut connection, &[asked.id]).await.map(|mut found| found.remove(&asked.id))
            } else {
                // Cloned, because several may ask for the same grant.
                found.as_ref().map(|found| found.get(&asked.id).cloned()).map_err(Clone::clone)
            };
            // Who no longer waits needs no answer.
            let _ = asked.answer.send(answer);
        }
    }
    let _ = connection.close().await;
}

/// The entries of these ids, as far as they exist. An id may occur several times: several callers want it.
pub(super) async fn find_entries(
    connection: &mut SqliteConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, LedgerEntry>, Failure> {
    // Each once: from two statements a repeated id would come back twice, the second time without its completion.
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::with_capacity(ids.len());
    for (statement, piece) in FIND_GRANTS.split(&ids) {
        let query = piece.iter().fold(query(statement), |query, id| query.bind(rows::blob(*id)));
        found.extend(query.fetch_all(&mut *connection).await?);
    }
    let entries = complete_entries(connection, &found).await?;
    Ok(entries.into_iter().map(|entry| (entry.grant.id, entry)).collect())
}

/// Makes entries of rows of `grants`, in their order: adds each one's completion.
///
/// Read in a second statement, and only for those that can have one; a completion is in the ledger before its grant's
/// state can be seen, so that the two statements can't contradict each other.
pub(super) async fn complete_entries(
    connection: &mut SqliteConnection,
    grants: &[SqliteRow],
) -> Result<Vec<LedgerEntry>, Failure> {
    let grants: Vec<Grant> = grants.iter().map(rows::read_grant).collect::<Result<_, _>>()?;
    let ended: Vec<Uuid> = grants
        .iter()
        .filter(|grant| matches!(grant.state, State::Completed | State::Rejected))
        .map(|grant| grant.id)
        .collect();
    let mut completions = find_first_completions(connection, &ended).await?;
    Ok(grants.into_iter().map(|grant| LedgerEntry { completion: completions.remove(&grant.id), grant }).collect())
}

async fn find_first_completions(
    connection: &mut SqliteConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Completion>, Failure> {
    let mut first = HashMap::with_capacity(ids.len());
    for (statement, piece) in FIND_COMPLETIONS.split(ids) {
        let query = piece.iter().fold(query(statement), |query, id| query.bind(rows::blob(*id)));
        for row in query.fetch_all(&mut *connection).await? {
            let (id, completion) = rows::read_completion(&row)?;
            first.entry(id).or_insert(completion);
        }
    }
    Ok(first)
}
