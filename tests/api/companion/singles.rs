//! Files that travel in one request.

use chrono::TimeDelta;
use reqwest::header;
use serde_json::{Value, json};

use super::Companion;
use crate::harness::{Answer, TestApp, upload};

/// Sends a file as Uppy does with what `params` answered.
async fn send_file(app: &TestApp, params: &Value, bytes: &[u8]) -> Answer {
    upload(app, &json!({ "request": params }), bytes).await
}

async fn only_grant(app: &TestApp, user: &str) -> Value {
    let mut page = app.get("/v1/uploads", user).await.json();
    let uploads = page["uploads"].as_array_mut().unwrap();
    assert_eq!(uploads.len(), 1);
    uploads.remove(0)
}

#[tokio::test]
async fn the_answer_is_a_form_that_needs_nothing_but_the_file() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "avatar").await;

    let answer = uppy.get("/params?filename=me.png&type=image%2Fpng").await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let params = answer.json();
    let mut names: Vec<_> = params.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["expires", "fields", "headers", "method", "url"]);
    assert_eq!((&params["method"], &params["expires"]), (&json!("POST"), &json!(600)));
    assert_eq!(params["url"], format!("{}/app-media/", app.simulator));
    let sent = send_file(&app, &params, b"a picture").await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    assert_eq!(sent.json()["state"], "completed");
    let grant = only_grant(&app, "u-7").await;
    assert_eq!(grant["key"], params["fields"]["key"]);
    assert_eq!((&grant["profile"], &grant["filename"]), (&json!("avatar"), &json!("me.png")));
    assert_eq!((&grant["state"], &grant["completion"]["size"]), (&json!("completed"), &json!(9)));
}

#[tokio::test]
async fn a_profile_that_prefers_put_gets_a_url() {
    let app = TestApp::spawn_with(|settings| {
        settings.replacen(
            "methods = [\"post\", \"put\"]\nmin_size = 1",
            "methods = [\"put\", \"post\"]\nmin_size = 1",
            1,
        )
    })
    .await;
    let uppy = Companion::bearer(&app, "u-7");

    let params = uppy.get("/params?filename=me.png&metadata[profile]=avatar").await.json();

    assert_eq!((&params["method"], &params["fields"]), (&json!("PUT"), &json!({})));
    assert_eq!(params["headers"]["Content-Type"], "image/png", "of the file name");
    assert_eq!(send_file(&app, &params, b"a picture").await.status, 200);
    assert_eq!(only_grant(&app, "u-7").await["state"], "completed");
}

#[tokio::test]
async fn what_uppy_tells_is_taken_where_it_means_something() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    // As 5.x and 6.x write it; what is no variable of the profile's is theirs.
    let query = "filename=%E7%9B%B8%E5%86%8C.pdf&type=application%2Fpdf&size=5&metadata%5Bname%5D=x&metadata%5Btype%5D=a%2Fb\
                 &metadata%5BrelativePath%5D=null&metadata%5Balbum%5D=42+%26+more&metadata%5Bprofile%5D=document\
                 &metadata%5Bnote%5D=&metadata%5Ba%5D%5Bb%5D=1&unknown=1&unknown=2";

    let answer = uppy.get(&format!("/params?{query}")).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let grant = only_grant(&app, "u-7").await;
    assert_eq!(grant["vars"], json!({"album": "42 & more"}));
    assert_eq!((&grant["filename"], &grant["content_type"]), (&json!("相册.pdf"), &json!("application/pdf")));
    assert_eq!(send_file(&app, &answer.json(), b"longer").await.status, 400, "the size is pinned");
    assert_eq!(send_file(&app, &answer.json(), b"fives").await.status, 200);
    let other = uppy.get("/params?filename=a&contentType=text/x&metadata[profile]=document").await;
    assert_eq!(other.json()["fields"]["x-oss-content-type"], "text/x");
}

#[tokio::test]
async fn what_can_not_be_granted_is_refused_with_its_code() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    for (query, status, code) in [
        ("filename=a.png", 422, "missing_field"),
        ("filename=a.png&metadata[profile]=nope", 403, "profile_not_allowed"),
        ("filename=a.png&metadata[profile]=staff", 403, "profile_not_allowed"),
        ("filename=a.mp4&metadata[profile]=film", 422, "method_not_allowed_by_profile"),
        ("filename=a.pdf&type=application/pdf&metadata[profile]=avatar", 422, "content_type_not_allowed"),
        ("filename=a.png&metadata[profile]=avatar&size=5242881", 422, "size_too_large"),
        ("filename=a.png&metadata[profile]=avatar&size=-1", 422, "invalid_parameter"),
        ("filename=..&metadata[profile]=document", 422, "invalid_filename"),
        ("filename=a&filename=b&metadata[profile]=document", 422, "invalid_parameter"),
        ("metadata[album]=1&metadata[album]=2&metadata[profile]=document", 422, "invalid_parameter"),
        ("metadata[album]=%00&metadata[profile]=document", 422, "invalid_variable"),
        ("metadata[profile]=album", 422, "missing_field"),
        ("filename=%FF&metadata[profile]=document", 422, "invalid_parameter"),
    ] {
        uppy.get(&format!("/params?{query}")).await.assert_refused(status, code);
    }
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn a_failed_callback_is_made_good_by_the_key_alone() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "avatar").await;
    let params = uppy.get("/params?filename=me.png").await.json();
    let key = params["fields"]["key"].as_str().unwrap();
    let complete = format!("/complete?key={key}");
    // As a page asks: a bare POST.
    let ask = || crate::harness::send(uppy.request(reqwest::Method::POST, &complete));
    ask().await.assert_refused(409, "not_uploaded");
    app.set_callback_faults(&["drop"]).await;
    assert_eq!(send_file(&app, &params, b"a picture").await.status, 203);
    assert_eq!(only_grant(&app, "u-7").await["state"], "issued");

    let answer = ask().await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let location = format!("{}/app-media/{key}", app.simulator);
    assert_eq!(answer.json(), json!({"location": location, "bucket": "app-media", "key": key}));
    let grant = only_grant(&app, "u-7").await;
    assert_eq!((&grant["state"], &grant["completion"]["source"]), (&json!("completed"), &json!("complete")));
    assert_eq!(ask().await.status, 200, "repeating answers the same");
}

#[tokio::test]
async fn a_key_means_the_latest_grant_of_its_owner_and_profile() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    // All uploads of this profile have one key.
    for _ in 0..2 {
        app.clock.advance(TimeDelta::seconds(1));
        let params = uppy.get("/params?filename=me.png&metadata[profile]=portrait").await.json();
        app.set_callback_faults(&["drop"]).await;
        assert_eq!(send_file(&app, &params, b"a picture").await.status, 203);
    }
    // Many grants later.
    for _ in 0..3 {
        let batch = json!({"uploads": vec![json!({"profile": "document"}); 100]});
        assert_eq!(app.post("/v1/uploads/batch", "u-7", &batch).await.status, 200);
    }
    let complete = "/complete?key=portraits/u-7/current";

    assert_eq!(uppy.post(complete, &json!({})).await.status, 200);

    let page = app.get("/v1/uploads?profile=portrait", "u-7").await.json();
    let states: Vec<_> = page["uploads"].as_array().unwrap().iter().map(|upload| upload["state"].clone()).collect();
    assert_eq!(states, ["completed", "issued"], "newest first");
    Companion::bearer(&app, "u-8").post(complete, &json!({})).await.assert_refused(404, "not_found");
    let avatar = Companion::by_ticket(&app, "u-7", "avatar").await;
    avatar.post(complete, &json!({})).await.assert_refused(404, "not_found");
    uppy.post("/complete?key=portraits/u-7/other", &json!({})).await.assert_refused(404, "not_found");
    uppy.post("/complete", &json!({})).await.assert_refused(422, "invalid_parameter");
}

#[tokio::test]
async fn other_methods_and_paths_are_refused_as_everywhere() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    let refused = uppy.post("/params?metadata[profile]=document", &json!({})).await;
    refused.assert_refused(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET");
    uppy.get("/sts").await.assert_refused(404, "not_found");
    let text = uppy.request(reqwest::Method::POST, "/multipart").header(header::CONTENT_TYPE, "text/plain").body("{}");
    crate::harness::send(text).await.assert_refused(415, "unsupported_media_type");
    let nobody = app.http.get(format!("{}/compat/companion/s3/params?metadata[profile]=document", app.service));
    crate::harness::send(nobody).await.assert_refused(401, "unauthorized");
}
