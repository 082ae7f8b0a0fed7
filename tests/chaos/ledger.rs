//! The ledger, read and aged beside the running service.

use std::{path::Path, time::Duration};

use serde_json::Value;
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::facts::{CompletionRow, EventRow, GrantRow, Ledger, plain_id};

/// How long a statement waits for the service's own.
const BUSY: Duration = Duration::from_secs(10);

const GRANTS: &str = "SELECT lower(hex(id)), key, state, vars, overwrite FROM grants";
const COMPLETIONS: &str = "SELECT lower(hex(grant_id)), object_key, etag, size FROM completions";
const EVENTS: &str = "SELECT lower(hex(id)), lower(hex(grant_id)), payload FROM events ORDER BY seq";
const AGE: &str = "UPDATE grants SET expires_at = expires_at - $1, write_until = write_until - $1, \
                   next_check_at = next_check_at - $1 WHERE expires_at > $2";

/// Where the ledger is.
pub(crate) struct Books {
    file: SqliteConnectOptions,
}

impl Books {
    pub(crate) fn sqlite(path: &Path) -> Self {
        let file = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging();
        Self { file }
    }

    async fn open(&self) -> SqliteConnection {
        self.file.connect().await.unwrap()
    }

    /// Everything that is in it.
    pub(crate) async fn read(&self) -> Ledger {
        let mut connection = self.open().await;
        let grants = sqlx::query(GRANTS).fetch_all(&mut connection).await.unwrap();
        let completions = sqlx::query(COMPLETIONS).fetch_all(&mut connection).await.unwrap();
        let events = sqlx::query(EVENTS).fetch_all(&mut connection).await.unwrap();
        let grants = grants.iter().map(|row| GrantRow {
            id: row.get(0),
            key: row.get(1),
            state: row.get(2),
            ask: ask_of(row.get(3)),
            overwrite: row.get::<i64, _>(4) != 0,
        });
        let completions = completions.iter().map(|row| CompletionRow {
            grant_id: row.get(0),
            key: row.get(1),
            etag: row.get(2),
            size: row.get(3),
        });
        let events = events.iter().map(|row| event(row.get(0), row.get(1), row.get(2)));
        Ledger { grants: grants.collect(), completions: completions.collect(), events: events.collect() }
    }

    /// Lets so much time pass for the grants whose signatures end after `ending_after`: their ends and the reconciler's
    /// appointments come so much nearer. Nothing else in the service depends on how long ago a grant was issued.
    pub(crate) async fn age(&self, by: Duration, ending_after: i64) {
        let by = i64::try_from(by.as_micros()).unwrap();
        let mut connection = self.open().await;
        sqlx::query(AGE).bind(by).bind(ending_after).execute(&mut connection).await.unwrap();
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
