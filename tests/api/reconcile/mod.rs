//! The reconciler: when it looks, what it makes of what it finds, and how it keeps within bounds.

mod audit;
mod bounds;
mod outcomes;
mod replicas;
mod schedule;

use chrono::{DateTime, TimeDelta, Utc};
use oss_valet::{app::reconcile::Looked, clock::Clock};
use serde_json::{Value, json};

use crate::harness::{TestApp, send};

/// A grant that ends after ten minutes, for one text file. OSS may accept an upload until 25 minutes after its issue; the deciding
/// look is two minutes later.
async fn issue(app: &TestApp) -> Value {
    issue_by(app, "put").await
}

async fn issue_by(app: &TestApp, method: &str) -> Value {
    app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "method": method})).await
}

/// One that lives in the other bucket.
async fn issue_elsewhere(app: &TestApp) -> Value {
    app.issue("u-7", json!({"profile": "old", "filename": "a.txt", "method": "put"})).await
}

/// Steps the reconciler; what it looked at.
async fn step(app: &TestApp) -> Vec<Looked> {
    app.valet.look_after_due(app.clock.now()).await.unwrap()
}

/// Steps the reconciler so many minutes after the test's beginning; the words for what it found.
async fn step_at(app: &TestApp, began: DateTime<Utc>, minutes: i64) -> Vec<&'static str> {
    app.clock.advance(began + TimeDelta::minutes(minutes) - app.clock.now());
    step(app).await.iter().map(|looked| looked.finding.as_str()).collect()
}

/// How often HEAD has been asked of OSS for each of these grants' objects.
async fn heads(app: &TestApp, grants: &[Value]) -> Vec<usize> {
    let log = send(app.http.get(format!("{}/-/log", app.simulator))).await.json();
    let asked = |key: &Value| {
        let is_look = |entry: &&Value| entry["operation"] == "HeadObject" && entry["key"] == *key;
        log.as_array().unwrap().iter().filter(is_look).count()
    };
    grants.iter().map(|grant| asked(&grant["key"])).collect()
}

async fn state(app: &TestApp, grant: &Value) -> String {
    app.show(grant).await["state"].as_str().unwrap().to_owned()
}

/// The last words of the events' types.
async fn kinds(app: &TestApp) -> Vec<String> {
    let last = |event: Value| event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    app.events().await.into_iter().map(last).collect()
}
