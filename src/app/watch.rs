//! Wakes those who wait for a grant to change. A hint, never the truth: whoever wakes looks into the ledger again.

use tokio::sync::broadcast;
use uuid::Uuid;

/// How many changes a sleeper may miss before it just looks again.
const BACKLOG: usize = 1024;

/// Tells those who wait in this process of changed grants.
#[derive(Debug, Clone)]
pub struct GrantWatch(broadcast::Sender<News>);

/// What may have changed.
#[derive(Debug, Clone, Copy)]
enum News {
    One(Uuid),
    Any,
}

impl Default for GrantWatch {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl GrantWatch {
    /// Tells that the grant has changed.
    pub fn announce(&self, id: Uuid) {
        // Nobody listening is fine.
        let _ = self.0.send(News::One(id));
    }

    /// Tells that any grant may have changed: for a while, nothing was heard.
    pub fn announce_all(&self) {
        let _ = self.0.send(News::Any);
    }

    /// Hears of changes from now on.
    pub fn listen(&self) -> GrantChanges {
        GrantChanges(self.0.subscribe())
    }
}

/// The changes heard since [`GrantWatch::listen`].
#[derive(Debug)]
pub struct GrantChanges(broadcast::Receiver<News>);

impl GrantChanges {
    /// Returns when any grant may have changed; what else has is heard with it.
    pub async fn any(&mut self) {
        use broadcast::error::{RecvError, TryRecvError};
        if let Err(RecvError::Closed) = self.0.recv().await {
            std::future::pending::<()>().await;
        }
        while matches!(self.0.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
    }

    /// Returns when `id` may have changed.
    pub async fn changed(&mut self, id: Uuid) {
        loop {
            match self.0.recv().await {
                Ok(News::One(changed)) if changed != id => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
