//! `POST /v1/uploads/batch`: each item has its own verdict, in order.

use serde_json::{Value, json};

use crate::{
    harness::{TestApp, upload},
    support::ISSUE_FOR,
};

#[tokio::test]
async fn items_are_answered_in_order_each_by_itself() {
    let app = TestApp::spawn().await;
    let body = json!({"uploads": [
        {"profile": "document", "filename": "0.txt"},
        {"profile": "nope"},
        {"profile": "avatar", "filename": "2.png", "method": "put"},
        {"profile": "avatar", "filename": "3.html", "size": 1_u64 << 30},
        {"profile": "document", "x": 1},
        {"filename": "5.txt"},
        {"profile": 6},
        "seven",
        ["document", null, null, null, null, null, null],
        null,
        {"profile": "document", "user_id": "u-8"},
        {"profile": "document", "filename": "11.txt"},
    ]});

    let answer = app.post("/v1/uploads/batch", "u-7", &body).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    let items = told["uploads"].as_array().unwrap();
    let verdicts: Vec<_> =
        items.iter().map(|item| (item["status"].as_u64().unwrap(), item["problem"]["code"].as_str())).collect();
    let expected = [
        (201, None),
        (403, Some("profile_not_allowed")),
        (201, None),
        (422, Some("content_type_not_allowed")),
        (422, Some("unknown_field")),
        (422, Some("missing_field")),
        (400, Some("malformed_json")),
        (400, Some("malformed_json")),
        (400, Some("malformed_json")),
        (400, Some("malformed_json")),
        (403, Some("forbidden")),
        (201, None),
    ];
    assert_eq!(verdicts, expected);
    for item in items {
        if item["status"] == 201 {
            assert_eq!(item.get("problem"), None);
            continue;
        }
        assert_eq!(item.get("upload"), None);
        assert_eq!(item["problem"]["status"], item["status"]);
        assert_eq!(item["problem"]["request_id"], answer.header("x-request-id"));
        for member in ["type", "title", "detail"] {
            assert!(item["problem"][member].is_string(), "{member} in {item}");
        }
    }
    let fields: Vec<_> =
        items[3]["problem"]["errors"].as_array().unwrap().iter().map(|fault| &fault["field"]).collect();
    assert_eq!(fields, ["content_type", "size"]);
    for index in [7, 8, 9] {
        assert_eq!(items[index]["problem"]["detail"], "this must be a JSON object");
    }
    for (index, filename) in [(0, "0.txt"), (2, "2.png"), (11, "11.txt")] {
        let grant = &items[index]["upload"];
        assert_eq!(grant["filename"], filename);
        assert_eq!(upload(&app, grant, b"x").await.json()["state"], "completed", "item {index} works");
    }
    assert_eq!(app.grant_count().await, 3);
}

#[tokio::test]
async fn a_hundred_items_are_the_most() {
    let app = TestApp::spawn().await;
    let batch = |len: usize| json!({"uploads": vec![json!({"profile": "document"}); len]});

    let answer = app.post("/v1/uploads/batch", "u-7", &batch(100)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let items = answer.json()["uploads"].as_array().unwrap().clone();
    let ids: std::collections::BTreeSet<_> = items.iter().map(|item| item["upload"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 100, "each is a grant of its own");
    app.post("/v1/uploads/batch", "u-7", &batch(101)).await.assert_refused(413, "body_too_large");
    assert_eq!(app.grant_count().await, 100, "all or nothing beyond the limit");
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused() {
    let app = TestApp::spawn().await;
    for (why, body, status, code) in [
        ("nothing in it", json!({"uploads": []}), 422, "missing_field"),
        ("not there", json!({}), 422, "missing_field"),
        ("no list", json!({"uploads": {"profile": "document"}}), 400, "malformed_json"),
        ("null", json!({"uploads": Value::Null}), 400, "malformed_json"),
        ("a single request", json!({"profile": "document"}), 422, "unknown_field"),
    ] {
        let answer = app.post("/v1/uploads/batch", "u-7", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{why}");
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn an_item_is_parsed_as_strictly_as_a_single_request() {
    let app = TestApp::spawn().await;
    for (why, item) in [
        ("a field twice", r#"{"profile":"avatar","profile":"document"}"#),
        ("a size beyond u64", r#"{"profile":"document","size":18446744073709551616}"#),
        ("a broken size", r#"{"profile":"document","size":1.5}"#),
    ] {
        let body = format!("{{\"uploads\":[{item}]}}");
        let answer = app.post_raw("/v1/uploads/batch", "u-7", body).await;
        assert_eq!(answer.json()["uploads"][0]["problem"]["code"], "malformed_json", "{why}: {}", answer.text());
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn a_machine_caller_issues_for_several_users_at_once() {
    let app = TestApp::spawn().await;
    let machine = app.token_with("backend", &[ISSUE_FOR]);
    let body = json!({"uploads": [
        {"profile": "document", "user_id": "u-1"},
        {"profile": "document", "user_id": "u-2"},
        {"profile": "document", "user_id": "a\nb"},
    ]});

    let told = app.post_by("/v1/uploads/batch", &machine, &body).await.json();

    assert_eq!(told["uploads"][0]["upload"]["user_id"], "u-1");
    assert_eq!(told["uploads"][1]["upload"]["user_id"], "u-2");
    assert_eq!(told["uploads"][2]["problem"]["code"], "user_id_unusable");
    assert_eq!(app.grant_count().await, 2);
}
