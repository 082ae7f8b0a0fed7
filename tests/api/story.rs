//! The main job, end to end: issue, upload, callback, ledger, event.

use serde_json::json;

use crate::harness::{TestApp, path_of, upload};

#[tokio::test]
async fn an_upload_is_granted_sent_to_oss_called_back_recorded_and_told() {
    let app = TestApp::spawn().await;
    for (profile, method) in [("document", "post"), ("document", "put"), ("old", "post"), ("old", "put")] {
        let body = json!({"profile": profile, "method": method, "filename": "a.txt", "vars": {"album": "4 2&x=ü"}});
        let grant = app.issue("u-7", body).await;

        let answer = upload(&app, &grant, b"hello").await;

        assert_eq!(answer.status, 200, "{profile} {method}: {}", answer.text());
        let told = answer.json();
        assert_eq!(told["state"], "completed", "{told}");
        assert_eq!(told["user_id"], "u-7", "{told}");
        assert_eq!(told["vars"], json!({"album": "4 2&x=ü"}), "{told}");
        let shown = app.show(&grant).await;
        assert_eq!(shown["state"], "completed", "{shown}");
        assert_eq!(shown["completion"]["size"], 5, "{shown}");
        assert_eq!(shown["completion"]["etag"], "5D41402ABC4B2A76B9719D911017C592", "{shown}");
        assert_eq!(shown["completion"]["content_type"], "text/plain", "{shown}");
        assert_eq!(shown["completion"]["source"], "callback", "{shown}");
        assert!(shown.get("request").is_none() && shown.get("callback").is_none(), "no secrets: {shown}");
        let events = app.events().await;
        let event = events.last().unwrap();
        assert_eq!(event["type"], "com.oss-valet.upload.completed", "{event}");
        assert_eq!(event["data"]["upload_id"], grant["id"], "{event}");
        assert_eq!(event["data"]["vars"]["album"], "4 2&x=ü", "{event}");
    }
    assert_eq!(app.events().await.len(), 4, "one event each");
}

#[tokio::test]
async fn a_lost_callback_is_recovered_by_complete() {
    let app = TestApp::spawn().await;
    app.set_callback_faults(&["drop"]).await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "content_type": "image/png"})).await;
    let answer = upload(&app, &grant, b"hello").await;
    assert_eq!(answer.status, 203, "{}", answer.text());
    assert_eq!(app.show(&grant).await["state"], "issued");

    let complete = format!("{}/complete", path_of(&grant));
    let completed = app.post(&complete, "u-7", &json!({})).await;

    assert_eq!(completed.status, 200, "{}", completed.text());
    assert_eq!(completed.json()["completion"]["source"], "complete");
    let repeated = app.post(&complete, "u-7", &json!({})).await;
    assert_eq!(repeated.json(), completed.json(), "repeating answers the same");
    assert_eq!(app.events().await.len(), 1);
}
