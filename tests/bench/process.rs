//! Processes under load: which core they run on, and what they use.

use std::{
    fmt,
    process::{Command, Stdio},
    thread::available_parallelism,
};

use crate::client::{Load, Measured};

/// Load average up to which the machine is ours: the build just before the run leaves some.
const QUIET: f64 = 1.5;

/// How many threads wanted to run during the last minute.
fn load_average() -> f64 {
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

    /// A command that runs on the server's core.
    pub(crate) fn command(&self, program: &str) -> Command {
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
                write!(f, "the server (one worker, all its threads) on core {server}, the load on core {generator}")
            }
            Self::None => f.write_str("NOT PINNED (no taskset, or one core): service and load disturb each other"),
        }
    }
}

/// Says so when the machine does other things too.
pub(crate) fn print_load_average() {
    match load_average() {
        busy if busy > QUIET => println!("THE MACHINE IS BUSY (load {busy:.2}): the figures are not worth much\n"),
        quiet => println!("load before the start {quiet:.2}\n"),
    }
}

/// Loads the process, and counts what it used meanwhile.
pub(crate) async fn measure(process: u32, load: Load) -> Measured {
    let mut before = 0.0;
    let mut measured = load.run_between(|| before = cpu_seconds(process)).await;
    let count = f64::from(u32::try_from(measured.count).unwrap());
    measured.server_cpu_micros = (cpu_seconds(process) - before) * 1e6 / count;
    measured
}

/// Resident memory: `VmRSS` now, `VmHWM` at its peak.
pub(crate) fn memory_mib(process: u32, which: &str) -> f64 {
    let status = proc(process, "status");
    let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// What all its threads have used; in hundredths of a second.
fn cpu_seconds(process: u32) -> f64 {
    let stat = proc(process, "stat");
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u32 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

fn proc(process: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap()
}
