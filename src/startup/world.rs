//! What a configuration makes of the world. The next configuration makes another, over the same [`Foundation`], and takes over what
//! means the same under both: what holds on to something worth keeping, as credentials, connections and keys that were fetched.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::Context;

use super::Parts;
use crate::{
    app::{
        Bucket, Valet,
        ask_hook::{ConfiguredHook, HookTurns},
        directory_session::DirectorySessions,
        ports::{Ledger, Sink},
        purge::Retention,
        reconcile::Pacing,
        signing::SigningKeyCache,
        watch::GrantWatch,
    },
    auth::Authenticator,
    clock::Clock,
    entropy::Entropy,
    http::{
        house::House,
        limits::{LimitRules, Limits},
    },
    settings::{Environment, Settings},
    store,
    telemetry::Telemetry,
    wiring::{self, CredentialParts, KeptProvider, Providers},
};

/// The CloudEvents `source` where no public URL is configured.
const DEFAULT_EVENT_SOURCE: &str = "urn:oss-valet";

/// What stays for as long as the process lives.
pub(super) struct Foundation {
    pub(super) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) environment: Environment,
    ledger: Arc<dyn Ledger>,
    watch: GrantWatch,
    hook_turns: Arc<HookTurns>,
    pub(super) telemetry: Option<Arc<Telemetry>>,
}

impl Foundation {
    /// Opens the ledger.
    pub(super) async fn lay(settings: &Settings, parts: &Parts) -> anyhow::Result<Self> {
        let (url, watch) = (settings.store.expose_url(), GrantWatch::default());
        store::migrate(url).await.context("store.url")?;
        Ok(Self {
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            environment: parts.environment.clone(),
            ledger: store::open(url, Arc::default(), &watch).await.context("store.url")?,
            watch,
            hook_turns: Arc::default(),
            telemetry: parts.telemetry.clone(),
        })
    }
}

/// Everything that a configuration says, made.
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) valet: Arc<Valet>,
    authenticator: Arc<Authenticator>,
    limits: Arc<Limits>,
    providers: Providers,
}

impl World {
    /// Reads keys; asks nobody for anything. What `before` has and the settings leave as it was is taken over.
    pub(super) fn build(settings: Settings, on: &Foundation, before: Option<&Self>) -> anyhow::Result<Self> {
        let making = Making { settings: &settings, on, before };
        let providers = making.providers()?;
        let valet = Arc::new(making.valet(&providers)?);
        let authenticator = making.authenticator()?;
        let limits = making.limits();
        Ok(Self { settings, valet, authenticator, limits, providers })
    }

    /// What requests meet of it.
    pub(super) fn house(&self) -> House {
        House {
            valet: Arc::clone(&self.valet),
            authenticator: Arc::clone(&self.authenticator) as _,
            cors_origins: self.settings.server.cors_origins.clone(),
            limits: Arc::clone(&self.limits),
        }
    }
}

/// The use cases alone, for commands.
pub(super) fn valet_of(settings: &Settings, on: &Foundation) -> anyhow::Result<Valet> {
    let making = Making { settings, on, before: None };
    making.valet(&making.providers()?)
}

struct Making<'a> {
    settings: &'a Settings,
    on: &'a Foundation,
    before: Option<&'a World>,
}

impl Making<'_> {
    fn valet(&self, providers: &Providers) -> anyhow::Result<Valet> {
        let Self { settings, on, .. } = *self;
        let own_urls = settings.profiles.iter().flat_map(|profile| profile.callback.urls.iter().cloned());
        let callback_urls: Vec<String> = settings.callback.public_urls.iter().map(ToString::to_string).collect();
        let callback_paths = own_urls.chain(callback_urls.iter().cloned()).filter_map(|url| path_of(&url)).collect();
        let public_url = settings.server.public_url.as_ref();
        Ok(Valet {
            clock: Arc::clone(&on.clock),
            entropy: Arc::clone(&on.entropy),
            store: on.ledger.clone(),
            outbox: on.ledger.clone(),
            profiles: settings.profiles.iter().map(|profile| (profile.name.clone(), profile.clone())).collect(),
            quotas: settings.limits.quotas,
            buckets: self.buckets(providers)?,
            credentials: self.used_credentials(providers),
            hooks: wiring::hooks(settings, |name| self.kept_hook(name)).context("hooks")?,
            hook_turns: Arc::clone(&on.hook_turns),
            directory_sessions: self.directory_sessions(),
            sinks: wiring::sinks(settings, |place, name| self.kept_sink(place, name)).context("sinks")?,
            seal_keys: settings.callback.seal_keys.clone(),
            ticket_keys: settings.callback.ticket_keys.clone(),
            trusted_keys: settings.callback.trusted_keys.clone(),
            callback_urls,
            callback_paths,
            event_source: public_url.map_or_else(|| DEFAULT_EVENT_SOURCE.to_owned(), ToString::to_string),
            looks: settings.reconciler.looks.clone(),
            retention: Retention { grants: settings.retention.grants, events: settings.retention.events },
            pacing: self.pacing(),
            watch: on.watch.clone(),
        })
    }

    fn providers(&self) -> anyhow::Result<Providers> {
        let parts = CredentialParts {
            environment: &self.on.environment,
            clock: Arc::clone(&self.on.clock),
            entropy: Arc::clone(&self.on.entropy),
        };
        wiring::credentials(self.settings, &parts, |name| self.kept_provider(name)).context("credentials")
    }

    /// What no bucket uses is not asked for either; what others stand on is renewed by them.
    fn used_credentials(&self, providers: &Providers) -> BTreeMap<String, Arc<dyn crate::app::ports::Credentials>> {
        let buckets = self.settings.buckets.values();
        let used: BTreeSet<_> = buckets.flat_map(|bucket| [&bucket.credentials, &bucket.confirm_credentials]).collect();
        let used = used.into_iter().filter_map(|name| providers.credentials.get_key_value(name));
        used.map(|(name, provider)| (name.clone(), Arc::clone(provider))).collect()
    }

    fn buckets(&self, providers: &Providers) -> anyhow::Result<BTreeMap<String, Arc<Bucket>>> {
        let kept = |name: &String| Some((name.clone(), self.kept_bucket(name)?));
        let mut buckets: BTreeMap<_, _> = self.settings.buckets.keys().filter_map(kept).collect();
        if buckets.len() < self.settings.buckets.len() {
            let mut objects = wiring::object_stores(self.settings, &providers.credentials)?;
            for (name, bucket) in self.settings.buckets.iter().filter(|(name, _)| self.kept_bucket(name).is_none()) {
                let signer = providers.credentials.get(&bucket.credentials).cloned();
                let made = Bucket {
                    bucket: bucket.bucket.clone(),
                    region: bucket.region.clone(),
                    endpoint_url: bucket.endpoint_url.clone(),
                    endpoint: bucket.client_endpoint.clone(),
                    signature_version: bucket.signature_version,
                    signer: bucket.credentials.clone(),
                    credentials: signer.with_context(|| format!("buckets.{name}.credentials"))?,
                    tokens: providers.token_services.get(&bucket.sts_credentials).cloned(),
                    objects: objects.remove(name).with_context(|| format!("buckets.{name}.confirm_credentials"))?,
                    signing_keys: SigningKeyCache::default(),
                };
                buckets.insert(name.clone(), Arc::new(made));
            }
        }
        Ok(buckets)
    }

    fn authenticator(&self) -> anyhow::Result<Arc<Authenticator>> {
        let before = self.before.map(|before| (&before.settings, &before.authenticator));
        match before {
            Some((settings, authenticator)) if self.settings.is_same("auth", settings, "auth") => {
                Ok(Arc::clone(authenticator))
            }
            _ => Ok(Arc::new(wiring::authenticator(self.settings, before.map(|(s, a)| (s, &**a))).context("auth")?)),
        }
    }

    fn limits(&self) -> Arc<Limits> {
        let rules = limit_rules(self.settings);
        Arc::new(match self.before {
            Some(before) => before.limits.renewed(rules),
            None => Limits::new(rules, Arc::clone(&self.on.clock)),
        })
    }

    fn pacing(&self) -> Arc<Pacing> {
        let (rate, now) = (self.settings.reconciler.rate, self.on.clock.now());
        match self.before {
            Some(before) if before.settings.reconciler.rate == rate => Arc::clone(&before.valet.pacing),
            Some(before) => Arc::new(before.valet.pacing.at_rate(rate, now)),
            None => Arc::new(Pacing::new(rate, now)),
        }
    }

    /// What was lent under settings that still mean the same.
    fn directory_sessions(&self) -> DirectorySessions {
        let Some(before) = self.before.filter(|_| self.is_kept("callback")) else {
            return DirectorySessions::default();
        };
        let kept: BTreeSet<_> = self
            .settings
            .profiles
            .iter()
            .filter(|profile| self.is_kept(&format!("profiles.{}", profile.name)) && self.keeps_bucket(&profile.bucket))
            .map(|profile| profile.name.as_str())
            .collect();
        before.valet.directory_sessions.of_profiles(&kept)
    }

    /// Whether everything under `key` is as it was.
    fn is_kept(&self, key: &str) -> bool {
        self.before.is_some_and(|before| self.settings.is_same(key, &before.settings, key))
    }

    fn keeps_bucket(&self, name: &str) -> bool {
        let of_same_credentials = |bucket: &crate::settings::BucketSettings| {
            [&bucket.credentials, &bucket.confirm_credentials, &bucket.sts_credentials]
                .into_iter()
                .all(|credentials| self.keeps_credentials(credentials))
        };
        self.is_kept(&format!("buckets.{name}")) && self.settings.buckets.get(name).is_some_and(of_same_credentials)
    }

    /// With all that they stand on. (Valid settings hold no circles.)
    fn keeps_credentials(&self, name: &str) -> bool {
        let section = self.settings.credentials.get(name);
        let stands_on_same = |section: &crate::settings::CredentialSettings| {
            section.references().into_iter().all(|(_, name)| self.keeps_credentials(name))
        };
        self.is_kept(&format!("credentials.{name}")) && section.is_some_and(stands_on_same)
    }

    fn kept_provider(&self, name: &str) -> Option<KeptProvider> {
        let before = self.before.filter(|_| self.keeps_credentials(name))?;
        before.providers.of(name)
    }

    fn kept_bucket(&self, name: &str) -> Option<Arc<Bucket>> {
        let before = self.before.filter(|_| self.keeps_bucket(name))?;
        before.valet.buckets.get(name).cloned()
    }

    fn kept_hook(&self, name: &str) -> Option<ConfiguredHook> {
        let before = self.before.filter(|_| self.is_kept(&format!("hooks.{name}")))?;
        before.valet.hooks.get(name).cloned()
    }

    /// Sinks are known by their names, wherever they stand in the list.
    fn kept_sink(&self, place: usize, name: &str) -> Option<Arc<dyn Sink>> {
        let before = self.before?;
        let place_before = before.settings.sinks.iter().position(|sink| sink.name == name)?;
        let (key, key_before) = (format!("sinks[{place}]"), format!("sinks[{place_before}]"));
        let is_same = self.settings.is_same(&key, &before.settings, &key_before);
        before.valet.sinks.get(name).filter(|_| is_same).cloned()
    }
}

/// How requests are limited, as the settings say.
fn limit_rules(settings: &Settings) -> LimitRules {
    LimitRules {
        user: settings.limits.user,
        address: settings.limits.address,
        trusted_proxies: settings.server.trusted_proxies.clone(),
        max_body: usize::try_from(settings.limits.max_body).unwrap_or(usize::MAX),
        body_patience: settings.server.request_timeout.to_std().unwrap_or_default(),
    }
}

fn path_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok().map(|url| url.path().to_owned())
}
