//! Stopping in two steps: asked once, finish what runs; asked twice, or out of patience, stop.

use std::{future::Future, io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two steps.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// Asked to stop: readiness fails, no new work, what runs is finished.
    pub soft: CancellationToken,
    /// Out of patience: stop now.
    pub hard: CancellationToken,
}

/// Watches for SIGTERM and SIGINT: the first is the soft stop; the second, or `grace` running out, the hard one.
///
/// # Errors
/// When signals can't be watched.
pub fn on_signals(grace: Duration) -> io::Result<Stops> {
    let mut signals =
        Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    let stops = Stops::default();
    let watched = stops.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("asked to stop");
        stop_in_steps(&watched, signals.next(), tokio::time::sleep(grace)).await;
    });
    Ok(stops)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn stop_in_steps(stops: &Stops, again: impl Future<Output = ()>, grace: impl Future<Output = ()>) {
    stops.soft.cancel();
    tokio::select! {
        () = again => tracing::warn!("asked to stop again: stopping now"),
        () = grace => tracing::warn!("out of patience: stopping now"),
    }
    stops.hard.cancel();
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_hard_stop_comes_with_the_second_signal_or_the_end_of_the_grace() {
        let stops = Stops::default();
        stop_in_steps(&stops, ready(()), pending()).await;
        assert!(stops.soft.is_cancelled() && stops.hard.is_cancelled());

        let stops = Stops::default();
        stop_in_steps(&stops, pending(), ready(())).await;
        assert!(stops.soft.is_cancelled() && stops.hard.is_cancelled());
    }

    #[tokio::test]
    async fn the_soft_stop_does_not_wait() {
        let stops = Stops::default();
        let (second, again) = oneshot::channel::<()>();
        let watched = stops.clone();
        let stopping = tokio::spawn(async move {
            stop_in_steps(&watched, async { again.await.unwrap() }, pending()).await;
        });
        stops.soft.cancelled().await;
        assert!(!stops.hard.is_cancelled());
        second.send(()).unwrap();
        stopping.await.unwrap();
        assert!(stops.hard.is_cancelled());
    }
}
