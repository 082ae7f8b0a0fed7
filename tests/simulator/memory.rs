//! A large upload streams through: the simulator's memory does not grow with it.

use std::process::Command;

use crate::large::{Large, Process, Way};

/// `cargo bench --bench simulator -- --bytes 5368709120` does the same with 5 GiB.
const BYTES: u64 = 256 * 1024 * 1024;

/// All of the process: code, stacks, index, buffers.
const MAX_PEAK_KIB: u64 = 60 * 1024;

#[tokio::test]
async fn a_quarter_gigabyte_streams_through_a_few_megabytes() {
    let data = tempfile::tempdir().expect("a folder");
    let large = Large::new(BYTES);
    for way in Way::ALL {
        // A process of its own for each: a peak is for ever.
        let simulator = Process::start(Command::new(env!("CARGO_BIN_EXE_oss-valet")), data.path(), &[]);
        simulator.round_trip(way, &large).await;
        let peak = peak_kib(simulator.id());
        assert!(peak < MAX_PEAK_KIB, "{way}: {peak} KiB");
    }
}

/// The most memory that the process has ever had.
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("kB")
}
