//! Spans to a collector, by OTLP over HTTP with protobuf.
//!
//! Requests never wait for it: spans go into a bounded queue, from which a thread of its own sends them in batches. Where the collector
//! is silent they are lost, which is told once, and counted.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope},
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter},
};
use prost::Message;
use reqwest::{
    Client, RequestBuilder,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use url::Url;

use crate::instruments;

/// For one batch.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What the last spans get when the service stops, or sends its spans elsewhere.
const FAREWELL: Duration = Duration::from_secs(2);
/// Where OTLP over HTTP takes traces.
const PATH: &str = "v1/traces";

/// Where spans go, and which.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// The collector's address; `/v1/traces` is added.
    pub endpoint: Url,
    /// Sent with each batch, for whoever asks who we are.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// The share of traces that begin with us and are recorded, 0 to 1. What came in recorded stays so.
    pub sampling: f64,
    /// Who we are.
    pub service_name: String,
}

impl PartialEq for TracesConfig {
    fn eq(&self, other: &Self) -> bool {
        let headers = |config: &Self| -> Vec<(HeaderName, String)> {
            config.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect()
        };
        self.endpoint == other.endpoint
            && self.sampling == other.sampling
            && self.service_name == other.service_name
            && headers(self) == headers(other)
    }
}

/// Why spans can't be sent anywhere.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The machine has no usable certificate store.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// A header's value has control characters.
    #[error("a header: {0}")]
    Header(#[from] InvalidHeaderValue),
    /// There is no runtime to send by.
    #[error("no runtime: {0}")]
    Runtime(#[from] tokio::runtime::TryCurrentError),
}

/// Sends spans until it is shut down.
pub(super) struct Exporter {
    config: TracesConfig,
    provider: SdkTracerProvider,
}

impl Exporter {
    pub(super) fn new(config: &TracesConfig) -> Result<Self, CollectorError> {
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let ours = Sampler::TraceIdRatioBased(config.sampling);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(ours)))
            .with_resource(resource)
            .with_batch_exporter(Collector::new(config)?)
            .build();
        Ok(Self { config: config.clone(), provider })
    }

    pub(super) fn config(&self) -> &TracesConfig {
        &self.config
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("oss-valet")
    }

    /// Sends what has not been sent, for as long as [`FAREWELL`].
    pub(super) async fn shut_down(self) {
        // It blocks, and its thread needs this runtime to send. What could not be sent is told of there.
        let _ = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FAREWELL)).await;
    }
}

/// Where batches go. Its failures are told when they begin and when they end, not each.
#[derive(Debug)]
struct Collector {
    http: Client,
    url: String,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
    /// Batches are sent by a thread that knows no runtime: the calls are made in ours.
    runtime: Handle,
    is_failing: AtomicBool,
}

impl Collector {
    fn new(config: &TracesConfig) -> Result<Self, CollectorError> {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(concat!("oss-valet/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let mut value = HeaderValue::from_str(value.expose_secret())?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let base = config.endpoint.as_str().trim_end_matches('/');
        Ok(Self {
            http,
            url: format!("{base}/{PATH}"),
            headers,
            resource: ResourceAttributesWithSchema::default(),
            runtime: Handle::try_current()?,
            is_failing: AtomicBool::new(false),
        })
    }

    fn note(&self, spans: usize, sent: &Result<(), String>) {
        let outcome = if sent.is_ok() { "exported" } else { "lost" };
        instruments::trace_spans(outcome, spans);
        match sent {
            Ok(()) if self.is_failing.swap(false, Ordering::Relaxed) => {
                tracing::info!("the traces' collector takes spans again");
            }
            Err(why) if !self.is_failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(error.cause = why, "the traces' collector takes no spans: they are lost");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let message =
            ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(batch, &self.resource) };
        let request = self.http.post(&self.url).headers(self.headers.clone()).body(message.encode_to_vec());
        let sent = self.runtime.spawn(send(request)).await.unwrap_or_else(|ended| Err(ended.to_string()));
        self.note(spans, &sent);
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

async fn send(request: RequestBuilder) -> Result<(), String> {
    let answered = request.send().await.map_err(|error| tell(&error.without_url()))?;
    match answered.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered {}", status.as_u16())),
    }
}

/// The innermost cause is what says "connection refused".
fn tell(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
