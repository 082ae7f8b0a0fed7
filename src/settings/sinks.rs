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

/// The longest that one attempt may take.
const MAX_TIMEOUT: TimeDelta = TimeDelta::minutes(1);

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
        if timeout > MAX_TIMEOUT || timeout <= TimeDelta::zero() {
            section.fault("timeout", "at most 1m, and more than nothing");
        }
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
        Some(path) => match section.read_file("secrets_file", &path) {
            Ok(text) => texts = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect(),
            Err(message) => section.fault("secrets_file", message),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Settings, check};

    const SETTINGS: &str = r#"
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "https://id.example.com"
audience = "uploads"
hmac_secret = "an-hmac-secret-of-thirty-two-bytes!!"
[buckets.media]
bucket = "app-media"
region = "cn-hangzhou"
public_host = "media.example.com"
credentials = "main"
[credentials.main]
kind = "static"
access_key_id = "LTAItest"
access_key_secret = "an-access-key-secret"
[profiles.avatar]
bucket = "media"
key = "avatars/{user_id}/{id}.{ext}"
max_size = "5 MiB"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "a-seal-secret-of-thirty-two-bytes!"
[store]
url = "sqlite:///var/lib/oss-valet/ledger.db"
[[sinks]]
url = "https://backend.example.com/oss-events?token=sesame"
secrets = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
events = ["upload.completed"]
[[sinks]]
name = "audit"
url = "https://audit.example.com/"
secrets = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
timeout = "1m"
"#;

    fn load(old: &str, new: &str) -> Result<Settings, Vec<String>> {
        assert!(SETTINGS.contains(old), "{old}");
        Settings::from_toml_str("production", "test.toml", &SETTINGS.replacen(old, new, 1))
            .map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn sinks_are_read_and_a_name_is_made_where_none_is_given() {
        let settings = load("", "").unwrap();
        let [first, second] = &settings.sinks[..] else { panic!("{:?}", settings.sinks) };
        assert_eq!(first.name, "https://backend.example.com/oss-events", "not the query: it may be a secret");
        assert_eq!((&first.events[..], first.timeout), (&[EventType::Completed][..], TimeDelta::seconds(10)));
        assert_eq!((second.name.as_str(), second.timeout), ("audit", TimeDelta::minutes(1)));
        assert!(second.events.is_empty() && !second.allow_private);
        assert!(!format!("{settings:?}").contains("MDEyMzQ1Njc4"));
        let found = check(&settings, &Environment::default());
        assert!(found.faults.is_empty() && found.warnings.is_empty(), "{found:?}");
    }

    #[test]
    fn a_faulty_sink_is_refused_by_name() {
        for (old, new, fault) in [
            ("\"1m\"", "\"61s\"", "sinks[1].timeout: at most 1m"),
            ("\"1m\"", "\"0s\"", "sinks[1].timeout: at most 1m"),
            ("\"audit\"", "\"\"", "sinks[1].name: a sink's name is"),
            ("\"audit\"", "\"a b\"", "sinks[1].name: a sink's name is"),
            ("\"audit\"", "\"https://backend.example.com/oss-events\"", "sinks[1].name: a sink's name is"),
            (
                "name = \"audit\"\nurl = \"https://audit.example.com/\"",
                "url = \"https://backend.example.com/oss-events?tenant=8\"",
                "sinks[1].name: another sink is called `https://backend.example.com/oss-events`, too",
            ),
            ("[\"upload.completed\"]", "[\"upload.done\"]", "sinks[0].events: `upload.done` is none of"),
            ("https://audit", "https://user:sesame@audit", "sinks[1].url: "),
            ("timeout =", "retries = 3\ntimeout =", "sinks[1].retries: unknown key"),
        ] {
            let faults = load(old, new).unwrap_err();
            let expected = format!("test.toml: {fault}");
            assert!(faults.iter().any(|text| text.starts_with(&expected)), "{new}: {faults:#?}");
            assert!(faults.iter().all(|text| !text.contains("MTIz") && !text.contains("sesame")), "{faults:#?}");
        }
    }

    #[test]
    fn a_private_sink_must_be_meant_to_be_private() {
        for (url, more, faults, warnings) in [
            ("https://10.0.0.7/events", "", 1, 0),
            ("http://localhost:3000/events", "", 1, 0),
            ("https://backend.default.svc/events", "", 1, 0),
            ("http://backend.default.svc/events", "allow_private = true", 0, 0),
            ("http://audit.example.com/events", "", 0, 1),
        ] {
            let new = format!("\"{url}\"\n{more}");
            let settings = load("\"https://audit.example.com/\"", &new).unwrap();
            let found = check(&settings, &Environment::default());
            assert_eq!((found.faults.len(), found.warnings.len()), (faults, warnings), "{url}: {found:?}");
            assert!(found.faults.iter().chain(&found.warnings).all(|fault| fault.key == "sinks[1].url"));
        }
    }
}
