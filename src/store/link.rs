//! A connection that is made when it is needed, and made again after it broke.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    engine::{Connector, Engine as _},
    failure::Failure,
};

/// A connection that was idle for so long is asked whether it is still there. The question costs a journey, and nobody
/// is in a hurry then.
const IDLE: Duration = Duration::from_secs(1);

/// Tells all links of a ledger when one of them finds its connection broken: the server may have been restarted, and
/// theirs may be gone as well. So one operation pays for it, and not one of each link.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(Arc<AtomicU64>);

impl Alarm {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn ring(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// One task's connection.
pub(super) struct Link<C: Connector> {
    connector: C,
    connection: Option<C::Connection>,
    used: Instant,
    alarm: Alarm,
    /// How often the alarm had rung when the connection was known to work.
    heard: u64,
}

impl<C: Connector> Link<C> {
    /// Connects at once: a ledger that can't be reached is found out when it is opened.
    pub(super) async fn open(connector: C, alarm: Alarm) -> Result<Self, Failure> {
        let heard = alarm.count();
        let connection = Some(connector.connect().await?);
        Ok(Self { connector, connection, used: Instant::now(), alarm, heard })
    }

    /// The connection; a new one when there is none that works.
    pub(super) async fn get(&mut self) -> Result<&mut C::Connection, Failure> {
        let rung = self.alarm.count();
        let doubtful = self.used.elapsed() > IDLE || rung != self.heard;
        (self.used, self.heard) = (Instant::now(), rung);
        if let Some(connection) = &mut self.connection
            && doubtful
            && !connection.is_alive().await
        {
            self.drop_broken();
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(self.connector.connect().await?)),
        }
    }

    /// The connection is in an unknown state, or gone: the next one will be another.
    pub(super) fn drop_broken(&mut self) {
        self.connection = None;
        self.alarm.ring();
    }

    /// To be called after each commit, when its callers have been answered.
    pub(super) async fn after_commit(&mut self, operations: usize) {
        if let Some(connection) = &mut self.connection {
            self.connector.after_commit(operations, connection).await;
        }
    }

    /// Says goodbye to the engine.
    pub(super) async fn close(self) {
        if let Some(connection) = self.connection {
            connection.close().await;
        }
    }
}
