//! How fast the ledger is by itself:
//! `cargo bench --bench ledger [-- [DIRECTORY] [--url postgres://…] [--rows N] [--processes N]]`.
//!
//! SQLite in a folder that is taken away afterwards, or the **empty** PostgreSQL database that the URL names. In each
//! process 64 callers, each waiting for its answer before it asks again, on one core where `taskset` pins it to one.
//! Rates are the sum over the processes, latencies the worst process's.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at what goes wrong")]

use std::{
    future::Future,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use oss_valet::{
    app::{
        ports::{
            GrantAdded, GrantChange, GrantChanged, GrantFilter, IdempotencyClaim, Ledger, NewGrant, NextCheck,
            OutgoingEvent, Store,
        },
        watch::GrantWatch,
    },
    grant::{
        completion::{Completion, CompletionSource},
        event::{Event, EventType},
        grant::{Grant, GrantKind, State},
        profile::Method,
        quota::Quotas,
    },
    store::{self, Counters},
};
use sqlx::{Connection as _, Executor as _};
use uuid::{NoContext, Timestamp, Uuid};

const CALLERS: u64 = 64;
const PER_CALLER: u64 = 2_000;

/// Between the numbers of two processes' grants.
const APART: u64 = 100_000_000;

/// What is measured, in this order.
const WORKS: [&str; 7] = [
    "add, one user",
    "add, a thousand users",
    "add, with idempotency key",
    "find",
    "complete (completion and event)",
    "find, then complete",
    "list a user's newest twenty",
];

struct Options {
    directory: PathBuf,
    url: Option<String>,
    rows: u64,
    processes: u64,
    /// Set for a process that another one started: which.
    part: Option<u64>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { directory: ".".into(), url: None, rows: 0, processes: 1, part: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match argument.as_str() {
                "--url" => options.url = Some(value()),
                "--rows" => options.rows = value().parse().unwrap(),
                "--processes" => options.processes = value().parse().unwrap(),
                "--part" => options.part = Some(value().parse().unwrap()),
                "--bench" => {}
                directory => options.directory = directory.into(),
            }
        }
        options
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let options = Options::read();
    match options.part {
        Some(part) => runtime.block_on(work(&options.url.unwrap(), part)),
        None => runtime.block_on(conduct(options)),
    }
}

/// Makes the ledger, and lets one or several processes work on it at the same time.
async fn conduct(options: Options) {
    let directory = tempfile::tempdir_in(&options.directory).unwrap();
    let url = options.url.unwrap_or_else(|| format!("sqlite://{}", directory.path().join("ledger.db").display()));
    store::migrate(&url).await.unwrap();
    if options.rows > 0 {
        let began = Instant::now();
        fill(&url, options.rows).await;
        println!("{} grants were put in beforehand, in {:.0} s", options.rows, began.elapsed().as_secs_f64());
    }
    let mut parts: Vec<Part> = (0..options.processes).map(|part| Part::start(&url, part)).collect();
    println!(
        "{:<34} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "operation", "per second", "cpu µs", "p50 ms", "p99 ms", "max ms", "commits"
    );
    for name in WORKS {
        parts.iter_mut().for_each(Part::go);
        let all: Vec<[f64; 6]> = parts.iter_mut().map(Part::result).collect();
        let sum = |place: usize| all.iter().map(|one| one[place]).sum::<f64>();
        let worst = |place: usize| all.iter().map(|one| one[place]).fold(0.0, f64::max);
        let (rate, cpu, commits) = (sum(0), sum(1) / f64::from(u32::try_from(all.len()).unwrap()), sum(5));
        let (p50, p99, max) = (worst(2), worst(3), worst(4));
        println!("{name:<34} {rate:>10.0} {cpu:>9.2} {p50:>9.3} {p99:>9.3} {max:>9.3} {commits:>9.0}");
    }
    drop(parts);
    if url.starts_with("sqlite") {
        let size = |name| mebibytes(directory.path().join(name));
        println!("ledger {} MiB, write-ahead log {} MiB", size("ledger.db"), size("ledger.db-wal"));
    }
}

/// Grants of a thousand users, every other one completed, by SQL.
async fn fill(url: &str, rows: u64) {
    const STEP: u64 = 500_000;
    for first in (1..=rows).step_by(usize::try_from(STEP).unwrap()) {
        let last = rows.min(first + STEP - 1);
        if url.starts_with("sqlite") {
            let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
            let id = "unhex(printf('%012x70008000%012x', 1700000000000 + n, n))";
            let numbers = format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
            );
            run_fill(&mut connection, &numbers, "numbers", id, "hex(randomblob(16))", "printf('%x', n)").await;
            connection.close().await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            let id = "(lpad(to_hex(1700000000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid";
            let numbers = format!("WITH numbers AS (SELECT n FROM generate_series({first}::bigint, {last}) AS n)");
            run_fill(&mut connection, &numbers, "numbers", id, "md5(n::text)", "to_hex(n)").await;
            if last == rows {
                sqlx::raw_sql("ANALYZE").execute(&mut connection).await.unwrap();
            }
            connection.close().await.unwrap();
        }
    }
}

async fn run_fill<'c, D, C>(connection: &'c mut C, numbers: &str, from: &str, id: &str, etag: &str, hex: &str)
where
    D: sqlx::Database,
    &'c mut C: sqlx::Executor<'c, Database = D>,
{
    let sql = format!(
        "BEGIN;
         {numbers} INSERT INTO grants (id, profile, method, state, user_id, bucket, region, key, content_type, min_size,
             max_size, vars, overwrite, issued_at, expires_at, write_until, next_check_at)
         SELECT {id}, 'avatar', 'post', CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'expired' END, 'u-' || (n % 1000),
             'app-media', 'cn-hangzhou', 'avatars/' || {hex}, 'image/png', 1, 5242880, '{{}}', n < 0, n, n, n, NULL
         FROM {from};
         {numbers} INSERT INTO completions (grant_id, object_key, size, etag, content_type, completed_at, source, late)
         SELECT {id}, 'avatars/' || {hex}, 1, {etag}, 'image/png', n, 'callback', n < 0 FROM {from} WHERE n % 2 = 0;
         COMMIT"
    );
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
}

/// MiB of a file.
fn mebibytes(path: PathBuf) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len() >> 20)
}

/// A process that works when it is told to.
struct Part {
    process: Child,
    results: Lines<BufReader<ChildStdout>>,
}

impl Part {
    fn start(url: &str, part: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--url", url, "--part", &part.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let results = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, results }
    }

    fn go(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    fn result(&mut self) -> [f64; 6] {
        let line = self.results.next().expect("a result").unwrap();
        let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        numbers.try_into().unwrap()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// One process's share, a step for each line that it is told.
async fn work(url: &str, part: u64) {
    let counters = Arc::new(Counters::default());
    let store = store::open(url, Arc::clone(&counters), &GrantWatch::default()).await.unwrap();
    let mut told = std::io::stdin().lines();
    for step in 0..WORKS.len() {
        told.next().expect("a word to begin").unwrap();
        measure(&store, &counters, move |store, n| do_one(step, store, n + part * 10 * APART)).await;
    }
}

async fn do_one(step: usize, store: Arc<dyn Ledger>, n: u64) {
    let store = &*store;
    match step {
        0 => add(store, n, "u-7", false).await,
        1 => add(store, APART + n, &format!("u-{}", n % 1000), false).await,
        2 => add(store, 2 * APART + n, "u-7", true).await,
        3 => assert!(store.find_grant(id(n)).await.unwrap().is_some()),
        4 => assert!(matches!(store.change_grant(completion(n)).await.unwrap(), GrantChanged::Applied)),
        5 => {
            assert!(store.find_grant(id(APART + n)).await.unwrap().is_some());
            assert!(matches!(store.change_grant(completion(APART + n)).await.unwrap(), GrantChanged::Applied));
        }
        _ => {
            let filter = GrantFilter { user_id: Some(format!("u-{}", n % 1000)), limit: 20, ..GrantFilter::default() };
            assert!(!store.list_grants(&filter).await.unwrap().is_empty());
        }
    }
}

async fn measure<F: Future<Output = ()> + Send + 'static>(
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
    println!("{rate} {cpu} {} {} {} {}", at(50), at(99), at(100), counters.commits() - commits);
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
    let new = NewGrant { grant, next_check_at, idempotency: idempotent.then_some(claim), quotas: Quotas::default() };
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
                trace: None,
            },
            sinks: Vec::new(),
        }],
    }
}
