//! Reading entries by id, and the tasks that read for many callers at once.

use std::collections::HashMap;

use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use super::{
    engine::{Connector, Engine},
    failure::Failure,
    link::Link,
    queue::{Receiver, Sender, queue},
};
use crate::{
    app::ports::LedgerEntry,
    grant::{
        completion::Completion,
        grant::{Grant, State},
    },
};

/// Look-ups that share one statement at most.
const MAX_BATCH: usize = 64;

/// A question for one grant.
struct Asked {
    id: Uuid,
    answer: oneshot::Sender<Result<Option<LedgerEntry>, Failure>>,
}

/// Looks grants up by id. Questions that arrive while a statement runs share the next one: the journey to the engine
/// and back (for SQLite, to its thread) costs more than finding a row.
pub(super) struct Finder(Sender<Asked>);

impl Finder {
    /// Starts a task for each connector; they end with the last handle.
    pub(super) async fn start<C: Connector>(connectors: Vec<C>) -> Result<Self, Failure> {
        let (sender, receiver) = queue();
        for connector in connectors {
            tokio::spawn(answer_all(Link::open(connector).await?, receiver.clone()));
        }
        Ok(Self(sender))
    }

    /// The entry of that id.
    pub(super) async fn find(&self, id: Uuid) -> Result<Option<LedgerEntry>, Failure> {
        let (answer, answered) = oneshot::channel();
        let _room = self.0.send(Asked { id, answer }).await?;
        answered.await.map_err(|_| Failure::Closed)?
    }
}

async fn answer_all<C: Connector>(mut link: Link<C>, mut questions: Receiver<Asked>) {
    loop {
        let batch = questions.receive(MAX_BATCH).await;
        if batch.is_empty() {
            break;
        }
        let ids: Vec<Uuid> = batch.iter().map(|asked| asked.id).collect();
        let found = find_in_time(&mut link, &ids).await;
        let one_by_one = batch.len() > 1 && found.as_ref().is_err_and(Failure::blames_one_operation);
        let mut gone: Option<Failure> = None;
        for asked in batch {
            let answer = match &gone {
                // Once the engine itself is the trouble, each of the rest would wait for it in vain.
                Some(failure) => Err(failure.clone()),
                None if one_by_one => {
                    find_in_time(&mut link, &[asked.id]).await.map(|mut found| found.remove(&asked.id))
                }
                // Cloned, because several may ask for the same grant.
                None => found.as_ref().map(|found| found.get(&asked.id).cloned()).map_err(Clone::clone),
            };
            gone = gone.or_else(|| answer.as_ref().err().filter(|failure| !failure.blames_one_operation()).cloned());
            // Who no longer waits needs no answer.
            let _ = asked.answer.send(answer);
        }
    }
    link.close().await;
}

async fn find_in_time<C: Connector>(link: &mut Link<C>, ids: &[Uuid]) -> Result<HashMap<Uuid, LedgerEntry>, Failure> {
    let whole = async { find_entries(link.get().await?, ids).await };
    let found = match C::PATIENCE {
        Some(patience) => timeout(patience, whole).await.unwrap_or(Err(Failure::TimedOut)),
        None => whole.await,
    };
    if found.as_ref().is_err_and(Failure::breaks_the_connection) {
        link.drop_broken();
    }
    found
}

/// The entries of these ids, as far as they exist. An id may occur several times: several callers want it.
pub(super) async fn find_entries<E: Engine>(
    engine: &mut E,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, LedgerEntry>, Failure> {
    // Each once: from two statements a repeated id would come back twice, the second time without its completion.
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let found = engine.find_grants(&ids).await?;
    let entries = complete_entries(engine, found).await?;
    Ok(entries.into_iter().map(|entry| (entry.grant.id, entry)).collect())
}

/// Makes entries of grants, in their order: adds each one's completion.
///
/// Read in a second statement, and only for those that can have one; a completion is in the ledger before its grant's
/// state can be seen, so that the two statements can't contradict each other.
pub(super) async fn complete_entries<E: Engine>(
    engine: &mut E,
    grants: Vec<Grant>,
) -> Result<Vec<LedgerEntry>, Failure> {
    let ended: Vec<Uuid> = grants
        .iter()
        .filter(|grant| matches!(grant.state, State::Completed | State::Rejected))
        .map(|grant| grant.id)
        .collect();
    let mut completions: HashMap<Uuid, Completion> = HashMap::with_capacity(ended.len());
    if !ended.is_empty() {
        for (id, completion) in engine.find_completions(&ended).await? {
            completions.entry(id).or_insert(completion);
        }
    }
    Ok(grants.into_iter().map(|grant| LedgerEntry { completion: completions.remove(&grant.id), grant }).collect())
}
