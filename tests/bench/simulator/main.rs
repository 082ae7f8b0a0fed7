//! What the OSS simulator carries on one core: `cargo bench --bench simulator`; how much memory a huge upload takes:
//! `cargo bench --bench simulator -- --bytes 5368709120`.
//!
//! Starts the release binary with one worker, pinned to one core, and loads it from another over 64 connections that are
//! kept alive. A number means little without its neighbour, the fixed answer of the same process (its callback key);
//! "by CPU" is that ratio in processor time, which neighbours on the machine disturb least.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at what goes wrong")]

#[path = "../client.rs"]
mod client;
#[path = "../../simulator/large.rs"]
mod large;
#[path = "../process.rs"]
mod process;
mod receiver;
mod requests;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use client::{Load, Measured};
use large::{Large, Process, Way};
use process::Pinning;
use requests::Requests;
use tempfile::TempDir;

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Requests of each kind.
const FIXED_REQUESTS: usize = 200_000;
const READ_REQUESTS: usize = 60_000;
const WRITE_REQUESTS: usize = 40_000;
const CALLBACK_REQUESTS: usize = 8_000;

/// What is aimed at: PostObject requests a second.
const AIM_POST: f64 = 5_000.0;
/// Peak memory of a huge upload, in MiB.
const AIM_PEAK: f64 = 60.0;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` runs this too; it has nothing to test.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let bytes = arguments.iter().skip_while(|argument| *argument != "--bytes").nth(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match bytes {
        Some(bytes) => runtime.block_on(stream_through(bytes.parse().unwrap())),
        None => runtime.block_on(throughput()),
    }
}

/// One upload of so many bytes in each way, and what the simulator's memory was at its peak.
async fn stream_through(bytes: u64) {
    let large = Large::new(bytes);
    println!("{bytes} bytes, sent and read back; the aim is a peak below {AIM_PEAK:.0} MiB");
    for way in Way::ALL {
        let data = data_folder();
        let simulator = Process::start(Pinning::None.command(env!("CARGO_BIN_EXE_oss-valet")), data.path(), &[]);
        let began = Instant::now();
        simulator.round_trip(way, &large).await;
        let took = began.elapsed();
        let peak = process::memory_mib(simulator.id(), "VmHWM");
        let verdict = if peak < AIM_PEAK { "holds" } else { "MISSED" };
        println!("{way:<12} {took:>8.1?}, peak {peak:.1} MiB: {verdict}");
    }
}

async fn throughput() {
    let pinning = Pinning::of_this_machine();
    println!("{pinning}");
    process::print_load_average();
    let data = data_folder();
    let mut command = pinning.command(env!("CARGO_BIN_EXE_oss-valet"));
    command.env("RUST_LOG", "warn");
    let simulator = Process::start(command, data.path(), &["--workers", "1"]);
    let requests = Requests { simulator: &simulator, receiver: receiver::start().await };
    println!(
        "{:<28} {:>10} {:>8} {:>9} {:>9} {:>8} {:>7}",
        "", "requests/s", "CPU us", "p50 ms", "p99 ms", "of fixed", "by CPU"
    );

    let address: SocketAddr = requests.authority().parse().unwrap();
    let run = async |name: &str, requests: Vec<Vec<u8>>, repeat: usize, fixed: Option<&Measured>| {
        let load = Load::new(address, requests, CONNECTIONS);
        let load = Load { repeat, bodies: !name.starts_with("HEAD"), ..load };
        let measured = process::measure(simulator.id(), load).await;
        print_row(name, &measured, fixed);
        measured
    };
    let known = Load { keep: 1, ..Load::new(address, vec![requests.fixed()], 1) };
    assert!(known.run().await.kept[0].starts_with(b"-----BEGIN PUBLIC KEY-----"));
    let fixed = run("fixed answer", vec![requests.fixed()], FIXED_REQUESTS, None).await;
    let fixed = Some(&fixed);
    let posted = run("PostObject", requests.posts(WRITE_REQUESTS, false), WRITE_REQUESTS, fixed).await;
    run("PutObject", requests.puts(WRITE_REQUESTS, false), WRITE_REQUESTS, fixed).await;
    run("HEAD", requests.heads(WRITE_REQUESTS), READ_REQUESTS, fixed).await;
    run("GET", requests.gets(WRITE_REQUESTS), READ_REQUESTS, fixed).await;
    run("PostObject with callback", requests.posts(CALLBACK_REQUESTS, true), CALLBACK_REQUESTS, fixed).await;
    run("PutObject with callback", requests.puts(CALLBACK_REQUESTS, true), CALLBACK_REQUESTS, fixed).await;

    let verdict = if posted.rate >= AIM_POST { "holds" } else { "MISSED" };
    println!("\n{AIM_POST:.0} PostObject a second on one core: {verdict} ({:.0})", posted.rate);
    let (now, peak) = (process::memory_mib(simulator.id(), "VmRSS"), process::memory_mib(simulator.id(), "VmHWM"));
    println!("memory with all these objects {now:.1} MiB, at its peak {peak:.1} MiB");
}

/// Where the build went: `/tmp` may be memory.
fn data_folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn print_row(name: &str, measured: &Measured, fixed: Option<&Measured>) {
    let millis = |latency: Duration| latency.as_secs_f64() * 1e3;
    let share = |share: Option<f64>| share.map(|share| format!("{share:.3}")).unwrap_or_default();
    println!(
        "{name:<28} {:>10.0} {:>8.1} {:>9.3} {:>9.3} {:>8} {:>7}",
        measured.rate,
        measured.server_cpu_micros,
        millis(measured.percentile(50)),
        millis(measured.percentile(99)),
        share(fixed.map(|fixed| measured.rate / fixed.rate)),
        share(fixed.map(|fixed| fixed.server_cpu_micros / measured.server_cpu_micros)),
    );
}
