//! Puts another configuration in force while requests are served; one that is no good is refused, and the old one stays.
//!
//! What began under the old one ends under it. Nothing here is called twice at once.

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use chrono::DateTime;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    watch::Watch,
    world::{Foundation, World},
};
use crate::{
    app::{Valet, live::Live},
    http::house::House,
    instruments,
    settings::{ConfigSource, FilePrints, Settings, SettingsErrors, check},
    wiring::telemetry_config,
};

/// What only a start can change: each is said to be waiting for one.
const NEEDS_RESTART: [&str; 10] = [
    "server.listen",
    "server.ops_listen",
    "server.workers",
    "server.shutdown_grace",
    "server.drain_delay",
    "server.request_timeout",
    "server.keep_alive",
    "server.max_connections",
    "store",
    "demo",
];

/// How long new credentials may take before they are put in force without having been fetched.
const WARM_UP: Duration = Duration::from_secs(5);

/// What became of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// It is in force.
    Applied {
        /// The keys that mean something else now; none where it was the same.
        changed: Vec<String>,
        /// The keys that are not what the process was started with, and can't be changed before the next start.
        waiting: Vec<String>,
    },
    /// It is not, for these reasons; the old one stays.
    Refused(Vec<String>),
}

/// Puts configurations in force.
pub struct Reloader {
    foundation: Foundation,
    valet: Live<Valet>,
    house: Live<House>,
    begun_with: Settings,
    /// The one in force; held while another is made.
    world: Mutex<World>,
}

impl Reloader {
    pub(super) fn new(foundation: Foundation, world: World) -> Self {
        Self {
            foundation,
            valet: Live::new(Arc::clone(&world.valet)),
            house: Live::new(world.house()),
            begun_with: world.settings.clone(),
            world: Mutex::new(world),
        }
    }

    /// The use cases in force.
    pub(super) fn valet(&self) -> Live<Valet> {
        self.valet.clone()
    }

    /// What requests meet.
    pub(super) fn house(&self) -> Live<House> {
        self.house.clone()
    }

    /// Loads, judges and makes what `source` says; then every request and every step that begins finds it. Tells also which files
    /// were read.
    pub async fn reload(&self, source: &ConfigSource) -> (Reloaded, FilePrints) {
        let mut world = self.world.lock().await;
        let source = source.clone();
        // A mounted file may be out of reach for a while.
        let loaded = spawn_blocking(move || Settings::load_noting_files(&source)).await;
        let (loaded, files) = loaded.expect("reading a configuration does not panic");
        let made = loaded.map_err(|errors| reasons(&errors)).and_then(|settings| self.make(settings, &world));
        if let Ok(next) = &made {
            // So that nobody waits for it, and readiness does not waver; whether it works is the provider's to tell.
            let fetching = next.valet.refresh_credentials(self.foundation.clock.now());
            let _ = timeout(WARM_UP, fetching).await;
        }
        // The last thing that may fail; where it does, it has changed nothing.
        let made = made.and_then(|next| self.retell(&next.settings).map(|()| next));
        let outcome = match made {
            Ok(next) => {
                let outcome = self.applied(&world.settings, &next.settings);
                self.valet.replace(Arc::clone(&next.valet));
                self.house.replace(next.house());
                *world = next;
                outcome
            }
            Err(reasons) => Reloaded::Refused(reasons),
        };
        self.tell(&outcome);
        (outcome, files)
    }

    /// The next world. What `check` finds wrong is refused too, unless it is so already.
    fn make(&self, settings: Settings, now: &World) -> Result<World, Vec<String>> {
        let found = |settings| check(settings, &self.foundation.environment).faults;
        let known = found(&now.settings);
        let faults: Vec<_> = found(&settings).into_iter().filter(|fault| !known.contains(fault)).collect();
        if !faults.is_empty() {
            return Err(reasons(&SettingsErrors(faults)));
        }
        World::build(settings, &self.foundation, Some(now)).map_err(|error| vec![format!("{error:#}")])
    }

    /// What is logged and traced from now on.
    fn retell(&self, settings: &Settings) -> Result<(), Vec<String>> {
        let Some(telemetry) = &self.foundation.telemetry else { return Ok(()) };
        let applied = telemetry_config(settings).and_then(|config| Ok(telemetry.apply(&config)?));
        applied.map_err(|error| vec![format!("telemetry: {error:#}")])
    }

    fn applied(&self, before: &Settings, now: &Settings) -> Reloaded {
        let needs_restart = |key: &String| NEEDS_RESTART.iter().any(|part| is_under(key, part));
        let (changed, begun): (BTreeSet<_>, BTreeSet<_>) = (now.differences(before), now.differences(&self.begun_with));
        Reloaded::Applied {
            changed: changed.into_iter().filter(|key| !needs_restart(key)).collect(),
            waiting: begun.into_iter().filter(needs_restart).collect(),
        }
    }

    fn tell(&self, outcome: &Reloaded) {
        match outcome {
            Reloaded::Applied { changed, waiting } => {
                if changed.is_empty() {
                    tracing::info!("the configuration was read again: nothing has changed");
                } else {
                    tracing::info!(settings.changed = changed.join(", "), "another configuration is in force");
                }
                if !waiting.is_empty() {
                    tracing::warn!(settings.waiting = waiting.join(", "), "these settings wait for a restart");
                }
                instruments::config_reloaded("applied");
                self.note_success();
            }
            Reloaded::Refused(reasons) => {
                for reason in reasons {
                    tracing::error!(error.cause = reason, "the configuration is refused");
                }
                tracing::error!(settings.faults = reasons.len(), "the old configuration stays in force");
                instruments::config_reloaded("refused");
            }
        }
    }

    /// A start counts, too.
    pub(super) fn note_success(&self) {
        let now = self.foundation.clock.now().signed_duration_since(DateTime::UNIX_EPOCH);
        instruments::config_read_at(now.as_seconds_f64());
    }

    async fn watch_interval(&self) -> Option<Duration> {
        self.world.lock().await.settings.server.watch_interval.and_then(|every| every.to_std().ok())
    }

    async fn files(&self) -> FilePrints {
        self.world.lock().await.settings.files().clone()
    }
}

/// Where the configuration comes from, what says that there is another, and what tells of it.
pub struct Follow {
    source: ConfigSource,
    hangups: Signal,
}

impl Follow {
    /// From now on SIGHUP is noted, and ends the process no more.
    ///
    /// # Errors
    /// When signals can't be watched.
    pub fn new(source: ConfigSource) -> io::Result<Self> {
        Ok(Self { source, hangups: signal(SignalKind::hangup())? })
    }

    /// Reloads when told to, and when the files of the configuration have changed; until told to stop.
    pub(super) async fn run(mut self, reloader: Arc<Reloader>, stop: CancellationToken) {
        let mut watch = Watch::new(reloader.files().await);
        loop {
            let pause = reloader.watch_interval().await;
            let due = tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = self.hangups.recv() => true,
                () = after(pause) => watch.look_aside().await,
            };
            if due {
                let (_, files) = reloader.reload(&self.source).await;
                watch = Watch::new(files);
            }
        }
    }
}

async fn after(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

fn reasons(errors: &SettingsErrors) -> Vec<String> {
    errors.0.iter().map(ToString::to_string).collect()
}

fn is_under(key: &str, part: &str) -> bool {
    key.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
