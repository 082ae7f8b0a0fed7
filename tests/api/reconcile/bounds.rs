//! Bounded speed, bounded concurrency, and buckets that do not hold each other up.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    app::reconcile::{LOOKS_AT_ONCE, Reconciled},
    clock::Clock,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
};

use super::{heads, issue, issue_elsewhere, state, step};
use crate::{forger::put_aside, harness::TestApp};

/// An OSS that knows no object, keeps everybody waiting until the test lets them go, and counts who waits.
struct Counter {
    url: String,
    inside: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    arrived: Arc<Notify>,
    doors: Arc<Semaphore>,
}

impl Counter {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let counter = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            inside: Arc::default(),
            most: Arc::default(),
            arrived: Arc::default(),
            doors: Arc::new(Semaphore::new(0)),
        };
        let guests = (counter.inside.clone(), counter.most.clone(), counter.arrived.clone(), counter.doors.clone());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (inside, most, arrived, doors) = guests.clone();
                tokio::spawn(async move {
                    let mut connection = connection;
                    while read_head(&mut connection).await {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        arrived.notify_one();
                        doors.acquire().await.unwrap().forget();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        connection.write_all(no_such_key().as_bytes()).await.unwrap();
                    }
                });
            }
        });
        counter
    }

    /// Waits until so many are inside.
    async fn wait_for(&self, count: usize) {
        while self.inside.load(Ordering::SeqCst) < count {
            self.arrived.notified().await;
        }
    }
}

/// Whether another request came.
async fn read_head(connection: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if connection.read(&mut byte).await.unwrap_or(0) == 0 {
            return false;
        }
        head.push(byte[0]);
    }
    true
}

fn no_such_key() -> String {
    let document = STANDARD.encode("<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
    format!("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nx-oss-err: {document}\r\nx-oss-request-id: 1\r\n\r\n")
}

/// The settings with our own calls to a bucket going elsewhere.
fn led_to(settings: &str, bucket: &str, url: &str) -> String {
    let section = format!("[buckets.{bucket}]\n");
    settings.replacen(&section, &format!("{section}internal_endpoint = \"{url}\"\n"), 1)
}

#[tokio::test]
async fn never_more_than_so_many_looks_are_under_way_at_once() {
    let counter = Counter::open().await;
    let fast = "\n[reconciler]\nrate = 1000\n";
    let app = TestApp::spawn_with(|settings| led_to(&settings, "media", &counter.url) + fast).await;
    join_all((0..2 * LOOKS_AT_ONCE).map(|_| issue(&app))).await;
    app.clock.advance(TimeDelta::minutes(5));

    let stepping = step(&app);
    let letting_in = async {
        counter.wait_for(LOOKS_AT_ONCE).await;
        counter.doors.add_permits(1000);
    };
    let (looked, ()) = tokio::join!(stepping, letting_in);

    assert_eq!(looked.len(), 2 * LOOKS_AT_ONCE);
    assert!(looked.iter().all(|looked| looked.finding.as_str() == "absent"), "{looked:?}");
    assert_eq!(counter.most.load(Ordering::SeqCst), LOOKS_AT_ONCE);
}

#[tokio::test]
async fn no_second_sees_more_looks_than_the_rate() {
    let app = TestApp::spawn_with(|settings| settings + "\n[reconciler]\nrate = 5\n").await;
    let grants = join_all((0..12).map(|_| issue(&app))).await;
    app.clock.advance(TimeDelta::minutes(5));
    let mut looks = Vec::new();
    for _ in 0..8 {
        looks.push(step(&app).await.len());
        app.clock.advance(TimeDelta::milliseconds(500));
    }
    assert_eq!(looks, [5, 2, 3, 2, 0, 0, 0, 0], "saved for a second, then half a second's at a time");
    assert_eq!(heads(&app, &grants).await, [1; 12], "all of them in the end");
}

#[tokio::test]
async fn buckets_share_the_rate_whatever_waits_in_each() {
    let app = TestApp::spawn_with(|settings| settings + "\n[reconciler]\nrate = 4\n").await;
    join_all((0..20).map(|_| issue(&app))).await;
    let few = join_all((0..4).map(|_| issue_elsewhere(&app))).await;
    app.clock.advance(TimeDelta::minutes(5));
    for seen in [2, 4] {
        step(&app).await;
        app.clock.advance(TimeDelta::seconds(1));
        assert_eq!(heads(&app, &few).await.iter().sum::<usize>(), seen);
    }
}

#[tokio::test]
async fn a_bucket_whose_oss_refuses_connections_holds_up_no_other() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let app = TestApp::spawn_with(|settings| led_to(&settings, "media", &format!("http://{closed}"))).await;
    let down = join_all((0..40).map(|_| issue(&app))).await;
    let up = join_all((0..10).map(|_| issue_elsewhere(&app))).await;
    for grant in down.iter().chain(&up) {
        put_aside(&app, grant, b"hello").await;
    }
    app.clock.advance(TimeDelta::minutes(5));

    step(&app).await;

    for grant in &up {
        assert_eq!(state(&app, grant).await, "completed");
    }
    for grant in &down {
        assert_eq!(state(&app, grant).await, "issued");
    }
}

#[tokio::test]
async fn a_bucket_whose_oss_does_not_answer_is_asked_ever_less_until_it_does() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let app = TestApp::spawn_with(|settings| led_to(&settings, "media", &format!("http://{address}"))).await;
    let grants = join_all((0..60).map(|_| issue(&app))).await;
    app.clock.advance(TimeDelta::minutes(27));
    let tries = Mutex::new(Vec::new());
    for second in 0..1000 {
        let looked = step(&app).await.len();
        if looked > 0 {
            tries.lock().unwrap().push((second, looked));
        }
        app.clock.advance(TimeDelta::seconds(1));
    }
    let tries = tries.into_inner().unwrap();
    let seconds: Vec<_> = tries.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [0, 5, 15, 35, 75, 155, 315, 615, 915], "{tries:?}");
    assert!(tries[0].1 <= LOOKS_AT_ONCE && tries[1..].iter().all(|(_, looks)| *looks <= 4), "{tries:?}");
    for grant in &grants {
        assert_eq!(state(&app, grant).await, "issued");
    }
}

#[tokio::test]
async fn once_oss_answers_again_all_is_made_up_for() {
    let app = TestApp::spawn().await;
    let grants = join_all((0..45).map(|_| issue(&app))).await;
    let down = serde_json::json!({"on": {"bucket": "app-media"}, "times": null, "do": {"error": {"status": 503}}});
    app.set_faults(vec![down]).await;
    app.clock.advance(TimeDelta::minutes(27));
    for _ in 0..3 {
        step(&app).await;
        app.clock.advance(TimeDelta::minutes(1));
    }
    app.set_faults(vec![]).await;
    for grant in &grants {
        put_aside(&app, grant, b"hello").await;
    }
    // The first step tries with a few; the others follow.
    app.clock.advance(TimeDelta::minutes(5));
    while app.valet.reconcile_due(app.clock.now()).await.unwrap() != Reconciled::Nothing {
        app.clock.advance(TimeDelta::seconds(1));
    }
    for grant in &grants {
        assert_eq!(state(&app, grant).await, "completed");
    }
}
