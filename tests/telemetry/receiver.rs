//! A small server that keeps what it is sent: a collector of OTLP, a sink, a hook.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Kept {
    requests: Mutex<Vec<Received>>,
    news: Condvar,
}

/// Answers 200 to everything, on a port of its own.
pub(crate) struct Receiver {
    pub(crate) url: String,
    kept: Arc<Kept>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::new(Kept::default());
        let keeping = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&keeping);
                thread::spawn(move || serve(&stream, &kept));
            }
        });
        Self { url, kept }
    }

    /// What has come so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.kept.requests.lock().unwrap().clone()
    }

    /// Waits until there are so many.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let requests = self.kept.requests.lock().unwrap();
        let waited = self.kept.news.wait_timeout_while(requests, PATIENCE, |requests| requests.len() < count).unwrap();
        assert!(!waited.1.timed_out(), "{} of {count} requests came to {}", waited.0.len(), self.url);
        waited.0.clone()
    }

    /// Of a collector: all spans, with who they are of.
    pub(crate) fn spans(&self) -> Vec<Told> {
        let messages = self.received().into_iter().map(|request| {
            assert_eq!(request.path, "/v1/traces");
            assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
            ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap()
        });
        let resources = messages.flat_map(|message| message.resource_spans);
        resources
            .flat_map(|resource| {
                let of = attributes(&resource.resource.unwrap_or_default().attributes);
                resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(move |span| Told::new(&span, &of))
            })
            .collect()
    }
}

fn serve(stream: &TcpStream, kept: &Kept) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        kept.requests.lock().unwrap().push(request);
        kept.news.notify_all();
        let mut out = stream;
        if out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}").is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let len = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, len)| len.parse().unwrap());
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some(Received { path, headers, body })
}

/// A span as a test reads it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) kind: SpanKind,
    pub(crate) is_error: bool,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) events: usize,
}

impl Told {
    fn new(span: &Span, resource: &[(String, String)]) -> Self {
        Self {
            name: span.name.clone(),
            trace: hex::encode(&span.trace_id),
            id: hex::encode(&span.span_id),
            parent: hex::encode(&span.parent_span_id),
            kind: span.kind(),
            is_error: span.status.as_ref().is_some_and(|status| status.code == 2),
            attributes: attributes(&span.attributes),
            resource: resource.to_vec(),
            events: span.events.len(),
        }
    }

    pub(crate) fn attribute(&self, name: &str) -> &str {
        find(&self.attributes, name)
    }
}

/// The value of that name, or nothing.
pub(crate) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn attributes(pairs: &[KeyValue]) -> Vec<(String, String)> {
    pairs.iter().map(|pair| (pair.key.clone(), text(pair.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
