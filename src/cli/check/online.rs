//! Asking: credentials, ledger, and what each bucket answers. What the answers mean is judged next door.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    finding::{Judged, Level},
    judge::{BucketFacts, Probe, Rules, Subject, judge},
};
use crate::{
    app::{ports::Credentials, watch::GrantWatch},
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
    grant::{key_template::KeyFacts, profile::Profile},
    oss_client::inspect::{Asked, BucketInspector},
    settings::{BucketSettings, Environment, Settings},
    store::{self, OpenError},
    wiring::{self, CredentialParts, Inspectors},
};

/// What a provider of credentials, with all that it stands on, gets.
const CREDENTIAL_TIMEOUT: Duration = Duration::from_secs(15);
/// What the ledger gets.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries everything that the settings name.
pub(super) async fn check(settings: &Settings, environment: &Environment) -> anyhow::Result<Vec<Judged>> {
    let clock = SystemClock;
    let parts = CredentialParts { environment, clock: Arc::new(clock), entropy: Arc::new(SystemEntropy) };
    let credentials = wiring::credentials(settings, &parts, |_| None)?.credentials;
    let inspectors = wiring::bucket_inspectors(settings, &credentials)?;
    let mut found = try_credentials(settings, &credentials).await;
    found.push(try_store(settings).await);
    for (name, bucket) in &settings.buckets {
        let profiles: Vec<_> = settings.profiles.iter().filter(|profile| &profile.bucket == name).collect();
        // There is one for each bucket.
        let Some(inspectors) = inspectors.get(name) else { continue };
        let facts = ask(inspectors, &profiles).await;
        let subject = Subject { bucket, profiles: &profiles, origins: &settings.server.cors_origins };
        found.extend(judge(&subject, &facts));
    }
    Ok(found)
}

/// Each section is asked once. One that no bucket uses by itself may be a link of a chain that does well without it.
async fn try_credentials(settings: &Settings, made: &BTreeMap<String, Arc<dyn Credentials>>) -> Vec<Judged> {
    const CHECK: &str = "credentials";
    let mut found = Vec::new();
    for (name, provider) in made {
        let key = format!("credentials.{name}");
        let by = |bucket: &BucketSettings| &bucket.credentials == name || &bucket.confirm_credentials == name;
        let failed = if settings.buckets.values().any(by) { Level::Fault } else { Level::Warning };
        let now = SystemClock.now();
        let judged = match tokio::time::timeout(CREDENTIAL_TIMEOUT, provider.current(now)).await {
            Err(_) => Judged::new(failed, CHECK, key, "no credential came in time"),
            Ok(Err(error)) => Judged::new(failed, CHECK, key, error.to_string()),
            Ok(Ok(credential)) if !credential.is_valid_at(SystemClock.now()) => {
                Judged::new(failed, CHECK, key, "what it gives has expired; is this machine's clock right?")
            }
            Ok(Ok(credential)) => {
                let life = credential.expires_at.map_or_else(
                    || "one that does not expire".to_owned(),
                    |end| format!("one that expires at {}", end.format("%Y-%m-%dT%H:%M:%SZ")),
                );
                Judged::new(Level::Ok, CHECK, key, format!("there is {life}"))
            }
        };
        found.push(judged);
    }
    found
}

async fn try_store(settings: &Settings) -> Judged {
    let key = "store.url";
    let judged = |level, message: String| Judged::new(level, "store", key, message);
    let asked = async {
        let store = store::open(settings.store.expose_url(), Arc::default(), &GrantWatch::default()).await?;
        store.ping().await.map_err(|error| OpenError::Unreadable(error.into()))
    };
    match tokio::time::timeout(STORE_TIMEOUT, asked).await {
        Err(_) => judged(Level::Fault, "it did not answer in time".to_owned()),
        Ok(Ok(())) => judged(Level::Ok, "it answers, for writing too".to_owned()),
        Ok(Err(OpenError::NotMigrated)) => {
            judged(Level::Warning, "no up-to-date schema yet: `serve` and `migrate` make it".to_owned())
        }
        Ok(Err(error)) => judged(Level::Fault, error.to_string()),
    }
}

/// All that one bucket answers; of a bucket without profiles there is nothing to ask.
async fn ask(inspectors: &Inspectors, profiles: &[&Profile]) -> BucketFacts {
    let inspector = &inspectors.service;
    let mut facts = BucketFacts::default();
    for profile in profiles {
        let key = absent_key(profile);
        let head = inspector.head(&key, SystemClock.now()).await;
        // Nobody there, or nothing to ask with: so it would be for all the rest.
        let is_end = matches!(head, Asked::Silent(_) | Asked::NoCredential(_));
        let acl = if is_end { None } else { Some(inspector.put_absent_acl(&key, SystemClock.now()).await) };
        facts.probes.push(Probe { profile: profile.name.clone(), key, head, acl });
        if is_end {
            return facts;
        }
    }
    let Some(probe) = facts.probes.first() else { return facts };
    if let Some(clients) = &inspectors.clients {
        facts.clients = Some(clients.head(&probe.key, SystemClock.now()).await);
    }
    facts.rules = Some(rules(inspector).await);
    facts.clock_offset = inspector.clock_offset();
    facts
}

async fn rules(inspector: &BucketInspector) -> Rules {
    let info = inspector.info(SystemClock.now()).await;
    let location = match &info {
        Asked::Told(_) => None,
        _ => Some(inspector.location(SystemClock.now()).await),
    };
    Rules {
        info,
        location,
        cors: inspector.cors(SystemClock.now()).await,
        versioning: inspector.versioning(SystemClock.now()).await,
        lifecycle: inspector.lifecycle(SystemClock.now()).await,
    }
}

/// A key that the profile's policy covers, and that nobody has: its user and its id are made up now.
fn absent_key(profile: &Profile) -> String {
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    let id = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
    let user_id = format!("oss-valet-check-{id}");
    let vars: Vec<_> = profile.key.variables().iter().map(|name| ((*name).to_owned(), "check".to_owned())).collect();
    let facts = KeyFacts {
        user_id: &user_id,
        id: &id,
        ext: "bin",
        profile: &profile.name,
        now: SystemClock.now(),
        vars: &vars,
    };
    profile.key.render(&facts).unwrap_or(user_id)
}
