//! How slow a client may be, and how many there may be. Nobody here waits for a time: each waits for what the service does.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::harness::TestApp;

const HURRIED: &str = "request_timeout = \"200ms\"\nkeep_alive = \"400ms\"";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, and what was said on it.
struct Line(TcpStream);

impl Line {
    async fn to(app: &TestApp) -> Self {
        Self(TcpStream::connect(app.address()).await.unwrap())
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything that comes until the service closes.
    async fn hear_all(&mut self) -> String {
        let mut heard = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut heard)).await.expect("it is closed some day").unwrap();
        String::from_utf8(heard).unwrap()
    }

    /// One answer, which has a length.
    async fn hear_answer(&mut self) -> String {
        let mut heard = String::new();
        loop {
            let mut piece = [0; 4096];
            let n = timeout(PATIENCE, self.0.read(&mut piece)).await.unwrap().unwrap();
            assert!(n > 0, "closed after `{heard}`");
            heard.push_str(std::str::from_utf8(&piece[..n]).unwrap());
            let Some((head, body)) = heard.split_once("\r\n\r\n") else { continue };
            let length =
                head.to_lowercase().split_once("content-length: ").unwrap().1.lines().next().unwrap().to_owned();
            if body.len() >= length.parse::<usize>().unwrap() {
                return heard;
            }
        }
    }
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    assert_eq!(Line::to(&app).await.hear_all().await, "");
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let mut line = Line::to(&app).await;
    line.say("GET /v1/profiles HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    let heard = line.hear_all().await;
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
}

#[tokio::test]
async fn nor_is_a_later_one_on_the_same_connection() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let mut line = Line::to(&app).await;
    line.say("GET /v1/profiles HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(line.hear_answer().await.starts_with("HTTP/1.1 401 "));
    line.say("GET /v1/profiles HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    let heard = line.hear_all().await;
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
}

#[tokio::test]
async fn nor_is_one_that_came_with_the_request_before() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let mut line = Line::to(&app).await;
    line.say("GET /v1/profiles HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/prof").await;
    let heard = line.hear_all().await;
    assert!(heard.starts_with("HTTP/1.1 401 "), "{heard}");
}

#[tokio::test]
async fn nor_one_that_drips() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let line = Line::to(&app).await;
    let (mut reading, mut writing) = line.0.into_split();
    let dripping = tokio::spawn(async move {
        let _ = writing.write_all(b"GET /v1/profiles HTTP/1.1\r\nHost: a\r\n\r\n").await;
        while writing.write_all(b"GET").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut heard = Vec::new();
    // The end may be a reset: there is always something that nobody has read.
    let _ = timeout(PATIENCE, reading.read_to_end(&mut heard)).await.expect("it is closed some day");
    timeout(PATIENCE, dripping).await.expect("nobody listens any more").unwrap();
    assert!(heard.starts_with(b"HTTP/1.1 401 "), "{heard:?}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let token = app.token("u-7");
    for (path, head) in [
        ("/v1/uploads", format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")),
        ("/v1/callbacks/oss", String::new()),
    ] {
        let mut line = Line::to(&app).await;
        line.say(&format!("POST {path} HTTP/1.1\r\nHost: a\r\n{head}Content-Length: 100\r\n\r\n{{\"profile\":")).await;
        let heard = line.hear_all().await;
        assert!(heard.starts_with("HTTP/1.1 408 ") && heard.contains("\"request_timeout\""), "{path}: {heard}");
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_in_time() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let mut line = Line::to(&app).await;
    line.say("GET /v1/profiles HTTP/1.1\r\nHost: a\r\n\r\n").await;
    line.hear_answer().await;
    assert_eq!(line.hear_all().await, "", "closed without a word");
}

#[tokio::test]
async fn who_waits_for_us_is_not_hurried() {
    let app = TestApp::spawn_limited("", HURRIED).await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "filename": "me.png"})).await;
    // Longer than a head, a body, or silence may take.
    let path = format!("/v1/uploads/{}?wait=1", grant["id"].as_str().unwrap());
    let answer = app.get(&path, "u-7").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn who_comes_when_all_places_are_taken_waits_for_one() {
    let app = TestApp::spawn_limited("", "max_connections = 2\nkeep_alive = \"1h\"").await;
    let (mut first, mut second) = (Line::to(&app).await, Line::to(&app).await);
    let ask = "GET /v1/profiles HTTP/1.1\r\nHost: a\r\n\r\n";
    for line in [&mut first, &mut second] {
        line.say(ask).await;
        line.hear_answer().await;
    }
    let mut third = Line::to(&app).await;
    third.say(ask).await;
    // The others are served all the while, and nobody else is.
    for line in [&mut first, &mut second] {
        line.say(ask).await;
        line.hear_answer().await;
    }
    assert!(third.0.try_read(&mut [0]).is_err(), "nothing to read yet");
    drop(first);
    assert!(third.hear_answer().await.starts_with("HTTP/1.1 401 "));
}
