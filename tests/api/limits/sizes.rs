//! How large a request may be.

use reqwest::{Method, header};
use serde_json::json;

use crate::harness::{TestApp, send};

const SMALL: &str = "requests_per_minute = 0\naddress_requests_per_minute = 0\nmax_body = \"1 KiB\"";

/// A body that does not say how long it is.
fn chunked(bytes: usize) -> reqwest::Body {
    let piece = |_| Ok::<_, std::io::Error>(vec![b' '; 100]);
    reqwest::Body::wrap_stream(futures_util::stream::iter((0..bytes / 100).map(piece)))
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_settings_say() {
    let app = TestApp::spawn_limited(SMALL, "").await;
    let padded = |len: usize| {
        let body = json!({"profile": "avatar", "filename": "me.png"}).to_string();
        format!("{body}{}", " ".repeat(len - body.len()))
    };
    assert_eq!(app.post_raw("/v1/uploads", "u-7", padded(1024)).await.status, 201);
    app.post_raw("/v1/uploads", "u-7", padded(1025)).await.assert_refused(413, "body_too_large");
    app.post_raw("/v1/uploads", "u-7", chunked(2000)).await.assert_refused(413, "body_too_large");
    for path in ["/v1/uploads/batch", "/v1/tickets", "/v1/no/such/path", "/compat/companion/s3/multipart"] {
        app.post_raw(path, "u-7", vec![b'x'; 1025]).await.assert_refused(413, "body_too_large");
    }
    let get = app.request(Method::GET, "/v1/profiles", "u-7").body(vec![b'x'; 1025]);
    send(get).await.assert_refused(413, "body_too_large");
}

#[tokio::test]
async fn a_callback_has_a_cap_of_its_own() {
    let app = TestApp::spawn_limited(SMALL, "").await;
    let call = |body: reqwest::Body| send(app.http.post(format!("{}/v1/callbacks/oss", app.service)).body(body));
    call(vec![b'x'; 64 * 1024].into()).await.assert_refused(400, "callback_malformed");
    call(vec![b'x'; 64 * 1024 + 1].into()).await.assert_refused(413, "body_too_large");
    call(chunked(70_000)).await.assert_refused(413, "body_too_large");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let app = TestApp::spawn().await;
    let with = |bytes: usize| app.request(Method::GET, "/v1/profiles", "u-7").header("x-ballast", "a".repeat(bytes));
    assert_eq!(send(with(30 * 1024)).await.status, 200);
    send(with(33 * 1024)).await.assert_refused(431, "headers_too_large");

    let long = |bytes: usize| app.request(Method::GET, &format!("/v1/profiles?{}", "a".repeat(bytes)), "u-7");
    assert_eq!(send(long(8000)).await.status, 200);
    send(long(9000)).await.assert_refused(414, "uri_too_long");
}

#[tokio::test]
async fn a_page_reads_that_its_body_is_too_large() {
    let app = TestApp::spawn().await;
    let request = app.request(Method::POST, "/v1/uploads", "u-7").header(header::ORIGIN, "https://app.example.com");
    let answer = send(request.body(vec![b'x'; 2 << 20])).await;
    answer.assert_refused(413, "body_too_large");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
}
