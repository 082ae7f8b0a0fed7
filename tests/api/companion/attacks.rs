//! What a client that lies gets.

use reqwest::Method;
use serde_json::json;

use super::{Companion, Transfer, grant, named};
use crate::{
    harness::{Answer, TestApp, send},
    multipart::{bytes, unfinished},
};

/// Every call about an upload in parts.
async fn each_call(client: &Companion<'_>, transfer: &Transfer) -> Vec<(&'static str, Answer)> {
    vec![
        ("list", client.get(&transfer.path("")).await),
        ("sign", client.get(&transfer.path("/1")).await),
        ("sign several", client.get(&format!("{}&partNumbers=1", transfer.path("/batch"))).await),
        ("complete", client.post(&transfer.path("/complete"), &json!({"parts": []})).await),
        ("abort", client.delete(&transfer.path("")).await),
    ]
}

#[tokio::test]
async fn a_strangers_upload_does_not_exist() {
    let app = TestApp::spawn().await;
    let owner = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = owner.begin(&json!({"filename": "a.mp4"})).await;
    owner.send_part(&transfer, 1, &bytes(1, 1_000)).await;
    let foreign_key = Transfer { id: transfer.id.clone(), key: transfer.key.replace("u-7", "u-8") };
    let nonsense = Transfer { id: "not-an-id".to_owned(), key: transfer.key.clone() };
    let nowhere = Transfer { id: "01980000-0000-7000-8000-000000000000".to_owned(), key: transfer.key.clone() };
    let stranger_by_ticket = Companion::by_ticket(&app, "u-8", "film").await;
    let stranger = Companion::bearer(&app, "u-8");
    let other_ticket = Companion::by_ticket(&app, "u-7", "document").await;
    for (who, client, transfer) in [
        ("another user's ticket", &stranger_by_ticket, &transfer),
        ("another user's token", &stranger, &transfer),
        ("another user's key", &stranger, &foreign_key),
        ("the owner's ticket for another profile", &other_ticket, &transfer),
        ("the owner with another key", &owner, &foreign_key),
        ("the owner with nonsense", &owner, &nonsense),
        ("the owner with an id that nobody has", &owner, &nowhere),
    ] {
        for (call, answer) in each_call(client, transfer).await {
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{who}: {call}");
            assert!(!answer.text().contains("films/u-7"), "{who}: {call}");
        }
    }
    assert_eq!(unfinished(&app).await, [transfer.key.as_str()], "nothing happened to it");
    assert_eq!(grant(&app, "u-7", &transfer.id).await["state"], "issued");
}

#[tokio::test]
async fn the_key_of_another_upload_of_ones_own_is_no_key() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let one = uppy.begin(&json!({"filename": "a.mp4"})).await;
    let two = uppy.begin(&json!({"filename": "b.mp4"})).await;
    let mixed = Transfer { id: one.id.clone(), key: two.key.clone() };
    for (call, answer) in each_call(&uppy, &mixed).await {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{call}");
    }
    uppy.get(&format!("/multipart/{}", one.id)).await.assert_refused(422, "invalid_parameter");
    let twice = format!("{}&key={}", one.path(""), two.key);
    uppy.get(&twice).await.assert_refused(422, "invalid_parameter");
}

#[tokio::test]
async fn no_part_beyond_the_largest_file_is_signed() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = uppy.begin(&json!({"filename": "a.mp4"})).await;
    for (part, code) in [
        ("10001", "invalid_parameter"),
        ("0", "invalid_parameter"),
        ("-1", "invalid_parameter"),
        ("1e3", "invalid_parameter"),
        ("4294967297", "invalid_parameter"),
        ("6", "size_too_large"),
        ("10000", "size_too_large"),
    ] {
        uppy.get(&transfer.path(&format!("/{part}"))).await.assert_refused(422, code);
        let batch = format!("{}&partNumbers=1,{part}", transfer.path("/batch"));
        uppy.get(&batch).await.assert_refused(422, code);
    }
    let window = (1..=1_001).map(|number: u32| number.to_string()).collect::<Vec<_>>().join(",");
    let batch = format!("{}&partNumbers={window}", transfer.path("/batch"));
    uppy.get(&batch).await.assert_refused(422, "invalid_parameter");
}

#[tokio::test]
async fn parts_that_oss_does_not_hold_so_are_not_joined() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = uppy.begin(&json!({"filename": "a.mp4"})).await;
    let one = uppy.send_part(&transfer, 1, &bytes(1, 100 * 1024)).await;
    let two = uppy.send_part(&transfer, 2, b"the end").await;
    for (what, parts) in [
        ("swapped", named(&[(1, &two), (2, &one)])),
        ("foreign", named(&[(1, "\"00000000000000000000000000000000\"")])),
        ("never sent", named(&[(1, &one), (3, &two)])),
    ] {
        let refused = uppy.post(&transfer.path("/complete"), &parts).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "invalid_parameter"), "{what}");
    }
    for (what, parts) in [
        ("a number as text", json!({"parts": [{"PartNumber": "1", "ETag": one}]})),
        ("no list", json!({"parts": {}})),
        ("our own names", json!({"parts": [{"part_number": 1, "etag": one}]})),
    ] {
        let refused = uppy.post(&transfer.path("/complete"), &parts).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "malformed_json"), "{what}");
    }
    assert_eq!(grant(&app, "u-7", &transfer.id).await["state"], "issued");
    assert_eq!(uppy.post(&transfer.path("/complete"), &named(&[(1, &one), (2, &two)])).await.status, 200);
}

#[tokio::test]
async fn parts_are_no_way_around_the_largest_size() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "document").await;
    let transfer = uppy.begin(&json!({"filename": "a.txt"})).await;
    let etag = uppy.send_part(&transfer, 1, &bytes(1, 1024 * 1024 + 1)).await;

    let refused = uppy.post(&transfer.path("/complete"), &named(&[(1, &etag)])).await;

    refused.assert_refused(422, "size_too_large");
    assert!(app.objects("app-media").await.as_array().unwrap().is_empty(), "it never becomes an object");
}

#[tokio::test]
async fn the_ways_of_a_grant_of_another_method_are_closed() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    let form = app.issue("u-7", json!({"profile": "document", "method": "post"})).await;
    let text = |name: &str| form[name].as_str().unwrap().to_owned();
    let transfer = Transfer { id: text("id"), key: text("key") };
    uppy.get(&transfer.path("/1")).await.assert_refused(422, "method_not_allowed_by_profile");
    uppy.get(&transfer.path("")).await.assert_refused(422, "method_not_allowed_by_profile");
    uppy.post(&transfer.path("/complete"), &json!({"parts": []})).await.assert_refused(409, "not_uploaded");
}

#[tokio::test]
async fn nobody_enters_without_a_token_or_a_ticket() {
    let app = TestApp::spawn().await;
    let owner = Companion::bearer(&app, "u-7");
    let transfer = owner.begin(&json!({"filename": "a.mp4", "metadata": {"profile": "film"}})).await;
    let nobody = Companion { token: None, ..Companion::bearer(&app, "u-7") };
    for (call, answer) in each_call(&nobody, &transfer).await {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthorized"), "{call}");
    }
    let bare = app.http.request(Method::DELETE, format!("{}/compat/t//companion/s3{}", app.service, transfer.path("")));
    assert_eq!(send(bare).await.status, 404, "an empty ticket is no path");
}
