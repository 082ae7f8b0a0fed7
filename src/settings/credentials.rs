//! `[credentials.NAME]`: what we sign with.

use std::{collections::BTreeMap, path::PathBuf};

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    Environment,
    reader::{SecretSource, Section},
    server::parse_web_url,
};
use crate::oss::sts;

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
    /// The RAM role of the ECS instance we run on.
    EcsRamRole(EcsRamRoleSettings),
    /// RRSA: a Kubernetes service account's token, exchanged for a role.
    Oidc(OidcSettings),
    /// A role on top of another section.
    AssumeRole(AssumeRoleSettings),
    /// From a URL; left out, `ALIBABA_CLOUD_CREDENTIALS_URI` says it. A secret, because it may hold one.
    Uri(Option<SecretString>),
    /// The first of these sections that works; none named, the default order: `env`, `oidc`, `ecs_ram_role`, `uri`.
    Chain(Vec<String>),
}

/// `kind = "ecs_ram_role"`.
#[derive(Debug, Clone, Default)]
pub struct EcsRamRoleSettings {
    /// Left out, `ALIBABA_CLOUD_ECS_METADATA` says it, else the metadata service.
    pub role_name: Option<String>,
    /// Never to ask without a token; so does `ALIBABA_CLOUD_IMDSV1_DISABLED`.
    pub imdsv1_disabled: bool,
}

/// `kind = "oidc"`. What is left out comes from the environment, where Kubernetes' webhook puts it (P§6.3).
#[derive(Debug, Clone, Default)]
pub struct OidcSettings {
    /// `ALIBABA_CLOUD_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`.
    pub oidc_provider_arn: Option<String>,
    /// `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.
    pub oidc_token_file: Option<PathBuf>,
    /// The session; its name else by `ALIBABA_CLOUD_ROLE_SESSION_NAME`.
    pub session: SessionSettings,
    /// Else by `ALIBABA_CLOUD_STS_ENDPOINT`, `ALIBABA_CLOUD_STS_REGION`, `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`.
    pub sts: StsSettings,
}

/// `kind = "assume_role"`.
#[derive(Debug, Clone)]
pub struct AssumeRoleSettings {
    /// Name of the `[credentials.NAME]` that may assume the role.
    pub source: String,
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// What the role's trust policy asks of a third party.
    pub external_id: Option<String>,
    /// The session.
    pub session: SessionSettings,
    /// Where STS is.
    pub sts: StsSettings,
}

/// What a session of a role is.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Who it is, for audits.
    pub name: Option<String>,
    /// How long each credential lives.
    pub duration: TimeDelta,
    /// Narrows the role: a RAM policy.
    pub policy: Option<String>,
}

/// Where STS is.
#[derive(Debug, Clone, Default)]
pub struct StsSettings {
    /// Said outright.
    pub endpoint: Option<Url>,
    /// The region whose endpoint to take.
    pub region: Option<String>,
    /// The endpoint inside the region's VPC.
    pub vpc_endpoint: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { name: None, duration: sts::DEFAULT_DURATION, policy: None }
    }
}

const KINDS: [&str; 7] = ["env", "static", "ecs_ram_role", "oidc", "assume_role", "uri", "chain"];

impl CredentialSettings {
    pub(super) fn read(_name: &str, section: &mut Section<'_>) -> Option<Self> {
        let kind = section.required_text("kind");
        match kind.as_str() {
            "env" => Some(Self::Env),
            "static" => read_static(section),
            "ecs_ram_role" => Some(Self::EcsRamRole(EcsRamRoleSettings::read(section))),
            "oidc" => Some(Self::Oidc(OidcSettings::read(section))),
            "assume_role" => read_assume_role(section),
            "uri" => Some(Self::Uri(read_uri(section))),
            "chain" => Some(Self::Chain(section.texts("providers"))),
            unknown => {
                if !unknown.is_empty() {
                    section.fault("kind", format!("`{unknown}` is none of `{}`", KINDS.join("`, `")));
                }
                section.ignore_rest();
                None
            }
        }
    }

    /// The sections that this one stands on, each with the key that names it.
    pub fn references(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::AssumeRole(settings) => vec![("source", &settings.source)],
            Self::Chain(providers) => providers.iter().map(|name| ("providers", name.as_str())).collect(),
            Self::Env | Self::Static { .. } | Self::EcsRamRole(_) | Self::Oidc(_) | Self::Uri(_) => Vec::new(),
        }
    }
}

impl EcsRamRoleSettings {
    fn read(section: &mut Section<'_>) -> Self {
        let hint = "role name: write `oss-valet`";
        Self {
            role_name: section.parse("role_name", |text| judge(text, sts::is_role_name, hint)),
            imdsv1_disabled: section.flag("imdsv1_disabled"),
        }
    }
}

impl OidcSettings {
    fn read(section: &mut Section<'_>) -> Self {
        let hint = "OIDC provider's ARN: write `acs:ram::<account>:oidc-provider/<name>`";
        Self {
            role_arn: section.parse("role_arn", parse_role_arn),
            oidc_provider_arn: section.parse("oidc_provider_arn", |text| judge(text, sts::is_oidc_provider_arn, hint)),
            oidc_token_file: section.path("oidc_token_file"),
            session: SessionSettings::read(section),
            sts: StsSettings::read(section),
        }
    }

    /// What neither the section nor the environment says: the key, and the variable that would do too.
    pub fn missing(&self, environment: &Environment) -> Vec<(&'static str, &'static str)> {
        [
            ("role_arn", "ALIBABA_CLOUD_ROLE_ARN", self.role_arn.is_some()),
            ("oidc_provider_arn", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", self.oidc_provider_arn.is_some()),
            ("oidc_token_file", "ALIBABA_CLOUD_OIDC_TOKEN_FILE", self.oidc_token_file.is_some()),
        ]
        .into_iter()
        .filter(|(_, variable, said)| !said && environment.get(variable).is_none())
        .map(|(key, variable, _)| (key, variable))
        .collect()
    }
}

/// A way from `name` back to itself along `source` and `providers`, if there is one: the names, in order.
pub(super) fn find_circle(name: &str, sections: &BTreeMap<String, CredentialSettings>) -> Option<Vec<String>> {
    fn follow<'a>(
        path: &mut Vec<&'a str>,
        seen: &mut Vec<&'a str>,
        sections: &'a BTreeMap<String, CredentialSettings>,
    ) -> bool {
        let here = path.last().and_then(|last| sections.get(*last));
        for (_, next) in here.map(CredentialSettings::references).unwrap_or_default() {
            if next == path[0] {
                return true;
            }
            // Circles that do not hold the first are found from their own members.
            if seen.contains(&next) {
                continue;
            }
            seen.push(next);
            path.push(next);
            if follow(path, seen, sections) {
                return true;
            }
            path.pop();
        }
        false
    }
    let mut path = vec![name];
    follow(&mut path, &mut Vec::new(), sections).then(|| {
        path.push(name);
        path.into_iter().map(str::to_owned).collect()
    })
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

fn read_assume_role(section: &mut Section<'_>) -> Option<CredentialSettings> {
    let source = section.required_text("source");
    let role_arn = section.required("role_arn", parse_role_arn);
    let external_id = section
        .parse("external_id", |text| judge(text, sts::is_external_id, "external id: 2 to 1224 characters, no blanks"));
    let (session, sts) = (SessionSettings::read(section), StsSettings::read(section));
    if sts.vpc_endpoint && sts.region.is_none() && sts.endpoint.is_none() {
        section.fault("vpc_endpoint", "needs `sts_region`: each region has its own");
    }
    Some(CredentialSettings::AssumeRole(AssumeRoleSettings { source, role_arn: role_arn?, external_id, session, sts }))
}

fn read_uri(section: &mut Section<'_>) -> Option<SecretString> {
    let url = section.secret("url")?;
    if parse_web_url(url.expose_secret()).is_err() {
        // Not shown: it may hold a secret.
        section.fault("url", "no http or https URL without user and fragment");
    }
    Some(url)
}

impl SessionSettings {
    fn read(section: &mut Section<'_>) -> Self {
        let hint = "session name: 2 to 64 of A-Z a-z 0-9 . @ _ -";
        let name = section.parse("session_name", |text| judge(text, sts::is_session_name, hint));
        let duration = section.duration("duration").unwrap_or(sts::DEFAULT_DURATION);
        if duration < sts::MIN_DURATION || duration > sts::MAX_DURATION {
            section.fault("duration", "STS gives sessions of 15m to 12h");
        }
        let policy = section.parse("policy", parse_policy);
        Self { name, duration, policy }
    }
}

impl StsSettings {
    fn read(section: &mut Section<'_>) -> Self {
        let endpoint = section.parse("sts_endpoint", sts::parse_endpoint);
        let region = section.parse("sts_region", |text| judge(text, sts::is_region, "region: write `cn-hangzhou`"));
        let vpc_endpoint = section.flag("vpc_endpoint");
        Self { endpoint, region, vpc_endpoint }
    }
}

fn parse_role_arn(text: &str) -> Result<String, String> {
    judge(text, sts::is_role_arn, "role's ARN: write `acs:ram::<account>:role/<name>`")
}

fn parse_policy(text: &str) -> Result<String, String> {
    let is_object = serde_json::from_str::<serde_json::Value>(text).is_ok_and(|policy| policy.is_object());
    if !is_object {
        return Err("a RAM policy is a JSON object".to_owned());
    }
    if text.chars().count() > sts::MAX_POLICY_CHARS {
        return Err(format!("a session's policy has at most {} characters", sts::MAX_POLICY_CHARS));
    }
    Ok(text.to_owned())
}

fn judge(text: &str, fits: impl Fn(&str) -> bool, what: &str) -> Result<String, String> {
    if fits(text) { Ok(text.to_owned()) } else { Err(format!("`{text}` is no {what}")) }
}
