//! The simulator's roles, as `simulator` and `dev` offer them.

use std::{fs, path::PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::simulator::{OidcProviderSpec, Permissions, RoleSpec, SimulatorSettings};

/// There without being asked for: may upload to the buckets, and read and list them.
pub(super) const READY_ROLE: &str = "oss-valet-uploads";
/// The longest that RAM lets a role have, seconds.
const MAX_SESSION_SECONDS: u32 = 43_200;
const PROVIDER: &str = "oss-valet";

/// Roles that STS hands out sessions of.
#[derive(Debug, Clone, Args)]
pub(super) struct RoleArgs {
    /// A further role with a RAM policy of its own; may be given several times.
    #[arg(long = "role", value_name = "NAME=POLICY.json", value_parser = parse_role)]
    roles: Vec<RoleArg>,
    /// Lets the tokens of this OIDC issuer assume every role, by `AssumeRoleWithOIDC`.
    #[arg(long, value_name = "URL", requires = "oidc_public_key")]
    oidc_issuer: Option<String>,
    /// What the tokens' `aud` must name.
    #[arg(long, value_name = "NAME", default_value = "sts.aliyuncs.com", requires = "oidc_issuer")]
    oidc_audience: String,
    /// The issuer's public key in PEM.
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_public_key: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct RoleArg {
    name: String,
    policy: PathBuf,
}

fn parse_role(text: &str) -> Result<RoleArg, String> {
    match text.split_once('=') {
        Some((name, policy)) if !name.is_empty() && !policy.is_empty() => {
            Ok(RoleArg { name: name.to_owned(), policy: policy.into() })
        }
        _ => Err("is not of the form NAME=POLICY.json".to_owned()),
    }
}

/// A role, for the line that says what is there.
#[derive(Debug, Serialize)]
pub(super) struct ReadyRole {
    name: String,
    arn: String,
}

impl RoleArgs {
    /// Adds the ready role, those asked for, and the OIDC provider. Call it when the buckets are in.
    ///
    /// # Errors
    /// When a file can't be read, or a policy is none.
    pub(super) fn add_to(&self, settings: SimulatorSettings) -> anyhow::Result<SimulatorSettings> {
        let ready = RoleSpec::new(READY_ROLE, Permissions::policy(&ready_policy(&settings))?);
        let mut settings = settings.with_role(ready);
        for RoleArg { name, policy } in &self.roles {
            ensure!(settings.roles.iter().all(|role| !role.name.eq_ignore_ascii_case(name)), "two roles {name}");
            let json = fs::read_to_string(policy).with_context(|| policy.display().to_string())?;
            let permissions = Permissions::policy(&json).with_context(|| policy.display().to_string())?;
            settings = settings.with_role(RoleSpec::new(name, permissions));
        }
        if let (Some(issuer), Some(path)) = (&self.oidc_issuer, &self.oidc_public_key) {
            settings.oidc_providers.push(OidcProviderSpec {
                name: PROVIDER.to_owned(),
                issuer: issuer.clone(),
                audiences: vec![self.oidc_audience.clone()],
                public_key_pem: fs::read_to_string(path).with_context(|| path.display().to_string())?,
            });
        }
        for role in &mut settings.roles {
            role.max_session_seconds = MAX_SESSION_SECONDS;
            role.trust.oidc_providers = settings.oidc_providers.iter().map(|provider| provider.name.clone()).collect();
        }
        Ok(settings)
    }
}

/// The roles of a simulator.
pub(super) fn ready_roles(settings: &SimulatorSettings) -> Vec<ReadyRole> {
    let roles = settings.roles.iter();
    roles.map(|role| ReadyRole { name: role.name.clone(), arn: settings.role_arn(&role.name) }).collect()
}

/// The ARN of the OIDC provider, if there is one.
pub(super) fn ready_provider(settings: &SimulatorSettings) -> Option<String> {
    let provider = settings.oidc_providers.first()?;
    Some(format!("acs:ram::{}:oidc-provider/{}", settings.account_id, provider.name))
}

fn ready_policy(settings: &SimulatorSettings) -> String {
    let named = |end: &str| -> Vec<String> {
        settings.buckets.iter().map(|bucket| format!("acs:oss:*:*:{}{end}", bucket.name)).collect()
    };
    json!({ "Version": "1", "Statement": [
        {
            "Effect": "Allow",
            "Action": ["oss:PutObject", "oss:AbortMultipartUpload", "oss:ListParts", "oss:GetObject"],
            "Resource": named("/*"),
        },
        { "Effect": "Allow", "Action": ["oss:ListObjects"], "Resource": named("") },
    ]})
    .to_string()
}
