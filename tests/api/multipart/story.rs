//! What a client does, from the first part to the last answer.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{PART, bytes, complete, etag, film, held, named, send_part, sign, unfinished};
use crate::harness::{TestApp, path_of, send};

#[tokio::test]
async fn a_multipart_grant_is_uploaded_in_parts_and_joined_by_us() {
    let app = TestApp::spawn().await;
    let size = 2 * PART + 7;
    let ask = json!({"profile": "film", "filename": "holiday.mp4", "size": size});
    let grant = app.issue("u-7", ask).await;

    assert_eq!(grant["request"], Value::Null);
    assert_eq!(grant["callback"], Value::Null, "the joining is ours: there is nobody to call back to");
    assert_eq!(grant["enforced"], json!(["key"]));
    let plan = &grant["multipart"];
    assert_eq!(plan["part_size"], 8 * 1024 * 1024);
    assert_eq!((&plan["part_count"], &plan["max_parts"]), (&json!(1), &json!(3)));
    assert!(plan["oss_upload_id"].as_str().is_some_and(|id| !id.is_empty()), "{plan}");

    let parts = [bytes(1, PART), bytes(2, PART), bytes(3, 7)];
    let window = sign(&app, &grant, &[2, 1, 3]).await.json();
    assert_eq!(window["expires_at"], grant["expires_at"]);
    let mut etags = Vec::new();
    for (signed, number) in window["parts"].as_array().unwrap().iter().zip([2_usize, 1, 3]) {
        assert_eq!((&signed["part_number"], &signed["headers"]), (&json!(number), &json!({})));
        let sent = send(app.http.put(signed["url"].as_str().unwrap()).body(parts[number - 1].clone())).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        etags.push((u32::try_from(number).unwrap(), sent.header("etag")));
    }
    let expected: Vec<_> = parts
        .iter()
        .zip(1..)
        .map(|(part, number)| json!({"part_number": number, "etag": etag(part), "size": part.len()}))
        .collect();
    assert_eq!(held(&app, &grant).await, json!(expected), "what a client that resumes must not send again");

    let list: Vec<_> = etags.iter().map(|(number, etag)| (*number, etag.as_str())).collect();
    let completed = complete(&app, &grant, &named(&list)).await;
    assert_eq!(completed.status, 200, "{}", completed.text());
    let completed = completed.json();
    assert_eq!(completed["state"], "completed");
    let completion = &completed["completion"];
    assert_eq!((&completion["size"], &completion["source"]), (&json!(size), &json!("complete")));
    assert_eq!(completion["content_type"], "video/mp4", "fixed by Initiate");
    assert!(completion["etag"].as_str().unwrap().ends_with("-3"), "{completion}");
    assert_eq!(complete(&app, &grant, &json!({})).await.json(), completed, "repeating answers the same");

    let record = &app.objects("app-media").await[0]["versions"][0]["attributes"];
    assert!(record["headers"].as_array().unwrap().contains(&json!(["x-oss-meta-origin", "app"])), "{record}");
    assert!(unfinished(&app).await.is_empty());
    let kinds: Vec<_> = app.events().await.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["com.oss-valet.upload.completed"]);
}

#[tokio::test]
async fn without_a_list_all_parts_that_oss_holds_become_the_object() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    assert_eq!(grant["multipart"]["part_count"], Value::Null, "no size was declared");
    assert_eq!(held(&app, &grant).await, json!([]));
    complete(&app, &grant, &json!({})).await.assert_refused(422, "size_too_small");

    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    send_part(&app, &grant, 1, &bytes(2, PART)).await;
    send_part(&app, &grant, 3, b"the end").await;
    let completed = complete(&app, &grant, &json!({})).await;

    assert_eq!(completed.json()["completion"]["size"], PART + 7, "a part sent again replaces the first");
}

#[tokio::test]
async fn renewing_keeps_the_parts_and_gives_more_time() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    app.clock.advance(TimeDelta::minutes(59));
    let renewed = app.act(&grant, "renew").await.json();
    assert_eq!(renewed["multipart"], grant["multipart"]);
    app.clock.advance(TimeDelta::minutes(30));

    send_part(&app, &grant, 2, b"the end").await;
    assert_eq!(complete(&app, &grant, &json!({})).await.status, 200);
}

#[tokio::test]
async fn an_idempotent_request_begins_one_upload() {
    let app = TestApp::spawn().await;
    let ask = || async {
        let body = json!({"profile": "film", "filename": "a.mp4"});
        let request = app.request(reqwest::Method::POST, "/v1/uploads", "u-7").header("Idempotency-Key", "k");
        send(request.json(&body)).await
    };

    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    let again = ask().await;

    let ids: Vec<_> =
        [&first, &second, &third, &again].map(|answer| answer.json()["multipart"]["oss_upload_id"].clone()).into();
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_string()), "{ids:?}");
    assert_eq!(unfinished(&app).await.len(), 1, "what a race began twice is aborted");
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn cancelling_takes_the_parts_away() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    let url = sign(&app, &grant, &[2]).await.json()["parts"][0]["url"].as_str().unwrap().to_owned();

    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);

    assert!(unfinished(&app).await.is_empty());
    assert_eq!(send(app.http.put(url).body("late")).await.status, 404, "the upload is gone");
    complete(&app, &grant, &json!({})).await.assert_refused(409, "grant_cancelled");
    sign(&app, &grant, &[1]).await.assert_refused(409, "grant_cancelled");
    assert_eq!(held(&app, &grant).await, json!([]));
}

#[tokio::test]
async fn a_stale_upload_is_aborted_when_its_grant_expires() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    send_part(&app, &grant, 1, &bytes(1, PART)).await;
    app.clock.advance(TimeDelta::hours(2));

    app.valet.reconcile_due(oss_valet::clock::Clock::now(&*app.clock)).await.unwrap();

    assert_eq!(app.show(&grant).await["state"], "expired");
    assert!(unfinished(&app).await.is_empty());
    sign(&app, &grant, &[1]).await.assert_refused(409, "grant_ended");
    complete(&app, &grant, &json!({})).await.assert_refused(409, "not_uploaded");
}

#[tokio::test]
async fn parts_are_signed_in_windows_within_the_grant() {
    let app = TestApp::spawn().await;
    let grant = film(&app).await;
    for (numbers, code) in [
        (vec![], "invalid_parameter"),
        (vec![0], "invalid_parameter"),
        (vec![10_001], "invalid_parameter"),
        (vec![4], "size_too_large"),
        ((1..=1001).collect(), "invalid_parameter"),
    ] {
        sign(&app, &grant, &numbers).await.assert_refused(422, code);
    }
    let other = app.issue("u-7", json!({"profile": "document"})).await;
    sign(&app, &other, &[1]).await.assert_refused(422, "method_not_allowed_by_profile");
    app.clock.advance(TimeDelta::hours(1));
    sign(&app, &grant, &[1]).await.assert_refused(409, "grant_ended");
}
