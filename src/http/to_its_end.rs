//! Work that must not stop halfway when its client goes away.

use std::{future::Future, panic::resume_unwind};

use tracing::Instrument;

/// Runs to its end even when nobody waits for the answer any more: a connection that closes while a hook is being asked would
/// otherwise lose the hook's answer, and the hook would be asked again.
pub(super) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        // Nobody aborts it.
        Err(ended) => resume_unwind(ended.into_panic()),
    }
}
