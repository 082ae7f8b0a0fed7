//! Private addresses are refused when the connection is made, unless the sink may live there.

use super::{SinkSpec, complete, receiver::Receiver, row, sent, spawn, step};

#[tokio::test]
async fn a_private_address_is_not_connected_to_however_it_is_written() {
    let receiver = Receiver::start().await;
    let port = receiver.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let url = format!("http://{host}:{port}/events");
        let app = spawn(&[SinkSpec { name: "backend", url, more: "allow_private = false" }]).await;
        complete(&app).await;
        assert_eq!(step(&app, "backend").await, sent(0, 1), "{host}");
        let error = row(&app).await.error.unwrap();
        assert_eq!(error, "no connection: its address is private, and `allow_private` is not set", "{host}");
    }
    assert_eq!(receiver.received().await.len(), 0);
}

#[tokio::test]
async fn a_sink_that_may_live_at_a_private_address_is_found_by_name_too() {
    let receiver = Receiver::start().await;
    let url = format!("http://localhost:{}/events", receiver.port());
    let app = spawn(&[SinkSpec { name: "backend", url, more: "allow_private = true" }]).await;
    complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(1, 0));
}

#[tokio::test]
async fn no_error_tells_the_urls_query() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/events?token=sesame");
    let app = spawn(&[SinkSpec { name: "backend", url, more: "" }]).await;
    complete(&app).await;
    assert_eq!(step(&app, "backend").await, sent(0, 1));
    let error = row(&app).await.error.unwrap();
    assert!(error.starts_with("no connection: ") && !error.contains("sesame"), "{error}");
}
