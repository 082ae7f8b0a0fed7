//! The wires: each breaks as it is told to.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixListener},
    sync::mpsc,
    time::timeout,
};

use crate::proxy::{Mode, Proxy, Target};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough to believe that nothing happens.
const NOTHING: Duration = Duration::from_millis(200);

/// A proxy, with a server behind it that answers each line with itself and tells of what it heard.
async fn wire() -> (Proxy, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start().await;
    proxy.set_target(0, Target::Tcp(listener.local_addr().unwrap()));
    let (heard, hearing) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    let _ = heard.send(String::from_utf8_lossy(&buffer[..length]).into_owned());
                    if stream.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (proxy, hearing)
}

/// What comes back; `None` when the connection is over.
async fn ask(stream: &mut TcpStream, what: &str) -> Option<String> {
    stream.write_all(what.as_bytes()).await.ok()?;
    answer(stream).await
}

async fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut buffer = [0; 64];
    match timeout(PATIENCE, stream.read(&mut buffer)).await.expect("an answer, or an end") {
        Ok(0) | Err(_) => None,
        Ok(length) => Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
    }
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.url().trim_start_matches("http://")).await.unwrap()
}

#[tokio::test]
async fn an_open_wire_carries_and_a_slow_one_too() {
    let (proxy, _hearing) = wire().await;
    let mut stream = connect(&proxy).await;
    assert_eq!(ask(&mut stream, "one").await.as_deref(), Some("one"));
    proxy.set_mode(Mode::Slow(Duration::from_millis(20)));
    assert_eq!(ask(&mut stream, "two").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_cut_ends_what_is_open_and_nothing_else() {
    let (proxy, _hearing) = wire().await;
    let mut stream = connect(&proxy).await;
    assert_eq!(ask(&mut stream, "one").await.as_deref(), Some("one"));
    proxy.cut();
    assert_eq!(answer(&mut stream).await, None);
    assert_eq!(ask(&mut connect(&proxy).await, "two").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_refusing_wire_ends_everything_until_it_is_open_again() {
    let (proxy, _hearing) = wire().await;
    let mut open = connect(&proxy).await;
    assert_eq!(ask(&mut open, "one").await.as_deref(), Some("one"));
    proxy.set_mode(Mode::Refuse);
    assert_eq!(answer(&mut open).await, None);
    assert_eq!(ask(&mut connect(&proxy).await, "two").await, None);
    proxy.set_mode(Mode::Open);
    assert_eq!(ask(&mut connect(&proxy).await, "three").await.as_deref(), Some("three"));
}

#[tokio::test]
async fn a_hanging_wire_carries_nothing_until_it_is_open_again() {
    let (proxy, mut hearing) = wire().await;
    proxy.set_mode(Mode::Hang);
    let mut stream = connect(&proxy).await;
    stream.write_all(b"one").await.unwrap();
    assert!(timeout(NOTHING, hearing.recv()).await.is_err(), "nobody hears anything");
    proxy.set_mode(Mode::Open);
    assert_eq!(answer(&mut stream).await.as_deref(), Some("one"));
}

#[tokio::test]
async fn a_wire_that_loses_answers_carries_questions() {
    let (proxy, mut hearing) = wire().await;
    proxy.set_mode(Mode::LoseAnswers);
    let mut stream = connect(&proxy).await;
    stream.write_all(b"one").await.unwrap();
    assert_eq!(timeout(PATIENCE, hearing.recv()).await.unwrap().as_deref(), Some("one"));
    assert!(timeout(NOTHING, stream.readable()).await.is_err(), "no answer");
    proxy.set_mode(Mode::Open);
    assert_eq!(answer(&mut stream).await, None, "what has lost an answer is of no use any more");
}

#[tokio::test]
async fn where_one_target_is_dead_the_others_serve() {
    let (proxy, _hearing) = wire().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    proxy.set_target(1, Target::Tcp(dead));
    proxy.set_target(2, Target::Nobody);
    for _ in 0..6 {
        assert_eq!(ask(&mut connect(&proxy).await, "one").await.as_deref(), Some("one"));
    }
    proxy.set_target(0, Target::Nobody);
    assert_eq!(ask(&mut connect(&proxy).await, "two").await, None);
}

#[tokio::test]
async fn a_wire_may_lead_to_a_socket_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let proxy = Proxy::start().await;
    proxy.set_target(0, Target::Unix(path));
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 3];
        stream.read_exact(&mut buffer).await.unwrap();
        stream.write_all(&buffer).await.unwrap();
    });
    assert_eq!(ask(&mut connect(&proxy).await, "one").await.as_deref(), Some("one"));
    serving.await.unwrap();
}

#[tokio::test]
async fn connections_that_are_open_at_once_are_counted() {
    let (proxy, _hearing) = wire().await;
    for _ in 0..3 {
        let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
        assert_eq!(ask(&mut one, "one").await.as_deref(), Some("one"));
        assert_eq!(ask(&mut other, "two").await.as_deref(), Some("two"));
        for mut stream in [one, other] {
            stream.shutdown().await.unwrap();
            assert_eq!(answer(&mut stream).await, None, "over on both sides");
        }
    }
    assert_eq!(proxy.most_open(), 2);
}
