//! SQLite files that are ours, not yet ours, no longer ours, or never were.

use std::{path::Path, sync::Arc};

use oss_valet::{
    app::watch::GrantWatch,
    store::{self, OpenError},
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use crate::bed::Bed;

async fn open(url: &str) -> OpenError {
    store::open(url, Arc::default(), &GrantWatch::default()).await.err().expect("it does not open")
}

async fn make(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn migrating_twice_is_migrating_once() {
    let bed = Bed::sqlite().await;
    store::migrate(&bed.url).await.unwrap();
    bed.store.ping().await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_not_created_by_opening_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    assert!(matches!(open(&format!("sqlite://{}", path.display())).await, OpenError::NotMigrated));
    assert!(!path.exists());
}

#[tokio::test]
async fn an_empty_file_needs_migrating() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    std::fs::write(&path, "").unwrap();
    let url = format!("sqlite://{}", path.display());
    let refused = open(&url).await;
    assert!(refused.to_string().contains("oss-valet migrate"), "{refused}");
    store::migrate(&url).await.unwrap();
    crate::bed::open(&url).await;
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("no/such/ledger.db").display());
    assert!(matches!(store::migrate(&url).await, Err(OpenError::Unreadable(_))));
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("theirs.db");
    make(&path, "CREATE TABLE grants (money INTEGER)").await;
    let url = format!("sqlite://{}", path.display());

    assert!(matches!(store::migrate(&url).await, Err(OpenError::Foreign(_))));
    assert!(matches!(open(&url).await, OpenError::Foreign(_)));
    let options = SqliteConnectOptions::new().filename(&path);
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
        .fetch_one(&mut options.connect().await.unwrap())
        .await
        .unwrap();
    assert_eq!(tables, 1, "nothing was added to it");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    std::fs::write(&path, "just some text, long enough to be read as the header of a file: ".repeat(64)).unwrap();
    let url = format!("sqlite://{}", path.display());
    let refused = open(&url).await;
    assert!(refused.to_string().contains("not a database"), "{refused}");
    store::migrate(&url).await.unwrap_err();
}

#[tokio::test]
async fn a_ledger_of_a_newer_version_is_refused() {
    let bed = Bed::sqlite().await;
    bed.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'later', 1, x'00', 0)",
    )
    .await;
    assert!(matches!(open(&bed.url).await, OpenError::Newer(99)));
    assert!(matches!(store::migrate(&bed.url).await, Err(OpenError::Newer(99))));
}

#[tokio::test]
async fn a_ledger_with_another_history_is_refused() {
    let bed = Bed::sqlite().await;
    bed.execute("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
    assert!(matches!(open(&bed.url).await, OpenError::Foreign(_)));
    assert!(matches!(store::migrate(&bed.url).await, Err(OpenError::Foreign(_))));
}
