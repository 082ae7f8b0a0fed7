//! A PostgreSQL of the run's own, as safe as in production, so that what it has promised survives its crashes.

use std::{
    fs::{OpenOptions, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use tempfile::TempDir;
use tokio::{sync::Mutex, time::sleep};

/// Makes a cluster where there is none, and becomes its server.
const SERVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lib/postgres.sh");
/// How long a start may take, with recovery, or with installing it.
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(50);

/// The server, at a socket in a folder of its own.
pub(crate) struct Cluster {
    /// Where the server's own user can reach it.
    directory: TempDir,
    log: PathBuf,
    server: Mutex<Option<Child>>,
}

impl Cluster {
    /// Makes it and starts it.
    pub(crate) async fn create(logs: &Path) -> Self {
        let everybody = Permissions::from_mode(0o755);
        let directory = tempfile::Builder::new().permissions(everybody).tempdir().unwrap();
        let cluster = Self { directory, log: logs.join("postgres.log"), server: Mutex::default() };
        cluster.start().await;
        cluster
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn start(&self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(SERVE);
        command.arg("serve").arg(self.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut server = self.server.lock().await;
        let child = server.insert(command.spawn().unwrap());
        let answers = async {
            while self.options().connect().await.is_err() {
                assert!(child.try_wait().unwrap().is_none(), "PostgreSQL does not start: see {}", self.log.display());
                sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.expect("PostgreSQL starts");
    }

    /// Crashes it: every connection ends at once, nothing is written any more (`pg_ctl stop -m immediate`).
    pub(crate) async fn crash(&self) {
        if let Some(server) = self.server.lock().await.take() {
            tokio::task::block_in_place(|| quit(server));
        }
    }

    /// How to get in beside the wires.
    pub(crate) fn options(&self) -> PgConnectOptions {
        let options =
            PgConnectOptions::new_without_pgpass().socket(self.folder()).username("valet").database("postgres");
        options.ssl_mode(PgSslMode::Disable).disable_statement_logging()
    }

    /// Where wires lead.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder().join(".s.PGSQL.5432")
    }

    fn folder(&self) -> PathBuf {
        self.directory.path().join("cluster")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(server) = self.server.get_mut().take() {
            quit(server);
        }
    }
}

/// Not `kill -9`: that would leave its children behind.
fn quit(mut server: Child) {
    let asked = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
    assert!(asked.is_ok_and(|status| status.success()), "kill -QUIT");
    server.wait().unwrap();
}
