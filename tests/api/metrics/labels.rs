//! No label is anything that a user sends: whatever that is, the series stay the same.

use reqwest::Method;
use serde_json::{Value, json};

use super::Scrape;
use crate::{
    forger::{Forger, body_of, facts, with_field},
    harness::{TestApp, send},
};

/// Stands in everything that is sent here, and in nothing of the settings.
const MARK: &str = "odd";

#[tokio::test]
async fn whatever_is_sent_no_series_comes_of_it() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    // The scrape itself is a request, and stands on the next page.
    Scrape::of(&app).await;
    say_odd_things(&app, &forger, "odd1").await;
    let once = Scrape::of(&app).await;
    say_odd_things(&app, &forger, "odd2").await;
    say_odd_things(&app, &forger, "ODD\u{fc}-3").await;
    let again = Scrape::of(&app).await;

    let news: Vec<_> = again.series().difference(&once.series()).map(|series| (*series).to_owned()).collect();
    assert!(news.is_empty(), "{news:#?}");
    let marked: Vec<_> = again.series().into_iter().filter(|series| series.to_lowercase().contains(MARK)).collect();
    assert!(marked.is_empty(), "{marked:#?}");
    assert!(again.sum("oss_valet_http_requests_total", &["method=\"other\"", "route=\"(none)\""]) >= 3.0);
    assert!(again.sum("oss_valet_grants_total", &["profile=\"(none)\""]) >= 3.0);
}

/// The same requests each time, with other words in them.
async fn say_odd_things(app: &TestApp, forger: &Forger, word: &str) {
    let encoded = word.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    for path in [
        format!("/{encoded}"),
        format!("/v1/{encoded}"),
        format!("/v1/uploads/{encoded}"),
        format!("/v1/uploads/{encoded}/complete"),
        format!("/v1/uploads?profile={encoded}&state={encoded}"),
        format!("/compat/t/{encoded}/sts"),
        format!("/compat/sts?profile={encoded}"),
        format!("/compat/appserver?profile={encoded}"),
        format!("/compat/companion/s3/params?metadata[profile]={encoded}"),
        format!("/v1/../{encoded}/../v1/uploads"),
    ] {
        for method in [Method::GET, Method::POST, Method::from_bytes(b"ODDLY").unwrap()] {
            let request = app.request(method, &path, word).header("x-request-id", "odd").header("user-agent", "odd");
            send(request.header("idempotency-key", "odd").header("origin", "https://odd.example.com")).await;
        }
    }
    for asked in [
        json!({"profile": word}),
        json!({"profile": "document", "method": word}),
        json!({"profile": "document", "vars": {word: word}}),
        json!({"profile": "document", "content_type": word, "filename": word}),
        json!({"profile": "document", "user_id": word}),
        json!({"profile": word, "method": word, word: word}),
    ] {
        app.post("/v1/uploads", word, &asked).await;
        app.post("/v1/tickets", word, &asked).await;
    }
    say_odd_callbacks(app, forger, word).await;
    send(app.http.get(format!("{}/{encoded}", app.ops))).await;
    send(app.http.request(Method::from_bytes(b"ODDLY").unwrap(), format!("{}/metrics", app.ops))).await;
}

async fn say_odd_callbacks(app: &TestApp, forger: &Forger, word: &str) {
    let grant: Value =
        app.issue(word, json!({"profile": "document", "filename": "a.txt", "vars": {"note": word}})).await;
    let body = body_of(&grant, &facts(&grant, b"hello"));
    for field in ["bucket", "object", "x:user_id", "x:upload_id", "x:seal", "operation", "reqId"] {
        forger.callback(with_field(&body, field, "odd")).send(app).await;
    }
    forger.callback(body).header("x-oss-pub-key-url", word.as_bytes().to_vec()).send(app).await;
}
