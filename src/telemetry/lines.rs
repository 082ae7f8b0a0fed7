//! Log lines: what happened, then its own fields, then those of the spans around it. A name that is nearer wins.

use std::{
    error::Error,
    fmt::{self, Write as _},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, SecondsFormat, Utc};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{Format, escape::write_escaped};
use crate::clock::{Clock, SystemClock};

/// What happened, in words.
const MESSAGE: &str = "message";
/// Fields that steer traces: never even kept.
const FOR_TRACES: &str = "otel.";
/// Those in which `log` hides what it knows.
const OF_LOG: &str = "log.";
/// Whose record it is, where a library logs by `log`.
const LOG_TARGET: &str = "log.target";

/// How lines look; may change at any time.
#[derive(Debug)]
pub(super) struct Style {
    is_json: AtomicBool,
    is_coloured: bool,
}

impl Style {
    pub(super) fn new(format: Format, is_terminal: bool) -> Self {
        Self { is_json: AtomicBool::new(format == Format::Json), is_coloured: is_terminal }
    }

    pub(super) fn set(&self, format: Format) {
        self.is_json.store(format == Format::Json, Ordering::Relaxed);
    }
}

/// Writes a line for each event.
pub(super) struct LogLines<W> {
    style: Arc<Style>,
    write: W,
}

impl<W: Fn(&[u8])> LogLines<W> {
    /// `write` gets one whole line at a time.
    pub(super) fn new(style: Arc<Style>, write: W) -> Self {
        Self { style, write }
    }
}

impl<S, W> Layer<S> for LogLines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Fields>() {
                fields.add(around);
            }
        }
        let message = fields.take(MESSAGE).unwrap_or_default();
        let target = fields.take(LOG_TARGET);
        let line = Line {
            time: SystemClock.now(),
            level: *event.metadata().level(),
            target: target.as_ref().map_or_else(|| event.metadata().target(), Value::as_str),
            message: message.as_str(),
            fields: &fields,
        };
        let text =
            if self.style.is_json.load(Ordering::Relaxed) { line.json() } else { line.pretty(self.style.is_coloured) };
        (self.write)(text.as_bytes());
    }
}

#[derive(Debug, Clone)]
enum Value {
    /// A number or a truth, as JSON writes it.
    Plain(String),
    Text(String),
}

impl Default for Value {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Value {
    fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Text(text) => text,
        }
    }
}

/// In the order in which they were said.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let name = field.name();
        if name.starts_with(FOR_TRACES) {
            return;
        }
        let value = value();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    fn add(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            if !self.0.iter().any(|(known, _)| known == name) {
                self.0.push((name, value.clone()));
            }
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(place).1)
    }

    fn shown(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter(|(name, _)| !name.starts_with(OF_LOG)).map(|(name, value)| (*name, value))
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, || Value::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, || Value::Plain(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, || Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, || Value::Plain(value.to_string()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, || {
            let mut text = value.to_string();
            let mut source = value.source();
            while let Some(cause) = source {
                // A String takes everything.
                let _ = write!(text, ": {cause}");
                source = cause.source();
            }
            Value::Text(text)
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, || Value::Text(format!("{value:?}")));
    }
}

struct Line<'a> {
    time: DateTime<Utc>,
    level: Level,
    target: &'a str,
    message: &'a str,
    fields: &'a Fields,
}

impl Line<'_> {
    fn json(&self) -> String {
        let mut out = String::with_capacity(512);
        let time = self.time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let level = self.level.as_str();
        // A String takes everything.
        let _ = write!(out, "{{\"timestamp\":\"{time}\",\"level\":\"{level}\"");
        for (name, text) in [("target", self.target), (MESSAGE, self.message)] {
            write_member(&mut out, name, text);
        }
        for (name, value) in self.fields.shown() {
            match value {
                Value::Plain(plain) => {
                    let _ = write!(out, ",\"{name}\":{plain}");
                }
                Value::Text(text) => write_member(&mut out, name, text),
            }
        }
        out.push_str("}\n");
        out
    }

    fn pretty(&self, is_coloured: bool) -> String {
        let mut out = String::with_capacity(256);
        let time = self.time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let (on, off) = if is_coloured { (colour(self.level), "\x1b[0m") } else { ("", "") };
        // A String takes everything.
        let _ = write!(out, "{time} {on}{:>5}{off} ", self.level.as_str());
        write_escaped(&mut out, self.message);
        for (name, value) in self.fields.shown() {
            let _ = write!(out, " {name}=");
            match value {
                Value::Plain(plain) => out.push_str(plain),
                Value::Text(text) if is_word(text) => out.push_str(text),
                Value::Text(text) => {
                    out.push('"');
                    write_escaped(&mut out, text);
                    out.push('"');
                }
            }
        }
        out.push('\n');
        out
    }
}

fn write_member(out: &mut String, name: &str, text: &str) {
    // A String takes everything.
    let _ = write!(out, ",\"{name}\":\"");
    write_escaped(out, text);
    out.push('"');
}

/// Whether it can stand without quotes.
fn is_word(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\=".contains(&b))
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG | Level::TRACE => "\x1b[2m",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn lines_of(format: Format, tell: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(String::new()));
        let out = Arc::clone(&written);
        let layer = LogLines::new(Arc::new(Style::new(format, false)), move |line| {
            out.lock().unwrap().push_str(std::str::from_utf8(line).unwrap());
        });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
        let text = written.lock().unwrap().clone();
        text.lines().map(str::to_owned).collect()
    }

    /// Ends of lines, colours, marks of direction: what nobody's log should obey.
    const HOSTILE: &str = "u\n{\"level\":\"ERROR\"}\r\x1b[2J\u{2028}\u{202e}\u{9b}31m\u{7f}\"\\";

    fn tell_hostile_things() {
        let span = tracing::info_span!("request", request.id = HOSTILE, user.id = tracing::field::Empty);
        span.record("user.id", tracing::field::display(HOSTILE));
        let _entered = span.enter();
        tracing::info!(file.name = HOSTILE, header = ?HOSTILE, "{HOSTILE}");
    }

    #[test]
    fn whatever_is_logged_a_line_stays_a_line_of_json() {
        let lines = lines_of(Format::Json, tell_hostile_things);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(!lines[0].chars().any(|c| c.is_control() || "\u{2028}\u{202e}".contains(c)), "{}", lines[0]);
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        for name in ["message", "file.name", "request.id", "user.id"] {
            assert_eq!(line[name], HOSTILE, "{name}");
        }
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn whatever_is_logged_a_line_stays_a_line_of_text() {
        let lines = lines_of(Format::Pretty, tell_hostile_things);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(!lines[0].chars().any(|c| c.is_control() || "\u{2028}\u{202e}".contains(c)), "{}", lines[0]);
        assert!(lines[0].contains(r#"user.id="u\n{\"level\":\"ERROR\"}\r\u001b[2J\u2028\u202e\u009b31m\u007f\"\\""#));
    }

    #[test]
    fn fields_are_dotted_typed_and_the_nearest_wins() {
        let lines = lines_of(Format::Json, || {
            let outer = tracing::info_span!("outer", request.id = "r-1", grant.id = "far", otel.kind = "server");
            let _outer = outer.enter();
            let inner = tracing::info_span!("inner", sink.name = "s", request.id = "r-1");
            let _inner = inner.enter();
            tracing::warn!(grant.id = "near", count = 7, open = true, missing = None::<&str>, "told");
        });
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["message"], "told");
        assert_eq!(line["grant.id"], "near");
        assert_eq!(line["request.id"], "r-1");
        assert_eq!((&line["count"], &line["open"]), (&7.into(), &true.into()));
        assert_eq!(line["sink.name"], "s");
        assert!(line.get("otel.kind").is_none() && line.get("missing").is_none(), "{line}");
        assert_eq!(lines[0].matches("request.id").count(), 1);
    }

    #[test]
    fn people_read_words_without_quotes() {
        let lines = lines_of(Format::Pretty, || tracing::info!(a = "b/c", d = "e f", g = "", "hello"));
        assert!(lines[0].ends_with(r#" INFO hello a=b/c d="e f" g="""#), "{}", lines[0]);
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = std::io::Error::other(fmt::Error);
        let lines = lines_of(Format::Json, || {
            tracing::error!(error.cause = &error as &(dyn Error + 'static), "failed");
        });
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(line["error.cause"].as_str().unwrap().starts_with("an error occurred when formatting"), "{line}");
    }
}
