//! The group commit: one connection writes, one task feeds it.
//!
//! What arrives while a transaction is being committed shares the next one, so that many callers wait for one `fsync`
//! together. Nobody is answered before `COMMIT` has returned: durability is not traded for speed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::oneshot;

use super::super::{
    failure::Failure,
    queue::{Receiver, Sender, queue},
};
use super::{
    checkpoint::Checkpointer,
    transaction::{self, Operation, Outcome},
};

/// Operations in one transaction at most. More would hardly save anything and let the last wait longer.
const MAX_BATCH: usize = 256;

/// What the ledger has done since it was opened; for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    commits: AtomicU64,
    operations: AtomicU64,
}

impl Counters {
    /// Transactions committed.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Operations that these transactions held.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }
}

struct Queued {
    operation: Operation,
    answer: oneshot::Sender<Result<Outcome, Failure>>,
}

/// The callers' end of the group commit.
pub(super) struct GroupCommit(Sender<Queued>);

impl GroupCommit {
    /// Starts the task. It ends when the last handle is dropped, after it has done what was queued.
    pub(super) async fn start(options: SqliteConnectOptions, counters: Arc<Counters>) -> Result<Self, sqlx::Error> {
        let connection = Some(options.connect().await?);
        let (sender, receiver) = queue();
        let checkpointer = Checkpointer::start(options.connect().await?);
        tokio::spawn(Writer { options, connection, checkpointer, counters }.run(receiver));
        Ok(Self(sender))
    }

    /// Does it, durably; waits for room in the queue first.
    pub(super) async fn submit(&self, operation: Operation) -> Result<Outcome, Failure> {
        let (answer, answered) = oneshot::channel();
        let _room = self.0.send(Queued { operation, answer }).await?;
        answered.await.map_err(|_| Failure::Closed)?
    }
}

struct Writer {
    options: SqliteConnectOptions,
    /// `None` after it broke.
    connection: Option<SqliteConnection>,
    checkpointer: Checkpointer,
    counters: Arc<Counters>,
}

impl Writer {
    async fn run(mut self, mut queue: Receiver<Queued>) {
        loop {
            let batch = queue.receive(MAX_BATCH).await;
            if batch.is_empty() {
                break;
            }
            let (operations, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|queued| (queued.operation, queued.answer)).unzip();
            for (answer, outcome) in answers.into_iter().zip(self.write_batch(&operations).await) {
                // Who no longer waits needs no answer; what he asked for is done all the same.
                let _ = answer.send(outcome);
            }
            if let Some(connection) = &mut self.connection {
                self.checkpointer.after_commit(operations.len(), connection).await;
            }
        }
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
    }

    /// An answer for each operation. One that spoils the transaction is set apart: then each gets its own.
    async fn write_batch(&mut self, operations: &[Operation]) -> Vec<Result<Outcome, Failure>> {
        match self.write(operations).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(failure) if operations.len() > 1 && failure.blames_one_operation() => {
                let mut outcomes = Vec::with_capacity(operations.len());
                for operation in operations {
                    let outcome = self.write(std::slice::from_ref(operation)).await;
                    outcomes.push(outcome.map(|mut one| one.remove(0)));
                }
                outcomes
            }
            Err(failure) => operations.iter().map(|_| Err(failure.clone())).collect(),
        }
    }

    async fn write(&mut self, operations: &[Operation]) -> Result<Vec<Outcome>, Failure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        match transaction::run(connection, operations).await {
            Ok(outcomes) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.counters.operations.fetch_add(operations.len() as u64, Ordering::Relaxed);
                Ok(outcomes)
            }
            Err(aborted) => {
                if aborted.connection_broken {
                    self.connection = None;
                }
                Err(aborted.failure)
            }
        }
    }
}
