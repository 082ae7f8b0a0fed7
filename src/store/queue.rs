//! The queue before tasks that work on whole groups.
//!
//! An ordinary channel wakes its receiver at the first arrival, and the group is that one. Here the receiver is woken
//! when the sending thread has nothing else to do: each sender puts its item down, lets the other tasks that are ready on
//! its thread go first, and rings the bell then. Every request that came in with the same poll of the network is in the
//! same group, at the price of microseconds, whatever the machine is busy with besides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::failure::Failure;

/// Items under way before senders are held back: some four groups.
const ROOM: usize = 1024;

/// Makes a queue.
pub(super) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { waiting: Vec::new(), rung: false, closed: false, receivers: 1 }),
        bell: Notify::new(),
        room: Semaphore::new(ROOM),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// The end that many use at once; dropping it closes the queue.
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// A task's end. Several may wait, and each group goes to one of them; dropping the last one drops what waits.
pub(super) struct Receiver<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    bell: Notify,
    room: Semaphore,
}

struct State<T> {
    waiting: Vec<T>,
    /// Whether what waits is to be taken.
    rung: bool,
    /// Whether either end is gone.
    closed: bool,
    receivers: usize,
}

impl<T> Sender<T> {
    /// Puts an item down, when there is room. The room is taken for as long as the permit is held: until the answer.
    pub(super) async fn send(&self, item: T) -> Result<SemaphorePermit<'_>, Failure> {
        let permit = self.0.room.acquire().await.map_err(|_| Failure::Closed)?;
        {
            let mut state = self.0.lock();
            if state.closed {
                return Err(Failure::Closed);
            }
            state.waiting.push(item);
        }
        // Also when this future is dropped meanwhile: the item must not wait for somebody else's bell.
        let _ring = RingOnDrop(&self.0);
        tokio::task::yield_now().await;
        Ok(permit)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.bell.notify_one();
    }
}

impl<T> Receiver<T> {
    /// Waits for a group, and takes `limit` of it at most; empty when the queue is closed and nothing is left.
    pub(super) async fn receive(&mut self, limit: usize) -> Vec<T> {
        loop {
            {
                let mut state = self.0.lock();
                if state.rung || state.closed {
                    let count = state.waiting.len().min(limit);
                    let group = state.waiting.drain(..count).collect();
                    state.rung = !state.waiting.is_empty();
                    if state.rung || state.closed {
                        // The bell wakes one at a time: the next one has something to do, too.
                        self.0.bell.notify_one();
                    }
                    return group;
                }
            }
            self.0.bell.notified().await;
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.lock().receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receivers -= 1;
        if state.receivers > 0 {
            return;
        }
        state.closed = true;
        let abandoned = std::mem::take(&mut state.waiting);
        drop(state);
        drop(abandoned);
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct RingOnDrop<'s, T>(&'s Shared<T>);

impl<T> Drop for RingOnDrop<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if !state.rung && !state.waiting.is_empty() {
            state.rung = true;
            drop(state);
            self.0.bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};

    use super::*;

    #[tokio::test]
    async fn what_is_sent_together_is_received_together() {
        let (sender, mut receiver) = queue();
        let (_, group) = tokio::join!(join_all((0..20).map(|n| sender.send(n))), receiver.receive(100));
        assert_eq!(group, (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_group_beyond_the_limit_comes_in_parts() {
        let (sender, mut receiver) = queue();
        join_all((0..20).map(|n| sender.send(n))).await;
        assert_eq!(receiver.receive(15).await.len(), 15);
        assert_eq!(receiver.receive(15).await.len(), 5);
        assert!(receiver.receive(15).now_or_never().is_none(), "nothing is left");
    }

    #[tokio::test]
    async fn what_one_receiver_leaves_another_gets() {
        let (sender, mut first) = queue();
        let mut second = first.clone();
        let mut waits = Box::pin(second.receive(15));
        assert!(waits.as_mut().now_or_never().is_none());
        join_all((0..20).map(|n| sender.send(n))).await;
        assert_eq!(first.receive(15).await.len(), 15);
        assert_eq!(waits.await.len(), 5);
    }

    #[tokio::test]
    async fn the_end_reaches_every_receiver() {
        let (sender, mut first) = queue::<i32>();
        let mut second = first.clone();
        let both = async { tokio::join!(first.receive(1), second.receive(1)) };
        let (ends, ()) = tokio::join!(both, async { drop(sender) });
        assert_eq!(ends, (vec![], vec![]));
    }

    #[tokio::test]
    async fn an_item_whose_sender_gave_up_is_received_all_the_same() {
        let (sender, mut receiver) = queue();
        assert!(sender.send(1).now_or_never().is_none(), "given up while it let others go first");
        assert_eq!(receiver.receive(10).await, [1]);
    }

    #[tokio::test]
    async fn what_was_sent_before_the_end_is_received() {
        let (sender, mut receiver) = queue();
        drop(sender.send(1).await.unwrap());
        drop(sender);
        assert_eq!(receiver.receive(10).await, [1]);
        assert_eq!(receiver.receive(10).await, Vec::<i32>::new());
    }

    #[tokio::test]
    async fn without_a_receiver_nothing_can_be_sent() {
        let (sender, receiver) = queue();
        drop(receiver);
        assert!(matches!(sender.send(1).await, Err(Failure::Closed)));
    }

    #[tokio::test]
    async fn a_full_queue_holds_senders_back() {
        let (sender, _receiver) = queue();
        let permits = join_all((0..ROOM).map(|n| sender.send(n))).await;
        assert!(sender.send(ROOM).now_or_never().is_none());
        assert_eq!(sender.0.lock().waiting.len(), ROOM, "it has not been put down");
        drop(permits);
        assert!(sender.send(ROOM).await.is_ok());
    }
}
