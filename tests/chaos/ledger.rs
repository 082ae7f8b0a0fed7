//! The ledger, read and aged beside the running service.

use std::{path::Path, time::Duration};

use serde_json::Value;
use sqlx::{
    ConnectOptions as _, PgConnection, Row as _, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tokio::time::{Instant, sleep};

use crate::facts::{CompletionRow, EventRow, GrantRow, Ledger, plain_id};

/// How long a statement waits for the service's own, and a connection for a database that is just down.
const PATIENCE: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(100);

/// On SQLite ids are bytes.
const SQLITE: [&str; 3] = [
    "SELECT lower(hex(id)), key, state, vars, CAST(overwrite AS TEXT) FROM grants",
    "SELECT lower(hex(grant_id)), object_key, etag, CAST(size AS TEXT) FROM completions",
    "SELECT lower(hex(id)), lower(hex(grant_id)), payload FROM events ORDER BY seq",
];
const POSTGRES: [&str; 3] = [
    "SELECT id::text, key, state, vars, overwrite::int::text FROM grants",
    "SELECT grant_id::text, object_key, etag, size::text FROM completions",
    "SELECT id::text, grant_id::text, payload FROM events ORDER BY seq",
];

const AGE_GRANTS: &str = "UPDATE grants SET expires_at = expires_at - $1, write_until = write_until - $1, \
                          next_check_at = next_check_at - $1 WHERE expires_at > $2";

const AGE_DELIVERIES: [&str; 2] = [
    "UPDATE deliveries SET due_at = due_at - $1 WHERE due_at IS NOT NULL",
    "UPDATE sinks SET paused_until = paused_until - $1 WHERE paused_until IS NOT NULL",
];

/// Where the ledger is.
pub(crate) enum Books {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// A connection to it.
enum Open {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Books {
    pub(crate) fn sqlite(path: &Path) -> Self {
        Self::Sqlite(SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).disable_statement_logging())
    }

    /// Everything that is in it.
    pub(crate) async fn read(&self) -> Ledger {
        let mut open = self.open().await;
        let grants = open.texts(0, 5).await.into_iter().map(|row| GrantRow {
            id: plain_id(&row[0]),
            key: row[1].clone(),
            state: row[2].clone(),
            ask: ask_of(&row[3]),
            overwrite: row[4] == "1",
        });
        let grants = grants.collect();
        let completions = open.texts(1, 4).await.into_iter().map(|row| CompletionRow {
            grant_id: plain_id(&row[0]),
            key: row[1].clone(),
            etag: row[2].clone(),
            size: row[3].parse().unwrap(),
        });
        let completions = completions.collect();
        let events = open.texts(2, 3).await.iter().map(|row| event(&row[0], &row[1], &row[2])).collect();
        Ledger { grants, completions, events }
    }

    /// Lets so much time pass for the grants whose signatures end after `ending_after` (microseconds): their ends and the
    /// reconciler's appointments come so much nearer.
    pub(crate) async fn age_grants(&self, by: Duration, ending_after: i64) {
        let by = i64::try_from(by.as_micros()).unwrap();
        self.execute(AGE_GRANTS, &[by, ending_after]).await;
    }

    /// Lets so much time pass for events that wait for another try.
    pub(crate) async fn age_deliveries(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap();
        for statement in AGE_DELIVERIES {
            self.execute(statement, &[by]).await;
        }
    }

    /// Again and again, where the service's own work is in the way.
    async fn execute(&self, statement: &'static str, values: &[i64]) {
        let until = Instant::now() + PATIENCE;
        while let Err(error) = self.open().await.execute(statement, values).await {
            assert!(Instant::now() < until, "{statement}: {error}");
            sleep(RETRY).await;
        }
    }

    async fn open(&self) -> Open {
        let until = Instant::now() + PATIENCE;
        loop {
            let opened = match self {
                Self::Sqlite(file) => file.connect().await.map(Open::Sqlite),
                Self::Postgres(server) => server.connect().await.map(Open::Postgres),
            };
            match opened {
                Ok(open) => return open,
                Err(error) => assert!(Instant::now() < until, "the ledger: {error}"),
            }
            sleep(RETRY).await;
        }
    }
}

impl Open {
    /// The answer to a question, by its place in the lists.
    async fn texts(&mut self, question: usize, columns: usize) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let rows = sqlx::query(SQLITE[question]).fetch_all(connection).await.unwrap();
                rows.iter().map(|row| (0..columns).map(|column| row.get(column)).collect()).collect()
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query(POSTGRES[question]).fetch_all(connection).await.unwrap();
                rows.iter().map(|row| (0..columns).map(|column| row.get(column)).collect()).collect()
            }
        }
    }

    async fn execute(&mut self, statement: &'static str, values: &[i64]) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let query = values.iter().fold(sqlx::query(statement), |query, value| query.bind(*value));
                query.execute(connection).await.map(drop)
            }
            Self::Postgres(connection) => {
                let query = values.iter().fold(sqlx::query(statement), |query, value| query.bind(*value));
                query.execute(connection).await.map(drop)
            }
        }
    }
}

fn ask_of(vars: &str) -> String {
    let vars: Value = serde_json::from_str(vars).unwrap();
    vars["ask"].as_str().unwrap_or_default().to_owned()
}

fn event(id: &str, grant_id: &str, payload: &str) -> EventRow {
    let payload: Value = serde_json::from_str(payload).unwrap();
    let kind = payload["type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default().to_owned();
    EventRow { id: plain_id(id), grant_id: plain_id(grant_id), kind, payload }
}
