//! The group commit: a few tasks write, each over a connection of its own, and callers queue before them.
//!
//! What arrives while transactions are being committed shares the next one, so that many callers wait for one `fsync`
//! together. Nobody is answered before `COMMIT` has returned: durability is not traded for speed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{sync::oneshot, time::timeout};
use tracing::{Instrument, Span, info_span};

use super::{
    engine::Connector,
    failure::{Failure, check_change, check_grant},
    link::{Alarm, Link},
    outbox::{Write, Written},
    queue::{Receiver, Sender, queue},
    transaction::{self, Aborted, Operation, Outcome},
};
use crate::{
    app::ports::{CheckClaim, ClaimedCheck, GrantAdded, GrantChange, GrantChanged, NewGrant, Purge, Purged},
    instruments::{self, Stopwatch},
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
    /// Starts a task for each connector. They end when the last handle is dropped, after they have done what was queued.
    pub(super) async fn start<C: Connector>(
        connectors: Vec<C>,
        alarm: &Alarm,
        counters: Arc<Counters>,
    ) -> Result<Self, Failure> {
        let (sender, receiver) = queue();
        for connector in connectors {
            let writer = Writer { link: Link::open(connector, alarm.clone()).await?, counters: Arc::clone(&counters) };
            tokio::spawn(writer.run(receiver.clone()));
        }
        Ok(Self(sender))
    }

    /// As the port's `add_grant`.
    pub(super) async fn add(&self, new: NewGrant) -> Result<GrantAdded, Failure> {
        check_grant(&new.grant)?;
        match self.submit(Operation::Add(new)).await? {
            Outcome::Added(added) => Ok(added),
            _ => unreachable!("a transaction answers in kind"),
        }
    }

    /// As the port's `change_grant`.
    pub(super) async fn change(&self, change: GrantChange) -> Result<GrantChanged, Failure> {
        check_change(&change)?;
        match self.submit(Operation::Change(change)).await? {
            Outcome::Changed(changed) => Ok(changed),
            _ => unreachable!("a transaction answers in kind"),
        }
    }

    /// As the port's `claim_checks`.
    pub(super) async fn claim_checks(&self, claim: CheckClaim) -> Result<Vec<ClaimedCheck>, Failure> {
        match self.submit(Operation::ClaimChecks(claim)).await? {
            Outcome::ChecksClaimed(claimed) => Ok(claimed),
            _ => unreachable!("a transaction answers in kind"),
        }
    }

    /// As the port's `purge`.
    pub(super) async fn purge(&self, purge: Purge) -> Result<Purged, Failure> {
        match self.submit(Operation::Purge(purge)).await? {
            Outcome::Purged(purged) => Ok(purged),
            _ => unreachable!("a transaction answers in kind"),
        }
    }

    /// A write of the outbox.
    pub(super) async fn write_outbox(&self, write: Write) -> Result<Written, Failure> {
        match self.submit(Operation::Outbox(write)).await? {
            Outcome::Outbox(written) => Ok(written),
            _ => unreachable!("a transaction answers in kind"),
        }
    }

    /// Writes something, only to see whether that can be done.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        self.submit(Operation::Ping).await.map(|_| ())
    }

    /// Does it, durably; waits for room in the queue first.
    async fn submit(&self, operation: Operation) -> Result<Outcome, Failure> {
        let (answer, answered) = oneshot::channel();
        let done = async {
            let _room = self.0.send(Queued { operation, answer }).await?;
            answered.await.map_err(|_| Failure::Closed)?
        };
        // Nobody's commit is no trace of its own.
        let nobodys = Span::current().is_none();
        done.instrument(if nobodys { Span::none() } else { info_span!("commit", otel.kind = "client") }).await
    }
}

struct Writer<C: Connector> {
    link: Link<C>,
    counters: Arc<Counters>,
}

impl<C: Connector> Writer<C> {
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
            self.link.after_commit(operations.len()).await;
        }
        self.link.close().await;
    }

    /// An answer for each operation. One that spoils the transaction is set apart: then each gets its own.
    async fn write_batch(&mut self, operations: &[Operation]) -> Vec<Result<Outcome, Failure>> {
        match self.write(operations).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(failure) if operations.len() > 1 && failure.blames_one_operation() => {
                self.write_one_by_one(operations).await
            }
            Err(failure) => operations.iter().map(|_| Err(failure.clone())).collect(),
        }
    }

    async fn write_one_by_one(&mut self, operations: &[Operation]) -> Vec<Result<Outcome, Failure>> {
        let mut outcomes = Vec::with_capacity(operations.len());
        let mut gone: Option<Failure> = None;
        for operation in operations {
            // Once the engine itself is the trouble, each of the rest would wait for it in vain.
            let outcome = match &gone {
                Some(failure) => Err(failure.clone()),
                None => self.write(std::slice::from_ref(operation)).await.map(|mut one| one.remove(0)),
            };
            gone = gone.or_else(|| outcome.as_ref().err().filter(|failure| !failure.blames_one_operation()).cloned());
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn write(&mut self, operations: &[Operation]) -> Result<Vec<Outcome>, Failure> {
        let watch = Stopwatch::start();
        match self.run_in_time(operations).await {
            Ok(outcomes) => {
                instruments::commit(operations.len(), watch.elapsed());
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.counters.operations.fetch_add(operations.len() as u64, Ordering::Relaxed);
                Ok(outcomes)
            }
            Err(aborted) => {
                if aborted.connection_broken {
                    self.link.drop_broken();
                }
                Err(aborted.failure)
            }
        }
    }

    async fn run_in_time(&mut self, operations: &[Operation]) -> Result<Vec<Outcome>, Aborted> {
        let whole = async { transaction::run(self.link.get().await?, operations).await };
        match C::PATIENCE {
            // What is cut off in the middle leaves a connection that nobody can use.
            Some(patience) => timeout(patience, whole).await.map_err(|_| Failure::TimedOut)?,
            None => whole.await,
        }
    }
}
