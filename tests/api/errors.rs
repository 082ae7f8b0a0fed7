//! Every refusal is a problem document; every answer has its request id.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, path_of, send, upload};

const ID: &str = "01980000-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem() {
    let app = TestApp::spawn().await;
    for path in [
        "/nope",
        "/v1",
        "/v1/",
        "/v1/nope",
        "/v1/uploads/",
        "/v1/uploads/x/y/z",
        "/v1/uploads/x/nope",
        "/v2/uploads",
        "/V1/uploads",
        "/v1//uploads",
        "/v1/callbacks",
        "/v1/callbacks/oss/",
        "/v1/callbacks/other",
        "/-/static",
        "/livez",
        "/readyz",
        "/metrics",
        "/.git/config",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/%ff",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = send(app.request(method.clone(), path, "u-7")).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{method} {path}");
        }
    }
    for path in ["/", "/nope", "/v1/uploads", "/demo"] {
        let answer = send(app.http.get(format!("{}{path}", app.ops))).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "operations: {path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_told_which_it_takes() {
    let app = TestApp::spawn().await;
    let public = |path: &str| format!("{}{path}", app.service);
    let ops = |path: &str| format!("{}{path}", app.ops);
    for (url, allow) in [
        (public("/v1/uploads"), "GET, HEAD, POST"),
        (public("/v1/uploads/batch"), "POST"),
        (public(&format!("/v1/uploads/{ID}")), "GET, HEAD, DELETE"),
        (public(&format!("/v1/uploads/{ID}/complete")), "POST"),
        (public(&format!("/v1/uploads/{ID}/renew")), "POST"),
        (public("/v1/profiles"), "GET, HEAD"),
        (public("/compat/appserver"), "GET"),
        (public("/compat/appserver/v4"), "GET"),
        (public("/compat/sts"), "GET"),
        (public("/v1/callbacks/oss"), "POST"),
        (public("/client.js"), "GET, HEAD"),
        (public("/client.d.ts"), "GET, HEAD"),
        (public("/demo"), "GET, HEAD"),
        (ops("/livez"), "GET, HEAD"),
        (ops("/readyz"), "GET, HEAD"),
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = send(app.http.request(method.parse().unwrap(), &url)).await;
            assert_eq!(answer.status, 405, "{method} {url}");
            assert_eq!(answer.header("allow"), allow, "{method} {url}");
            if method != "HEAD" {
                assert_eq!(answer.code(), "method_not_allowed", "{method} {url}");
            }
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    for path in [
        "/v1/profiles".to_owned(),
        "/v1/uploads".to_owned(),
        path_of(&grant),
        "/client.js".to_owned(),
        "/v1/nope".to_owned(),
    ] {
        let get = send(app.request(Method::GET, &path, "u-7")).await;
        let head = send(app.request(Method::HEAD, &path, "u-7")).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}: {}", head.text());
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let app = TestApp::spawn().await;
    let long = "x".repeat(64);
    let ask = |id: Option<Vec<u8>>, path: &str| {
        let request = app.http.get(format!("{}{path}", app.service));
        send(match id {
            Some(id) => request.header("x-request-id", id),
            None => request,
        })
    };
    for id in ["a", "A-b_c.9", "..", long.as_str()] {
        for path in ["/v1/nope", "/v1/profiles", "/client.js"] {
            let answer = ask(Some(id.into()), path).await;
            assert_eq!(answer.header("x-request-id"), id, "{path}");
            if path != "/client.js" {
                assert_eq!(answer.json()["request_id"], id, "{path}");
            }
        }
    }
    let mut fresh = Vec::new();
    for id in [
        None,
        Some(vec![]),
        Some(vec![b'x'; 65]),
        Some(b"a b".to_vec()),
        Some(b"a\tb".to_vec()),
        Some(b"<a>".to_vec()),
        Some(b"a\"b".to_vec()),
        Some("é".into()),
        Some(vec![0xff]),
        Some(b"a,b".to_vec()),
    ] {
        let answer = ask(id.clone(), "/v1/nope").await;
        let made = answer.header("x-request-id");
        assert!(uuid::Uuid::parse_str(&made).is_ok(), "{id:?}: {made}");
        assert_eq!(answer.json()["request_id"], made.as_str(), "{id:?}");
        fresh.push(made);
    }
    let count = fresh.len();
    fresh.sort();
    fresh.dedup();
    assert_eq!(fresh.len(), count, "each is another one");
}

#[tokio::test]
async fn every_code_has_its_document() {
    let mut app = TestApp::spawn().await;
    let mut documents = BTreeMap::new();
    let mut keep = |answer: Answer| {
        let code = answer.code();
        let mut problem = answer.json();
        problem["request_id"] = json!("[request id]");
        documents.insert(format!("{} {code}", answer.status.as_u16()), problem);
    };
    let grant = app.issue("u-7", json!({"profile": "document"})).await;
    let cancelled = app.issue("u-7", json!({"profile": "document"})).await;
    app.delete(&path_of(&cancelled), "u-7").await;
    let done = app.issue("u-7", json!({"profile": "document"})).await;
    upload(&app, &done, b"x").await;

    keep(app.post_raw("/v1/uploads", "u-7", "{").await);
    keep(app.get_by("/v1/profiles", "x").await);
    keep(app.get("/v1/uploads?user_id=u-8", "u-7").await);
    keep(app.get("/v1/nope", "u-7").await);
    keep(send(app.request(Method::PUT, "/v1/uploads", "u-7")).await);
    keep(app.act(&grant, "complete").await);
    keep(app.act(&done, "renew").await);
    keep(app.act(&cancelled, "renew").await);
    keep(app.post_raw("/v1/uploads", "u-7", vec![b' '; 70_000]).await);
    keep(send(app.request(Method::POST, "/v1/uploads", "u-7").body("x")).await);
    keep(app.get("/v1/uploads?limit=0", "u-7").await);
    keep(app.post("/v1/uploads", &"x".repeat(129), &json!({"profile": "document"})).await);
    for body in faulty() {
        keep(app.post("/v1/uploads", "u-7", &body).await);
    }
    keep(app.get("/compat/appserver?profile=avatar", "u-7").await);
    for size in [1, 2] {
        let request = app.request(Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", "k");
        let answer = send(request.json(&json!({"profile": "document", "size": size}))).await;
        if size == 2 {
            keep(answer);
        }
    }
    let sts = json!({"profile": "document", "method": "sts"});
    app.set_faults(vec![json!({"on": {"operation": "AssumeRole"}, "do": "throttle"})]).await;
    keep(app.post("/v1/uploads", "u-7", &sts).await);
    let without = TestApp::spawn_with(|settings| settings.replace("sts_credentials = \"uploads\"\n", "")).await;
    keep(without.post("/v1/uploads", "u-7", &sts).await);
    app.stop_simulator().await;
    keep(app.act(&grant, "complete").await);
    keep(app.post("/v1/uploads", "u-7", &sts).await);

    insta::assert_json_snapshot!(documents);
}

fn faulty() -> Vec<Value> {
    vec![
        json!({"profile": "nope"}),
        json!({"profile": "strict", "size": 101}),
        json!({"profile": "strict", "size": 9}),
        json!({"profile": "avatar", "content_type": "text/html"}),
        json!({"profile": "document", "vars": {"mood": "1"}}),
        json!({"profile": "document", "vars": {"album": "\n"}}),
        json!({"profile": "document", "filename": ""}),
        json!({"profile": "strict", "method": "post"}),
        json!({"profile": "document", "x": 1}),
        json!({}),
    ]
}
