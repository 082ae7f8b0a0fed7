//! No statement on the way of a request, and no list, reads a table from end to end. SQLite plans by the schema alone
//! where nobody has run `ANALYZE`, so that an empty ledger has the plans of a full one.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::{options, schema, statements};
use crate::{
    app::ports::GrantFilter,
    grant::grant::State,
    store::{engine::Engine, retention, shelf::select_newest, transaction},
};

async fn ledger() -> (TempDir, SqliteConnection) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    schema::migrate(&path).await.unwrap();
    (directory, options(&path).connect().await.unwrap())
}

/// The plan's lines.
async fn plan(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::query(explain).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

fn reads_a_whole_table(line: &str) -> bool {
    ["grants", "completions", "events", "deliveries", "idempotency_keys"]
        .iter()
        .any(|table| line.starts_with(&format!("SCAN {table}")))
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let (_directory, mut connection) = ledger().await;
    let sized = [
        &statements::INSERT_GRANTS,
        &statements::CLAIM_KEYS,
        &statements::COUNT_USAGE,
        &statements::CHANGE_GRANTS,
        &statements::INSERT_COMPLETIONS,
        &statements::INSERT_EVENTS,
        &statements::ADD_DELIVERIES,
        &statements::FIND_GRANTS,
        &statements::FIND_COMPLETIONS,
        &statements::LEASE_CHECKS,
    ];
    for statement in sized {
        for count in [1, 4, 16, 64] {
            for (text, _) in statement.split(&vec![(); count]) {
                let lines = plan(&mut connection, text).await;
                assert!(!lines.iter().any(|line| reads_a_whole_table(line)), "{text}: {lines:?}");
            }
        }
    }
    for statement in [transaction::FIND_CLAIM, transaction::RELEASE_KEY] {
        let lines = plan(&mut connection, statement).await;
        assert!(lines.iter().all(|line| line.starts_with("SEARCH idempotency_keys")), "{lines:?}");
    }
}

#[tokio::test]
async fn what_is_purged_is_found_by_an_index() {
    let (_directory, mut connection) = ledger().await;
    let removing = [SqliteConnection::PURGE_GRANTS, SqliteConnection::PURGE_EVENTS, SqliteConnection::PURGE_KEYS];
    for statement in retention::STATEMENTS.iter().chain(&removing) {
        let lines = plan(&mut connection, statement).await;
        assert!(!lines.iter().any(|line| reads_a_whole_table(line)), "{statement}: {lines:?}");
    }
}

#[tokio::test]
async fn a_page_is_read_in_its_order() {
    let (_directory, mut connection) = ledger().await;
    let all = GrantFilter { limit: 20, ..GrantFilter::default() };
    let users = GrantFilter { user_id: Some("u-7".into()), ..all.clone() };
    let cases = [
        ("everybody's, from the newest on", all.clone(), "SCAN grants"),
        (
            "everybody's, a later page",
            GrantFilter { before: Some(Uuid::nil()), ..all },
            "SEARCH grants USING PRIMARY KEY",
        ),
        ("one user's", users.clone(), "SEARCH grants USING INDEX grants_by_user (user_id=?)"),
        (
            "one user's in a state, a later page",
            GrantFilter { state: Some(State::Completed), before: Some(Uuid::nil()), ..users },
            "SEARCH grants USING INDEX grants_by_user (user_id=? AND id<?)",
        ),
    ];
    for (case, filter, expected) in cases {
        let lines = plan(&mut connection, &select_newest(&filter).0).await;
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{case}: {lines:?}");
    }
}

#[tokio::test]
async fn what_a_user_has_is_counted_in_an_index_alone() {
    let (_directory, mut connection) = ledger().await;
    let (statement, _) = statements::COUNT_USAGE.split(&[()]).next().unwrap();
    let lines = plan(&mut connection, statement).await;
    for expected in [
        "SEARCH grants USING COVERING INDEX grants_open (user_id=?)",
        "SEARCH grants USING COVERING INDEX grants_by_user (user_id=? AND id>?)",
        "SEARCH grants USING COVERING INDEX grants_open (user_id=? AND method=?)",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    let lines = plan(&mut connection, statements::FIND_OLDEST_OF_DAY).await;
    assert_eq!(lines, ["SEARCH grants USING INDEX grants_by_user (user_id=? AND id>?)"]);
}

#[tokio::test]
async fn what_is_due_is_found_by_bucket() {
    let (_directory, mut connection) = ledger().await;
    let lines = plan(&mut connection, statements::FIND_DUE_CHECKS.as_str()).await;
    let expected = "SEARCH grants USING INDEX grants_due (bucket=? AND next_check_at<?)";
    assert_eq!(lines, [expected], "in the index's order");
    let lines = plan(&mut connection, statements::FIND_DUE_BUCKETS).await;
    for line in lines.iter().filter(|line| line.contains("grants")) {
        assert!(line.starts_with("SEARCH") && line.contains("grants_due"), "{lines:?}");
    }
}
