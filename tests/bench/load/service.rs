//! The service under load: its settings, its process, what it uses.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    callbacks::{self, CallbackKey},
    client::{Load, Measured},
    process::{self, Pinning},
    tokens::{self, IdentityProvider},
};

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
        let store = format!("sqlite://{}", directory.path().join("ledger.db").display());
        Self::create_over(directory, oss, &store, "")
    }

    /// As [`Self::create`], over any ledger; `sinks` are sections of the settings.
    pub(crate) fn create_over(directory: TempDir, oss: SocketAddr, store: &str, sinks: &str) -> Self {
        let (identity_provider, callback_key) = (IdentityProvider::create(), CallbackKey::create());
        let settings = include_str!("settings.toml")
            .replace("{oss}", &format!("http://{oss}"))
            .replace("{issuer}", tokens::ISSUER)
            .replace("{audience}", tokens::AUDIENCE)
            .replace("{callback_path}", callbacks::PATH)
            .replace("{callback_key_url}", callbacks::KEY_URL)
            .replace("{callback_key}", &callback_key.public_key_pem())
            .replace("{store}", store)
            .replace("{sinks}", sinks);
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
        process::measure(self.process.id(), load).await
    }

    /// Resident memory.
    pub(crate) fn memory_mib(&self) -> f64 {
        process::memory_mib(self.process.id(), "VmRSS")
    }

    /// How much it has logged.
    pub(crate) fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).unwrap().len()
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
