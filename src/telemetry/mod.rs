//! Log lines, on stderr, since stdout belongs to the commands; and traces, to a collector. Both can be changed while the service
//! runs.

mod escape;
mod filter;
mod lines;
mod otlp;
mod switch;

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::{Layer, filter::ParseError, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::otlp::{CollectorError, TracesConfig};
use self::{
    filter::LogFilter,
    lines::{LogLines, Style},
    otlp::Exporter,
    switch::Switch,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

/// What is told, and to whom.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// How log lines look.
    pub format: Format,
    /// Which there are, as `tracing_subscriber::EnvFilter` reads it.
    pub filter: String,
    /// Whether there are audit lines.
    pub audit: bool,
    /// Where traces go; nowhere when absent.
    pub traces: Option<TracesConfig>,
}

/// Why there are no logs, or no traces.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error("the log filter: {0}")]
    Filter(#[from] ParseError),
    /// Somebody else has begun to log.
    #[error("logging is set up already")]
    Twice,
    /// No client for the collector.
    #[error("the traces' collector: {0}")]
    Collector(#[from] CollectorError),
}

/// What this process tells: held by whoever may change it.
pub struct Telemetry {
    filter: LogFilter,
    style: Arc<Style>,
    switch: Switch,
    exporter: Mutex<Option<Exporter>>,
}

impl Telemetry {
    /// Begins to log, for the whole process, and to trace where a collector is configured. To be called inside a runtime.
    ///
    /// # Errors
    /// When the filter can't be read, the collector can't be reached by any client, or logging was begun before.
    pub fn init(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let telemetry = Self {
            filter: LogFilter::new(&config.filter, config.audit)?,
            style: Arc::new(Style::new(config.format, io::stderr().is_terminal())),
            switch: Switch::default(),
            exporter: Mutex::new(None),
        };
        let lines = LogLines::new(Arc::clone(&telemetry.style), |line| {
            // Whoever can't write there can't tell anybody either.
            let _ = io::stderr().write_all(line);
        });
        let spans = tracing_opentelemetry::layer()
            .with_tracer(telemetry.switch.tracer())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        tracing_subscriber::registry()
            .with(spans.with_filter(telemetry.switch.clone()))
            .with(lines.with_filter(telemetry.filter.clone()))
            .try_init()
            .map_err(|_| TelemetryError::Twice)?;
        telemetry.trace(config.traces.as_ref())?;
        Ok(telemetry)
    }

    /// Changes what is told; all of it or, where there is an error, nothing.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn apply(&self, config: &TelemetryConfig) -> Result<(), TelemetryError> {
        let filter = LogFilter::parse(&config.filter, config.audit)?;
        self.trace(config.traces.as_ref())?;
        self.filter.set(filter);
        self.style.set(config.format);
        Ok(())
    }

    /// Sends what has not been sent, for a moment, and traces no more.
    pub async fn shut_down(&self) {
        self.switch.off();
        let exporter = self.exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(exporter) = exporter {
            exporter.shut_down().await;
        }
    }

    fn trace(&self, wanted: Option<&TracesConfig>) -> Result<(), TelemetryError> {
        let mut held = self.exporter.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().map(Exporter::config) == wanted {
            return Ok(());
        }
        let next = wanted.map(Exporter::new).transpose()?;
        match &next {
            Some(exporter) => self.switch.on(exporter.tracer()),
            None => self.switch.off(),
        }
        if let Some(old) = std::mem::replace(&mut *held, next) {
            // What it still has is sent while the next one works already.
            tokio::spawn(old.shut_down());
        }
        Ok(())
    }
}
