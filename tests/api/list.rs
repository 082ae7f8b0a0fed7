//! `GET /v1/uploads`: the caller's grants, newest first.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    harness::{TestApp, path_of, upload},
    support::READ_ANY,
};

#[tokio::test]
async fn the_newest_comes_first_and_only_ones_own_come() {
    let app = TestApp::spawn().await;
    let mine = issue_some(&app, "u-7", 3).await;
    issue_some(&app, "u-8", 2).await;

    let answer = app.get("/v1/uploads", "u-7").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = answer.json();
    assert_eq!(ids(&page), mine.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(page["next_cursor"], Value::Null, "there is no more");
    for upload in page["uploads"].as_array().unwrap() {
        assert_eq!(upload["user_id"], "u-7");
        assert!(upload.get("request").is_none() && upload.get("callback").is_none(), "no secrets: {upload}");
    }
    let nobody = app.get("/v1/uploads", "u-9").await.json();
    assert_eq!(nobody, json!({"uploads": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_listed_grant_is_as_it_is_shown_alone() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "1"}})).await;
    upload(&app, &grant, b"hello").await;

    let page = app.get("/v1/uploads", "u-7").await.json();

    assert_eq!(page["uploads"][0], app.show(&grant).await);
    assert_eq!(page["uploads"][0]["completion"]["size"], 5);
}

#[tokio::test]
async fn a_cursor_walks_to_the_end_without_repeats_while_new_ones_arrive() {
    let app = TestApp::spawn().await;
    for (count, limit) in [(7, 3), (6, 3), (1, 1)] {
        let user = format!("u-{count}");
        let mut expected = issue_some(&app, &user, count).await;
        expected.reverse();
        let mut seen = Vec::new();
        let mut path = format!("/v1/uploads?limit={limit}");
        loop {
            let page = app.get(&path, &user).await.json();
            assert!(ids(&page).len() <= limit);
            seen.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/uploads?limit={limit}&cursor={cursor}");
            issue_some(&app, &user, 1).await;
        }
        assert_eq!(seen, expected, "{count} by {limit}");
    }
}

#[tokio::test]
async fn a_page_holds_fifty_unless_asked_otherwise() {
    let app = TestApp::spawn().await;
    let batch = json!({"uploads": vec![json!({"profile": "document"}); 100]});
    for _ in 0..3 {
        assert_eq!(app.post("/v1/uploads/batch", "u-7", &batch).await.status, 200);
    }
    for (query, len) in [("", 50), ("?limit=1", 1), ("?limit=200", 200)] {
        let page = app.get(&format!("/v1/uploads{query}"), "u-7").await.json();
        assert_eq!(ids(&page).len(), len, "{query}");
    }
}

#[tokio::test]
async fn filters_narrow_the_list_together() {
    let app = TestApp::spawn().await;
    let issue = |profile: &'static str| app.issue("u-7", json!({"profile": profile, "content_type": "image/png"}));
    let document = issue("document").await;
    let completed = issue("document").await;
    upload(&app, &completed, b"x").await;
    let cancelled = issue("avatar").await;
    app.delete(&path_of(&cancelled), "u-7").await;
    let rejected = issue("strict").await;
    upload(&app, &rejected, b"x").await;
    for (query, expected) in [
        ("state=issued", vec![&document]),
        ("state=completed", vec![&completed]),
        ("state=cancelled", vec![&cancelled]),
        ("state=rejected", vec![&rejected]),
        ("state=expired", vec![]),
        ("profile=avatar", vec![&cancelled]),
        ("profile=nope", vec![]),
        ("profile=document&state=issued", vec![&document]),
        ("profile=avatar&state=issued", vec![]),
        ("user_id=u-7&profile=avatar", vec![&cancelled]),
    ] {
        let page = app.get(&format!("/v1/uploads?{query}"), "u-7").await.json();
        let mut found = ids(&page);
        let mut expected: Vec<_> = expected.into_iter().map(id_of).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn anothers_list_needs_the_scope() {
    let app = TestApp::spawn().await;
    let theirs = issue_some(&app, "u-8", 1).await;
    issue_some(&app, "u-7", 1).await;
    for query in ["user_id=u-8", "user_id=", "user_id=u-8&limit=1"] {
        app.get(&format!("/v1/uploads?{query}"), "u-7").await.assert_refused(403, "forbidden");
    }
    let reader = app.token_with("u-7", &[READ_ANY]);

    let page = app.get_by("/v1/uploads?user_id=u-8", &reader).await.json();

    assert_eq!(ids(&page), theirs);
    let own = app.get_by("/v1/uploads", &reader).await.json();
    assert_eq!(own["uploads"][0]["user_id"], "u-7", "without a user it is one's own");
    assert_eq!(ids(&app.get_by("/v1/uploads?user_id=u-9", &reader).await.json()), Vec::<String>::new());
}

#[tokio::test]
async fn a_parameter_that_makes_no_sense_is_refused() {
    let app = TestApp::spawn().await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
        "limit=99999999999",
        "state=done",
        "state=",
        "state=ISSUED",
        "cursor=",
        "cursor=x",
        "cursor=AAAAAAAAAAAAAAAAAAAAAAAA",
        "cursor=%27%20OR%201",
        "offset=1",
    ] {
        let answer = app.get(&format!("/v1/uploads?{query}"), "u-7").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "invalid_parameter"), "{query}");
        let field = answer.json()["errors"][0]["field"].as_str().unwrap().to_owned();
        assert!(field == "query" || query.starts_with(&field), "{query}: {field}");
    }
}

/// Issues grants one millisecond apart; their ids.
async fn issue_some(app: &TestApp, user: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        app.clock.advance(TimeDelta::milliseconds(1));
        ids.push(id_of(&app.issue(user, json!({"profile": "document"})).await));
    }
    ids
}

fn ids(page: &Value) -> Vec<String> {
    page["uploads"].as_array().unwrap().iter().map(id_of).collect()
}

fn id_of(grant: &Value) -> String {
    grant["id"].as_str().unwrap().to_owned()
}
