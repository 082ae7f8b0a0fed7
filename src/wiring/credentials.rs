//! The providers of `[credentials.NAME]`, standing on each other as the settings say.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, anyhow};
use secrecy::SecretString;
use url::Url;

use crate::{
    app::ports::{Credentials, TokenService},
    clock::Clock,
    credentials::{
        AssumeRole, AssumeRoleRequest, ChainCredentials, CredentialSource, CredentialsUri, EcsRamRole, EnvCredentials,
        HttpClient, LimitedTokenService, METADATA_URL, Oidc, Part, RefreshingCredentials, StaticCredentials, StsClient,
        Timeouts, UnavailableCredentials,
    },
    entropy::Entropy,
    oss::sts,
    settings::{
        AssumeRoleSettings, CredentialSettings, EcsRamRoleSettings, Environment, OidcSettings, SecretSource,
        SessionSettings, Settings, StsSettings,
    },
};

/// Who our sessions of a role say they are, unless configured otherwise.
const SESSION_NAME: &str = "oss-valet";

/// What providers are made of, beside their settings.
pub struct CredentialParts<'a> {
    /// What left-out settings default to.
    pub environment: &'a Environment,
    /// Read after each call to whoever issues credentials.
    pub clock: Arc<dyn Clock>,
    /// For nonces and jitter.
    pub entropy: Arc<dyn Entropy>,
}

/// The providers, by section.
#[derive(Default)]
pub struct Providers {
    /// What signs.
    pub credentials: BTreeMap<String, Arc<dyn Credentials>>,
    /// What issues narrower credentials of the same role, for sections of the kinds `assume_role` and `oidc`.
    pub token_services: BTreeMap<String, Arc<dyn TokenService>>,
}

/// What goes on being used for a section.
pub type KeptProvider = (Arc<dyn Credentials>, Option<Arc<dyn TokenService>>);

impl Providers {
    /// Those of a section.
    pub fn of(&self, name: &str) -> Option<KeptProvider> {
        Some((self.credentials.get(name).cloned()?, self.token_services.get(name).cloned()))
    }
}

/// A provider per `[credentials.NAME]`: what `kept` gives, with what it holds; else a new one, which is not asked for anything yet.
///
/// # Errors
/// When no HTTP client can be built.
pub fn credentials(
    settings: &Settings,
    parts: &CredentialParts<'_>,
    kept: impl Fn(&str) -> Option<KeptProvider>,
) -> anyhow::Result<Providers> {
    let mut making = Making { settings, parts, made: Providers::default() };
    for (name, (provider, tokens)) in settings.credentials.keys().filter_map(|name| Some((name, kept(name)?))) {
        making.made.credentials.insert(name.clone(), provider);
        making.made.token_services.extend(tokens.map(|tokens| (name.clone(), tokens)));
    }
    for name in settings.credentials.keys() {
        making.provider(name)?;
    }
    Ok(making.made)
}

struct Making<'a> {
    settings: &'a Settings,
    parts: &'a CredentialParts<'a>,
    made: Providers,
}

impl Making<'_> {
    /// The section's provider, after those that it stands on. (Valid settings hold no circles.)
    fn provider(&mut self, name: &str) -> anyhow::Result<Arc<dyn Credentials>> {
        if let Some(made) = self.made.credentials.get(name) {
            return Ok(Arc::clone(made));
        }
        let settings = self.settings;
        let section = settings.credentials.get(name).ok_or_else(|| anyhow!("there is no [credentials.{name}]"))?;
        let provider: Arc<dyn Credentials> = match section {
            CredentialSettings::Env => Arc::new(EnvCredentials::new(|name| self.parts.environment.get(name))),
            CredentialSettings::Static { access_key_id, access_key_secret, security_token } => Arc::new(
                StaticCredentials::new(part(access_key_id), part(access_key_secret), security_token.as_ref().map(part)),
            ),
            CredentialSettings::EcsRamRole(role) => self.ecs_ram_role(name, role)?,
            CredentialSettings::Oidc(oidc) => self.oidc(name, oidc)?,
            CredentialSettings::AssumeRole(role) => self.assume_role(name, role)?,
            CredentialSettings::Uri(url) => self.uri(name, url.as_ref())?,
            CredentialSettings::Chain(names) if names.is_empty() => self.default_chain()?,
            CredentialSettings::Chain(names) => {
                let providers = names.iter().map(|name| Ok((name.clone(), self.provider(name)?)));
                Arc::new(ChainCredentials::new(providers.collect::<anyhow::Result<_>>()?))
            }
        };
        self.made.credentials.insert(name.to_owned(), Arc::clone(&provider));
        Ok(provider)
    }

    /// The SDKs' default order, without the files of a user's home, which a service does not have (P§6.4).
    fn default_chain(&mut self) -> anyhow::Result<Arc<dyn Credentials>> {
        let env: Arc<dyn Credentials> = Arc::new(EnvCredentials::new(|name| self.parts.environment.get(name)));
        Ok(Arc::new(ChainCredentials::new(vec![
            ("env".to_owned(), env),
            ("oidc".to_owned(), self.oidc("oidc", &OidcSettings::default())?),
            ("ecs_ram_role".to_owned(), self.ecs_ram_role("ecs_ram_role", &EcsRamRoleSettings::default())?),
            ("uri".to_owned(), self.uri("uri", None)?),
        ])))
    }

    fn ecs_ram_role(&self, name: &str, settings: &EcsRamRoleSettings) -> anyhow::Result<Arc<dyn Credentials>> {
        if self.is_true("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
            return Ok(unavailable("ALIBABA_CLOUD_ECS_METADATA_DISABLED says not to ask".to_owned()));
        }
        let role_name = match self.or_variable(settings.role_name.as_ref(), "ALIBABA_CLOUD_ECS_METADATA") {
            Some(name) if !sts::is_role_name(&name) => {
                return Ok(unavailable("ALIBABA_CLOUD_ECS_METADATA holds no role's name".to_owned()));
            }
            role_name => role_name,
        };
        let allow_v1 = !(settings.imdsv1_disabled || self.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED"));
        Ok(self.refreshing(name, EcsRamRole::new(METADATA_URL, role_name, allow_v1, http(Timeouts::METADATA)?)))
    }

    fn oidc(&mut self, name: &str, settings: &OidcSettings) -> anyhow::Result<Arc<dyn Credentials>> {
        let missing = settings.missing(self.parts.environment);
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|(key, variable)| format!("{key} or {variable}")).collect();
            return Ok(unavailable(format!("set {}", wanted.join(", "))));
        }
        let text = |said: Option<&String>, variable| self.or_variable(said, variable).unwrap_or_default();
        let token_file = settings.oidc_token_file.clone();
        let session_name = self.or_variable(settings.session.name.as_ref(), "ALIBABA_CLOUD_ROLE_SESSION_NAME");
        let endpoint = match self.oidc_endpoint(&settings.sts) {
            Ok(endpoint) => endpoint,
            Err(reason) => return Ok(unavailable(reason)),
        };
        let session = SessionSettings { name: session_name, ..settings.session.clone() };
        let source = Oidc {
            sts: self.sts(endpoint)?,
            provider_arn: text(settings.oidc_provider_arn.as_ref(), "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"),
            token_file: token_file.unwrap_or_else(|| text(None, "ALIBABA_CLOUD_OIDC_TOKEN_FILE").into()),
            request: request(text(settings.role_arn.as_ref(), "ALIBABA_CLOUD_ROLE_ARN"), None, &session),
        };
        self.offer_tokens(name, source.clone());
        Ok(self.refreshing(name, source))
    }

    /// What the section says goes before what the environment says.
    fn oidc_endpoint(&self, settings: &StsSettings) -> Result<Url, String> {
        if let Some(endpoint) = &settings.endpoint {
            return Ok(endpoint.clone());
        }
        if settings.region.is_none()
            && let Some(text) = self.parts.environment.get("ALIBABA_CLOUD_STS_ENDPOINT")
        {
            return sts::parse_endpoint(text).map_err(|reason| format!("ALIBABA_CLOUD_STS_ENDPOINT: {reason}"));
        }
        let region = self.or_variable(settings.region.as_ref(), "ALIBABA_CLOUD_STS_REGION");
        let vpc = settings.vpc_endpoint || self.is_true("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED");
        sts::default_endpoint(region.as_deref(), vpc)
    }

    fn assume_role(&mut self, name: &str, settings: &AssumeRoleSettings) -> anyhow::Result<Arc<dyn Credentials>> {
        let endpoint = settings
            .sts
            .endpoint
            .clone()
            .map_or_else(|| sts::default_endpoint(settings.sts.region.as_deref(), settings.sts.vpc_endpoint), Ok);
        let source = AssumeRole {
            sts: self.sts(endpoint.map_err(anyhow::Error::msg)?)?,
            caller: self.provider(&settings.source)?,
            request: request(settings.role_arn.clone(), settings.external_id.clone(), &settings.session),
        };
        self.offer_tokens(name, source.clone());
        Ok(self.refreshing(name, source))
    }

    fn offer_tokens(&mut self, name: &str, service: impl TokenService + 'static) {
        let limited = LimitedTokenService::new(Arc::new(service));
        self.made.token_services.insert(name.to_owned(), Arc::new(limited));
    }

    fn uri(&self, name: &str, url: Option<&SecretString>) -> anyhow::Result<Arc<dyn Credentials>> {
        let variable = || self.parts.environment.get("ALIBABA_CLOUD_CREDENTIALS_URI").map(SecretString::from);
        let Some(url) = url.cloned().or_else(variable) else {
            return Ok(unavailable("set url or ALIBABA_CLOUD_CREDENTIALS_URI".to_owned()));
        };
        Ok(self.refreshing(name, CredentialsUri { url, http: http(Timeouts::STS)? }))
    }

    fn sts(&self, endpoint: Url) -> anyhow::Result<StsClient> {
        Ok(StsClient::new(endpoint, http(Timeouts::STS)?, Arc::clone(&self.parts.entropy)))
    }

    fn refreshing(&self, name: &str, source: impl CredentialSource + 'static) -> Arc<dyn Credentials> {
        let (clock, entropy) = (Arc::clone(&self.parts.clock), Arc::clone(&self.parts.entropy));
        Arc::new(RefreshingCredentials::new(name, source, clock, entropy))
    }

    fn or_variable(&self, said: Option<&String>, variable: &str) -> Option<String> {
        said.cloned().or_else(|| self.parts.environment.get(variable).map(str::to_owned))
    }

    /// As the SDKs read flags: `true` in any case.
    fn is_true(&self, variable: &str) -> bool {
        self.parts.environment.get(variable).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

fn request(role_arn: String, external_id: Option<String>, session: &SessionSettings) -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn,
        session_name: session.name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
        duration: session.duration,
        external_id,
        policy: session.policy.clone(),
    }
}

fn http(timeouts: Timeouts) -> anyhow::Result<HttpClient> {
    HttpClient::new(timeouts).context("no HTTP client")
}

fn unavailable(reason: String) -> Arc<dyn Credentials> {
    Arc::new(UnavailableCredentials(reason))
}

fn part(source: &SecretSource) -> Part {
    match source {
        SecretSource::Inline(secret) => Part::Inline(secret.clone()),
        SecretSource::File(path) => Part::File(path.clone()),
    }
}
