//! `[telemetry]` → what is told.

use anyhow::Context;

use crate::{
    settings::{LogFormat, Settings},
    telemetry::{Format, Telemetry, TelemetryConfig, TracesConfig},
};

/// Begins to log and to trace as `[telemetry]` says.
///
/// # Errors
/// When logging was begun before, or no client for the collector can be had.
pub fn telemetry(settings: &Settings) -> anyhow::Result<Telemetry> {
    Telemetry::init(&telemetry_config(settings)?).context("telemetry")
}

/// What [`Telemetry::apply`] is told when settings have changed.
///
/// # Errors
/// For a header whose name can't be sent.
pub fn telemetry_config(settings: &Settings) -> anyhow::Result<TelemetryConfig> {
    let telemetry = &settings.telemetry;
    let format = match telemetry.log_format {
        LogFormat::Json => Format::Json,
        LogFormat::Pretty => Format::Pretty,
    };
    let headers = telemetry.otlp_headers.iter().map(|(name, value)| Ok((name.parse()?, value.clone())));
    let headers = headers.collect::<anyhow::Result<Vec<_>>>().context("telemetry.otlp_headers")?;
    let traces = telemetry.otlp_endpoint.clone().map(|endpoint| TracesConfig {
        endpoint,
        headers,
        sampling: telemetry.sampling,
        service_name: telemetry.service_name.clone(),
    });
    Ok(TelemetryConfig { format, filter: telemetry.log_filter.clone(), audit: telemetry.audit, traces })
}
