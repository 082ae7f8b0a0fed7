//! A connection that is made when it is needed, and made again after it broke.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    engine::{Connector, Engine as _},
    failure::Failure,
};

/// A connection that was idle for so long is asked whether it is still there. The question costs a journey, and nobody
/// is in a hurry then.
const IDLE: Duration = Duration::from_secs(1);

/// One task's connection.
pub(super) struct Link<C: Connector> {
    pub(super) connector: C,
    connection: Option<C::Connection>,
    used: Instant,
}

impl<C: Connector> Link<C> {
    /// Connects at once: a ledger that can't be reached is found out when it is opened.
    pub(super) async fn open(connector: C) -> Result<Self, Failure> {
        let connection = Some(connector.connect().await?);
        Ok(Self { connector, connection, used: Instant::now() })
    }

    /// The connection; a new one when there is none that works.
    pub(super) async fn get(&mut self) -> Result<&mut C::Connection, Failure> {
        let idle = self.used.elapsed() > IDLE;
        self.used = Instant::now();
        let alive = match &mut self.connection {
            Some(connection) => !idle || connection.is_alive().await,
            None => false,
        };
        if !alive {
            self.connection = None;
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(self.connector.connect().await?)),
        }
    }

    /// The connection is in an unknown state, or gone: the next one will be another.
    pub(super) fn drop_broken(&mut self) {
        self.connection = None;
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
