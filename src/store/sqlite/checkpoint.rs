//! Carrying the write-ahead log over into the file, beside the writer instead of in its way.
//!
//! SQLite's own way is that the commit which fills the log copies it all, while every caller waits: some 20 ms for a
//! log of 16 MiB. Here another connection copies while the writer goes on. What it can't do is start the log anew,
//! for as long as there is always a commit that it has not seen; so when the log has grown long, the writer copies the
//! little that is left, and its next commit begins at the front again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sqlx::{Connection as _, SqliteConnection, query_as};
use tokio::sync::mpsc;

/// Operations between two rounds; each touches some one to eight pages of 4 KiB.
const EVERY: usize = 1024;

/// Pages in the log from which the writer helps: 32 MiB.
const LONG: i64 = 8192;

/// The writer's end.
pub(super) struct Checkpointer {
    wake: mpsc::Sender<()>,
    log_is_long: Arc<AtomicBool>,
    operations: usize,
}

impl Checkpointer {
    /// Starts the task; it ends when this is dropped.
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (wake, woken) = mpsc::channel(1);
        let log_is_long = Arc::new(AtomicBool::new(false));
        tokio::spawn(copy_when_woken(connection, woken, Arc::clone(&log_is_long)));
        Self { wake, log_is_long, operations: 0 }
    }

    /// To be called after each commit, when its callers have been answered.
    pub(super) async fn after_commit(&mut self, operations: usize, writer: &mut SqliteConnection) {
        self.operations += operations;
        if self.operations >= EVERY {
            self.operations = 0;
            // Full: a round is due anyway.
            let _ = self.wake.try_send(());
        }
        if self.log_is_long.swap(false, Ordering::Relaxed) {
            // A failure leaves the log as it is: longer, not worse.
            let _ = copy(writer).await;
        }
    }
}

async fn copy_when_woken(
    mut connection: SqliteConnection,
    mut woken: mpsc::Receiver<()>,
    log_is_long: Arc<AtomicBool>,
) {
    while woken.recv().await.is_some() {
        if let Ok(pages) = copy(&mut connection).await {
            log_is_long.store(pages > LONG, Ordering::Relaxed);
        }
    }
    let _ = connection.close().await;
}

/// Copies what no reader still needs, waiting for nobody; tells the length of the log in pages.
async fn copy(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _copied): (i64, i64, i64) =
        query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
    Ok(pages)
}
