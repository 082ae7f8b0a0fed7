//! Each object under a directory is a completion of its own.

use serde_json::json;

use super::{appserver, dir, last_grant, news, told, upload};
use crate::{
    forger::Forger,
    harness::{TestApp, path_of, send},
    support::decode_json,
};

#[tokio::test]
async fn an_object_is_answered_shown_and_told() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let key = format!("{}sub/报告 1&2.html", dir(&answer));

    let uploaded = upload(&app, &answer, "sub/报告 1&2.html", b"hello").await;

    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
    let grant = last_grant(&app, "u-7").await;
    let expected = json!({
        "id": grant["id"], "state": "completed", "bucket": "app-media", "key": key, "size": 5,
        "etag": "5D41402ABC4B2A76B9719D911017C592", "content_type": "text/html", "user_id": "u-7", "vars": {},
    });
    assert_eq!(uploaded.json(), expected);
    assert_eq!(
        (&grant["kind"], &grant["state"], &grant["key"], &grant["method"]),
        (&json!("directory"), &json!("issued"), &json!(dir(&answer)), &json!("post")),
        "{grant}"
    );
    assert_eq!((&grant["content_type"], &grant["enforced"]), (&json!("*/*"), &json!(["key", "size", "callback"])));
    assert!(grant.get("completion").is_none(), "a directory never completes");
    let object = &grant["objects"][0];
    assert_eq!(
        (&object["key"], &object["state"], &object["source"], &object["late"]),
        (&json!(key), &json!("completed"), &json!("callback"), &json!(false)),
        "{object}"
    );
    let event = &app.events().await[0];
    assert_eq!((&event["type"], &event["subject"]), (&json!("com.oss-valet.upload.completed"), &json!(key)));
    assert_eq!((&event["data"]["key"], &event["data"]["upload_id"]), (&json!(key), &grant["id"]));
}

#[tokio::test]
async fn many_objects_are_many_completions() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    for name in ["a", "b", "c"] {
        assert_eq!(upload(&app, &answer, name, name.as_bytes()).await.status, 200, "{name}");
    }
    // The same key with other bytes is another completion; with the same bytes it is the one that there is.
    for content in [&b"a"[..], b"changed", b"a"] {
        let again = upload(&app, &answer, "a", content).await;
        assert_eq!((again.status.as_u16(), &again.json()["size"]), (200, &json!(content.len())), "{}", again.text());
    }
    let key = |name: &str| format!("{}{name}", dir(&answer));
    let expected = ["a", "b", "c", "a"].map(|name| told("completed", &key(name)));
    assert_eq!(news(&app).await, expected);
    let grant = last_grant(&app, "u-7").await;
    let shown: Vec<_> = grant["objects"].as_array().unwrap().iter().map(|object| object["size"].clone()).collect();
    assert_eq!(shown, [json!(7), json!(1), json!(1), json!(1)], "newest first");
}

#[tokio::test]
async fn what_breaks_the_profile_is_rejected_and_the_grant_goes_on() {
    let app = TestApp::spawn_with(|settings| {
        settings
            .replace("[profiles.avatar]\n", "[profiles.avatar]\ndirectory = \"avatars/{user_id}/{id}/\"\n")
            .replace("[profiles.strict]\n", "[profiles.strict]\ndirectory = \"strict/{id}/\"\n")
            .replace("methods = [\"put\"]\nmin_size = 10", "methods = [\"post\"]\nmin_size = 10")
            .replace("max_size = 100\n", "max_size = 100\ncontent_types = [\"image/*\"]\n")
    })
    .await;
    for (profile, there) in [("avatar", true), ("strict", false)] {
        let answer = appserver(&app, "u-7", profile).await;
        let refused = upload(&app, &answer, "page.html", b"more than ten bytes").await;
        assert_eq!(refused.status, 203, "OSS stored it, and we refused: {}", refused.text());
        let grant = last_grant(&app, "u-7").await;
        assert_eq!((&grant["state"], &grant["content_type"]), (&json!("issued"), &json!("image/*")), "{grant}");
        let object = &grant["objects"][0];
        assert_eq!(
            (&object["state"], &object["reason"]),
            (&json!("rejected"), &json!("content_type_not_allowed")),
            "{object}"
        );
        let told = app.events().await.pop().unwrap();
        assert_eq!(told["type"], "com.oss-valet.upload.rejected");
        assert_eq!(told["data"]["reason"], "content_type_not_allowed");
        let kept = app.objects("app-media").await.to_string().contains(&format!("{}page.html", dir(&answer)));
        assert_eq!(kept, there, "{profile}: on_reject");
    }
    let answer = appserver(&app, "u-7", "strict").await;
    for size in [9, 101] {
        let refused = upload(&app, &answer, "x", &vec![b'x'; size]).await;
        assert_eq!(refused.status, 400, "OSS itself: {}", refused.text());
    }
}

#[tokio::test]
async fn a_repeated_callback_is_answered_as_the_first_was() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let first = upload(&app, &answer, "a.txt", b"hello").await;
    let body = super::attacks::body(&answer, "a.txt", b"hello");

    for _ in 0..2 {
        let again = forger.callback(body.clone()).send(&app).await;
        assert_eq!((again.status, again.text()), (first.status, first.text()));
    }
    // Even when the object is gone meanwhile: what is recorded stands.
    let url = format!("{}/-/objects/app-media/{}a.txt", app.simulator, dir(&answer));
    send(app.http.delete(url)).await;
    assert_eq!(forger.callback(body).send(&app).await.text(), first.text());
    assert_eq!(app.events().await.len(), 1);
}

#[tokio::test]
async fn a_directory_is_renewed_and_never_complete() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let grant = last_grant(&app, "u-7").await;

    app.act(&grant, "complete").await.assert_refused(422, "method_not_allowed_by_profile");
    app.post(&format!("{}/parts", path_of(&grant)), "u-7", &json!({"part_numbers": [1]}))
        .await
        .assert_refused(422, "method_not_allowed_by_profile");
    app.clock.advance(chrono::TimeDelta::minutes(9));
    let renewed = app.act(&grant, "renew").await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let renewed = renewed.json();
    assert_eq!((&renewed["key"], &renewed["expires_at"]), (&grant["key"], &json!("2026-11-21T00:19:00Z")));
    assert_eq!(renewed["request"]["fields"]["key"], format!("{}${{filename}}", dir(&answer)));
    assert_eq!(decode_json(&renewed["callback"]["callback_var"]), json!({}));

    let uploaded = crate::harness::upload(&app, &renewed, b"hello").await;

    assert_eq!(uploaded.json()["key"], format!("{}file.bin", dir(&answer)), "{}", uploaded.text());
    let strangers = app.get(&path_of(&grant), "u-8").await;
    strangers.assert_refused(404, "not_found");
}
