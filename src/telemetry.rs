//! Log lines, on stderr: stdout belongs to the commands.

use std::io;

use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::{LogFormat, TelemetrySettings};

/// Begins to log, for the whole process. Whoever began earlier (a test) goes on.
pub fn init(settings: &TelemetrySettings) {
    let lines = fmt().with_env_filter(EnvFilter::new(&settings.log_filter)).with_writer(io::stderr);
    let begun = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Pretty => lines.with_target(false).try_init(),
    };
    if begun.is_err() {
        tracing::debug!("logging was set up already");
    }
}
