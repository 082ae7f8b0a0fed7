//! Configuration: layered, typed, validated. An error names file and key; secrets are redacted.
//!
//! `config/default.toml` (embedded) ← `DIR/{env}.toml` ← environment `OSS_VALET__SECTION__KEY`.

mod auth;
mod buckets;
mod callback;
mod check;
mod credentials;
mod demo;
mod environment;
mod faults;
mod hooks;
mod limits;
mod prints;
mod profiles;
mod reader;
mod reconciler;
mod retention;
mod server;
mod sinks;
mod source;
mod store;
mod telemetry;
mod values;

use std::collections::{BTreeMap, BTreeSet};

pub use self::{
    auth::{AuthSettings, IssuerKeys, IssuerSettings},
    buckets::BucketSettings,
    callback::{CallbackSettings, MAX_CALLBACK_URLS},
    check::{Findings, check},
    credentials::{
        AssumeRoleSettings, CredentialSettings, EcsRamRoleSettings, OidcSettings, SessionSettings, StsSettings,
    },
    demo::DemoSettings,
    environment::Environment,
    faults::{Fault, SettingsErrors},
    hooks::HookSettings,
    limits::LimitSettings,
    prints::FilePrints,
    reader::SecretSource,
    reconciler::ReconcilerSettings,
    retention::RetentionSettings,
    server::ServerSettings,
    sinks::SinkSettings,
    source::{ConfigSource, DEFAULT_TOML},
    store::StoreSettings,
    telemetry::{LogFormat, TelemetrySettings},
    values::parse_duration,
};
use self::{
    credentials::find_circle,
    prints::ValuePrints,
    reader::{Read, Reading, Section, place_of},
};
use crate::grant::{grant::IDEMPOTENCY_WINDOW, profile::Profile};

/// The name under which loopback addresses and unencrypted key sets are fine.
pub const DEVELOPMENT: &str = "development";

/// The whole configuration, valid.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `production`, `development`, ….
    pub env: String,
    /// `[server]`.
    pub server: ServerSettings,
    /// `[auth]`.
    pub auth: AuthSettings,
    /// `[buckets.NAME]`, by name.
    pub buckets: BTreeMap<String, BucketSettings>,
    /// `[credentials.NAME]`, by name.
    pub credentials: BTreeMap<String, CredentialSettings>,
    /// `[profiles.NAME]`, sorted by name.
    pub profiles: Vec<Profile>,
    /// `[callback]`.
    pub callback: CallbackSettings,
    /// `[store]`.
    pub store: StoreSettings,
    /// `[limits]`.
    pub limits: LimitSettings,
    /// `[telemetry]`.
    pub telemetry: TelemetrySettings,
    /// `[demo]`.
    pub demo: DemoSettings,
    /// `[[sinks]]`.
    pub sinks: Vec<SinkSettings>,
    /// `[hooks.NAME]`, by name.
    pub hooks: BTreeMap<String, HookSettings>,
    /// `[reconciler]`.
    pub reconciler: ReconcilerSettings,
    /// `[retention]`.
    pub retention: RetentionSettings,
    origins: BTreeMap<String, String>,
    prints: ValuePrints,
    files: FilePrints,
    home: String,
}

impl Settings {
    /// Loads and validates everything.
    ///
    /// # Errors
    /// With every fault that was found, each naming file (or variable) and key.
    pub fn load(source: &ConfigSource) -> Result<Self, SettingsErrors> {
        Self::load_noting_files(source).0
    }

    /// As [`Self::load`]; tells also which files were read, whatever came of it.
    pub fn load_noting_files(source: &ConfigSource) -> (Result<Self, SettingsErrors>, FilePrints) {
        let mut files = FilePrints::default();
        let merged = match source.merge(&mut files) {
            Ok(merged) => merged,
            Err(faults) => return (Err(SettingsErrors(faults)), files),
        };
        let reading = Reading::new(source.home(), source.dir.as_deref(), files);
        let settings = reading.root(merged, |root| Self::read(&source.env, source.home(), root));
        let Read { faults, origins, prints, files } = reading.finish();
        let outcome = match settings {
            Some(settings) if faults.is_empty() => Ok(Self { origins, prints, files: files.clone(), ..settings }),
            _ => Err(SettingsErrors(faults)),
        };
        (outcome, files)
    }

    /// The files that these settings were read from, and what they held.
    pub fn files(&self) -> &FilePrints {
        &self.files
    }

    /// The keys that mean something else in `other`: said by one of the two only, or differently, or by a file that holds something
    /// else.
    pub fn differences(&self, other: &Self) -> BTreeSet<String> {
        self.prints.differences(&other.prints)
    }

    /// Whether everything under `key` is the same as under `other_key` in `other`.
    pub fn is_same(&self, key: &str, other: &Self, other_key: &str) -> bool {
        self.prints.is_same(key, &other.prints, other_key)
    }

    /// The settings that `toml` makes over the embedded defaults; no file and no variable is read.
    ///
    /// # Errors
    /// As [`Self::load`]; the text is called `name` in faults.
    pub fn from_toml_str(env: &str, name: &str, toml: &str) -> Result<Self, SettingsErrors> {
        Self::load(&ConfigSource {
            dir: None,
            env: env.to_owned(),
            environment: Environment::default(),
            built_in: Some((name.to_owned(), toml.to_owned())),
        })
    }

    /// Whether this is a developer's machine.
    pub fn is_development(&self) -> bool {
        self.env == DEVELOPMENT
    }

    /// The profile of that name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The file or variable that said `key`, or the table around it.
    pub fn place_of(&self, key: &str) -> String {
        place_of(&self.origins, key).unwrap_or_else(|| self.home.clone())
    }

    fn read(env: &str, home: String, root: &mut Section<'_>) -> Option<Self> {
        let names = ["buckets", "credentials", "hooks"].map(|key| root.names(key));
        let server = root.section("server", ServerSettings::read).flatten();
        let auth = root.section("auth", AuthSettings::read);
        let buckets: BTreeMap<_, _> = root.named("buckets", BucketSettings::read).into_iter().collect();
        let credentials: BTreeMap<_, _> = root.named("credentials", CredentialSettings::read).into_iter().collect();
        let profiles: Vec<_> = root.named("profiles", profiles::read).into_iter().map(|(_, profile)| profile).collect();
        let callback = root.section("callback", CallbackSettings::read).flatten();
        let store = root.section("store", StoreSettings::read).flatten();
        let limits = root.section("limits", LimitSettings::read);
        let telemetry = root.section("telemetry", TelemetrySettings::read).flatten();
        let demo = root.section("demo", DemoSettings::read);
        let sinks = root.items("sinks", SinkSettings::read);
        sinks::judge_names(root, &sinks);
        let hooks = root.named("hooks", HookSettings::read).into_iter().collect();
        let reconciler = root.section("reconciler", ReconcilerSettings::read);
        let retention = root.section("retention", RetentionSettings::read);
        judge_retention(root, reconciler.as_ref(), retention.as_ref());
        judge_references(root, &names, &buckets, &profiles);
        judge_credentials(root, &names[1], &credentials);
        Some(Self {
            env: env.to_owned(),
            server: server?,
            auth: auth?,
            buckets,
            credentials,
            profiles,
            callback: callback?,
            store: store?,
            limits: limits?,
            telemetry: telemetry?,
            demo: demo?,
            sinks,
            hooks,
            reconciler: reconciler?,
            retention: retention?,
            origins: BTreeMap::new(),
            prints: ValuePrints::default(),
            files: FilePrints::default(),
            home,
        })
    }
}

/// What somebody may still ask for, or look for, is not forgotten.
fn judge_retention(root: &Section<'_>, reconciler: Option<&ReconcilerSettings>, retention: Option<&RetentionSettings>) {
    let (Some(reconciler), Some(retention)) = (reconciler, retention) else { return };
    let least = reconciler.looks.longest().max(IDEMPOTENCY_WINDOW);
    if retention.grants < least {
        let (least, why) = (least.num_seconds(), "the last of reconciler.late_checks, and of idempotency keys");
        root.fault("retention.grants", format!("at least {least}s: until {why}"));
    }
}

/// Names that refer to other tables must find them, even where those tables have faults of their own.
fn judge_references(
    root: &Section<'_>,
    [bucket_names, credential_names, hook_names]: &[Vec<String>; 3],
    buckets: &BTreeMap<String, BucketSettings>,
    profiles: &[Profile],
) {
    let judge = |key: String, table: &str, name: &String, known: &[String]| {
        if !name.is_empty() && !known.contains(name) {
            root.fault(&key, format!("there is no [{table}.{name}]"));
        }
    };
    for (name, bucket) in buckets {
        judge(format!("buckets.{name}.credentials"), "credentials", &bucket.credentials, credential_names);
        for (key, credentials) in
            [("confirm_credentials", &bucket.confirm_credentials), ("sts_credentials", &bucket.sts_credentials)]
        {
            // Left out, it is `credentials`, which is told already.
            if *credentials != bucket.credentials {
                judge(format!("buckets.{name}.{key}"), "credentials", credentials, credential_names);
            }
        }
    }
    for profile in profiles {
        judge(format!("profiles.{}.bucket", profile.name), "buckets", &profile.bucket, bucket_names);
        if let Some(hook) = &profile.hook {
            judge(format!("profiles.{}.hook", profile.name), "hooks", hook, hook_names);
        }
    }
}

/// Credentials that stand on others must find them, and never end up standing on themselves.
fn judge_credentials(root: &Section<'_>, names: &[String], sections: &BTreeMap<String, CredentialSettings>) {
    for (name, section) in sections {
        for (key, other) in section.references().into_iter().filter(|(_, other)| !other.is_empty()) {
            if !names.iter().any(|known| known == other) {
                root.fault(&format!("credentials.{name}.{key}"), format!("there is no [credentials.{other}]"));
            }
        }
        if let Some(circle) = find_circle(name, sections) {
            root.fault(&format!("credentials.{name}"), format!("stands on itself: {}", circle.join(" → ")));
        }
    }
}
