//! A ledger to test on, and the back door into it.

use std::sync::Arc;

use oss_valet::{
    app::ports::Ledger,
    store::{self, Counters},
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// A fresh, empty ledger of some engine.
pub(crate) struct Bed {
    pub(crate) store: Arc<dyn Ledger>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) url: String,
    directory: TempDir,
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("ledger.db").display());
        store::migrate(&url).await.unwrap();
        let counters = Arc::new(Counters::default());
        let store = store::open(&url, Arc::clone(&counters)).await.unwrap();
        Self { store, counters, url, directory }
    }

    /// Another handle on the same ledger, as another process would have it.
    pub(crate) async fn open_again(&self) -> Arc<dyn Ledger> {
        store::open(&self.url, Arc::default()).await.unwrap()
    }

    /// Around the store, straight into the database.
    pub(crate) async fn back_door(&self) -> SqliteConnection {
        let path = self.directory.path().join("ledger.db");
        SqliteConnectOptions::new().filename(path).connect().await.unwrap()
    }

    /// Runs SQL through the back door.
    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.back_door().await).await.unwrap();
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.back_door().await).await.unwrap()
    }
}
