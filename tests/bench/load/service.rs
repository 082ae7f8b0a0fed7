//! The service under load: its settings, its process, what it uses.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::available_parallelism,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    callbacks::{self, CallbackKey},
    client::{Load, Measured},
    tokens::{self, IdentityProvider},
};

/// How many threads wanted to run during the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Which core serves, and which loads.
pub(crate) enum Pinning {
    /// `taskset` is there, and two cores.
    Cores { server: usize, generator: usize },
    /// Neither is pinned.
    None,
}

impl Pinning {
    /// Pins this process where that is possible.
    pub(crate) fn of_this_machine() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let (server, generator) = (cores - 1, 0);
        let me = std::process::id().to_string();
        let pin = || Command::new("taskset").args(["-pc", &generator.to_string(), &me]).stdout(Stdio::null()).status();
        let pinned = cores > 1 && pin().is_ok_and(|status| status.success());
        if pinned { Self::Cores { server, generator } } else { Self::None }
    }

    fn command(&self, program: &str) -> Command {
        match self {
            Self::None => Command::new(program),
            Self::Cores { server, .. } => {
                let mut command = Command::new("taskset");
                command.args(["-c", &server.to_string(), program]);
                command
            }
        }
    }
}

impl fmt::Display for Pinning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cores { server, generator } => {
                write!(f, "the service (one worker, all its threads) on core {server}, the load on core {generator}")
            }
            Self::None => f.write_str("NOT PINNED (no taskset, or one core): service and load disturb each other"),
        }
    }
}

/// What outlives a start of the service: settings, keys, ledger.
pub(crate) struct World {
    directory: TempDir,
    identity_provider: IdentityProvider,
    callback_key: CallbackKey,
}

impl World {
    /// Makes keys and settings; `oss` confirms objects. The ledger goes where the build went: `/tmp` may be memory.
    pub(crate) fn create(oss: SocketAddr) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (identity_provider, callback_key) = (IdentityProvider::create(), CallbackKey::create());
        let settings = include_str!("settings.toml")
            .replace("{oss}", &format!("http://{oss}"))
            .replace("{issuer}", tokens::ISSUER)
            .replace("{audience}", tokens::AUDIENCE)
            .replace("{callback_path}", callbacks::PATH)
            .replace("{callback_key_url}", callbacks::KEY_URL)
            .replace("{callback_key}", &callback_key.public_key_pem())
            .replace("{ledger}", &directory.path().join("ledger.db").display().to_string());
        std::fs::write(directory.path().join("bench.toml"), settings).unwrap();
        std::fs::write(directory.path().join("jwt.pem"), identity_provider.public_key_pem()).unwrap();
        Self { directory, identity_provider, callback_key }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn token(&self, user: &str) -> String {
        self.identity_provider.token(user)
    }

    pub(crate) fn callback_key(&self) -> &CallbackKey {
        &self.callback_key
    }
}

/// The running service.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    /// From its start until it said that it is ready.
    pub(crate) ready_after: Duration,
    process: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it, with a fixed answer of that size, and waits until it is ready.
    pub(crate) fn start(world: &World, pinning: &Pinning, static_bytes: usize) -> Self {
        let log = world.directory().join("service.log");
        let began = Instant::now();
        let mut process = pinning
            .command(env!("CARGO_BIN_EXE_oss-valet"))
            .args(["serve", "--json", "--env", "bench", "--bench-static", &static_bytes.to_string(), "--config"])
            .arg(world.directory())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready_after = began.elapsed();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("not ready: {}", std::fs::read_to_string(&log).unwrap_or_default()));
        let address = ready["service"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        Self { address, ready_after, process, log }
    }

    /// Loads it, and counts what it used meanwhile.
    pub(crate) async fn measure(&self, load: Load) -> Measured {
        let mut before = 0.0;
        let mut measured = load.run_between(|| before = self.cpu_seconds()).await;
        let count = f64::from(u32::try_from(measured.count).unwrap());
        measured.server_cpu_micros = (self.cpu_seconds() - before) * 1e6 / count;
        measured
    }

    /// Resident memory.
    pub(crate) fn memory_mib(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// How much it has logged.
    pub(crate) fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).unwrap().len()
    }

    /// What all its threads have used; in hundredths of a second.
    fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let ticks: u32 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
        f64::from(ticks) / 100.0
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap()
    }

    /// Ends it as an orchestrator would, and waits.
    pub(crate) fn stop(mut self) {
        let me = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &me]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "{}", std::fs::read_to_string(&self.log).unwrap());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
