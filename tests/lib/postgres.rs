//! A PostgreSQL of the tests' own: one cluster that all share, with a database for each test, and clusters apart for
//! tests that stop them. `postgres.sh` beside this file knows how they are made, kept and taken away.
#![allow(dead_code, clippy::allow_attributes, reason = "each suite uses a part of it")]

use std::{
    fs::{File, TryLockError},
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        mpsc::{Receiver, channel},
    },
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lib/postgres.sh");

/// What a server says when it takes connections.
const READY: &str = "database system is ready to accept connections";

/// How often a killed server is started again, while what is left of it goes away.
const ATTEMPTS: usize = 200;

/// The URL of an empty database in the shared cluster.
pub(crate) async fn fresh_database() -> String {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let shared = tokio::task::spawn_blocking(|| SHARED.get_or_init(Shared::join)).await.unwrap();
    make_database(&shared.socket).await
}

async fn make_database(socket: &Path) -> String {
    let url = |database: &str| format!("postgres://valet@localhost/{database}?host={}", socket.display());
    let mut connection = PgConnection::connect(&url("postgres")).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT 't' || replace(gen_random_uuid()::text, '-', '')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    url(&name)
}

/// The cluster that all test processes share.
struct Shared {
    socket: PathBuf,
    /// The cluster stays for as long as somebody holds this.
    _in_use: File,
}

impl Shared {
    /// Starts it, unless another process has.
    fn join() -> Self {
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres");
        std::fs::create_dir_all(&state).unwrap();
        let open = |name| File::options().create(true).append(true).open(state.join(name)).unwrap();
        let in_use = open("users");
        in_use.lock_shared().unwrap();
        let turn = open("turn");
        turn.lock().unwrap();
        let keeper = open("keeper");
        let socket = match keeper.try_lock() {
            Err(TryLockError::WouldBlock) => std::fs::read_to_string(state.join("cluster")).unwrap(),
            Err(TryLockError::Error(error)) => panic!("{error}"),
            Ok(()) => {
                drop(keeper);
                start_keeper(&state)
            }
        };
        Self { socket: socket.trim().into(), _in_use: in_use }
    }
}

/// Starts the process that keeps the cluster; it outlives this one, in a session of its own.
fn start_keeper(state: &Path) -> String {
    let log = File::create(state.join("keeper.log")).unwrap();
    let mut keeper = Command::new("setsid")
        .args(["--fork", SCRIPT, "share"])
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut socket = String::new();
    keeper.stdout.take().unwrap().read_to_string(&mut socket).unwrap();
    keeper.wait().unwrap();
    let log = || std::fs::read_to_string(state.join("keeper.log")).unwrap();
    assert!(!socket.is_empty(), "there is no PostgreSQL for the tests: {}", log());
    socket
}

/// A cluster apart, with everything that makes a commit durable.
pub(crate) struct Cluster {
    directory: TempDir,
    settings: Vec<String>,
    server: Option<Child>,
    /// What the server says, line by line.
    lines: Mutex<Option<Receiver<String>>>,
}

impl Cluster {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let mut cluster = Self {
            directory: tempfile::tempdir().unwrap(),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            server: None,
            lines: Mutex::default(),
        };
        cluster.start_again();
        cluster
    }

    /// Starts it over the same files, when it has been stopped or killed.
    pub(crate) fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            let mut server = Command::new(SCRIPT)
                .arg("serve")
                .arg(self.directory.path())
                .args(&self.settings)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            if let Some(lines) = wait_until_ready(server.stderr.take().unwrap(), &mut said) {
                self.server = Some(server);
                *self.lines.lock().unwrap() = Some(lines);
                return;
            }
            server.wait().unwrap();
            // After a kill its processes may still be going.
            assert!(said.contains("still in use") || said.contains("is already in use"), "{said}");
        }
        panic!("{said}");
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// As `pg_ctl stop -m immediate`: at once, without tidying up.
    pub(crate) fn stop(&mut self) {
        self.signal("-QUIT");
        self.server.take().expect("it runs").wait().unwrap();
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.server.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The URL of a new, empty database.
    pub(crate) async fn database(&self) -> String {
        make_database(self.directory.path()).await
    }

    /// What the server says, up to the line that holds this text.
    pub(crate) fn log_until(&self, end: &str) -> String {
        let lines = self.lines.lock().unwrap();
        let lines = lines.as_ref().expect("it runs").iter();
        lines.take_while(|line| !line.contains(end)).flat_map(|line| [line, "\n".to_owned()]).collect()
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// For the next start.
    pub(crate) fn set(&mut self, settings: &[String]) {
        self.settings.extend_from_slice(settings);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.stop();
        }
    }
}

/// Reads until the server takes connections, and gives what it says afterwards; `None` when it has ended.
fn wait_until_ready(stderr: ChildStderr, said: &mut String) -> Option<Receiver<String>> {
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    said.clear();
    for line in lines.by_ref() {
        if line.contains(READY) {
            let (sender, receiver) = channel();
            // So that it never waits for a reader.
            std::thread::spawn(move || lines.for_each(|line| drop(sender.send(line))));
            return Some(receiver);
        }
        said.push_str(&line);
        said.push('\n');
    }
    None
}
