//! What is answered, what is recorded, and the ways a callback may take.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::TimeDelta;
use oss_valet::{app::reconcile::Reconciled, clock::Clock};
use reqwest::Method;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::{CONTENT, assert_nothing_recorded, uploaded};
use crate::{
    forger::{Forger, PATH, body_of, facts, with_field},
    harness::{Answer, TestApp, send},
};

#[tokio::test]
async fn the_answer_is_one_that_oss_accepts_and_says_what_the_ledger_says() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, CONTENT)));

    let answer = callback.header("Accept-Encoding", "gzip, br").send(&app).await;

    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    for absent in ["transfer-encoding", "content-encoding"] {
        assert!(!answer.headers.contains_key(absent), "{absent}: {:?}", answer.headers);
    }
    assert_eq!(answer.body.first(), Some(&b'{'), "no BOM");
    let expected = json!({
        "id": grant["id"], "state": "completed", "bucket": grant["bucket"], "key": grant["key"], "size": 5,
        "etag": "5D41402ABC4B2A76B9719D911017C592", "content_type": "text/plain", "user_id": "u-7",
        "vars": {"album": "4 2&x=ü"},
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn what_is_recorded_is_the_objects_head_whatever_the_callback_says_beside_it() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let mut body = body_of(&grant, &facts(&grant, CONTENT));
    for (name, value) in [("mimeType", "text%2Fhtml"), ("crc64", "1"), ("clientIp", "6.6.6.6"), ("reqId", "evil")] {
        body = with_field(&body, name, value);
    }
    let answer = forger.callback(body).send(&app).await;
    assert_eq!(answer.json()["content_type"], "text/plain");
    let shown = app.show(&grant).await;
    assert_eq!(shown["completion"]["content_type"], "text/plain", "{shown}");
    assert_ne!(shown["completion"]["crc64"], "1", "{shown}");
}

#[tokio::test]
async fn while_oss_is_unreachable_nothing_is_recorded_and_the_reconciler_looks_at_once() {
    let forger = Forger::new();
    let door = Door::open().await;
    let internal = format!("region = \"cn-hangzhou\"\ninternal_endpoint = \"{}\"", door.url);
    let change = |settings: String| forger.trusted(settings.replacen("region = \"cn-hangzhou\"", &internal, 1));
    let app = TestApp::spawn_with(change).await;
    door.lead_to(&app.simulator);
    let grant = uploaded(&app).await;
    let callback = forger.callback(body_of(&grant, &facts(&grant, CONTENT)));
    app.clock.advance(TimeDelta::seconds(7));

    callback.send(&app).await.assert_refused(503, "oss_unavailable");

    assert_nothing_recorded(&app, "OSS was unreachable").await;
    let next = app.query_ledger("SELECT next_check_at FROM grants").await;
    assert_eq!(next[0][0], Some(app.clock.now().timestamp_micros().to_string()), "at once");
    door.let_through();
    let reconciled = app.valet.reconcile_due(app.clock.now()).await.unwrap();
    assert_eq!(reconciled, Reconciled::Grants(1));
    let shown = app.show(&grant).await;
    assert_eq!(shown["state"], "completed", "{shown}");
    assert_eq!(shown["completion"]["source"], "reconciled", "{shown}");
    let repeated = callback.send(&app).await;
    assert_eq!((repeated.status.as_u16(), repeated.json()["state"].clone()), (200, json!("completed")));
    assert_eq!(app.events().await.len(), 1);
}

/// The way to OSS: shut, until it is let through.
struct Door {
    url: String,
    passable: Arc<AtomicBool>,
    target: Arc<std::sync::OnceLock<String>>,
}

impl Door {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (passable, target) = (Arc::new(AtomicBool::new(false)), Arc::new(std::sync::OnceLock::<String>::new()));
        let (is_passable, to) = (Arc::clone(&passable), Arc::clone(&target));
        tokio::spawn(async move {
            while let Ok((mut inbound, _)) = listener.accept().await {
                if is_passable.load(Ordering::SeqCst) {
                    let mut outbound = TcpStream::connect(to.get().unwrap()).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut inbound, &mut outbound).await });
                }
            }
        });
        Self { url, passable, target }
    }

    fn lead_to(&self, url: &str) {
        self.target.set(url.trim_start_matches("http://").to_owned()).unwrap();
    }

    fn let_through(&self) {
        self.passable.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_body_too_large_and_other_methods_are_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let padding = |len: usize| {
        let body = body_of(&grant, &facts(&grant, CONTENT)) + "&padding=";
        let missing = len - body.len();
        body + &"a".repeat(missing)
    };
    forger.callback(padding(64 * 1024 + 1)).send(&app).await.assert_refused(413, "body_too_large");
    assert_nothing_recorded(&app, "too large").await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let answer: Answer = send(app.http.request(method.clone(), format!("{}{PATH}", app.service))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow").as_str()), (405, "POST"), "{method}");
    }
    let largest = forger.callback(padding(64 * 1024)).send(&app).await;
    assert_eq!(largest.status, 200, "{}", largest.text());
}

#[tokio::test]
async fn a_callback_signed_for_the_public_path_verifies_behind_a_proxy_that_rewrote_it() {
    let forger = Forger::new();
    let public = "https://uploads.example.com/prefix%20a/v1/callbacks/oss";
    let app = TestApp::spawn_with(|settings| {
        let line = settings.lines().find(|line| line.starts_with("public_urls")).unwrap().to_owned();
        forger.trusted(settings.replace(&line, &format!("public_urls = [{public:?}]")))
    })
    .await;
    let grant = uploaded(&app).await;
    assert_eq!(grant["callback"]["url"], public);
    let body = body_of(&grant, &facts(&grant, CONTENT));
    for path in ["/prefix/v1/callbacks/oss", "/prefix%2520a/v1/callbacks/oss"] {
        let other = forger.callback(body.clone()).header("Authorization", forger.sign(path, None, body.as_bytes()));
        other.send(&app).await.assert_refused(403, "callback_signature_invalid");
    }
    let path = "/prefix%20a/v1/callbacks/oss";
    let callback = forger.callback(body.clone()).header("Authorization", forger.sign(path, None, body.as_bytes()));
    assert_eq!(callback.send(&app).await.status, 200);
}
