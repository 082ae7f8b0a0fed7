//! Sinks that come, change and go while the outbox is at work.

use oss_valet::outbox::{Stop, run};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::apply;
use crate::harness::{TestApp, upload};

const NEWER: &str = "whsec_bmV3LXNlY3JldC1vZi10aGUtc2luay10ZXN0cw==";
const OLDER: &str = "whsec_b2xkLXNlY3JldC1vZi10aGUtc2luay10ZXN0cw==";

/// A receiver that answers when the test says so.
struct Patient {
    url: String,
    calls: mpsc::UnboundedReceiver<Call>,
    task: JoinHandle<()>,
}

/// A request that waits for its answer.
struct Call {
    stream: TcpStream,
    /// Head and body.
    text: String,
}

impl Patient {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (came, calls) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let came = came.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    // The whole event: its document ends so.
                    while !request.ends_with(b"}}") {
                        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let _ = came.send(Call { stream, text: String::from_utf8(request).unwrap() });
                });
            }
        });
        Self { url, calls, task }
    }

    async fn next(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// As a sink of the settings.
    fn sink(&self, name: &str, secret: &str) -> String {
        let url = &self.url;
        format!("\n[[sinks]]\nname = {name:?}\nurl = {url:?}\nsecrets = [{secret:?}]\nallow_private = true\n")
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Call {
    async fn accept(mut self) {
        self.stream.write_all(b"HTTP/1.1 204 OK\r\nconnection: close\r\n\r\n").await.unwrap();
    }

    fn header(&self, name: &str) -> &str {
        let line = self.text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name} in {}", self.text))
    }

    fn tells_of(&self, grant: &Value) -> bool {
        self.text.contains(grant["id"].as_str().unwrap())
    }

    /// Whether the holder of this secret finds his signature.
    fn is_signed_by(&self, secret: &str) -> bool {
        use oss_valet::grant::webhook::{WebhookSecret, sign_webhook};
        let (_, body) = self.text.split_once("\r\n\r\n").unwrap();
        let at = self.header("webhook-timestamp").parse().unwrap();
        let at = chrono::DateTime::from_timestamp(at, 0).unwrap();
        let secret = WebhookSecret::parse(secret).unwrap();
        let signed = sign_webhook(&[secret], self.header("webhook-id"), at, body.as_bytes());
        signed.iter().any(|(_, value)| value == self.header("webhook-signature"))
    }
}

async fn complete(app: &TestApp) -> Value {
    let grant = app.issue("u-7", json!({"profile": "document", "filename": "a.txt"})).await;
    let answer = upload(app, &grant, b"hello").await;
    assert_eq!(answer.json()["state"], "completed", "{}", answer.text());
    grant
}

fn start(app: &TestApp) -> (JoinHandle<()>, Stop) {
    let stop = Stop { soft: CancellationToken::new(), hard: CancellationToken::new() };
    (tokio::spawn(run(app.live.clone(), stop.clone())), stop)
}

/// Each delivery: sink, state, attempts.
async fn deliveries(app: &TestApp) -> Vec<[String; 3]> {
    let sql = "SELECT sink, state, cast(attempts AS TEXT) FROM deliveries ORDER BY event_seq, sink";
    let rows = app.query_ledger(sql).await;
    rows.into_iter().map(|row| <[_; 3]>::try_from(row).unwrap().map(Option::unwrap)).collect()
}

fn delivered(sink: &str) -> [String; 3] {
    [sink, "delivered", "1"].map(str::to_owned)
}

#[tokio::test]
async fn a_sink_that_is_added_is_told_of_what_happens_from_then_on() {
    let (app, mut first) = (TestApp::spawn().await, Patient::start().await);
    let (worker, stop) = start(&app);
    complete(&app).await;
    apply(&app, &(app.toml.clone() + &first.sink("first", NEWER))).await;
    let grant = complete(&app).await;
    let call = first.next().await;
    assert!(call.tells_of(&grant), "not of what was before");
    call.accept().await;
    stop.soft.cancel();
    worker.await.unwrap();
    assert_eq!(deliveries(&app).await, [delivered("first")]);
}

#[tokio::test]
async fn a_secret_is_rotated_while_an_event_is_under_way() {
    let mut first = Patient::start().await;
    let app = TestApp::spawn_with(|settings| settings + &first.sink("first", OLDER)).await;
    let (worker, stop) = start(&app);
    complete(&app).await;
    let under_way = first.next().await;

    assert_eq!(apply(&app, &app.toml.replace(OLDER, NEWER)).await, ["sinks[0].secrets"]);
    complete(&app).await;
    let next = first.next().await;

    assert!(under_way.is_signed_by(OLDER) && !under_way.is_signed_by(NEWER));
    assert!(next.is_signed_by(NEWER) && !next.is_signed_by(OLDER));
    next.accept().await;
    under_way.accept().await;
    stop.soft.cancel();
    worker.await.unwrap();
    assert_eq!(deliveries(&app).await, [delivered("first"), delivered("first")], "neither is told twice");
}

#[tokio::test]
async fn a_sink_that_is_removed_ends_what_is_under_way_and_its_rest_waits_for_its_return() {
    let (mut first, mut second) = (Patient::start().await, Patient::start().await);
    let app = TestApp::spawn_with(|settings| settings + &first.sink("first", NEWER)).await;
    let without = app.toml.replace(&first.sink("first", NEWER), "");
    let (worker, stop) = start(&app);
    complete(&app).await;
    let under_way = first.next().await;

    apply(&app, &(without + &second.sink("second", NEWER))).await;
    let grant = complete(&app).await;
    let call = second.next().await;
    assert!(call.tells_of(&grant));
    call.accept().await;
    // It comes back before its old worker is done.
    apply(&app, &(app.toml.clone() + &second.sink("second", NEWER))).await;
    let grant = complete(&app).await;
    under_way.accept().await;
    for receiver in [&mut first, &mut second] {
        let call = receiver.next().await;
        assert!(call.tells_of(&grant));
        call.accept().await;
    }

    stop.soft.cancel();
    worker.await.unwrap();
    assert_eq!(deliveries(&app).await, ["first", "second", "first", "second"].map(delivered));
}
