//! Everything that runs: OSS, the replicas, the backend, and the wires between them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use jsonwebtoken::{EncodingKey, Header};
use oss_valet::clock::{Clock as _, SystemClock};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{
    clients::Places,
    cluster::Cluster,
    facts::StoredObject,
    ledger::Books,
    process::Process,
    proxy::{Proxy, Target},
    schedule::{Engine, Wire},
    sink::Sink,
};

const BINARY: &str = env!("CARGO_BIN_EXE_oss-valet");
const BUCKET: &str = "dev-media";
const SETTINGS: &str = include_str!("settings.toml");
const JWT_SECRET: &str = "jwt-secret-of-the-chaos-0123456789abcdef";
const SEAL_SECRET: &str = "seal-secret-of-the-chaos-0123456789abcdef";
const WEBHOOK_SECRET: &str = "whsec_Y2hhb3MtY2hhb3MtY2hhb3MtY2hhb3MtY2hhb3M=";
/// How long a process may take until it runs, whatever is broken around it.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a world is made for.
pub(crate) struct Wish {
    pub(crate) engine: Engine,
    /// How long signatures live: no client may find his at its end.
    pub(crate) lifetime: Duration,
}

/// The running system.
pub(crate) struct World {
    /// Settings, ledger, objects, logs; beside the build, since `/tmp` may be memory.
    directory: TempDir,
    pub(crate) wires: HashMap<Wire, Proxy>,
    pub(crate) oss: Place,
    pub(crate) replicas: Vec<Place>,
    pub(crate) sink: Sink,
    pub(crate) books: Books,
    /// Where the engine has one.
    pub(crate) database: Option<Cluster>,
    http: Client,
}

/// Where a process runs, if it does; held while something is done to it.
pub(crate) struct Place {
    name: String,
    command: Box<dyn Fn() -> Command + Send + Sync>,
    log: PathBuf,
    process: Arc<Mutex<Option<Process>>>,
}

impl World {
    pub(crate) async fn start(wish: &Wish) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut wires = HashMap::new();
        for wire in [Wire::Clients, Wire::Uploads, Wire::Callbacks, Wire::Oss, Wire::Sink] {
            wires.insert(wire, Proxy::start().await);
        }
        let sink = Sink::start(WEBHOOK_SECRET);
        wires[&Wire::Sink].set_target(0, Target::Tcp(sink.address));
        let oss = Place::oss(directory.path());
        oss.start().await;
        let (database, books, store) = ledger(wish.engine, directory.path(), &mut wires).await;
        let ready = oss.ready().await;
        let settings = fill_in(wish, &wires, &ready, &store);
        std::fs::write(directory.path().join("chaos.toml"), settings).unwrap();
        let replicas = (0..wish.engine.replicas()).map(|number| Place::replica(directory.path(), number)).collect();
        let http = Client::builder().no_proxy().build().unwrap();
        let world = Self { directory, wires, oss, replicas, sink, books, database, http };
        world.connect_oss().await;
        for number in 0..world.replicas.len() {
            world.start_replica(number).await;
        }
        world
    }

    /// Starts a replica and lets it be found.
    pub(crate) async fn start_replica(&self, number: usize) {
        self.replicas[number].start().await;
        let address = self.replicas[number].address("service").await;
        for wire in [Wire::Clients, Wire::Callbacks] {
            self.wires[&wire].set_target(number, Target::Tcp(address));
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill_replica(&self, number: usize) {
        self.replicas[number].kill().await;
        for wire in [Wire::Clients, Wire::Callbacks] {
            self.wires[&wire].set_target(number, Target::Nobody);
        }
    }

    async fn connect_oss(&self) {
        let address = self.oss.address("url").await;
        for wire in [Wire::Uploads, Wire::Oss] {
            self.wires[&wire].set_target(0, Target::Tcp(address));
        }
    }

    /// What happens in OSS from now on: rules as JSON; none but a list of length 0 ends it.
    pub(crate) async fn set_oss_rules(&self, rules: &Value) {
        // OSS may just be dead: then it has no rules either.
        let Some(url) = self.oss.url().await else { return };
        let _ = self.http.put(format!("{url}/-/faults")).json(rules).send().await;
    }

    /// Every object that is in the bucket.
    pub(crate) async fn objects(&self) -> Vec<StoredObject> {
        let url = self.oss.url().await.unwrap();
        let list = self.http.get(format!("{url}/-/objects/{BUCKET}")).send().await.unwrap();
        let list: Vec<Value> = list.json().await.unwrap();
        let object = |entry: &Value| {
            let content = &entry["versions"][0]["kind"]["normal"];
            StoredObject {
                key: entry["key"].as_str().unwrap().to_owned(),
                etag: content["etag"].as_str().unwrap().to_owned(),
                size: content["size"].as_i64().unwrap(),
            }
        };
        list.iter().map(object).collect()
    }

    /// Where clients find what.
    pub(crate) fn places(&self) -> Places {
        Places { service: self.wires[&Wire::Clients].url(), oss: self.wires[&Wire::Uploads].url() }
    }

    /// Stops the replicas as an operator does; whoever does not end well is named.
    pub(crate) async fn stop(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for replica in &self.replicas {
            let process = replica.process.lock().await.take().unwrap();
            let status = tokio::task::spawn_blocking(|| process.terminate()).await.unwrap();
            if !status.success() {
                complaints.push(format!("{} ended with {status}", replica.name));
            }
        }
        self.sink.stop().await;
        complaints
    }

    /// Lines of the logs that tell of a panic, and processes that ended without being asked to.
    pub(crate) async fn accidents(&self) -> Vec<String> {
        let mut accidents = Vec::new();
        for place in self.replicas.iter().chain([&self.oss]) {
            let log = std::fs::read_to_string(&place.log).unwrap();
            let panics = log.lines().filter(|line| line.contains("panicked at"));
            accidents.extend(panics.map(|line| format!("{}: {line}", place.name)));
            if place.process.lock().await.as_mut().is_some_and(Process::has_ended) {
                accidents.push(format!("{} has ended by itself; its last words: {}", place.name, last_words(&log)));
            }
        }
        accidents
    }

    /// Keeps logs and ledger for who has to find out.
    pub(crate) fn keep(self) -> PathBuf {
        self.directory.keep()
    }
}

/// The engine's ledger: its server if it has one, how to read it, and how replicas find it.
async fn ledger(
    engine: Engine,
    directory: &Path,
    wires: &mut HashMap<Wire, Proxy>,
) -> (Option<Cluster>, Books, String) {
    match engine {
        Engine::Sqlite => {
            let file = directory.join("ledger.db");
            (None, Books::sqlite(&file), format!("sqlite://{}", file.display()))
        }
        Engine::Postgres => {
            let (cluster, wire) = (Cluster::create(directory).await, Proxy::start().await);
            wire.set_target(0, Target::Unix(cluster.socket()));
            let books = Books::Postgres(cluster.options());
            let url = format!("postgres://valet@{}/postgres?sslmode=disable", wire.address());
            wires.insert(Wire::Database, wire);
            (Some(cluster), books, url)
        }
    }
}

impl Place {
    fn new(name: String, directory: &Path, command: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        let log = directory.join(format!("{name}.log"));
        Self { name, command: Box::new(command), log, process: Arc::default() }
    }

    /// The simulator. Once it has run, it comes back to the same port: its key's URL names it.
    fn oss(directory: &Path) -> Self {
        let (data, port) = (directory.join("oss"), directory.join("oss.port"));
        Self::new("oss".to_owned(), directory, move || {
            let listen = std::fs::read_to_string(&port).unwrap_or_else(|_| "127.0.0.1:0".to_owned());
            let mut command = Command::new(BINARY);
            command.args(["simulator", "--listen", &listen, "--bucket", BUCKET, "--data"]).arg(&data);
            command
        })
    }

    fn replica(directory: &Path, number: usize) -> Self {
        let config = directory.to_owned();
        Self::new(format!("replica-{number}"), directory, move || {
            let mut command = Command::new(BINARY);
            command.args(["serve", "--json", "--env", "chaos", "--config"]).arg(&config);
            command
        })
    }

    /// Starts it, as often as that takes.
    pub(crate) async fn start(&self) {
        let mut process = self.process.lock().await;
        let started = tokio::task::block_in_place(|| Process::start_until(&self.command, &self.log, PATIENCE));
        if let Some(url) = started.ready["url"].as_str() {
            std::fs::write(self.log.with_extension("port"), url.trim_start_matches("http://")).unwrap();
        }
        *process = Some(started);
    }

    /// `kill -9`.
    pub(crate) async fn kill(&self) {
        drop(self.process.lock().await.take());
    }

    /// `STOP` or `CONT`.
    pub(crate) async fn signal(&self, name: &str) {
        if let Some(process) = &*self.process.lock().await {
            process.signal(name);
        }
    }

    pub(crate) async fn id(&self) -> u32 {
        self.process.lock().await.as_ref().unwrap().id()
    }

    async fn ready(&self) -> Value {
        self.process.lock().await.as_ref().unwrap().ready.clone()
    }

    async fn url(&self) -> Option<String> {
        self.process.lock().await.as_ref().map(|process| process.text("url").to_owned())
    }

    async fn address(&self, name: &str) -> SocketAddr {
        let process = self.process.lock().await;
        process.as_ref().unwrap().text(name).trim_start_matches("http://").parse().unwrap()
    }
}

/// A good token for the user, for as long as any run lasts.
pub(crate) fn token(user: &str) -> String {
    let claims = json!({"iss": "chaos", "sub": user, "exp": SystemClock.now().timestamp() + 48 * 3600});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).unwrap()
}

fn fill_in(wish: &Wish, wires: &HashMap<Wire, Proxy>, oss: &Value, store: &str) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{oss}")).to_owned();
    // The one without the right to set ACLs, as it should be.
    let key = &oss["access_keys"][1];
    let pem = std::fs::read_to_string(text(&oss["callback_key_pem"])).unwrap();
    let mut settings = SETTINGS.to_owned();
    for (name, value) in [
        ("clients", wires[&Wire::Clients].url()),
        ("uploads", wires[&Wire::Uploads].url()),
        ("callbacks", wires[&Wire::Callbacks].url()),
        ("oss", wires[&Wire::Oss].url()),
        ("sink", wires[&Wire::Sink].url()),
        ("jwt_secret", JWT_SECRET.to_owned()),
        ("seal_secret", SEAL_SECRET.to_owned()),
        ("webhook_secret", WEBHOOK_SECRET.to_owned()),
        ("access_key_id", text(&key["id"])),
        ("access_key_secret", text(&key["secret"])),
        ("role_arn", text(&oss["roles"][0]["arn"])),
        ("callback_key_url", text(&oss["callback_key_url"])),
        ("callback_key_pem", pem),
        ("lifetime", format!("{}s", wish.lifetime.as_secs())),
        ("store", store.to_owned()),
    ] {
        settings = settings.replace(&format!("{{{name}}}"), &value);
    }
    settings
}

fn last_words(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
