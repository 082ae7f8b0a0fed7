//! What is doubtful about `[credentials.NAME]`.

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use url::Url;

use super::{Check, addresses::is_loopback};
use crate::{
    oss::sts::{DEFAULT_DURATION, parse_endpoint},
    settings::{CredentialSettings, Environment, OidcSettings, Settings},
};

impl Check<'_> {
    pub(super) fn credentials(&mut self, environment: &Environment) {
        let settings = self.settings;
        for (name, section) in &settings.credentials {
            let key = |inner: &str| format!("credentials.{name}.{inner}");
            match section {
                CredentialSettings::Oidc(oidc) => {
                    self.sts_endpoint(&key("sts_endpoint"), oidc_endpoint(oidc, environment).as_ref());
                    for (missing, variable) in oidc.missing(environment) {
                        self.warn(&key(missing), format!("neither here nor in {variable}, which RRSA sets in a pod"));
                    }
                }
                CredentialSettings::AssumeRole(role) => {
                    self.sts_endpoint(&key("sts_endpoint"), role.sts.endpoint.as_ref());
                }
                CredentialSettings::Uri(url) => {
                    let given = url.as_ref().map(ExposeSecret::expose_secret);
                    self.credentials_uri(
                        &key("url"),
                        given.or_else(|| environment.get("ALIBABA_CLOUD_CREDENTIALS_URI")),
                    );
                }
                CredentialSettings::Env
                | CredentialSettings::Static { .. }
                | CredentialSettings::EcsRamRole(_)
                | CredentialSettings::Chain(_) => {}
            }
        }
    }

    fn sts_endpoint(&mut self, key: &str, endpoint: Option<&Url>) {
        if endpoint.is_some_and(|url| url.scheme() != "https") {
            self.fault_outside_development(key, "STS answers credentials in the clear: use https");
        }
    }

    fn credentials_uri(&mut self, key: &str, url: Option<&str>) {
        match url.map(Url::parse) {
            Some(Ok(url)) if url.scheme() == "http" && !is_loopback(&url) => {
                self.warn(
                    key,
                    "credentials come over the network in the clear: use https, or an agent on this machine",
                );
            }
            Some(_) => {}
            None => self.warn(key, "neither here nor in ALIBABA_CLOUD_CREDENTIALS_URI"),
        }
    }
}

/// The endpoint that is said outright, here or in the environment.
fn oidc_endpoint(oidc: &OidcSettings, environment: &Environment) -> Option<Url> {
    let said = || parse_endpoint(environment.get("ALIBABA_CLOUD_STS_ENDPOINT")?).ok();
    oidc.sts.endpoint.clone().or_else(|| if oidc.sts.region.is_none() { said() } else { None })
}

/// Whether what the section provides carries a security token.
pub(super) fn is_temporary(settings: &Settings, credentials: &str, environment: &Environment) -> bool {
    let has_token =
        || ["ALIBABA_CLOUD_SECURITY_TOKEN", "OSS_SESSION_TOKEN"].iter().any(|name| environment.get(name).is_some());
    match settings.credentials.get(credentials) {
        Some(CredentialSettings::Static { security_token, .. }) => security_token.is_some(),
        Some(CredentialSettings::Env) => has_token(),
        Some(
            CredentialSettings::EcsRamRole(_)
            | CredentialSettings::Oidc(_)
            | CredentialSettings::AssumeRole(_)
            | CredentialSettings::Uri(_),
        ) => true,
        // The default order: a long-lived pair of the environment's comes first.
        Some(CredentialSettings::Chain(names)) if names.is_empty() => {
            let long_lived = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "OSS_ACCESS_KEY_ID"];
            has_token() || !long_lived.iter().any(|name| environment.get(name).is_some())
        }
        Some(CredentialSettings::Chain(names)) => names.iter().any(|name| is_temporary(settings, name, environment)),
        None => false,
    }
}

/// The longest session that the section's role surely allows: `None` where it is no role that we assume. No role's limit is
/// below an hour.
pub(super) fn longest_session(settings: &Settings, credentials: &str) -> Option<TimeDelta> {
    let session = match settings.credentials.get(credentials)? {
        CredentialSettings::Oidc(oidc) => &oidc.session,
        CredentialSettings::AssumeRole(role) => &role.session,
        _ => return None,
    };
    Some(session.duration.max(DEFAULT_DURATION))
}

/// How long each credential of the section lives, where the section says it.
pub(super) fn session_duration(settings: &Settings, credentials: &str) -> Option<TimeDelta> {
    match settings.credentials.get(credentials)? {
        CredentialSettings::Oidc(oidc) => Some(oidc.session.duration),
        CredentialSettings::AssumeRole(role) => Some(role.session.duration),
        CredentialSettings::Chain(names) => names.iter().filter_map(|name| session_duration(settings, name)).min(),
        CredentialSettings::Env
        | CredentialSettings::Static { .. }
        | CredentialSettings::EcsRamRole(_)
        | CredentialSettings::Uri(_) => None,
    }
}
