//! Where events go: what sinks receive, when, and what their answers do.

mod answers;
mod guarded;
mod leases;
mod metered;
mod receiver;
mod schedule;
mod silent;
mod worker;

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use oss_valet::{app::deliver::DeliveryStep, clock::Clock};
use serde_json::{Value, json};

use self::receiver::{Receiver, SECRETS};
use crate::{
    forger::{Forger, body_of, facts, put_aside},
    harness::{TestApp, upload},
};

const CONTENT: &[u8] = b"hello";

/// A sink of the settings.
struct SinkSpec {
    name: &'static str,
    url: String,
    /// More lines.
    more: &'static str,
}

fn sink(name: &'static str, url: impl Into<String>) -> SinkSpec {
    SinkSpec { name, url: url.into(), more: "" }
}

/// The settings with these sinks.
fn with_sinks(settings: String, sinks: &[SinkSpec]) -> String {
    let [newer, older] = SECRETS;
    sinks.iter().fold(settings, |mut settings, SinkSpec { name, url, more }| {
        let more =
            if more.contains("allow_private") { (*more).to_owned() } else { format!("{more}\nallow_private = true") };
        let _ =
            write!(settings, "\n[[sinks]]\nname = {name:?}\nurl = {url:?}\nsecrets = [{newer:?}, {older:?}]\n{more}\n");
        settings
    })
}

async fn spawn(sinks: &[SinkSpec]) -> TestApp {
    TestApp::spawn_with(|settings| with_sinks(settings, sinks)).await
}

/// With one sink, called `backend`.
async fn spawn_with(receiver: &Receiver) -> TestApp {
    spawn(&[sink("backend", receiver.url())]).await
}

/// A service whose callbacks the test can sign, so that it can let objects change.
async fn spawn_forged(forger: &Forger, receiver: &Receiver) -> TestApp {
    let sinks = [sink("backend", receiver.url())];
    TestApp::spawn_with(|settings| forger.trusted(with_sinks(settings, &sinks))).await
}

/// An upload that OSS has called back for: one completion, one event.
async fn complete(app: &TestApp) -> Value {
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "42"}})).await;
    let answer = upload(app, &grant, CONTENT).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &json!("completed")), "{}", answer.text());
    grant
}

/// The grant's object becomes another one: one more event.
async fn change(app: &TestApp, forger: &Forger, grant: &Value, content: &[u8]) {
    put_aside(app, grant, content).await;
    let answer = forger.callback(body_of(grant, &facts(grant, content))).send(app).await;
    answer.assert_refused(409, "object_changed");
}

async fn step(app: &TestApp, sink: &str) -> DeliveryStep {
    app.valet.deliver_due(sink, app.clock.now()).await.unwrap()
}

fn sent(delivered: usize, failed: usize) -> DeliveryStep {
    DeliveryStep::Sent { delivered, failed }
}

/// A delivery, as the ledger has it.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    state: String,
    attempts: u32,
    due_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

/// All deliveries, in the order of their events.
async fn rows(app: &TestApp) -> Vec<Row> {
    let sql = "SELECT state, cast(attempts AS TEXT), cast(due_at AS TEXT), last_error FROM deliveries ORDER BY event_seq, sink";
    let rows = app.query_ledger(sql).await;
    rows.into_iter()
        .map(|row| {
            let [state, attempts, due_at, error] = row.try_into().unwrap();
            let time = |micros: String| DateTime::from_timestamp_micros(micros.parse().unwrap()).unwrap();
            Row { state: state.unwrap(), attempts: attempts.unwrap().parse().unwrap(), due_at: due_at.map(time), error }
        })
        .collect()
}

async fn row(app: &TestApp) -> Row {
    let mut rows = rows(app).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

/// Moves the clock to when the only delivery is due; how far that was.
async fn wait_until_due(app: &TestApp) -> TimeDelta {
    let due_at = row(app).await.due_at.expect("it is tried again");
    let wait = due_at - app.clock.now();
    app.clock.advance(wait);
    wait
}
