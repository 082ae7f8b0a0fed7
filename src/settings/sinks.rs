//! `[[sinks]]`: where events go.

use chrono::TimeDelta;
use url::Url;

use super::{
    reader::{Section, parse_choice},
    server::parse_web_url,
};
use crate::grant::{event::EventType, webhook::WebhookSecret};

const EVENTS: [(&str, EventType); 4] = [
    ("upload.completed", EventType::Completed),
    ("upload.rejected", EventType::Rejected),
    ("upload.expired", EventType::Expired),
    ("upload.changed", EventType::Changed),
];

/// One webhook that is told of events.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// By which the ledger knows it: another name is another sink.
    pub name: String,
    /// Where to.
    pub url: Url,
    /// Newest first: every one signs.
    pub secrets: Vec<WebhookSecret>,
    /// Which events; empty = all.
    pub events: Vec<EventType>,
    /// How long the receiver may take.
    pub timeout: TimeDelta,
    /// Whether the receiver may live at a private address.
    pub allow_private: bool,
}

impl SinkSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let name = section.parse("name", parse_name);
        let url = section.required("url", parse_web_url);
        let secrets = read_webhook_secrets(section);
        let events = section.parsed_texts("events", |text| parse_choice(text, &EVENTS));
        let timeout = section.duration("timeout").unwrap_or(TimeDelta::seconds(10));
        let allow_private = section.flag("allow_private");
        let url = url?;
        let name = name.unwrap_or_else(|| name_of(&url));
        Some(Self { name, url, secrets, events, timeout, allow_private })
    }
}

/// What a sink is called when it is not given a name: its URL without what may be a secret.
fn name_of(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_query(None);
    plain.into()
}

fn parse_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("a sink's name is 1 to 64 of A-Z a-z 0-9 . _ -".to_owned())
}

/// No two sinks may share a name: the ledger could not tell them apart.
pub(super) fn judge_names(root: &Section<'_>, sinks: &[SinkSettings]) {
    for (place, sink) in sinks.iter().enumerate() {
        if sinks[..place].iter().any(|earlier| earlier.name == sink.name) {
            let fault = format!("another sink is called `{}`, too: give each a `name` of its own", sink.name);
            root.fault(&format!("sinks[{place}].name"), fault);
        }
    }
}

/// Webhook secrets: a list, or a file with one a line.
pub(super) fn read_webhook_secrets(section: &mut Section<'_>) -> Vec<WebhookSecret> {
    let from_file = section.path("secrets_file");
    let mut texts = section.text_or_texts("secrets");
    match from_file {
        Some(_) if !texts.is_empty() => section.fault("secrets", "give either `secrets` or `secrets_file`, not both"),
        Some(path) => match std::fs::read_to_string(&path) {
            Ok(text) => texts = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect(),
            Err(error) => section.fault("secrets_file", format!("{}: {error}", path.display())),
        },
        None => {}
    }
    if texts.is_empty() {
        section.fault("secrets", "missing: give at least one `whsec_…`, or `secrets_file`");
    }
    texts
        .iter()
        .filter_map(|text| section.judge("secrets", WebhookSecret::parse(text).map_err(|error| error.to_string())))
        .collect()
}
