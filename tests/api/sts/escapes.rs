//! What the credentials of one grant can't be used for.

use chrono::TimeDelta;
use oss_valet::{
    clock::Clock,
    oss::{
        access_key::AccessKey,
        encoding::encode_component,
        endpoint::{AddressingStyle, Endpoint},
        post_form,
        post_policy::{Condition, PostPolicy},
        presign::{self, SigningContext},
        request::{SignableRequest, SignatureVersion},
    },
};
use serde_json::Value;

use super::{BOTH, grant, key_of, oss_refusal, put_with, signed, text, upload};
use crate::harness::{Answer, TestApp, send, send_form};

const DENIED: &str = "403 AccessDenied";

fn object(method: &str, bucket: &str, key: &str, query: &[(&str, &str)], headers: &[(&str, &str)]) -> SignableRequest {
    let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    SignableRequest { query: own(query), headers: own(headers), ..SignableRequest::object(method, bucket, key) }
}

/// A form for this key, signed with these credentials.
async fn post(app: &TestApp, key: &AccessKey, version: SignatureVersion, name: &str) -> Answer {
    let endpoint = Endpoint::parse(&app.simulator, AddressingStyle::Path).unwrap();
    let (region, now) = ("cn-hangzhou", app.clock.now());
    let context = SigningContext { version, endpoint: &endpoint, region, key, signing_key: None, now };
    let mut conditions = vec![Condition::Simple("bucket".to_owned(), "app-media".to_owned())];
    let own = post_form::signature_conditions(&context).into_iter();
    conditions.extend(own.map(|(name, value)| Condition::Simple(name, value)));
    let policy = PostPolicy { expiration: now + TimeDelta::minutes(10), conditions };
    let mut fields = vec![("key".to_owned(), name.to_owned())];
    fields.extend(post_form::signature_fields(&policy, &context));
    send_form(app, &format!("{}/app-media/", app.simulator), &fields, b"x").await
}

#[tokio::test]
async fn a_form_signed_with_the_credentials_is_an_upload_too() {
    let app = TestApp::spawn().await;
    for version in BOTH {
        let grant = grant(&app, "u-7").await;
        let sent = post(&app, &key_of(&grant), version, text(&grant, "key")).await;
        assert!(sent.status.is_success(), "{version:?}: {}", sent.text());
        assert!(app.object_exists(&grant).await);
    }
}

#[tokio::test]
async fn no_other_key_can_be_written() {
    let app = TestApp::spawn().await;
    let (own, foreign) = (grant(&app, "u-7").await, grant(&app, "u-8").await);
    let (key, name) = (key_of(&own), text(&own, "key"));
    let folder = name.rsplit_once('/').unwrap().0;
    let keys = [
        text(&foreign, "key").to_owned(),
        format!("{name}x"),
        name[..name.len() - 1].to_owned(),
        format!("{name}/x"),
        format!("{folder}/"),
        format!("{folder}/*"),
        format!("{folder}/?"),
        "*".to_owned(),
        format!("{folder}/../u-8/a.txt"),
        format!("{folder}/../../{name}"),
        format!("./{name}"),
        name.to_uppercase(),
        // The same to the eye, or to whoever normalises.
        name.replace('-', "\u{2010}"),
        name.replace('u', "\u{ff55}"),
        format!("{name}\u{200b}"),
        encode_component(name),
    ];
    for version in BOTH {
        for other in &keys {
            assert_ne!(other, name);
            let answer =
                send(signed(&app, &key, version, presign::put_object("app-media", other, vec![])).body("x")).await;
            let told = oss_refusal(&answer);
            // A URL's dot segments are gone before it is sent, so its signature is no more right; a form keeps them.
            let changed = other.split('/').any(|segment| segment.starts_with('.'));
            let expected = if changed { "403 SignatureDoesNotMatch" } else { DENIED };
            assert_eq!(told, expected, "{version:?} {other:?}");
            let told = oss_refusal(&post(&app, &key, version, other).await);
            assert!(told == DENIED || told.starts_with("400 "), "{version:?} form {other:?}: {told}");
        }
        for bucket in ["app-old", "somebody-elses"] {
            let answer = send(signed(&app, &key, version, presign::put_object(bucket, name, vec![])).body("x")).await;
            assert_eq!(oss_refusal(&answer), DENIED, "{bucket}");
        }
    }
    for bucket in ["app-media", "app-old", "somebody-elses"] {
        assert_eq!(app.objects(bucket).await, serde_json::json!([]), "nothing came of it");
    }
}

#[tokio::test]
async fn nothing_but_writing_is_allowed() {
    let app = TestApp::spawn().await;
    let (own, foreign) = (grant(&app, "u-7").await, grant(&app, "u-8").await);
    for grant in [&own, &foreign] {
        assert_eq!(upload(&app, grant, SignatureVersion::V4, b"hello").await.status, 200);
    }
    let (key, name) = (key_of(&own), text(&own, "key"));
    let copy = format!("/app-media/{}", text(&foreign, "key"));
    let media =
        |method, query: &[(&str, &str)], headers: &[(&str, &str)]| object(method, "app-media", name, query, headers);
    let cases = [
        ("GetObject", media("GET", &[], &[])),
        ("HeadObject", media("HEAD", &[], &[])),
        ("DeleteObject", media("DELETE", &[], &[])),
        ("PutObjectAcl", media("PUT", &[("acl", "")], &[("x-oss-object-acl", "public-read")])),
        ("PutObject with an ACL", media("PUT", &[], &[("x-oss-object-acl", "public-read")])),
        ("GetObjectAcl", media("GET", &[("acl", "")], &[])),
        ("GetObjectTagging", media("GET", &[("tagging", "")], &[])),
        ("CopyObject of a foreign object", media("PUT", &[], &[("x-oss-copy-source", copy.as_str())])),
        ("ListObjects", object("GET", "app-media", "", &[("list-type", "2")], &[])),
        ("ListObjects of its own prefix", object("GET", "app-media", "", &[("prefix", name)], &[])),
        ("ListMultipartUploads", object("GET", "app-media", "", &[("uploads", "")], &[])),
        ("GetBucketInfo", object("GET", "app-media", "", &[("bucketInfo", "")], &[])),
        ("GetObject of a foreign object", presign::get_object("app-media", text(&foreign, "key"))),
        ("DeleteObject of a foreign object", object("DELETE", "app-media", text(&foreign, "key"), &[], &[])),
    ];
    for version in BOTH {
        for (what, request) in cases.clone() {
            let answer = send(signed(&app, &key, version, request)).await;
            assert_eq!(answer.status, 403, "{version:?} {what}: {}", answer.text());
            if what != "HeadObject" {
                assert_eq!(oss_refusal(&answer), DENIED, "{version:?} {what}");
            }
        }
    }
    assert!(app.object_exists(&own).await && app.object_exists(&foreign).await);
}

#[tokio::test]
async fn users_with_wildcards_for_names_reach_nobody_elses_objects() {
    let app = TestApp::spawn().await;
    let victim = grant(&app, "u-8").await;
    for user in ["*", "u-*", "u-?", "../u-8", "u-8/..", "**/*", "${acs:username}", "\"],\"*", "用户", "u-8\u{200b}"] {
        let grant = grant(&app, user).await;
        let name = text(&grant, "key");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.~/".contains(&b)), "{user}: {name}");
        let (key, version) = (key_of(&grant), SignatureVersion::V4);
        let stolen = presign::put_object("app-media", text(&victim, "key"), vec![]);
        assert_eq!(oss_refusal(&send(signed(&app, &key, version, stolen).body("x")).await), DENIED, "{user}");
        let sent = upload(&app, &grant, version, b"hello").await;
        assert_eq!(sent.status, 200, "{user} has its own object: {}", sent.text());
    }
    let names: Vec<_> = app.sts.sessions().into_iter().map(|session| session.session_name).collect();
    assert!(names.iter().all(|name| (2..=64).contains(&name.len())), "{names:?}");
}

#[tokio::test]
async fn credentials_end_with_their_expiration() {
    let app = TestApp::spawn().await;
    let grant = grant(&app, "u-7").await;
    app.clock.advance(TimeDelta::minutes(15));
    for version in BOTH {
        let answer = upload(&app, &grant, version, b"hello").await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    assert!(!app.object_exists(&grant).await);
}

#[tokio::test]
async fn a_symlink_at_the_granted_key_is_not_recorded() {
    let app = TestApp::spawn().await;
    let (grant, foreign): (Value, Value) = (grant(&app, "u-7").await, grant(&app, "u-8").await);
    app.put_object(&foreign, "text/plain", b"secret").await;
    let headers = [("x-oss-symlink-target", text(&foreign, "key"))];
    let mut symlink = put_with(&grant, &headers);
    symlink.query = vec![("symlink".to_owned(), String::new())];
    let made = send(signed(&app, &key_of(&grant), SignatureVersion::V4, symlink)).await;
    assert_eq!(made.status, 200, "{}", made.text());

    app.act(&grant, "complete").await.assert_refused(409, "not_uploaded");
    assert_eq!(app.show(&grant).await["state"], "issued");
}
