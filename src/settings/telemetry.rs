//! `[telemetry]`: what is logged, and how.

use super::reader::Section;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

const FORMATS: [(&str, LogFormat); 2] = [("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];

/// `[telemetry]`.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// JSON unless said otherwise.
    pub log_format: LogFormat,
    /// As `tracing_subscriber::EnvFilter` reads it.
    pub log_filter: String,
}

impl TelemetrySettings {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let log_format = section.choice("log_format", &FORMATS, LogFormat::Json);
        let log_filter = section.required_text("log_filter");
        let parsed = log_filter.parse::<tracing_subscriber::EnvFilter>().map_err(|error| error.to_string());
        section.judge("log_filter", parsed)?;
        Some(Self { log_format, log_filter })
    }
}
