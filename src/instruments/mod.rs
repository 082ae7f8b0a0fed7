//! The service's own instruments: what is counted and timed as it happens, and the page on which a scrape finds it.
//!
//! | file | what it is |
//! | --- | --- |
//! | `catalogue` | every metric: name, kind, labels, help |
//! | `record` | one function for each thing that happens |
//! | `process` | what the operating system says of this process |
//! | `page` | what a scrape gets |
//! | here | the recorder of this process |
//!
//! Whatever happens in the process is in one recorder, whichever configuration it happened under. What *stands* somehow (outbox,
//! credentials, clocks) is asked when it is scraped, into a recorder of its own: what is gone does not linger.

pub mod catalogue;
mod page;
mod process;
mod record;

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use metrics::{SetRecorderError, counter};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use self::catalogue::{ALL, FROM_THE_START, Instrument, Kind, LONG_FIELDS};
pub use self::{
    page::{CONTENT_TYPE, page},
    record::*,
};

/// How often [`tidy_up`] is to be called.
pub const TIDY_EVERY: Duration = Duration::from_secs(5);

/// This process's recorder.
static RECORDED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count, once per process; what happened before is not counted.
pub fn install() {
    RECORDED.get_or_init(|| {
        let recorder = new_recorder();
        let handle = recorder.handle();
        if let Err(SetRecorderError(_)) = metrics::set_global_recorder(recorder) {
            tracing::error!("another recorder of metrics is installed already: nothing is counted");
        }
        for listener in [PUBLIC, OPS] {
            requests_in_flight(listener).set(0);
        }
        counter!(LONG_FIELDS).increment(0);
        for (name, label, values) in FROM_THE_START {
            for value in *values {
                counter!(*name, *label => *value).increment(0);
            }
        }
        handle
    });
}

/// Puts what was timed into its buckets, so that it takes no room while nobody scrapes.
pub fn tidy_up() {
    if let Some(recorded) = RECORDED.get() {
        recorded.run_upkeep();
    }
}

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Until now.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

fn new_recorder() -> PrometheusRecorder {
    let with_buckets = |builder: PrometheusBuilder, instrument: &Instrument| match instrument.kind {
        Kind::Histogram(bounds) => builder
            .set_buckets_for_metric(Matcher::Full(instrument.name.to_owned()), bounds)
            .expect("the catalogue's histograms have bounds"),
        Kind::Counter | Kind::Gauge => builder,
    };
    ALL.iter().fold(PrometheusBuilder::new(), with_buckets).build_recorder()
}
