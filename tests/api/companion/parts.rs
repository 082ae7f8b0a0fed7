//! Files that travel in parts.

use chrono::TimeDelta;
use oss_valet::{clock::Clock, oss::presign::get_object};
use serde_json::{Value, json};

use super::{Companion, S3_PART, Transfer, grant, named};
use crate::{
    harness::TestApp,
    multipart::{ask_oss, bytes, unfinished},
};

/// As Uppy asks: what it knows of the file, and what is none of our business.
fn film() -> Value {
    json!({"filename": "holiday.mp4", "type": "video/mp4", "metadata": {"name": "holiday.mp4", "relativePath": null}})
}

fn etags(list: &Value) -> Vec<(u64, u64)> {
    let parts = list.as_array().unwrap().iter();
    parts.map(|part| (part["PartNumber"].as_u64().unwrap(), part["Size"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn parts_as_uppy_cuts_them_become_the_object() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = uppy.begin(&film()).await;
    assert!(transfer.key.starts_with("films/u-7/"), "{}", transfer.key);
    assert_eq!(unfinished(&app).await, [transfer.key.as_str()]);
    assert!(uppy.get(&transfer.path("")).await.json().as_array().unwrap().is_empty());

    // 24 MiB are all that the profile allows: five parts of Uppy's, where our own plan has three.
    let mut file = Vec::new();
    let mut sent = Vec::new();
    for number in 1..=5_u8 {
        let part = bytes(number, if number == 5 { 4 * 1024 * 1024 } else { S3_PART });
        sent.push((u32::from(number), uppy.send_part(&transfer, number.into(), &part).await));
        file.extend(part);
    }
    let listed = uppy.get(&transfer.path("")).await.json();
    assert_eq!(etags(&listed), [(1, 5_242_880), (2, 5_242_880), (3, 5_242_880), (4, 5_242_880), (5, 4_194_304)]);
    assert_eq!(listed[0]["ETag"], sent[0].1, "as OSS answered it");
    let parts: Vec<_> = sent.iter().map(|(number, etag)| (*number, etag.as_str())).collect();
    let answer = uppy.post(&transfer.path("/complete"), &named(&parts)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let location = format!("{}/app-media/{}", app.simulator, transfer.key);
    assert_eq!(answer.json(), json!({"location": location, "bucket": "app-media", "key": transfer.key}));
    let grant = grant(&app, "u-7", &transfer.id).await;
    assert_eq!((&grant["state"], &grant["completion"]["size"]), (&json!("completed"), &json!(file.len())));
    assert_eq!((&grant["content_type"], &grant["filename"]), (&json!("video/mp4"), &json!("holiday.mp4")));
    let stored = ask_oss(&app, get_object("app-media", &transfer.key), "").await.body;
    assert!(stored == file, "{} bytes, and all of them", stored.len());
    assert_eq!(uppy.post(&transfer.path("/complete"), &named(&parts)).await.status, 200, "repeating answers the same");
}

#[tokio::test]
async fn variables_come_from_the_metadata_and_unquoted_etags_will_do() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    let body = json!({
        "filename": "a.txt", "contentType": "text/x", "size": 9, "protocol": "s3-multipart",
        "metadata": {"profile": "document", "album": 42, "note": true, "tags": ["a", "b"], "owner": {"id": 1}},
    });
    let transfer = uppy.begin(&body).await;
    let etag = uppy.send_part(&transfer, 1, b"some text").await;

    // 6.x strips the quotes; other clients repeat all that the list said.
    let parts = json!({"parts": [{"PartNumber": 1, "ETag": etag.trim_matches('"'), "Size": 9}], "more": 1});
    assert_eq!(uppy.post(&transfer.path("/complete"), &parts).await.status, 200);

    let grant = grant(&app, "u-7", &transfer.id).await;
    assert_eq!(grant["vars"], json!({"album": "42", "note": "true"}));
    assert_eq!((&grant["content_type"], &grant["completion"]["size"]), (&json!("text/x"), &json!(9)));
}

#[tokio::test]
async fn several_parts_are_signed_at_once() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = uppy.begin(&film()).await;

    let answer = uppy.get(&format!("{}&partNumbers=1,3", transfer.path("/batch"))).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let urls = answer.json()["presignedUrls"].as_object().unwrap().clone();
    assert_eq!(urls.keys().collect::<Vec<_>>(), ["1", "3"]);
    for (number, url) in &urls {
        let sent = crate::harness::send(app.http.put(url.as_str().unwrap()).body(bytes(1, 100 * 1024))).await;
        assert_eq!(sent.status, 200, "{number}: {}", sent.text());
    }
    assert_eq!(etags(&uppy.get(&transfer.path("")).await.json()), [(1, 102_400), (3, 102_400)]);
    for numbers in ["", "&partNumbers=", "&partNumbers=1,x", "&partNumbers=0", "&partNumbers=1,,2"] {
        let refused = uppy.get(&format!("{}{numbers}", transfer.path("/batch"))).await;
        refused.assert_refused(422, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_cancelled_upload_is_gone_at_oss_and_its_grant_cancelled() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = uppy.begin(&film()).await;
    uppy.send_part(&transfer, 1, b"0123456789").await;

    let answer = uppy.delete(&transfer.path("")).await;

    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    assert_eq!(unfinished(&app).await, [""; 0]);
    assert_eq!(grant(&app, "u-7", &transfer.id).await["state"], "cancelled");
    uppy.get(&transfer.path("/1")).await.assert_refused(409, "grant_cancelled");
    uppy.delete(&transfer.path("")).await.assert_refused(409, "grant_cancelled");
}

#[tokio::test]
async fn a_long_upload_outlives_its_grants_first_lifetime() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    let mut body = film();
    body["metadata"]["profile"] = json!("film");
    let transfer = uppy.begin(&body).await;
    let mut parts = Vec::new();
    // The profile's grants live an hour; this one takes two and a half.
    for number in 1..=4 {
        parts.push((number, uppy.send_part(&transfer, number, &bytes(1, 200 * 1024)).await));
        app.clock.advance(TimeDelta::minutes(40));
    }
    // Meanwhile its first appointment with the reconciler has passed.
    app.valet.reconcile_due(app.clock.now()).await.unwrap();

    let parts: Vec<_> = parts.iter().map(|(number, etag)| (*number, etag.as_str())).collect();
    let answer = uppy.post(&transfer.path("/complete"), &named(&parts)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(grant(&app, "u-7", &transfer.id).await["state"], "completed");
}

#[tokio::test]
async fn an_upload_goes_on_with_a_new_ticket() {
    let app = TestApp::spawn().await;
    let uppy = Companion::by_ticket(&app, "u-7", "film").await;
    let transfer = uppy.begin(&film()).await;
    let one = uppy.send_part(&transfer, 1, &bytes(1, 200 * 1024)).await;
    app.clock.advance(TimeDelta::minutes(61));
    uppy.get(&transfer.path("/2")).await.assert_refused(401, "unauthorized");

    let uppy = Companion::by_ticket(&app, "u-7", "film").await;

    assert_eq!(etags(&uppy.get(&transfer.path("")).await.json()), [(1, 204_800)]);
    let two = uppy.send_part(&transfer, 2, b"the end").await;
    assert_eq!(uppy.post(&transfer.path("/complete"), &named(&[(1, &one), (2, &two)])).await.status, 200);
}

#[tokio::test]
async fn a_signed_part_says_how_long_it_is_good_for() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    let mut body = film();
    body["metadata"]["profile"] = json!("film");
    let transfer = uppy.begin(&body).await;
    let expires = async |transfer: &Transfer| uppy.get(&transfer.path("/1")).await.json()["expires"].clone();

    assert_eq!(expires(&transfer).await, 3600);
    app.clock.advance(TimeDelta::minutes(30));
    assert_eq!(expires(&transfer).await, 1800);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(expires(&transfer).await, 3600, "renewed");
}

#[tokio::test]
async fn what_can_not_be_granted_is_refused_with_its_code() {
    let app = TestApp::spawn().await;
    let uppy = Companion::bearer(&app, "u-7");
    let with = |metadata: Value| json!({"filename": "a.txt", "type": "text/plain", "metadata": metadata});
    for (body, status, code) in [
        (json!({}), 422, "missing_field"),
        (with(json!({})), 422, "missing_field"),
        (with(json!({"profile": "staff"})), 403, "profile_not_allowed"),
        (with(json!({"profile": "avatar"})), 422, "method_not_allowed_by_profile"),
        (with(json!({"profile": "document", "album": {"id": 1}})), 422, "invalid_variable"),
        (with(json!({"profile": "document", "album": "x".repeat(257)})), 422, "invalid_variable"),
        (with(json!({"profile": 7})), 400, "malformed_json"),
        (with(json!("document")), 400, "malformed_json"),
        (json!({"filename": 7, "metadata": {"profile": "document"}}), 400, "malformed_json"),
        (json!({"size": "7", "metadata": {"profile": "document"}}), 400, "malformed_json"),
        (json!({"size": 1_048_577, "metadata": {"profile": "document"}}), 422, "size_too_large"),
        (json!([]), 400, "malformed_json"),
    ] {
        uppy.post("/multipart", &body).await.assert_refused(status, code);
    }
    let large = json!({"filename": "x".repeat(70_000), "metadata": {"profile": "document"}});
    uppy.post("/multipart", &large).await.assert_refused(413, "body_too_large");
    assert_eq!(app.grant_count().await, 0);
}
