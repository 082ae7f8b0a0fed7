//! What is in force now, and may be replaced while it is used: who holds the old one keeps it until he lets go of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

/// A value that a reload replaces as a whole. Clones share it.
#[derive(Debug)]
pub struct Live<T> {
    value: Arc<ArcSwap<T>>,
    replaced: watch::Sender<()>,
}

impl<T> Live<T> {
    /// Begins with `value`.
    pub fn new(value: impl Into<Arc<T>>) -> Self {
        Self { value: Arc::new(ArcSwap::new(value.into())), replaced: watch::Sender::new(()) }
    }

    /// The value in force: take it once for a piece of work, so that all of the work is done under the same.
    pub fn current(&self) -> Arc<T> {
        self.value.load_full()
    }

    /// Puts another in force. Work that has begun goes on under the old one.
    pub fn replace(&self, value: impl Into<Arc<T>>) {
        self.value.store(value.into());
        self.replaced.send_replace(());
    }

    /// Hears of replacements from now on.
    pub fn listen(&self) -> Replacements {
        Replacements(self.replaced.subscribe())
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), replaced: self.replaced.clone() }
    }
}

/// The replacements since [`Live::listen`].
#[derive(Debug)]
pub struct Replacements(watch::Receiver<()>);

impl Replacements {
    /// Returns when the value has been replaced, however often.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn who_holds_the_old_value_keeps_it_and_nobody_else_does() {
        let live = Live::new(1);
        let (shared, held) = (live.clone(), live.current());
        live.replace(2);
        assert_eq!((*held, *shared.current()), (1, 2));
        let old = Arc::downgrade(&held);
        drop(held);
        assert!(old.upgrade().is_none(), "the old one is gone with its last holder");
    }

    #[test]
    fn a_replacement_is_heard_of_once_however_many_there_were() {
        let live = Live::new(1);
        let mut replacements = live.listen();
        assert!(replacements.next().now_or_never().is_none());
        live.replace(2);
        live.clone().replace(3);
        assert!(replacements.next().now_or_never().is_some());
        assert!(replacements.next().now_or_never().is_none());
    }
}
