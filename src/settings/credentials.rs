//! `[credentials.NAME]`: what we sign with.

use super::reader::{SecretSource, Section};

/// Kinds of the contract that this version does not have.
const LATER: [&str; 5] = ["ecs_ram_role", "oidc", "assume_role", "uri", "chain"];

/// `[credentials.NAME]`.
#[derive(Debug, Clone)]
pub enum CredentialSettings {
    /// From the environment variables that Alibaba Cloud's tools read (P§6.4).
    Env,
    /// Given here, or in files that are re-read when they change.
    Static {
        /// The `AccessKey` id.
        access_key_id: SecretSource,
        /// Its secret.
        access_key_secret: SecretSource,
        /// For a pair that STS issued.
        security_token: Option<SecretSource>,
    },
}

impl CredentialSettings {
    pub(super) fn read(_name: &str, section: &mut Section<'_>) -> Option<Self> {
        let kind = section.required_text("kind");
        match kind.as_str() {
            "env" => Some(Self::Env),
            "static" => read_static(section),
            "" => None,
            later if LATER.contains(&later) => {
                section.fault("kind", format!("`{later}` is not available yet: use `env` or `static`"));
                section.ignore_rest();
                None
            }
            other => {
                section.fault("kind", format!("`{other}` is none of `env`, `static`, `{}`", LATER.join("`, `")));
                section.ignore_rest();
                None
            }
        }
    }
}

fn read_static(section: &mut Section<'_>) -> Option<CredentialSettings> {
    let mut source = |key: &str, required: bool| {
        if required && !section.has(key) && !section.has(&format!("{key}_file")) {
            section.fault(key, format!("missing: give `{key}` or `{key}_file`"));
        }
        let source = section.secret_source(key)?;
        if let SecretSource::File(path) = &source
            && let Err(error) = std::fs::metadata(path)
        {
            section.fault(&format!("{key}_file"), format!("{}: {error}", path.display()));
        }
        Some(source)
    };
    let access_key_id = source("access_key_id", true);
    let access_key_secret = source("access_key_secret", true);
    let security_token = source("security_token", false);
    Some(CredentialSettings::Static {
        access_key_id: access_key_id?,
        access_key_secret: access_key_secret?,
        security_token,
    })
}
