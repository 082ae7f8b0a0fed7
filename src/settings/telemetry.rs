//! `[telemetry]`: what is logged, and how; what is traced, and where to.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{reader::Section, server::parse_web_url};

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
    /// Whether there are audit lines.
    pub audit: bool,
    /// Where traces go; nowhere when absent.
    pub otlp_endpoint: Option<Url>,
    /// Sent with them: names in lower case, and values.
    pub otlp_headers: Vec<(String, SecretString)>,
    /// The share of traces that begin with us and are recorded, 0 to 1.
    pub sampling: f64,
    /// Who we are in traces.
    pub service_name: String,
}

impl TelemetrySettings {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let log_format = section.choice("log_format", &FORMATS, LogFormat::Json);
        let log_filter = section.required_text("log_filter");
        let parsed = log_filter.parse::<tracing_subscriber::EnvFilter>().map_err(|error| error.to_string());
        let audit = section.flag("audit");
        let otlp_endpoint = section.parse("otlp_endpoint", parse_endpoint);
        let otlp_headers = read_headers(section);
        let sampling = section.ratio("sampling");
        let service_name = section.required_text("service_name");
        if service_name.is_empty() {
            section.fault("service_name", "must not be empty");
        }
        section.judge("log_filter", parsed)?;
        Some(Self { log_format, log_filter, audit, otlp_endpoint, otlp_headers, sampling, service_name })
    }
}

fn parse_endpoint(text: &str) -> Result<Url, String> {
    let url = parse_web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() || url.path().trim_end_matches('/').ends_with("/v1/traces") {
        return Err(
            "the collector's address alone, such as http://collector:4318: /v1/traces is added to it".to_owned()
        );
    }
    Ok(url)
}

fn read_headers(section: &mut Section<'_>) -> Vec<(String, SecretString)> {
    let Some(text) = section.secret("otlp_headers") else { return Vec::new() };
    let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter_map(|line| section.judge("otlp_headers", parse_header(line))).collect()
}

/// The message holds nothing of the line: it may be a secret.
fn parse_header(line: &str) -> Result<(String, SecretString), String> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let is_value = |value: &str| value.bytes().all(|b| (b' '..=b'~').contains(&b));
    match line.split_once(':').map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if is_name(name) && is_value(value) => Ok((name.to_ascii_lowercase(), value.into())),
        _ => Err("each line must be `Name: value`, in plain ASCII".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let (name, value) = parse_header("Authorization:  Basic dTpw: ").unwrap();
        assert_eq!((name.as_str(), value.expose_secret()), ("authorization", "Basic dTpw:"));
        for line in ["sesame", ": sesame", "a b: sesame", "a: sesame\u{7f}", "é: sesame"] {
            assert!(!parse_header(line).unwrap_err().contains("sesame"), "{line}");
        }
    }

    #[test]
    fn an_endpoint_is_an_address() {
        parse_endpoint("http://collector:4318").unwrap();
        parse_endpoint("https://otlp.example.com/prefix/").unwrap();
        for text in ["collector:4318", "http://collector/v1/traces", "http://collector/?a=b", "grpc://collector"] {
            parse_endpoint(text).unwrap_err();
        }
    }
}
