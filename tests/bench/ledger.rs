//! How fast the ledger is by itself: `cargo bench --bench ledger [-- DIRECTORY]`.
//!
//! 64 callers, each waiting for its answer before it asks again, on one core where `taskset` pins this program to one.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at what goes wrong")]

use std::{
    future::Future,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use oss_valet::{
    app::{
        ports::{
            GrantAdded, GrantChange, GrantChanged, IdempotencyClaim, Ledger, NewGrant, NextCheck, OutgoingEvent, Store,
        },
        watch::GrantWatch,
    },
    grant::{
        completion::{Completion, CompletionSource},
        event::{Event, EventType},
        grant::{Grant, GrantKind, State},
        profile::Method,
    },
    store::{self, Counters},
};
use uuid::{NoContext, Timestamp, Uuid};

const CALLERS: u64 = 64;
const PER_CALLER: u64 = 2_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory: PathBuf = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or(".".into()).into();
    runtime.block_on(run(directory));
}

async fn run(directory: PathBuf) {
    let directory = tempfile::tempdir_in(directory).unwrap();
    let url = format!("sqlite://{}", directory.path().join("ledger.db").display());
    store::migrate(&url).await.unwrap();
    let counters = Arc::new(Counters::default());
    let store = store::open(&url, Arc::clone(&counters), &GrantWatch::default()).await.unwrap();
    println!(
        "{:<34} {:>10} {:>9} {:>9} {:>9} {:>9}",
        "operation", "per second", "p50 ms", "p99 ms", "max ms", "commits"
    );

    measure("add, one user", &store, &counters, |store, n| async move { add(&*store, n, "u-7", false).await }).await;
    measure("add, a thousand users", &store, &counters, |store, n| async move {
        add(&*store, 1_000_000 + n, &format!("u-{}", n % 1000), false).await;
    })
    .await;
    measure("add, with idempotency key", &store, &counters, |store, n| async move {
        add(&*store, 2_000_000 + n, "u-7", true).await;
    })
    .await;
    measure("find", &store, &counters, |store, n| async move {
        assert!(store.find_grant(id(n)).await.unwrap().is_some());
    })
    .await;
    measure("complete (completion and event)", &store, &counters, |store, n| async move {
        assert!(matches!(store.change_grant(completion(n)).await.unwrap(), GrantChanged::Applied));
    })
    .await;
    measure("find, then complete", &store, &counters, |store, n| async move {
        assert!(store.find_grant(id(1_000_000 + n)).await.unwrap().is_some());
        assert!(matches!(store.change_grant(completion(1_000_000 + n)).await.unwrap(), GrantChanged::Applied));
    })
    .await;
    let size = |name| mebibytes(directory.path().join(name));
    println!("ledger {} MiB, write-ahead log {} MiB", size("ledger.db"), size("ledger.db-wal"));
}

/// MiB of a file.
fn mebibytes(path: PathBuf) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len() >> 20)
}

async fn measure<F: Future<Output = ()> + Send + 'static>(
    name: &str,
    store: &Arc<dyn Ledger>,
    counters: &Counters,
    work: impl Fn(Arc<dyn Ledger>, u64) -> F + Copy + Send + 'static,
) {
    let (began, cpu_began, commits) = (Instant::now(), cpu_seconds(), counters.commits());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for turn in 0..PER_CALLER {
                    let began = Instant::now();
                    work(Arc::clone(&store), turn * CALLERS + caller).await;
                    latencies.push(began.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies: Vec<Duration> = Vec::new();
    for caller in callers {
        latencies.extend(caller.await.unwrap());
    }
    let (elapsed, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu_began);
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let count = f64::from(u32::try_from(latencies.len()).unwrap());
    let (rate, cpu) = (count / elapsed, cpu * 1e6 / count);
    let commits = counters.commits() - commits;
    println!("{name:<34} {rate:>10.0} {cpu:>9.2} {:>9.3} {:>9.3} {:>9.3} {commits:>9}", at(50), at(99), at(100));
}

/// What this process has used of the processor, in all its threads.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u32 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn id(n: u64) -> Uuid {
    let timestamp =
        Timestamp::from_unix(NoContext, 1_800_000_000 + n / 1000, u32::try_from(n % 1000).unwrap() * 1_000_000);
    let mut bytes = *Uuid::new_v7(timestamp).as_bytes();
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Uuid::from_bytes(
        bytes[..6].iter().chain(&[0x70, 0]).chain(&bytes[8..]).copied().collect::<Vec<_>>().try_into().unwrap(),
    )
}

async fn add(store: &dyn Store, n: u64, user_id: &str, idempotent: bool) {
    let grant = Grant {
        id: id(n),
        kind: GrantKind::Upload,
        profile: "avatar".into(),
        method: Method::Post,
        state: State::Issued,
        reason: None,
        user_id: user_id.into(),
        created_by: None,
        bucket: "app-media".into(),
        region: "cn-hangzhou".into(),
        key: format!("avatars/{user_id}/{}.png", id(n)),
        content_type: "image/png".into(),
        min_size: 1,
        max_size: 5 << 20,
        declared_size: None,
        filename: Some("me.png".into()),
        vars: [("album".to_owned(), "42".to_owned())].into(),
        overwrite: false,
        oss_upload_id: None,
        issued_at: noon(),
        expires_at: noon() + TimeDelta::minutes(10),
        write_until: noon() + TimeDelta::minutes(25),
    };
    let mut scope_digest = [7; 32];
    scope_digest[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    let claim = IdempotencyClaim { scope_digest, request_digest: [1; 32], expires_at: noon() + TimeDelta::days(1) };
    let next_check_at = noon() + TimeDelta::minutes(5) + TimeDelta::microseconds(i64::try_from(n).unwrap());
    let new = NewGrant { grant, next_check_at, idempotency: idempotent.then_some(claim) };
    assert!(matches!(store.add_grant(new).await.unwrap(), GrantAdded::Added));
}

fn completion(n: u64) -> GrantChange {
    let mut event_id = *id(n).as_bytes();
    event_id[7] = 0xE;
    let payload = format!(r#"{{"specversion":"1.0","id":"{}","data":"{}"}}"#, id(n), "x".repeat(700));
    GrantChange {
        id: id(n),
        from: &[State::Issued, State::Expired],
        to: State::Completed,
        reason: None,
        completion: Some(Completion {
            key: format!("avatars/u-7/{}.png", id(n)),
            size: 48_211,
            etag: "5B3C1A2E053D763E1B002CC607C5A0FE".into(),
            content_type: "image/png".into(),
            crc64: Some("12345678901234567890".into()),
            version_id: None,
            image: None,
            completed_at: noon(),
            source: CompletionSource::Callback,
            late: false,
            hook: None,
            reason: None,
        }),
        oss_upload_id: None,
        lifetime: None,
        next_check: NextCheck::Never,
        events: vec![OutgoingEvent {
            event: Event {
                id: Uuid::from_bytes(event_id),
                grant_id: id(n),
                kind: EventType::Completed,
                time: noon(),
                payload,
            },
            sinks: Vec::new(),
        }],
    }
}
