//! The mobile SDKs' auth server: temporary credentials for a directory, used as SDKs use them.

use chrono::TimeDelta;
use futures_util::future::join_all;
use oss_valet::{
    clock::Clock,
    oss::{
        access_key::AccessKey,
        presign,
        request::{SignableRequest, SignatureVersion},
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{AFTER_THE_END, dir, last_grant, look_after, news, told};
use crate::{
    harness::{Answer, TestApp, path_of, send},
    multipart, sts,
};

const V4: SignatureVersion = SignatureVersion::V4;

async fn ask(app: &TestApp, user: &str) -> Value {
    let answer = app.get("/compat/sts?profile=document", user).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["StatusCode"], 200, "{json}");
    json
}

fn key_of(lent: &Value) -> AccessKey {
    let text = |name: &str| lent[name].as_str().unwrap();
    AccessKey::new(text("AccessKeyId"), text("AccessKeySecret")).with_security_token(text("SecurityToken"))
}

fn lent_dir(lent: &Value) -> &str {
    lent["Dir"].as_str().unwrap()
}

fn put(key: &str, headers: &[(&str, &str)]) -> SignableRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    presign::put_object("app-media", key, headers)
}

async fn by(app: &TestApp, lent: &Value, request: SignableRequest) -> Answer {
    send(sts::signed(app, &key_of(lent), V4, request).body("hello")).await
}

#[tokio::test]
async fn the_answer_is_what_the_sdks_read_and_where_to_upload() {
    let app = TestApp::spawn().await;
    let answer = app.get("/compat/sts?profile=document", "u-7").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let lent = answer.json();
    assert_eq!((&lent["StatusCode"], &lent["Expiration"]), (&json!(200), &json!("2026-11-21T00:15:00Z")), "{lent}");
    assert!(lent["AccessKeyId"].as_str().unwrap().starts_with("STS."), "{lent}");
    let grant = last_grant(&app, "u-7").await;
    assert_eq!((&lent["Dir"], &grant["kind"], &grant["method"]), (&grant["key"], &json!("directory"), &json!("sts")));
    assert_eq!(
        (&lent["Bucket"], &lent["Region"], &lent["Endpoint"]),
        (&json!("app-media"), &json!("cn-hangzhou"), &json!(app.simulator))
    );
    let param = &lent["CallbackParam"];
    assert_eq!(param["callbackUrl"], format!("{}/v1/callbacks/oss", app.service));
    assert_eq!(param["callbackBodyType"], "application/x-www-form-urlencoded");
    assert!(param["callbackBody"].as_str().unwrap().contains("&x:user_id=u-7&"), "{param}");
    let policy = app.sts.sessions()[0].policy.clone().unwrap();
    let resource = format!("[\"acs:oss:*:*:app-media/{}*\"]", lent_dir(&lent));
    assert!(policy.contains(&resource), "{policy}");
}

#[tokio::test]
async fn an_object_under_the_directory_is_recorded_with_its_callback_and_without() {
    let app = TestApp::spawn().await;
    let lent = ask(&app, "u-7").await;
    let key = |name: &str| format!("{}{name}", lent_dir(&lent));

    let headers = [("x-oss-callback", lent["Callback"].as_str().unwrap()), ("Content-Type", "text/plain")];
    let called_back = by(&app, &lent, put(&key("called back"), &headers)).await;
    let silent = by(&app, &lent, put(&key("silent"), &[])).await;

    assert_eq!(called_back.json()["key"], key("called back"), "{}", called_back.text());
    assert_eq!(silent.status, 200, "{}", silent.text());
    assert_eq!(news(&app).await, [told("completed", &key("called back"))]);
    look_after(&app, AFTER_THE_END).await;
    assert_eq!(news(&app).await, [told("completed", &key("called back")), told("completed", &key("silent"))]);
}

#[tokio::test]
async fn the_credentials_are_good_for_nothing_else() {
    let app = TestApp::spawn().await;
    let (own, foreign) = (ask(&app, "u-7").await, ask(&app, "u-8").await);
    let own_dir = lent_dir(&own);
    let upload = app.issue("u-7", json!({"profile": "document"})).await;
    for key in [
        format!("{}a", lent_dir(&foreign)),
        own_dir.trim_end_matches('/').to_owned(),
        format!("{}x", own_dir.trim_end_matches('/')),
        upload["key"].as_str().unwrap().to_owned(),
        "documents/u-7/a".to_owned(),
        "*".to_owned(),
    ] {
        let refused = by(&app, &own, put(&key, &[])).await;
        assert_eq!(sts::oss_refusal(&refused), "403 AccessDenied", "{key}");
    }
    by(&app, &own, put(&format!("{own_dir}a"), &[])).await;
    for (what, request) in [
        ("read", presign::get_object("app-media", &format!("{own_dir}a"))),
        ("delete", SignableRequest::object("DELETE", "app-media", &format!("{own_dir}a"))),
        ("list", presign::list_objects("app-media", own_dir, None)),
        ("another bucket", presign::put_object("app-old", &format!("{own_dir}a"), vec![])),
        ("an ACL", put(&format!("{own_dir}b"), &[("x-oss-object-acl", "public-read")])),
    ] {
        assert_eq!(sts::oss_refusal(&by(&app, &own, request).await), "403 AccessDenied", "{what}");
    }
}

#[tokio::test]
async fn credentials_are_lent_again_until_shortly_before_they_end() {
    let app = TestApp::spawn().await;
    let first = ask(&app, "u-7").await;
    app.clock.advance(TimeDelta::minutes(9));
    assert_eq!(ask(&app, "u-7").await, first);
    assert_ne!(ask(&app, "u-8").await["AccessKeyId"], first["AccessKeyId"], "each user has his own");
    assert_eq!(app.sts.sessions().len(), 2);

    app.clock.advance(TimeDelta::seconds(1));
    let second = ask(&app, "u-7").await;

    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(second["Expiration"], "2026-11-21T00:24:01Z");
    assert_eq!(second["Dir"], first["Dir"], "an upload that is under way goes on");
    let grant = last_grant(&app, "u-7").await;
    assert_eq!(grant["expires_at"], "2026-11-21T00:19:01Z");
    let put = by(&app, &second, put(&format!("{}a", lent_dir(&first)), &[])).await;
    assert_eq!(put.status, 200, "{}", put.text());
}

#[tokio::test]
async fn another_process_goes_on_with_the_same_directory() {
    let mut app = TestApp::spawn().await;
    let first = ask(&app, "u-7").await;
    app.restart().await;
    let second = ask(&app, "u-7").await;
    assert_eq!(second["Dir"], first["Dir"]);
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"], "secrets are kept nowhere");
    assert_eq!(app.grant_count().await, 1);
}

#[tokio::test]
async fn a_directory_that_was_ended_is_not_lent_again() {
    let app = TestApp::spawn().await;
    let first = ask(&app, "u-7").await;
    assert_eq!(app.delete(&path_of(&last_grant(&app, "u-7").await), "u-7").await.status, 204);
    let second = ask(&app, "u-7").await;
    assert_ne!(second["Dir"], first["Dir"]);
    app.clock.advance(TimeDelta::hours(24));
    let next_day = ask(&app, "u-7").await;
    assert_ne!(next_day["Dir"], second["Dir"], "a directory does not grow for ever");
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_call() {
    let app = TestApp::spawn().await;
    let lent = join_all((0..20).map(|_| ask(&app, "u-7"))).await;
    assert!(lent.iter().all(|one| *one == lent[0]));
    assert_eq!((app.sts.sessions().len(), app.grant_count().await), (1, 1));
}

#[tokio::test]
async fn a_refusal_is_a_200_with_its_status_inside() {
    let app = TestApp::spawn().await;
    let get = async |path: &str| app.get(path, "u-7").await;
    let nobody = send(app.http.get(format!("{}/compat/sts?profile=document", app.service))).await;
    let forged = send(app.http.get(format!("{}/compat/t/t1.k2.x/sts", app.service))).await;
    let without_profile = get("/compat/sts").await;
    let unknown = get("/compat/sts?profile=nope").await;
    let no_directory = get("/compat/sts?profile=large").await;
    app.set_faults(vec![json!({"on": {"operation": "AssumeRole"}, "do": "throttle"})]).await;
    let throttled = get("/compat/sts?profile=document").await;
    app.set_faults(vec![json!({"on": {"operation": "AssumeRole"}, "do": {"error": {"status": 500}}, "times": 5})])
        .await;
    let broken = get("/compat/sts?profile=document").await;
    for (what, answer, status, code) in [
        ("unauthenticated", nobody, 403, "unauthorized"),
        ("a forged ticket", forged, 403, "unauthorized"),
        ("no profile", without_profile, 403, "missing_field"),
        ("unknown profile", unknown, 403, "profile_not_allowed"),
        ("no directory", no_directory, 403, "directory_not_allowed"),
        ("throttled", throttled, 503, "sts_throttled"),
        ("STS down", broken, 503, "credentials_unavailable"),
    ] {
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type").as_str()),
            (200, "application/json"),
            "{what}"
        );
        let json = answer.json();
        assert_eq!((&json["StatusCode"], &json["ErrorCode"]), (&json!(status), &json!(code)), "{what}: {json}");
        assert!(json["ErrorMessage"].is_string(), "{what}: {json}");
        assert_eq!(json.as_object().unwrap().len(), 3, "{what}: {json}");
    }
    app.set_faults(vec![]).await;
    assert_eq!(ask(&app, "u-7").await["StatusCode"], 200, "and then it goes on");
}

#[tokio::test]
async fn a_ticket_is_as_good_as_a_token() {
    let app = TestApp::spawn().await;
    let ticket = app.ticket("u-7", "document").await;
    let lent = app.enter(Method::GET, &ticket, "sts").await.json();
    assert_eq!(lent, ask(&app, "u-7").await);
}

#[tokio::test]
async fn what_was_begun_and_never_finished_is_aborted_at_the_end() {
    let app = TestApp::spawn().await;
    let lent = ask(&app, "u-7").await;
    let upload = app.issue("u-7", json!({"profile": "large"})).await;
    for name in ["a", "sub/b"] {
        let key = format!("{}{name}", lent_dir(&lent));
        let begun = by(&app, &lent, presign::initiate_multipart_upload("app-media", &key, vec![])).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
    }
    assert_eq!(multipart::unfinished(&app).await.len(), 3);
    app.valet.reconcile_due(app.clock.now()).await.unwrap();
    look_after(&app, TimeDelta::minutes(20)).await;
    assert_eq!(multipart::unfinished(&app).await.len(), 3, "not before its end");
    let renewed = app.act(&upload, "renew").await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    look_after(&app, TimeDelta::minutes(25)).await;
    assert_eq!(multipart::unfinished(&app).await.len(), 1, "and nobody else's");
}

#[tokio::test]
async fn a_symlink_and_what_can_grow_are_no_uploads() {
    let app = TestApp::spawn().await;
    let lent = ask(&app, "u-7").await;
    let key = |name: &str| format!("{}{name}", lent_dir(&lent));
    let mut links = Vec::new();
    for (name, target) in [("there", "documents/u-8/secret"), ("nowhere", "documents/nothing")] {
        let mut link = put(&key(name), &[("x-oss-symlink-target", target)]);
        link.query = vec![("symlink".to_owned(), String::new())];
        links.push(by(&app, &lent, link).await.status.as_u16());
    }
    super::put_aside(&app, "documents/u-8/secret", "text/plain", b"secret").await;
    let query = vec![("append".to_owned(), String::new()), ("position".to_owned(), "0".to_owned())];
    let append = SignableRequest { query, ..SignableRequest::object("POST", "app-media", &key("growing")) };
    links.push(by(&app, &lent, append).await.status.as_u16());
    assert_eq!(links, [200, 200, 200]);

    look_after(&app, AFTER_THE_END).await;

    let expected = ["growing", "nowhere", "there"].map(|name| told("rejected", &key(name)));
    assert_eq!(news(&app).await, expected);
    let grant = last_grant(&app, "u-7").await;
    assert_eq!(
        (&grant["state"], &grant["objects"][0]["reason"]),
        (&json!("expired"), &json!("object_type_not_allowed"))
    );
}

#[tokio::test]
async fn renewing_the_grant_itself_brings_credentials_for_the_directory() {
    let app = TestApp::spawn().await;
    let lent = ask(&app, "u-7").await;
    let grant = last_grant(&app, "u-7").await;
    let renewed = app.act(&grant, "renew").await.json();
    assert_eq!((&renewed["key"], &renewed["request"]), (&lent["Dir"], &Value::Null), "{renewed}");
    let request = put(&format!("{}a", dir(&json!({"dir": lent["Dir"]}))), &[]);
    let answer = send(sts::signed(&app, &sts::key_of(&renewed), V4, request).body("hello")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
