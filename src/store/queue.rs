//! How a task takes what has arrived.

use tokio::sync::mpsc;

/// Waits for something to arrive, then takes all there is, `limit` at most; `0` when the queue is closed and empty.
///
/// The first arrival wakes the task at once, and on a busy core before the others have been sent. So it lets the threads
/// that can run go first for as long as that brings more: where nobody waits for the core it costs a microsecond, and
/// where somebody does, whole groups arrive instead of single ones.
pub(super) async fn receive_batch<T>(queue: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, limit: usize) -> usize {
    if let Some(first) = queue.recv().await {
        batch.push(first);
    } else {
        return 0;
    }
    let mut waiting = queue.len();
    loop {
        std::thread::yield_now();
        let arrived = queue.len();
        if arrived <= waiting || arrived >= limit {
            break;
        }
        waiting = arrived;
    }
    while batch.len() < limit
        && let Ok(next) = queue.try_recv()
    {
        batch.push(next);
    }
    batch.len()
}
