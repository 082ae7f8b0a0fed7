//! Which pages may call, and what they may read.

use std::collections::BTreeSet;

use reqwest::{Method, header};
use serde_json::json;

use crate::harness::{Answer, TestApp, send};

const OURS: &str = "https://app.example.com";
const THEIRS: &str = "https://evil.example.com";

#[tokio::test]
async fn a_preflight_needs_no_token() {
    let app = TestApp::spawn().await;
    for (path, method) in [
        ("/v1/uploads", "POST"),
        ("/v1/uploads", "GET"),
        ("/v1/uploads/batch", "POST"),
        ("/v1/uploads/01980000-0000-7000-8000-000000000000", "DELETE"),
        ("/v1/uploads/01980000-0000-7000-8000-000000000000/complete", "POST"),
        ("/v1/uploads/01980000-0000-7000-8000-000000000000/renew", "POST"),
        ("/v1/profiles", "GET"),
        ("/v1/tickets", "POST"),
    ] {
        let answer =
            preflight(&app, path, OURS, method, "authorization, content-type, idempotency-key, x-request-id").await;

        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), OURS, "{path}");
        assert!(list(&answer, "access-control-allow-methods").contains(&method.to_lowercase()), "{path}: {answer:?}");
        let allowed = list(&answer, "access-control-allow-headers");
        for name in ["authorization", "content-type", "idempotency-key", "x-request-id"] {
            assert!(allowed.contains(name), "{path}: {name} in {allowed:?}");
        }
        assert_ne!(answer.header("access-control-max-age"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "bearer tokens only");
    }
}

#[tokio::test]
async fn another_origin_gets_no_leave() {
    let app = TestApp::spawn().await;
    for origin in [
        THEIRS,
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:444",
    ] {
        let asked = preflight(&app, "/v1/uploads", origin, "POST", "authorization").await;
        assert_eq!(asked.header("access-control-allow-origin"), "", "{origin}");

        let called = send(app.request(Method::GET, "/v1/profiles", "u-7").header(header::ORIGIN, origin)).await;
        assert_eq!(called.header("access-control-allow-origin"), "", "{origin}");
    }
    let asked = preflight(&app, "/v1/uploads", OURS, "PATCH", "authorization").await;
    assert!(!list(&asked, "access-control-allow-methods").contains("patch"), "{asked:?}");
}

#[tokio::test]
async fn a_page_may_read_what_the_contract_exposes_on_errors_too() {
    let app = TestApp::spawn().await;
    let expected: BTreeSet<_> =
        ["date", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id", "location", "idempotency-replayed"]
            .map(str::to_owned)
            .into();
    let post = |path: &str| app.request(Method::POST, path, "u-7");
    for (what, request, status) in [
        ("an answer", post("/v1/uploads").json(&json!({"profile": "document"})), 201),
        ("422", post("/v1/uploads").json(&json!({})), 422),
        ("400", post("/v1/uploads").header(header::CONTENT_TYPE, "application/json").body("{"), 400),
        ("415", post("/v1/uploads").body("x"), 415),
        ("401", app.http.get(format!("{}/v1/profiles", app.service)), 401),
        ("403", post("/v1/uploads").json(&json!({"profile": "nope"})), 403),
        ("404", app.request(Method::GET, "/v1/nope", "u-7"), 404),
        ("405", app.request(Method::PUT, "/v1/uploads", "u-7"), 405),
    ] {
        let answer = send(request.header(header::ORIGIN, OURS)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), OURS, "{what}");
        assert_eq!(list(&answer, "access-control-expose-headers"), expected, "{what}");
        assert!(list(&answer, "vary").contains("origin"), "{what}: caches must know: {answer:?}");
    }
}

#[tokio::test]
async fn a_star_opens_the_api_to_every_page() {
    let app = TestApp::spawn_with(|settings| settings.replace(&format!("[\"{OURS}\"]"), "[\"*\"]")).await;

    let asked = preflight(&app, "/v1/uploads", THEIRS, "POST", "authorization").await;

    assert_eq!(asked.status, 200);
    assert_eq!(asked.header("access-control-allow-origin"), "*");
    assert_eq!(asked.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn what_is_not_for_pages_says_nothing_of_cors() {
    let app = TestApp::spawn().await;
    let request = app.http.post(format!("{}/v1/callbacks/oss", app.service)).header(header::ORIGIN, OURS);
    assert_eq!(send(request.body("x")).await.header("access-control-allow-origin"), "");
}

async fn preflight(app: &TestApp, path: &str, origin: &str, method: &str, headers: &str) -> Answer {
    let request = app
        .http
        .request(Method::OPTIONS, format!("{}{path}", app.service))
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, method)
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, headers);
    send(request).await
}

/// A header's comma-separated values, in lower case.
fn list(answer: &Answer, name: &str) -> BTreeSet<String> {
    let header = answer.header(name).to_lowercase();
    header.split(',').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}
