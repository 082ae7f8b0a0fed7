//! A ledger of millions of grants that ended long ago, made by the engine itself.

use std::{path::Path, time::Instant};

use oss_valet::store;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::{Engine, postgres::Cluster};

/// Rows of one statement.
const PIECE: u64 = 500_000;

/// A ledger, and what it lives in.
pub(crate) struct Ledger {
    url: String,
    _home: Home,
}

enum Home {
    Folder(#[expect(dead_code, reason = "goes with the ledger")] TempDir),
    Cluster(#[expect(dead_code, reason = "goes with the ledger")] Cluster),
}

impl Ledger {
    /// An empty one, as durable as in production.
    pub(crate) async fn create(engine: Engine) -> Self {
        let (url, home) = match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                (sqlite_url(folder.path()), Home::Folder(folder))
            }
            Engine::Postgres => {
                let settings = ["shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=15min"];
                let cluster = Cluster::start(&settings);
                (cluster.database().await, Home::Cluster(cluster))
            }
        };
        store::migrate(&url).await.unwrap();
        Self { url, _home: home }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Adds that many grants of a hundred thousand users, issued over the last months, each with its completion.
    pub(crate) async fn fill(&self, grants: u64) {
        let began = Instant::now();
        for from in (0..grants).step_by(usize::try_from(PIECE).unwrap()) {
            let to = (from + PIECE).min(grants) - 1;
            if self.url.starts_with("sqlite") {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                for statement in sqlite_statements(from, to) {
                    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            } else {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                for statement in postgres_statements(from, to) {
                    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }
        }
        // Else the first rows are measured on a disk that is still writing this down.
        let _ = std::process::Command::new("sync").status();
        eprintln!("{grants} grants with their completions were added in {:.0?}", began.elapsed());
    }
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("ledger.db").display())
}

/// Issued from September 2025 on, one a second; ids are UUIDs of version 7 of that time.
const FIRST_ISSUED: u64 = 1_756_684_800;
const COLUMNS: &str = "id, profile, method, state, user_id, bucket, region, key, content_type, min_size, max_size, \
    vars, overwrite, issued_at, expires_at, write_until";
const COMPLETION_COLUMNS: &str = "grant_id, object_key, size, etag, content_type, crc64, completed_at, source, late";

fn sqlite_statements(from: u64, to: u64) -> [String; 3] {
    let id = format!("unhex(printf('%012x', ({FIRST_ISSUED} + n) * 1000) || '7000a000' || printf('%012x', n))");
    let numbers =
        format!("WITH RECURSIVE number (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM number WHERE n < {to})");
    let micros = |plus: u64| format!("({} + n) * 1000000", FIRST_ISSUED + plus);
    [
        // The benchmark's own rows may be lost with the machine.
        "PRAGMA synchronous = OFF".to_owned(),
        format!(
            "{numbers} INSERT INTO grants ({COLUMNS}) SELECT {id}, 'confirmed', 'post', 'completed', 'u-' || (n * 7919 % 100000), \
             'app-media', 'cn-hangzhou', 'avatars/u-' || (n * 7919 % 100000) || '/' || lower(hex({id})) || '.png', 'image/png', 1, 5242880, \
             '{{\"album\":\"42\"}}', 0, {}, {}, {} FROM number",
            micros(0),
            micros(600),
            micros(1500)
        ),
        format!(
            "{numbers} INSERT INTO completions ({COMPLETION_COLUMNS}) SELECT {id}, \
             'avatars/u-' || (n * 7919 % 100000) || '/' || lower(hex({id})) || '.png', 48211, hex(randomblob(16)), 'image/png', \
             '9598345217583485123', {}, 'callback', 0 FROM number",
            micros(2)
        ),
    ]
}

fn postgres_statements(from: u64, to: u64) -> [String; 3] {
    let id =
        format!("(lpad(to_hex(({FIRST_ISSUED} + n) * 1000), 12, '0') || '7000a000' || lpad(to_hex(n), 12, '0'))::uuid");
    let numbers = format!("generate_series({from}::bigint, {to}::bigint) AS n");
    let micros = |plus: u64| format!("({} + n) * 1000000", FIRST_ISSUED + plus);
    [
        format!(
            "INSERT INTO grants ({COLUMNS}) SELECT {id}, 'confirmed', 'post', 'completed', 'u-' || (n * 7919 % 100000), \
             'app-media', 'cn-hangzhou', 'avatars/u-' || (n * 7919 % 100000) || '/' || {id} || '.png', 'image/png', 1, 5242880, \
             '{{\"album\":\"42\"}}', false, {}, {}, {} FROM {numbers}",
            micros(0),
            micros(600),
            micros(1500)
        ),
        format!(
            "INSERT INTO completions ({COMPLETION_COLUMNS}) SELECT {id}, \
             'avatars/u-' || (n * 7919 % 100000) || '/' || {id} || '.png', 48211, md5(n::text), 'image/png', \
             '9598345217583485123', {}, 'callback', false FROM {numbers}",
            micros(2)
        ),
        "ANALYZE".to_owned(),
    ]
}
