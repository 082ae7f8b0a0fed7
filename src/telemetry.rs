//! Log lines, on stderr: stdout belongs to the commands.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error("the log filter: {0}")]
    Filter(#[from] ParseError),
    /// Somebody else has begun to log.
    #[error("logging is set up already")]
    Twice,
}

/// Begins to log, for the whole process.
///
/// # Errors
/// When the filter can't be read, or logging was begun before.
pub fn init(format: Format, filter: &str) -> Result<(), TelemetryError> {
    let lines = fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let begun = match format {
        Format::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        Format::Pretty => lines.with_target(false).try_init(),
    };
    begun.map_err(|_| TelemetryError::Twice)
}
