//! What is answered, and how the object is recorded: by callback, by `complete`, by the reconciler.

use chrono::TimeDelta;
use oss_valet::oss::{presign, request::SignatureVersion, xml::Element};
use serde_json::{Value, json};

use super::{BOTH, grant, key_of, presigned, put_with, put_with_callback, signed, text, upload};
use crate::harness::{TestApp, path_of, send};

#[tokio::test]
async fn the_answer_holds_credentials_and_the_callback_and_no_request() {
    let app = TestApp::spawn().await;

    let grant = grant(&app, "u-7").await;

    assert_eq!(
        (&grant["request"], &grant["enforced"], &grant["method"]),
        (&Value::Null, &json!(["key"]), &json!("sts"))
    );
    assert!(grant.get("multipart").is_none());
    let names: Vec<_> = grant["credentials"].as_object().unwrap().keys().collect();
    let expected = ["access_key_id", "access_key_secret", "security_token", "expiration"];
    assert!(names.len() == 4 && expected.iter().all(|name| names.contains(&&(*name).to_owned())), "{names:?}");
    assert_eq!(grant["expires_at"], "2026-11-21T00:10:00Z", "the profile's lifetime");
    assert_eq!(grant["credentials"]["expiration"], "2026-11-21T00:15:00Z", "STS gives no less");
    assert_eq!(grant["callback"]["vars"]["x:upload_id"], grant["id"]);
    let put = app.issue("u-7", json!({"profile": "document", "method": "put"})).await;
    let names = |callback: &Value| callback.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&grant["callback"]), names(&put["callback"]), "filled as for put");

    let shown = app.show(&grant).await;
    assert!(shown.get("credentials").is_none() && shown.get("callback").is_none(), "shown once: {shown}");
    let listed = app.get("/v1/uploads", "u-7").await.text();
    assert!(!listed.contains(text(&grant["credentials"], "access_key_id")), "{listed}");
}

#[tokio::test]
async fn sts_is_asked_for_a_session_of_this_user_for_this_key() {
    let app = TestApp::spawn().await;

    let grant = grant(&app, "u-7").await;

    let sessions = app.sts.sessions();
    let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!((session.role.as_str(), session.session_name.as_str()), ("uploads", "u-7"));
    assert_eq!(session.access_key_id, grant["credentials"]["access_key_id"]);
    let policy: Value = serde_json::from_str(session.policy.as_deref().unwrap()).unwrap();
    let expected = json!({"Version": "1", "Statement": [{
        "Effect": "Allow",
        "Action": ["oss:PutObject", "oss:AbortMultipartUpload", "oss:ListParts"],
        "Resource": [format!("acs:oss:*:*:app-media/{}", text(&grant, "key"))],
    }]});
    assert_eq!(policy, expected);
}

#[tokio::test]
async fn an_sdk_uploads_with_its_own_signatures_and_hands_the_callback_on() {
    let app = TestApp::spawn().await;
    for version in BOTH {
        let in_header = grant(&app, "u-7").await;
        let in_query = grant(&app, "u-7").await;
        let by_header = signed(&app, &key_of(&in_header), version, put_with_callback(&in_header));
        let by_query = presigned(&app, &key_of(&in_query), version, put_with_callback(&in_query));
        for (grant, request) in [(in_header, by_header), (in_query, by_query)] {
            let sent = send(request.body("hello")).await;
            assert_eq!(sent.status, 200, "{version:?}: {}", sent.text());
            assert_eq!(sent.json()["state"], "completed", "the callback's answer, handed on");
            let shown = app.show(&grant).await;
            assert_eq!((&shown["completion"]["size"], &shown["completion"]["source"]), (&json!(5), &json!("callback")));
        }
    }
}

#[tokio::test]
async fn an_sdk_uploads_in_parts_and_resumes() {
    let app = TestApp::spawn().await;
    let grant = grant(&app, "u-7").await;
    let (key, bucket, name) = (key_of(&grant), text(&grant, "bucket"), text(&grant, "key"));
    let call = |request| signed(&app, &key, SignatureVersion::V4, request);
    let type_header = || vec![("Content-Type".to_owned(), text(&grant, "content_type").to_owned())];
    let begin = async || {
        let begun = send(call(presign::initiate_multipart_upload(bucket, name, type_header()))).await;
        Element::parse(&begun.text()).unwrap().child_text("UploadId").unwrap().to_owned()
    };
    let given_up = begin().await;
    let aborted = send(call(presign::abort_multipart_upload(bucket, name, &given_up))).await;
    assert_eq!(aborted.status, 204, "{}", aborted.text());

    let upload_id = begin().await;
    let mut parts = Vec::new();
    for (number, len) in [(1, 100 * 1024), (2, 10)] {
        let sent = send(call(presign::upload_part(bucket, name, &upload_id, number)).body(vec![b'x'; len])).await;
        let etag = sent.header("etag");
        parts.push(format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    let listed = send(call(presign::list_parts(bucket, name, &upload_id))).await;
    assert_eq!(Element::parse(&listed.text()).unwrap().children_named("Part").count(), 2, "{}", listed.text());
    let headers = put_with_callback(&grant).headers.into_iter().filter(|(name, _)| name != "Content-Type").collect();
    let complete = call(presign::complete_multipart_upload(bucket, name, &upload_id, headers));
    let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
    let done = send(complete.body(body)).await;

    assert_eq!((done.status.as_u16(), &done.json()["state"]), (200, &json!("completed")), "{}", done.text());
    assert_eq!(app.show(&grant).await["completion"]["size"], 100 * 1024 + 10);
}

#[tokio::test]
async fn an_upload_without_a_callback_is_found_by_complete() {
    let app = TestApp::spawn().await;
    let grant = grant(&app, "u-7").await;
    app.act(&grant, "complete").await.assert_refused(409, "not_uploaded");
    let put = put_with(&grant, &[("Content-Type", text(&grant, "content_type"))]);
    assert_eq!(send(signed(&app, &key_of(&grant), SignatureVersion::V4, put).body("hello")).await.status, 200);
    assert_eq!(app.show(&grant).await["state"], "issued", "nobody has told");

    for _ in 0..2 {
        let completed = app.act(&grant, "complete").await;
        assert_eq!(completed.status, 200, "{}", completed.text());
        assert_eq!(completed.json()["completion"]["source"], "complete");
    }
    assert_eq!(app.events().await.len(), 1);
}

#[tokio::test]
async fn limits_are_judged_when_the_object_is_there() {
    let app = TestApp::spawn().await;
    let large = grant(&app, "u-7").await;
    let sent = upload(&app, &large, SignatureVersion::V4, &vec![b'x'; 1024 * 1024 + 1]).await;
    assert_eq!(sent.status, 203, "{}", sent.text());
    assert_eq!(
        (&app.show(&large).await["reason"], &app.show(&large).await["state"]),
        (&json!("size_too_large"), &json!("rejected"))
    );
    let other = grant(&app, "u-7").await;
    let html = put_with(&other, &[("Content-Type", "text/html")]);
    assert_eq!(send(signed(&app, &key_of(&other), SignatureVersion::V4, html).body("<p>")).await.status, 200);
    app.act(&other, "complete").await.assert_refused(422, "content_type_not_allowed");
}

#[tokio::test]
async fn the_reconciler_waits_for_the_end_of_the_credentials() {
    let app = TestApp::spawn().await;
    let (silent, nothing) = (grant(&app, "u-7").await, grant(&app, "u-7").await);
    // Ten minutes of the grant, fifteen of the credentials, fifteen of skew, two of margin.
    app.clock.advance(TimeDelta::minutes(14));
    let put = put_with(&silent, &[("Content-Type", text(&silent, "content_type"))]);
    let late = send(signed(&app, &key_of(&silent), SignatureVersion::V4, put).body("hello")).await;
    assert_eq!(late.status, 200, "the grant is over, its credentials are not: {}", late.text());
    app.clock.advance(TimeDelta::minutes(17));
    app.valet.reconcile_due(app.valet.clock.now()).await.unwrap();
    assert_eq!(app.show(&nothing).await["state"], "issued", "OSS may still have accepted something");

    app.clock.advance(TimeDelta::minutes(1));
    app.valet.reconcile_due(app.valet.clock.now()).await.unwrap();

    assert_eq!(app.show(&nothing).await["state"], "expired");
    assert_eq!(app.show(&silent).await["completion"]["source"], "reconciled");
}

#[tokio::test]
async fn an_object_that_is_replaced_after_its_completion_is_told() {
    let app = TestApp::spawn().await;
    let (kept, replaced) = (grant(&app, "u-7").await, grant(&app, "u-7").await);
    for grant in [&kept, &replaced] {
        assert_eq!(upload(&app, grant, SignatureVersion::V4, b"hello").await.status, 200);
    }
    let again = put_with(&replaced, &[("Content-Type", text(&replaced, "content_type"))]);
    assert_eq!(send(signed(&app, &key_of(&replaced), SignatureVersion::V4, again).body("other")).await.status, 200);

    app.clock.advance(TimeDelta::minutes(32));
    app.valet.reconcile_due(app.valet.clock.now()).await.unwrap();

    let events = app.events().await;
    let changed: Vec<_> = events.iter().filter(|event| event["type"] == "com.oss-valet.upload.changed").collect();
    assert_eq!(changed.len(), 1, "{events:#?}");
    assert!(changed[0].to_string().contains(text(&replaced, "id")));
    let due = app.query_ledger("SELECT count(*) FROM grants WHERE next_check_at IS NOT NULL").await;
    assert_eq!(due[0][0].as_deref(), Some("0"), "nobody looks again");
}

#[tokio::test]
async fn a_cancelled_grants_object_is_recorded_as_rejected() {
    let app = TestApp::spawn().await;
    let grant = grant(&app, "u-7").await;
    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);
    let sent = upload(&app, &grant, SignatureVersion::V4, b"hello").await;
    assert_eq!(sent.status, 203, "credentials can't be called back: {}", sent.text());
    let shown = app.show(&grant).await;
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("cancelled")));
}
