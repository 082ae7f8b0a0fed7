//! Fifty reloads under traffic: no request fails, and nothing of an old configuration stays behind.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{future::join_all, join};
use oss_valet::{
    app::Valet,
    outbox::{Stop, run},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wiremock::ResponseTemplate;

use super::{apply, with};
use crate::{
    harness::{OLD_SEAL_SECRET, SEAL_SECRET, TestApp, path_of, upload},
    webhook_server::WebhookServer,
};

const RELOADS: usize = 50;
const CLIENTS: usize = 3;
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Issues, uploads, waits for the callback and looks at it, again and again; how often.
async fn client(app: &TestApp, user: &str, done: &AtomicBool) -> usize {
    let mut rounds = 0;
    while !done.load(Ordering::Relaxed) {
        let grant = app.issue(user, json!({"profile": "document", "filename": "a.txt"})).await;
        let waiting = format!("{}?wait=30", path_of(&grant));
        let (waited, uploaded) = join!(app.get(&waiting, user), upload(app, &grant, b"hello"));
        assert_eq!((uploaded.status.as_u16(), &uploaded.json()["state"]), (200, &json!("completed")));
        assert_eq!((waited.status.as_u16(), &waited.json()["state"]), (200, &json!("completed")));
        rounds += 1;
    }
    rounds
}

/// Until nobody holds it any more.
async fn is_gone(valet: &Weak<Valet>) -> bool {
    let gone = async {
        while valet.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_reloads_under_traffic_fail_no_request_and_leave_nothing_behind() {
    let app = TestApp::spawn().await;
    let sink = WebhookServer::start(ResponseTemplate::new(204)).await;
    let stop = Stop { soft: CancellationToken::new(), hard: CancellationToken::new() };
    let outbox = tokio::spawn(run(app.live.clone(), stop.clone()));
    let rotated =
        app.toml.replace(SEAL_SECRET, "@").replace(OLD_SEAL_SECRET, SEAL_SECRET).replace('@', OLD_SEAL_SECRET);
    let rotated = rotated.replace("\"k2\"", "@").replace("\"k1\"", "\"k2\"").replace('@', "\"k1\"");
    let with_sink = app.toml.clone()
        + &format!(
            "\n[[sinks]]\nname = \"backend\"\nurl = \"{}\"\nsecrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]\nallow_private = true\n",
            sink.url()
        );
    let leeway = with(&app.toml, "[auth]\n", "[auth]\nleeway = \"31s\"\n");
    let signer = with(&with_sink, "LTAIsigner000001", "LTAIowner0000001")
        .replace("SignerSecret0000000000000001", "OwnerSecret00000000000000001");
    let variants = [rotated, with_sink, leeway, signer, app.toml.clone()];

    let (done, mut old) = (AtomicBool::new(false), Vec::new());
    let clients = ["u-1", "u-2", "u-3"].map(|user| client(&app, user, &done));
    let reloads = async {
        for variant in variants.iter().cycle().take(RELOADS) {
            assert!(!apply(&app, variant).await.is_empty());
            old.push(Arc::downgrade(&app.live.current()));
        }
        done.store(true, Ordering::Relaxed);
    };
    let (rounds, ()) = join!(join_all(clients), reloads);

    assert_eq!(rounds.len(), CLIENTS);
    assert!(rounds.iter().all(|rounds| *rounds > 1), "there was traffic: {rounds:?}");
    let in_force = old.pop().unwrap();
    assert!(in_force.strong_count() > 0);
    for (reload, valet) in old.iter().enumerate() {
        assert!(is_gone(valet).await, "of reload {reload} {} holders are left", valet.strong_count());
    }
    stop.soft.cancel();
    outbox.await.unwrap();
    let untold = app.query_ledger("SELECT state FROM deliveries WHERE state = 'dead' OR attempts > 1").await;
    assert_eq!(untold.len(), 0, "every event was told once, or waits for its sink");
}
