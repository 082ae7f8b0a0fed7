//! `[hooks.NAME]`: the synchronous question to the business backend.

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::{reader::Section, server::parse_web_url, sinks::read_webhook_secrets};

/// What the hook may take of OSS's five seconds.
const MAX_TIMEOUT: TimeDelta = TimeDelta::milliseconds(2_500);

/// What happens when the hook does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The upload counts.
    Accept,
    /// The upload is rejected.
    Reject,
    /// Nothing is recorded yet; the reconciler asks again.
    Defer,
}

const ON_FAILURE: [(&str, OnFailure); 3] =
    [("accept", OnFailure::Accept), ("reject", OnFailure::Reject), ("defer", OnFailure::Defer)];

/// `[hooks.NAME]`.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// Whom to ask.
    pub url: Url,
    /// `whsec_…`, newest first.
    pub secrets: Vec<SecretString>,
    /// At most 2.5 s.
    pub timeout: TimeDelta,
    /// No default: it is a decision.
    pub on_failure: OnFailure,
}

impl HookSettings {
    pub(super) fn read(_name: &str, section: &mut Section<'_>) -> Option<Self> {
        let url = section.required("url", parse_web_url);
        let secrets = read_webhook_secrets(section);
        let timeout = section.duration("timeout").unwrap_or(MAX_TIMEOUT);
        if timeout > MAX_TIMEOUT || timeout <= TimeDelta::zero() {
            section.fault("timeout", "at most 2500ms, and more than nothing: OSS waits 5 s for everything together");
        }
        let on_failure = section.required("on_failure", |text| super::reader::parse_choice(text, &ON_FAILURE));
        Some(Self { url: url?, secrets, timeout, on_failure: on_failure? })
    }
}
