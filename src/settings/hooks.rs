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
hook = "backend"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "a-seal-secret-of-thirty-two-bytes!"
[store]
url = "sqlite:///var/lib/oss-valet/ledger.db"
[hooks.backend]
url = "https://backend.example.com/oss-hook"
secrets = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
timeout = "1500ms"
on_failure = "defer"
"#;

    fn load(env: &str, old: &str, new: &str) -> Result<Settings, Vec<String>> {
        assert!(SETTINGS.contains(old), "{old}");
        Settings::from_toml_str(env, "test.toml", &SETTINGS.replacen(old, new, 1))
            .map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_hook_is_read_and_shows_no_secret() {
        let settings = load("production", "", "").unwrap();
        let hook = &settings.hooks["backend"];
        assert_eq!((hook.url.as_str(), hook.secrets.len()), ("https://backend.example.com/oss-hook", 1));
        assert_eq!((hook.timeout, hook.on_failure), (TimeDelta::milliseconds(1_500), OnFailure::Defer));
        assert!(!format!("{settings:?}").contains("MDEyMzQ1Njc4"));
        let found = check(&settings, &Environment::default());
        assert!(found.faults.is_empty() && found.warnings.is_empty(), "{found:?}");
        let longest = load("production", "timeout = \"1500ms\"\n", "").unwrap();
        assert_eq!(longest.hooks["backend"].timeout, MAX_TIMEOUT, "left out");
        let rotating = load("production", "secrets = [", "secrets = [\"whsec_b2xkLXNlY3JldC1vZi10aGUtaG9va3MhIQ==\", ");
        assert_eq!(rotating.unwrap().hooks["backend"].secrets.len(), 2);
    }

    #[test]
    fn a_faulty_hook_is_refused_by_name() {
        for (old, new, fault) in [
            ("\"1500ms\"", "\"2501ms\"", "hooks.backend.timeout: at most 2500ms"),
            ("\"1500ms\"", "\"0s\"", "hooks.backend.timeout: at most 2500ms"),
            ("on_failure = \"defer\"", "", "hooks.backend.on_failure: "),
            ("\"defer\"", "\"ignore\"", "hooks.backend.on_failure: "),
            ("\"defer\"", "\"Accept\"", "hooks.backend.on_failure: "),
            ("https://backend.example.com/oss-hook", "backend.example.com", "hooks.backend.url: "),
            ("https://backend", "https://user:sesame@backend", "hooks.backend.url: "),
            ("url = \"https://backend.example.com/oss-hook\"", "", "hooks.backend.url: "),
            ("secrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]", "", "hooks.backend.secrets: missing"),
            (
                "secrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]",
                "secrets = []",
                "hooks.backend.secrets: missing",
            ),
            ("whsec_", "", "hooks.backend.secrets: a webhook secret is"),
            ("whsec_MDEyMzQ1Njc4OTAx", "whsec_", "hooks.backend.secrets: a webhook secret is"),
            ("on_failure = \"defer\"", "on_failure = \"defer\"\nretries = 3", "hooks.backend.retries: unknown key"),
            ("hook = \"backend\"", "hook = \"front\"", "profiles.avatar.hook: there is no [hooks.front]"),
        ] {
            let faults = load("production", old, new).unwrap_err();
            let expected = format!("test.toml: {fault}");
            assert!(faults.iter().any(|text| text.starts_with(&expected)), "{new}: {faults:#?}");
            assert!(faults.iter().all(|text| !text.contains("MTIz") && !text.contains("sesame")), "{faults:#?}");
        }
    }

    #[test]
    fn a_hook_in_the_clear_is_for_this_machine_or_development() {
        for (url, env, faults, warnings) in [
            ("https://10.0.0.7/hook", "production", 0, 0),
            ("http://backend.example.com/hook", "production", 1, 0),
            ("http://10.0.0.7/hook", "production", 1, 0),
            ("http://127.0.0.1:7000/hook", "production", 0, 0),
            ("http://[::1]:7000/hook", "production", 0, 0),
            ("http://localhost/hook", "production", 0, 0),
            ("http://backend.example.com/hook", "development", 0, 1),
        ] {
            let settings = load(env, "https://backend.example.com/oss-hook", url).unwrap();
            let found = check(&settings, &Environment::default());
            assert_eq!((found.faults.len(), found.warnings.len()), (faults, warnings), "{url} {env}: {found:?}");
            assert!(found.faults.iter().chain(&found.warnings).all(|fault| fault.key == "hooks.backend.url"));
        }
    }

    #[test]
    fn a_hook_that_nobody_asks_is_told_of() {
        let found = check(&load("production", "hook = \"backend\"\n", "").unwrap(), &Environment::default());
        assert_eq!(found.warnings.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(), ["hooks.backend"]);
    }
}
