//! Clients and OSS that do not wait for the hook.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{CONTENT, WELCOME, callback, issue, spawn_at};
use crate::{
    forger::{Callback, Forger, put_aside},
    harness::{TestApp, path_of},
};

/// Reads until the end of an event of ours.
async fn read_question(connection: &mut TcpStream) {
    let mut question = Vec::new();
    while !question.ends_with(b"}}") {
        assert_ne!(connection.read_buf(&mut question).await.unwrap(), 0, "the question was broken off");
    }
}

/// Sends the callback over a connection of its own, and leaves the answer unread.
async fn send_raw(app: &TestApp, callback: &Callback) -> TcpStream {
    let address = app.service.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let mut request = format!("POST {} HTTP/1.1\r\nhost: {address}\r\n", callback.target).into_bytes();
    for (name, value) in &callback.headers {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    request.extend(format!("content-length: {}\r\n\r\n", callback.body.len()).into_bytes());
    request.extend(&callback.body);
    connection.write_all(&request).await.unwrap();
    connection
}

#[tokio::test]
async fn an_answer_counts_though_the_one_who_made_us_ask_has_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forger = Forger::new();
    let app = spawn_at(&forger, &format!("http://{}/hook", listener.local_addr().unwrap()), "reject").await;
    let grant = issue(&app, "hooked").await;
    put_aside(&app, &grant, CONTENT).await;
    let callback = callback(&forger, &grant);

    let asking = send_raw(&app, &callback).await;
    let (mut question, _) = listener.accept().await.unwrap();
    read_question(&mut question).await;
    // Not just closed, which could be a client that still listens: reset.
    asking.set_zero_linger().unwrap();
    drop(asking);
    // Meanwhile the service learns of it.
    for _ in 0..50 {
        issue(&app, "hooked").await;
    }
    let waiting = format!("{}?wait=30", path_of(&grant));
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{WELCOME}", WELCOME.len());
    question.write_all(answer.as_bytes()).await.unwrap();

    assert_eq!(app.get(&waiting, "u-7").await.json()["state"], "completed");
    drop(listener);
    assert_eq!(callback.send(&app).await.text(), WELCOME, "and is not asked for again");
}
