//! `Application::{build, run}`: wiring only; nothing is decided here.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::from_fn,
    web::{Bytes, Data},
};
use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;

use crate::{
    app::{
        Bucket, Valet, ask_hook::HookTurns, directory_session::DirectorySessions, live::Live, ports::Ledger,
        purge::Retention, reconcile::Pacing, signing::SigningKeyCache, watch::GrantWatch,
    },
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
    http::{
        self, PublicRoutes,
        drain::{Draining, close_while_draining},
        house::House,
        request_id::identify,
        root_span::RequestSpan,
        waiting::WaitingRoom,
    },
    outbox,
    settings::{Environment, ServerSettings, Settings, StoreSettings},
    shutdown::Stops,
    store,
    wiring::{self, CredentialParts, Providers},
    workers,
};

/// What the outbox gets for giving back its leases; where the ledger does not answer they end by themselves.
const GIVE_BACK: Duration = Duration::from_secs(1);
/// The CloudEvents `source` where no public URL is configured.
const DEFAULT_EVENT_SOURCE: &str = "urn:oss-valet";

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
        }
    }
}

/// The service, bound to its ports and ready to run.
pub struct Application {
    valet: Live<Valet>,
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
        let valet = Live::new(build_valet(settings, &parts).await?);
        let authenticator = Arc::new(wiring::authenticator(settings).context("auth")?);
        let house = Live::new(House { valet: valet.current(), authenticator });
        let listeners = parts.listeners.map_or_else(|| Listeners::bind(&settings.server), Ok)?;
        let service_url = format!("http://{}", listeners.public.local_addr()?);
        let ops_url = format!("http://{}", listeners.ops.local_addr()?);
        let routes = PublicRoutes {
            cors_origins: settings.server.cors_origins.clone(),
            public_url: settings.server.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            demo: settings.demo.enabled,
            static_answer: parts.static_answer,
        };
        let (stop_serving, stop_ops) = (CancellationToken::new(), CancellationToken::new());
        let draining = Draining(stops.soft.clone());
        let world = PublicWorld { house: house.clone(), draining: draining.clone() };
        Ok(Self {
            public: public_server(settings, listeners.public, world, routes, &stop_serving)?,
            ops: ops_server(listeners.ops, house, draining, &stop_ops)?,
            drain_delay: settings.server.drain_delay(),
            stop_serving,
            valet,
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
        self.valet.clone()
    }

    /// Serves until told to stop; running requests are answered first. The operations listener goes last.
    ///
    /// # Errors
    /// When a listener fails.
    pub async fn run(self) -> anyhow::Result<()> {
        let ops = tokio::spawn(self.ops);
        let (mut background, answered) = (JoinSet::new(), CancellationToken::new());
        let stop = outbox::Stop { soft: self.stops.soft.clone(), hard: self.stops.hard.clone() };
        let outbox = self.reconcile.then(|| tokio::spawn(outbox::run(self.valet.clone(), stop)));
        if self.reconcile {
            background.spawn(workers::purge(self.valet.clone(), self.stops.soft.clone()));
            background.spawn(workers::reconcile(self.valet.clone(), self.stops.soft.clone()));
            // Until the last request is answered: what drains is signed too.
            background.spawn(workers::refresh_credentials(self.valet.clone(), answered.clone()));
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

/// The use cases' world, from the settings.
///
/// # Errors
/// When the ledger can't be opened, or a part of the settings can't be had.
pub async fn build_valet(settings: &Settings, parts: &Parts) -> anyhow::Result<Valet> {
    let credential_parts = CredentialParts {
        environment: &parts.environment,
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    };
    let Providers { mut credentials, token_services } =
        wiring::credentials(settings, &credential_parts).context("credentials")?;
    let mut objects = wiring::object_stores(settings, &credentials)?;
    let mut buckets = BTreeMap::new();
    for (name, bucket) in &settings.buckets {
        let signer = credentials.get(&bucket.credentials).cloned();
        let made = Bucket {
            bucket: bucket.bucket.clone(),
            region: bucket.region.clone(),
            endpoint_url: bucket.endpoint_url.clone(),
            endpoint: bucket.client_endpoint.clone(),
            signature_version: bucket.signature_version,
            signer: bucket.credentials.clone(),
            credentials: signer.with_context(|| format!("buckets.{name}.credentials"))?,
            tokens: token_services.get(&bucket.sts_credentials).cloned(),
            objects: objects.remove(name).with_context(|| format!("buckets.{name}.confirm_credentials"))?,
            signing_keys: SigningKeyCache::default(),
        };
        buckets.insert(name.clone(), made);
    }
    // What no bucket uses is not asked for either; what others stand on is renewed by them.
    let used: BTreeSet<_> =
        settings.buckets.values().flat_map(|bucket| [&bucket.credentials, &bucket.confirm_credentials]).collect();
    credentials.retain(|name, _| used.contains(name));
    let own_urls = settings.profiles.iter().flat_map(|profile| profile.callback.urls.iter().cloned());
    let callback_urls: Vec<String> = settings.callback.public_urls.iter().map(ToString::to_string).collect();
    let callback_paths = own_urls.chain(callback_urls.iter().cloned()).filter_map(|url| path_of(&url)).collect();
    let watch = GrantWatch::default();
    let ledger = open_ledger(&settings.store, &watch).await?;
    Ok(Valet {
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
        store: ledger.clone(),
        outbox: ledger,
        profiles: settings.profiles.iter().map(|profile| (profile.name.clone(), profile.clone())).collect(),
        buckets,
        credentials,
        hooks: wiring::hooks(settings).context("hooks")?,
        hook_turns: HookTurns::default(),
        directory_sessions: DirectorySessions::default(),
        sinks: wiring::sinks(settings).context("sinks")?,
        seal_keys: settings.callback.seal_keys.clone(),
        ticket_keys: settings.callback.ticket_keys.clone(),
        trusted_keys: settings.callback.trusted_keys.clone(),
        callback_urls,
        callback_paths,
        event_source: settings
            .server
            .public_url
            .as_ref()
            .map_or_else(|| DEFAULT_EVENT_SOURCE.to_owned(), ToString::to_string),
        looks: settings.reconciler.looks.clone(),
        retention: Retention { grants: settings.retention.grants, events: settings.retention.events },
        pacing: Pacing::new(settings.reconciler.rate, parts.clock.now()),
        watch,
    })
}

async fn open_ledger(settings: &StoreSettings, watch: &GrantWatch) -> anyhow::Result<Arc<dyn Ledger>> {
    let url = settings.expose_url();
    store::migrate(url).await.context("store.url")?;
    store::open(url, Arc::default(), watch).await.context("store.url")
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
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(world.house.clone()))
            .app_data(Data::new(world.draining.clone()))
            .app_data(Data::new(room.clone()))
            .configure(|app| http::configure(&routes, app))
            .wrap(TracingLogger::<RequestSpan>::new())
            .wrap(from_fn(identify))
            .wrap(from_fn(close_while_draining))
    });
    if let Some(workers) = settings.server.workers {
        server = server.workers(workers);
    }
    let patience = settings.server.request_timeout.to_std().context("server.request_timeout")?;
    Ok(server
        .disable_signals()
        .shutdown_signal(stop.clone().cancelled_owned())
        .shutdown_timeout(settings.server.grace().as_secs())
        .client_request_timeout(patience)
        .listen(listener)?
        .run())
}

fn ops_server(
    listener: TcpListener,
    house: Live<House>,
    draining: Draining,
    stop: &CancellationToken,
) -> anyhow::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(house.clone()))
            .app_data(Data::new(draining.clone()))
            .configure(http::configure_ops)
            .wrap(from_fn(identify))
    });
    Ok(server
        .workers(1)
        .disable_signals()
        .shutdown_signal(stop.clone().cancelled_owned())
        .shutdown_timeout(1)
        .listen(listener)?
        .run())
}

fn path_of(url: &str) -> Option<String> {
    url::Url::parse(url).ok().map(|url| url.path().to_owned())
}
