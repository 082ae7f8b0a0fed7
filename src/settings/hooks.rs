//! `[hooks.NAME]`: the synchronous question to the business backend.

use chrono::TimeDelta;
use url::Url;

use super::{reader::Section, server::parse_web_url, sinks::read_webhook_secrets};
use crate::grant::{hook::OnFailure, webhook::WebhookSecret};

/// What the hook may take of OSS's five seconds.
const MAX_TIMEOUT: TimeDelta = TimeDelta::milliseconds(2_500);

const ON_FAILURE: [(&str, OnFailure); 3] =
    [("accept", OnFailure::Accept), ("reject", OnFailure::Reject), ("defer", OnFailure::Defer)];

/// `[hooks.NAME]`.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// Whom to ask.
    pub url: Url,
    /// Newest first: every one signs.
    pub secrets: Vec<WebhookSecret>,
    /// For connecting and the whole answer; at most 2.5 s.
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
