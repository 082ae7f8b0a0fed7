//! A ledger to test on, and the back door into it.

use std::sync::Arc;

use oss_valet::{
    app::{ports::Ledger, watch::GrantWatch},
    store::{self, Counters},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::postgres;

/// A fresh, empty ledger of some engine.
pub(crate) struct Bed {
    pub(crate) store: Arc<dyn Ledger>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) watch: GrantWatch,
    pub(crate) url: String,
    /// Of SQLite's file.
    directory: Option<TempDir>,
}

/// A connection around the store, straight into the database.
pub(crate) enum BackDoor {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("ledger.db").display());
        Self { directory: Some(directory), ..Self::at(url).await }
    }

    pub(crate) async fn postgres() -> Self {
        Self::at(postgres::fresh_database().await).await
    }

    /// In an empty place.
    pub(crate) async fn at(url: String) -> Self {
        store::migrate(&url).await.unwrap();
        let (counters, watch) = (Arc::new(Counters::default()), GrantWatch::default());
        let store = store::open(&url, Arc::clone(&counters), &watch).await.unwrap();
        Self { store, counters, watch, url, directory: None }
    }

    /// Another handle on the same ledger, as another process would have it.
    pub(crate) async fn open_again(&self) -> Arc<dyn Ledger> {
        open(&self.url).await
    }

    pub(crate) async fn back_door(&self) -> BackDoor {
        match &self.directory {
            Some(directory) => {
                let options = SqliteConnectOptions::new().filename(directory.path().join("ledger.db"));
                BackDoor::Sqlite(options.connect().await.unwrap())
            }
            None => BackDoor::Postgres(PgConnection::connect(&self.url).await.unwrap()),
        }
    }

    /// Runs SQL through the back door.
    pub(crate) async fn execute(&self, sql: &str) {
        self.back_door().await.execute(sql).await;
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        match self.back_door().await {
            BackDoor::Sqlite(mut door) => sqlx::query_scalar(sql).fetch_one(&mut door).await.unwrap(),
            BackDoor::Postgres(mut door) => sqlx::query_scalar(sql).fetch_one(&mut door).await.unwrap(),
        }
    }

    /// Keeps everybody else from writing, until it is told to `ROLLBACK`.
    pub(crate) async fn lock_out_writers(&self) -> BackDoor {
        let mut door = self.back_door().await;
        match &mut door {
            BackDoor::Sqlite(_) => door.execute("BEGIN IMMEDIATE").await,
            BackDoor::Postgres(_) => door.execute("BEGIN; LOCK TABLE grants IN EXCLUSIVE MODE").await,
        }
        door
    }

    /// An id as the engine's SQL writes it.
    pub(crate) fn literal(&self, id: Uuid) -> String {
        if self.directory.is_some() { format!("x'{}'", id.simple()) } else { format!("'{id}'") }
    }
}

impl BackDoor {
    pub(crate) async fn execute(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(door) => drop(sql.execute(door).await.unwrap()),
            Self::Postgres(door) => drop(sql.execute(door).await.unwrap()),
        }
    }
}

/// The ledger there, of which nobody waits for news.
pub(crate) async fn open(url: &str) -> Arc<dyn Ledger> {
    store::open(url, Arc::default(), &GrantWatch::default()).await.unwrap()
}
