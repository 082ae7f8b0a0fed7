//! Requests, by user and by address.

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder, header};
use serde_json::json;

use crate::harness::{Answer, TestApp, send};

const USER: &str = "requests_per_minute = 20\nburst = 3\naddress_requests_per_minute = 0";
const ADDRESS: &str = "requests_per_minute = 0\naddress_requests_per_minute = 20\naddress_burst = 3";
const BEHIND_A_PROXY: &str = r#"trusted_proxies = ["127.0.0.0/8"]"#;
const PAGE: &str = "https://app.example.com";

fn assert_limited(answer: &Answer, retry_after: &str, rate_limit: &str) {
    answer.assert_refused(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), retry_after, "{}", answer.text());
    assert_eq!(answer.header("ratelimit"), rate_limit);
}

fn from(request: RequestBuilder, address: &str) -> RequestBuilder {
    request.header("x-forwarded-for", address)
}

#[tokio::test]
async fn a_user_has_a_burst_and_then_waits() {
    let app = TestApp::spawn_limited(USER, "").await;
    for (remaining, full_in) in [(2, 3), (1, 6), (0, 9)] {
        let answer = app.get("/v1/profiles", "u-7").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("ratelimit"), format!("\"user\";r={remaining};t={full_in}"));
        assert_eq!(answer.header("ratelimit-policy"), "\"user\";q=3;w=9");
    }
    let grant = json!({"profile": "avatar", "filename": "me.png"});
    assert_limited(&app.post("/v1/uploads", "u-7", &grant).await, "3", "\"user\";r=0;t=9");
    assert_eq!(app.grant_count().await, 0, "nothing was issued");
    assert_eq!(app.get("/v1/profiles", "u-8").await.status, 200, "another user is not held up");

    app.clock.advance(TimeDelta::milliseconds(2999));
    assert_limited(&app.get("/v1/profiles", "u-7").await, "1", "\"user\";r=0;t=9");
    app.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(app.get("/v1/profiles", "u-7").await.status, 200, "one has been given back");
}

#[tokio::test]
async fn a_user_is_the_same_whoever_vouches_and_by_whatever_way_in() {
    let app = TestApp::spawn_limited(USER, "").await;
    let ticket = app.ticket("u-7", "document").await;
    assert_eq!(app.enter(Method::GET, &ticket, "appserver/v4").await.status, 200);
    let other = app.token_of_other_issuer("u-7");
    let answer = app.get_by("/v1/profiles", &other).await;
    assert_eq!(answer.header("ratelimit"), "\"user\";r=0;t=9", "{}", answer.text());
    assert_limited(&app.enter(Method::GET, &ticket, "appserver/v4").await, "3", "\"user\";r=0;t=9");
    assert_limited(&app.get("/compat/appserver?profile=document", "u-7").await, "3", "\"user\";r=0;t=9");
}

#[tokio::test]
async fn the_mobile_sdks_are_refused_in_their_own_words() {
    for limits in [USER, ADDRESS] {
        let app = TestApp::spawn_limited(limits, "").await;
        let ticket = app.ticket("u-7", "document").await;
        for _ in 0..2 {
            assert_eq!(app.enter(Method::GET, &ticket, "sts").await.json()["StatusCode"], 200);
        }
        let answer = app.enter(Method::GET, &ticket, "sts").await;
        assert_eq!(answer.status, 200, "Android looks into no other answer");
        assert_eq!((&answer.json()["StatusCode"], &answer.json()["ErrorCode"]), (&json!(503), &json!("rate_limited")));
        assert!(answer.header("ratelimit").contains(";r=0;"), "{answer:?}");
    }
}

#[tokio::test]
async fn each_upload_of_a_batch_counts() {
    let app = TestApp::spawn_limited("requests_per_minute = 60\nburst = 5", "").await;
    let batch = |n: usize| json!({"uploads": vec![json!({"profile": "avatar", "filename": "a.png"}); n]});

    let answer = app.post("/v1/uploads/batch", "u-7", &batch(3)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("ratelimit").starts_with("\"user\";r=2;t=3"), "{answer:?}");
    app.post("/v1/uploads/batch", "u-7", &batch(3)).await.assert_refused(429, "rate_limited");
    assert_eq!(app.grant_count().await, 3, "all or none");
    app.clock.advance(TimeDelta::minutes(1));
    app.post("/v1/uploads/batch", "u-7", &batch(6)).await.assert_refused(413, "body_too_large");
    assert_eq!(app.post("/v1/uploads/batch", "u-8", &batch(5)).await.status, 200);
}

#[tokio::test]
async fn an_address_is_limited_before_anybody_signs_in() {
    let app = TestApp::spawn_limited(ADDRESS, "").await;
    for remaining in [2, 1, 0] {
        let answer = app.get_by("/v1/profiles", "no token at all").await;
        answer.assert_refused(401, "unauthorized");
        assert!(answer.header("ratelimit").starts_with(&format!("\"address\";r={remaining};")), "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), "\"address\";q=3;w=9");
    }
    assert_limited(&app.get("/v1/profiles", "u-7").await, "3", "\"address\";r=0;t=9");
    assert_limited(&app.get("/v1/no/such/path", "u-7").await, "3", "\"address\";r=0;t=9");
}

#[tokio::test]
async fn both_limits_are_told_of_and_the_stricter_one_holds() {
    let limits = "requests_per_minute = 60\nburst = 10\naddress_requests_per_minute = 60\naddress_burst = 2";
    let app = TestApp::spawn_limited(limits, "").await;
    let answer = app.get("/v1/profiles", "u-7").await;
    assert_eq!(answer.header("ratelimit"), "\"user\";r=9;t=1, \"address\";r=1;t=1");
    assert_eq!(answer.header("ratelimit-policy"), "\"user\";q=10;w=10, \"address\";q=2;w=2");
    app.get("/v1/profiles", "u-8").await;
    assert_limited(&app.get("/v1/profiles", "u-9").await, "1", "\"address\";r=0;t=2");
}

#[tokio::test]
async fn behind_a_trusted_proxy_its_clients_count_each_for_themselves() {
    let app = TestApp::spawn_limited(ADDRESS, BEHIND_A_PROXY).await;
    let by = async |address: &str| send(from(app.request(Method::GET, "/v1/profiles", "u-7"), address)).await;
    for _ in 0..3 {
        assert_eq!(by("203.0.113.9").await.status, 200);
    }
    by("203.0.113.9").await.assert_refused(429, "rate_limited");
    by("8.8.8.8, 203.0.113.9").await.assert_refused(429, "rate_limited");
    assert_eq!(by("203.0.113.10").await.status, 200, "another client of the same proxy");
    for host in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff"] {
        assert_eq!(by(host).await.status, 200);
    }
    by("2001:db8:0:0:1234::").await.assert_refused(429, "rate_limited");
    assert_eq!(by("2001:db8:0:1::1").await.status, 200, "another network");
}

#[tokio::test]
async fn what_a_stranger_says_about_its_address_counts_for_nothing() {
    let app = TestApp::spawn_limited(ADDRESS, r#"trusted_proxies = ["10.0.0.0/8"]"#).await;
    for n in 0..3 {
        let request = from(app.request(Method::GET, "/v1/profiles", "u-7"), &format!("203.0.113.{n}"));
        assert_eq!(send(request).await.status, 200);
    }
    let request = from(app.request(Method::GET, "/v1/profiles", "u-7"), "203.0.113.77");
    send(request).await.assert_refused(429, "rate_limited");
}

#[tokio::test]
async fn osss_callbacks_and_what_is_for_everybody_are_never_limited() {
    let limits = "requests_per_minute = 1\nburst = 1\naddress_requests_per_minute = 1\naddress_burst = 1";
    let app = TestApp::spawn_limited(limits, "").await;
    assert_eq!(app.get("/v1/profiles", "u-7").await.status, 200);
    app.get("/v1/profiles", "u-7").await.assert_refused(429, "rate_limited");
    for _ in 0..20 {
        let callback = send(app.http.post(format!("{}/v1/callbacks/oss", app.service)).body("x=1")).await;
        callback.assert_refused(400, "callback_malformed");
        assert_eq!(callback.header("ratelimit"), "", "no limit, no word of one");
        assert_eq!(send(app.http.get(format!("{}/client.js", app.service))).await.status, 200);
        assert_eq!(send(app.http.get(format!("{}/livez", app.ops))).await.status, 200);
    }
}

#[tokio::test]
async fn a_page_may_ask_beforehand_for_nothing_and_reads_why_it_is_refused() {
    let app = TestApp::spawn_limited(ADDRESS, "").await;
    let preflight = || {
        let request = app.http.request(Method::OPTIONS, format!("{}/v1/uploads", app.service));
        request.header(header::ORIGIN, PAGE).header("access-control-request-method", "POST")
    };
    for _ in 0..20 {
        assert_eq!(send(preflight()).await.status, 200);
    }
    for _ in 0..3 {
        app.get("/v1/profiles", "u-7").await;
    }
    let refused = send(app.request(Method::GET, "/v1/profiles", "u-7").header(header::ORIGIN, PAGE)).await;
    refused.assert_refused(429, "rate_limited");
    assert_eq!(refused.header("access-control-allow-origin"), PAGE);
    let exposed = refused.header("access-control-expose-headers").to_lowercase();
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(exposed.split(',').any(|known| known.trim() == name), "{name} in {exposed}");
    }
    assert_eq!(send(preflight()).await.status, 200);
}

#[tokio::test]
async fn what_a_limit_refused_is_counted() {
    let app = TestApp::spawn_limited("requests_per_minute = 1\nburst = 1\ngrants_per_day = 1", "").await;
    let ask = json!({"profile": "avatar", "filename": "me.png"});
    for (user, advance) in [("u-7", 0), ("u-7", 0), ("u-7", 60)] {
        app.clock.advance(TimeDelta::seconds(advance));
        app.post("/v1/uploads", user, &ask).await;
    }
    let page = send(app.http.get(format!("{}/metrics", app.ops))).await.text();
    for (limit, count) in [("user", 1), ("address", 0), ("grants_per_day", 1), ("open_grants", 0)] {
        let line = format!("oss_valet_limited_total{{limit=\"{limit}\"}} {count}");
        assert!(page.lines().any(|known| known == line), "{line} in {page}");
    }
}

#[tokio::test]
async fn without_limits_no_answer_tells_of_any() {
    let app = TestApp::spawn().await;
    let answer = app.get("/v1/profiles", "u-7").await;
    assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), (String::new(), String::new()));
}
