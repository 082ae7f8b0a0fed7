//! `Application::{build, run}`: wiring only; nothing is decided here.
//!
//! | file | what it is |
//! | --- | --- |
//! | here | the listeners, and what runs beside them |
//! | `world` | what a configuration makes |
//! | `reload` | another configuration in force, while all of it runs |
//! | `watch` | whether the configuration's files have changed |

mod reload;
mod watch;
mod world;

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App,
    dev::Server,
    middleware::from_fn,
    web::{Bytes, Data},
};
use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;

use self::world::{Foundation, World};
pub use self::{
    reload::{Follow, Reloaded, Reloader},
    watch::Watch,
};
use crate::{
    app::{Valet, live::Live},
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
    http::{
        self, PublicRoutes,
        client_address::note_client_address,
        drain::{Draining, close_while_draining},
        house::House,
        measure::{measure_ops, measure_public},
        openapi::ApiDocument,
        request_id::identify,
        root_span::RequestSpan,
        server::{self, ConnectionRules, take_in_hand},
        waiting::WaitingRoom,
    },
    instruments, outbox,
    settings::{Environment, ServerSettings, Settings},
    shutdown::Stops,
    telemetry::Telemetry,
    workers,
};

/// What the outbox gets for giving back its leases; where the ledger does not answer they end by themselves.
const GIVE_BACK: Duration = Duration::from_secs(1);
/// Connections to the operations listener at once: probes, scrapes, and people.
const OPS_CONNECTIONS: usize = 256;

/// What a test may replace, and a command may add.
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The environment variables that credential providers read.
    pub environment: Environment,
    /// Answers this on `/-/static`: the benchmark's ceiling.
    pub static_answer: Option<Bytes>,
    /// Whether the reconciler, the outbox and the renewal of credentials run by themselves; tests step them by hand.
    pub reconcile: bool,
    /// Ports bound beforehand, by who must know them first.
    pub listeners: Option<Listeners>,
    /// What a reload of `[telemetry]` changes, where this process logs at all.
    pub telemetry: Option<Arc<Telemetry>>,
}

/// The two ports.
#[derive(Debug)]
pub struct Listeners {
    /// For clients and OSS.
    pub public: TcpListener,
    /// For operations.
    pub ops: TcpListener,
}

impl Listeners {
    fn bind(settings: &ServerSettings) -> anyhow::Result<Self> {
        let bind = |address, key| TcpListener::bind(address).with_context(|| format!("{key} = {address}"));
        Ok(Self {
            public: bind(settings.listen, "server.listen")?,
            ops: bind(settings.ops_listen, "server.ops_listen")?,
        })
    }
}

impl Parts {
    /// The real ones.
    pub fn system(environment: Environment) -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            environment,
            static_answer: None,
            reconcile: true,
            listeners: None,
            telemetry: None,
        }
    }
}

/// The service, bound to its ports and ready to run.
pub struct Application {
    reloader: Arc<Reloader>,
    follow: Option<Follow>,
    public: Server,
    ops: Server,
    service_url: String,
    ops_url: String,
    reconcile: bool,
    stops: Stops,
    stop_ops: CancellationToken,
    /// How long the public listener stays open after the soft stop, for whoever has not heard of it.
    drain_delay: Duration,
    stop_serving: CancellationToken,
}

impl Application {
    /// Opens the ledger, reads keys and credentials, binds both ports. `stops` tell when it has to end.
    ///
    /// # Errors
    /// When any of it is not to be had.
    pub async fn build(settings: &Settings, parts: Parts, stops: Stops) -> anyhow::Result<Self> {
        instruments::install();
        let foundation = Foundation::lay(settings, &parts).await?;
        let world = World::build(settings.clone(), &foundation, None)?;
        let reloader = Reloader::new(foundation, world);
        reloader.note_success();
        let listeners = parts.listeners.map_or_else(|| Listeners::bind(&settings.server), Ok)?;
        let service_url = format!("http://{}", listeners.public.local_addr()?);
        let ops_url = format!("http://{}", listeners.ops.local_addr()?);
        let public_url = settings.server.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        let routes = PublicRoutes {
            document: Arc::new(ApiDocument::new(public_url)),
            demo: settings.demo.enabled,
            static_answer: parts.static_answer,
        };
        let (stop_serving, stop_ops) = (CancellationToken::new(), CancellationToken::new());
        let draining = Draining(stops.soft.clone());
        let world = PublicWorld { house: reloader.house(), draining: draining.clone() };
        Ok(Self {
            public: public_server(settings, listeners.public, world, routes, &stop_serving)?,
            ops: ops_server(&settings.server, listeners.ops, reloader.house(), draining, &stop_ops)?,
            drain_delay: settings.server.drain_delay(),
            stop_serving,
            reloader: Arc::new(reloader),
            follow: None,
            service_url,
            ops_url,
            reconcile: parts.reconcile,
            stops,
            stop_ops,
        })
    }

    /// `http://127.0.0.1:8080`: what was bound, without a slash at the end.
    pub fn service_url(&self) -> &str {
        &self.service_url
    }

    /// As [`Self::service_url`], of the operations listener.
    pub fn ops_url(&self) -> &str {
        &self.ops_url
    }

    /// The use cases, for tests that step the reconciler by hand.
    pub fn valet(&self) -> Live<Valet> {
        self.reloader.valet()
    }

    /// What puts other configurations in force.
    pub fn reloader(&self) -> Arc<Reloader> {
        Arc::clone(&self.reloader)
    }

    /// Reloads whenever there is another configuration.
    #[must_use]
    pub fn following(self, follow: Follow) -> Self {
        Self { follow: Some(follow), ..self }
    }

    /// Serves until told to stop; running requests are answered first. The operations listener goes last.
    ///
    /// # Errors
    /// When a listener fails.
    pub async fn run(self) -> anyhow::Result<()> {
        let ops = tokio::spawn(self.ops);
        let (mut background, answered) = (JoinSet::new(), CancellationToken::new());
        let stop = outbox::Stop { soft: self.stops.soft.clone(), hard: self.stops.hard.clone() };
        let outbox = self.reconcile.then(|| tokio::spawn(outbox::run(self.reloader.valet(), stop)));
        let valet = self.reloader.valet();
        background.spawn(workers::tidy_up_metrics(answered.clone()));
        if let Some(follow) = self.follow {
            background.spawn(follow.run(Arc::clone(&self.reloader), self.stops.soft.clone()));
        }
        if self.reconcile {
            background.spawn(workers::purge(valet.clone(), self.stops.soft.clone()));
            background.spawn(workers::reconcile(valet.clone(), self.stops.soft.clone()));
            // Until the last request is answered: what drains is signed too.
            background.spawn(workers::refresh_credentials(valet, answered.clone()));
        }
        let closing = async {
            self.stops.soft.cancelled().await;
            tokio::time::sleep(self.drain_delay).await;
            self.stop_serving.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = self.public => ended.context("the public listener")?,
            () = self.stops.hard.cancelled() => {}
            () = closing => {}
        }
        answered.cancel();
        tokio::select! {
            _ = background.join_all() => {}
            // What was claimed is free again when its lease ends.
            () = self.stops.hard.cancelled() => {}
        }
        // Told to stop now, it gives back what it holds: that takes no longer than a commit.
        if let Some(outbox) = outbox {
            tokio::select! {
                ended = outbox => ended.context("the outbox")?,
                () = async { self.stops.hard.cancelled().await; tokio::time::sleep(GIVE_BACK).await } => {}
            }
        }
        self.stop_ops.cancel();
        ops.await?.context("the operations listener")
    }
}

/// The use cases, from the settings: for commands, which need nothing else.
///
/// # Errors
/// When the ledger can't be opened, or a part of the settings can't be had.
pub async fn build_valet(settings: &Settings, parts: &Parts) -> anyhow::Result<Valet> {
    world::valet_of(settings, &Foundation::lay(settings, parts).await?)
}

/// What the public routes stand on.
struct PublicWorld {
    house: Live<House>,
    draining: Draining,
}

fn public_server(
    settings: &Settings,
    listener: TcpListener,
    world: PublicWorld,
    routes: PublicRoutes,
    stop: &CancellationToken,
) -> anyhow::Result<Server> {
    let room = WaitingRoom::default();
    let rules = connection_rules(&settings.server, settings.server.max_connections)?;
    Ok(server::listen(listener, rules, stop, move || {
        App::new()
            .app_data(Data::new(world.house.clone()))
            .app_data(Data::new(world.draining.clone()))
            .app_data(Data::new(room.clone()))
            .configure(|app| http::configure(&routes, app))
            .wrap(TracingLogger::<RequestSpan>::new())
            .wrap(from_fn(identify))
            .wrap(from_fn(note_client_address))
            .wrap(from_fn(close_while_draining))
            .wrap(from_fn(measure_public))
            .wrap(from_fn(take_in_hand))
    })?)
}

/// What connections may cost.
fn connection_rules(settings: &ServerSettings, max_connections: usize) -> anyhow::Result<ConnectionRules> {
    Ok(ConnectionRules {
        workers: settings.workers,
        max_connections,
        request_timeout: settings.request_timeout.to_std().context("server.request_timeout")?,
        keep_alive: settings.keep_alive.to_std().context("server.keep_alive")?,
        grace: settings.grace(),
    })
}

fn ops_server(
    settings: &ServerSettings,
    listener: TcpListener,
    house: Live<House>,
    draining: Draining,
    stop: &CancellationToken,
) -> anyhow::Result<Server> {
    let common = connection_rules(settings, OPS_CONNECTIONS)?;
    let rules = ConnectionRules { workers: Some(1), grace: Duration::from_secs(1), ..common };
    Ok(server::listen(listener, rules, stop, move || {
        App::new()
            .app_data(Data::new(house.clone()))
            .app_data(Data::new(draining.clone()))
            .configure(http::configure_ops)
            .wrap(from_fn(identify))
            .wrap(from_fn(measure_ops))
            .wrap(from_fn(take_in_hand))
    })?)
}
