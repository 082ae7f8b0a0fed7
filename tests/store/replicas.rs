//! Several processes over one database: they migrate it at once, differ in version, and hear of each other.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use oss_valet::{
    app::{ports::GrantChanged, watch::GrantWatch},
    grant::grant::State,
    store::{self, OpenError},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    bed::Bed,
    postgres::{self, Cluster},
    sample::{change, completing, find, grant, id},
};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

async fn open(url: &str) -> Result<(), OpenError> {
    store::open(url, Arc::default(), &GrantWatch::default()).await.map(drop)
}

#[tokio::test]
async fn eight_replicas_that_start_at_once_migrate_once() {
    let url = postgres::fresh_database().await;
    for migrated in join_all((0..8).map(|_| store::migrate(&url))).await {
        migrated.unwrap();
    }
    open(&url).await.unwrap();
    let (bed, alone) = (Bed::at(url).await, Bed::postgres().await);
    assert_eq!(bed.count("_sqlx_migrations").await, alone.count("_sqlx_migrations").await);
    assert_eq!(bed.count("heartbeat").await, 1);
}

#[tokio::test]
async fn an_empty_database_needs_migrating() {
    let url = postgres::fresh_database().await;
    assert!(matches!(open(&url).await, Err(OpenError::NotMigrated)));
}

#[tokio::test]
async fn another_programs_tables_are_left_alone() {
    let url = postgres::fresh_database().await;
    run(&url, "CREATE TABLE grants (money bigint)").await;
    assert!(matches!(store::migrate(&url).await, Err(OpenError::Foreign(_))));
    assert!(matches!(open(&url).await, Err(OpenError::Foreign(_))));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(tables, 1, "nothing was added to them");
}

#[tokio::test]
async fn beside_another_programs_tables_it_lives_in_a_schema_of_its_own() {
    let url = postgres::fresh_database().await;
    run(&url, "CREATE TABLE grants (money bigint); CREATE SCHEMA valet").await;
    let bed = Bed::at(format!("{url}&options[search_path]=valet")).await;
    bed.store.add_grant(grant(1)).await.unwrap();
    assert_eq!(bed.count("valet.grants").await, 1);
    assert_eq!(bed.count("public.grants").await, 0);
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let url = postgres::fresh_database().await;
    run(&url, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0").await;
    let (start, query) = (url.rsplit_once('/').unwrap().0, url.split_once('?').unwrap().1);
    // The socket's folder is in the query: cut at the database's name.
    let start = start.split_once("/t").map_or(start, |(start, _)| start);
    let refused = store::migrate(&format!("{start}/latin?{query}")).await.unwrap_err().to_string();
    assert!(refused.contains("LATIN1"), "{refused}");
    run(&url, "DROP DATABASE latin").await;
}

/// What a later version's migration leaves behind, as far as this version can see.
fn later_migration(number: i64) -> String {
    format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES ({number}, 'later', true, ''::bytea, 0)"
    )
}

#[tokio::test]
async fn an_old_replica_works_on_while_a_new_one_only_adds() {
    let bed = Bed::postgres().await;
    bed.store.add_grant(grant(1)).await.unwrap();
    let added = "ALTER TABLE grants ADD COLUMN colour text COLLATE \"C\" NOT NULL DEFAULT 'red'; \
                 ALTER TABLE events ADD COLUMN note text; CREATE TABLE later (id bigint)";
    bed.execute(&format!("{added}; {}", later_migration(99))).await;

    // The replica that runs, and one that is started again.
    bed.store.add_grant(grant(2)).await.unwrap();
    store::migrate(&bed.url).await.unwrap();
    let again = bed.open_again().await;
    for (n, store) in [(1, &bed.store), (2, &again)] {
        let changed = store.change_grant(completing(n, "AA", n)).await.unwrap();
        assert!(matches!(changed, GrantChanged::Applied), "{changed:?}");
        assert_eq!(find(&**store, n).await.grant.state, State::Completed);
    }
}

#[tokio::test]
async fn an_old_replica_is_refused_once_something_was_taken_away() {
    let bed = Bed::postgres().await;
    bed.execute(&format!("{}; UPDATE ledger_schema SET compatible_from = 100", later_migration(100))).await;
    assert!(matches!(open(&bed.url).await, Err(OpenError::Newer(100))));
    assert!(matches!(store::migrate(&bed.url).await, Err(OpenError::Newer(100))));
}

#[tokio::test]
async fn a_ledger_with_another_history_is_refused() {
    let bed = Bed::postgres().await;
    bed.execute("UPDATE _sqlx_migrations SET checksum = ''::bytea WHERE version = 1").await;
    assert!(matches!(open(&bed.url).await, Err(OpenError::Foreign(_))));
    assert!(matches!(store::migrate(&bed.url).await, Err(OpenError::Foreign(_))));
}

#[tokio::test]
async fn the_rights_on_the_page_are_enough_to_serve() {
    let page = include_str!("../../docs/store.md");
    let rights = page.split("```sql").nth(1).and_then(|rest| rest.split("```").next()).expect("SQL on the page");
    let cluster = Cluster::start(&["fsync=off"]);
    let owner = cluster.database().await;
    let database = owner.split_once("/t").map(|(_, name)| format!("t{}", name.split('?').next().unwrap())).unwrap();
    store::migrate(&owner).await.unwrap();
    run(&owner, &rights.replace("DATABASE ledger", &format!("DATABASE {database}"))).await;

    let bed = Bed::at(owner.replace("valet@", "oss_valet@")).await;
    bed.store.add_grant(grant(1)).await.unwrap();
    bed.store.change_grant(completing(1, "AA", 1)).await.unwrap();
    bed.store.ping().await.unwrap();
    let mut restricted = PgConnection::connect(&bed.url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE mine (id bigint)").execute(&mut restricted).await.unwrap_err();
}

#[tokio::test]
async fn whoever_waits_hears_of_what_another_replica_did() {
    let bed = Bed::postgres().await;
    let other = bed.open_again().await;
    for n in [1, 2] {
        bed.store.add_grant(grant(n)).await.unwrap();
    }
    let mut changes = bed.watch.listen();
    other.change_grant(change(2, &[State::Issued], State::Cancelled)).await.unwrap();
    other.change_grant(completing(1, "AA", 1)).await.unwrap();
    tokio::time::timeout(PATIENCE, changes.changed(id(1))).await.expect("it is heard of");
    assert_eq!(find(&*bed.store, 1).await.grant.state, State::Completed, "and can be seen");
}

#[tokio::test]
async fn after_the_listener_was_cut_off_everybody_looks_again() {
    let bed = Bed::postgres().await;
    bed.store.add_grant(grant(1)).await.unwrap();
    let mut changes = bed.watch.listen();
    bed.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()",
    )
    .await;
    tokio::time::timeout(PATIENCE, changes.changed(id(1))).await.expect("it may have changed");

    // And it listens again.
    let mut changes = bed.watch.listen();
    let other = bed.open_again().await;
    other.change_grant(completing(1, "AA", 1)).await.unwrap();
    tokio::time::timeout(PATIENCE, changes.changed(id(1))).await.expect("it is heard of");
}

#[tokio::test]
async fn replicas_that_change_the_same_grants_in_any_order_never_block_each_other_for_good() {
    let bed = Bed::postgres().await;
    let other = bed.open_again().await;
    join_all((0..60).map(|n| bed.store.add_grant(grant(n)))).await;
    for round in 0..10_u32 {
        let ours = (0..60).map(|n| bed.store.change_grant(change(n, &[State::Issued], State::Issued)));
        let theirs = (0..60).rev().map(|n| other.change_grant(change(n, &[State::Issued], State::Issued)));
        let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
        for changed in ours.into_iter().chain(theirs) {
            assert!(matches!(changed.unwrap(), GrantChanged::Applied), "round {round}");
        }
    }
}
