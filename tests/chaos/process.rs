//! A process of the real binary: killed, paused, started again.

use std::{
    fs::OpenOptions,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long a start may take before it counts as failed; a debug build on a busy machine.
const START: Duration = Duration::from_secs(30);
/// Between a failed start and the next, as a supervisor waits.
const RESTART: Duration = Duration::from_millis(200);

/// A process that has told that it is ready; killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// What it printed.
    pub(crate) ready: Value,
}

impl Process {
    /// Starts it once.
    ///
    /// # Errors
    /// When it ends, or says nothing, before it is ready.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).env_remove("RUST_LOG");
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (told, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = told.send(read.map(|_| line));
        });
        let line = heard.recv_timeout(START).map_err(|error| error.to_string());
        let ready = line.and_then(|line| line.map_err(|error| error.to_string()));
        match ready.and_then(|line| serde_json::from_str(&line).map_err(|error| format!("{error}: {line:?}"))) {
            Ok(ready) => Ok(Self { child, ready }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Starts it as a supervisor does: again and again, until it is ready.
    pub(crate) fn start_until(command: impl Fn() -> Command, log: &Path, patience: Duration) -> Self {
        let until = Instant::now() + patience;
        loop {
            match Self::start(command(), log) {
                Ok(process) => return process,
                Err(error) => assert!(Instant::now() < until, "{}: it does not start: {error}", log.display()),
            }
            std::thread::sleep(RESTART);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A text out of its line.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// `STOP`, `CONT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success(), "kill -{name}");
    }

    /// Asks it to stop, and waits.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    /// `kill -9`.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory now, in MiB.
pub(crate) fn memory_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
