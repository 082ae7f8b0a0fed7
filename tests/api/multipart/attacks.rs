//! What a client that lies gets.

use serde_json::json;

use super::{PART, bytes, complete, etag, film, named, send_part, sign};
use crate::harness::{TestApp, path_of, send};

#[tokio::test]
async fn parts_that_oss_does_not_hold_so_are_not_joined() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    let one = send_part(&app, &grant, 1, &bytes(1, PART)).await;
    let two = send_part(&app, &grant, 2, b"the end").await;
    let foreign = etag(b"foreign");
    for (what, list) in [
        ("a foreign ETag", named(&[(1, &foreign), (2, &two)])),
        ("swapped ETags", named(&[(1, &two), (2, &one)])),
        ("a part that was never sent", named(&[(1, &one), (3, &two)])),
        ("a part named twice", named(&[(1, &one), (1, &one)])),
        ("a number that no part has", named(&[(10_001, &one)])),
    ] {
        let refused = complete(&app, &grant, &list).await;
        refused.assert_refused(422, "invalid_parameter");
        assert_eq!(app.show(&grant).await["state"], "issued", "{what}");
    }
    assert!(app.objects("app-media").await.as_array().unwrap().is_empty());
    assert_eq!(complete(&app, &grant, &named(&[(2, &two), (1, &one)])).await.status, 200, "nothing was lost by it");
}

#[tokio::test]
async fn parts_beyond_the_limit_are_not_joined() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    let url = |answer: crate::harness::Answer| answer.json()["parts"][0]["url"].as_str().unwrap().to_owned();
    let first = url(sign(&app, &grant, &[1]).await);
    let sent = send(app.http.put(first).body(vec![0; 24 * 1024 * 1024])).await;
    assert_eq!(sent.status, 200);
    send_part(&app, &grant, 2, b"a byte too many").await;

    complete(&app, &grant, &json!({})).await.assert_refused(422, "size_too_large");

    assert!(app.objects("app-media").await.as_array().unwrap().is_empty(), "it never becomes an object");
    let (small, end) = (send_part(&app, &grant, 1, &bytes(1, PART)).await, etag(b"a byte too many"));
    assert_eq!(complete(&app, &grant, &named(&[(1, &small), (2, &end)])).await.status, 200, "the client may mend it");
}

#[tokio::test]
async fn a_strangers_parts_do_not_exist() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    let path = format!("{}/parts", path_of(&grant));
    let reader = app.token_with("u-8", &["uploads:read-any"]);
    for token in [app.token("u-8"), reader] {
        let request = |method| app.http.request(method, format!("{}{path}", app.service)).bearer_auth(&token);
        send(request(reqwest::Method::POST).json(&json!({"part_numbers": [1]}))).await.assert_refused(404, "not_found");
        send(request(reqwest::Method::GET)).await.assert_refused(404, "not_found");
    }
}

/// The URL of a part is for this part of this upload of this key.
#[tokio::test]
async fn a_signed_part_is_for_nothing_else() {
    let app = TestApp::spawn().await;
    let (grant, other) = (film(&app).await, film(&app).await);
    let url = sign(&app, &grant, &[1]).await.json()["parts"][0]["url"].as_str().unwrap().to_owned();
    let id = |grant: &serde_json::Value| grant["multipart"]["oss_upload_id"].as_str().unwrap().to_owned();
    let key = |grant: &serde_json::Value| grant["key"].as_str().unwrap().to_owned();
    for (what, changed) in [
        ("another part", url.replace("partNumber=1", "partNumber=2")),
        ("another upload", url.replace(&id(&grant), &id(&other))),
        ("another key", url.replace(&key(&grant), &key(&other))),
        ("no part at all", url.replace("partNumber=1&", "")),
    ] {
        assert_ne!(changed, url, "{what}");
        let sent = send(app.http.put(changed).body("x")).await;
        assert_eq!(sent.status, 403, "{what}: {}", sent.text());
    }
    let joined = send(app.http.post(&url).body("<CompleteMultipartUpload/>")).await;
    assert_eq!(joined.status, 403, "a part's URL joins nothing");
}
