//! Where a test's ledger is, and the back door into it.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::postgres;

/// Names the engine for all tests of a run: `postgres`, or what is not set, SQLite. `tests/postgres/run` sets it.
const ENGINE: &str = "OSS_VALET_TEST_STORE";

/// What `hex` is in SQLite, so that both engines take the tests' SQL.
const HEX: &str = "CREATE FUNCTION hex(id uuid) RETURNS text LANGUAGE sql AS \
                   $$ SELECT upper(replace(id::text, '-', '')) $$";

/// An empty ledger's URL, of the engine that this run is about.
pub(crate) async fn fresh(data: &Path) -> String {
    match std::env::var_os(ENGINE) {
        None => format!("sqlite://{}", data.join("ledger.db").display()),
        Some(engine) => {
            assert_eq!(engine, "postgres", "{ENGINE}");
            fresh_postgres().await
        }
    }
}

/// An empty database's URL.
pub(crate) async fn fresh_postgres() -> String {
    let url = postgres::fresh_database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(HEX).execute(&mut connection).await.unwrap();
    url
}

/// Every row of a query, each column as text.
pub(crate) async fn query(url: &str, sql: &'static str) -> Vec<Vec<Option<String>>> {
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(&format!("{url}?mode=ro")).await.unwrap();
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        return rows.iter().map(|row| (0..row.len()).map(|column| row.get_unchecked(column)).collect()).collect();
    }
    let mut connection = PgConnection::connect(url).await.unwrap();
    // Without parameters every value comes as text.
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|column| row.get_unchecked(column)).collect()).collect()
}
