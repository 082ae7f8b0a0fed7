//! The answers of the app servers, member by member, and what they pin.

use reqwest::Method;
use serde_json::{Value, json};

use super::{appserver, dir, last_grant, plupload_form, upload};
use crate::{
    harness::{TestApp, send, send_form},
    support::decode_json,
};

/// The names of an object's members, sorted.
fn members(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

async fn v4(app: &TestApp, profile: &str) -> Value {
    let answer = app.get(&format!("/compat/appserver/v4?profile={profile}"), "u-7").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The fields of the page of OSS's V4 samples, which sends what it got whatever it is.
fn v4_form(answer: &Value, name: &str) -> Vec<(String, String)> {
    let text = |member: &str| answer[member].as_str().unwrap().to_owned();
    [
        ("success_action_status", "200".to_owned()),
        ("policy", text("policy")),
        ("x-oss-signature", text("signature")),
        ("x-oss-signature-version", "OSS4-HMAC-SHA256".to_owned()),
        ("x-oss-credential", text("x_oss_credential")),
        ("x-oss-date", text("x_oss_date")),
        ("key", format!("{}{name}", dir(answer))),
        ("x-oss-security-token", text("security_token")),
        ("callback", text("callback")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The media bucket signs with temporary credentials.
fn temporary(settings: &str) -> String {
    settings.replacen("credentials = \"signer\"", "credentials = \"uploads\"\nconfirm_credentials = \"signer\"", 1)
}

#[tokio::test]
async fn the_v1_answer_is_the_samples_and_pins_no_more_than_old_forms_send() {
    let app = TestApp::spawn().await;

    let answer = appserver(&app, "u-7", "document").await;

    assert_eq!(members(&answer), ["accessid", "callback", "dir", "expire", "host", "policy", "signature"]);
    assert_eq!(answer["host"], format!("{}/app-media", app.simulator));
    assert_eq!(answer["expire"], 1_795_219_200 + 600, "a number, ten minutes away");
    let grant = last_grant(&app, "u-7").await;
    assert_eq!(dir(&answer), format!("documents/u-7/{}/", grant["id"].as_str().unwrap()));
    let policy = decode_json(&answer["policy"]);
    assert_eq!(policy["expiration"], "2026-11-21T00:10:00.000Z");
    let expected = json!([
        {"bucket": "app-media"},
        ["content-length-range", 0, 1_048_576],
        ["starts-with", "$key", dir(&answer)],
        ["eq", "$callback", answer["callback"]],
    ]);
    assert_eq!(policy["conditions"], expected);
}

#[tokio::test]
async fn the_v4_answer_is_the_samples() {
    let app = TestApp::spawn().await;

    let answer = v4(&app, "document").await;

    assert_eq!(
        members(&answer),
        [
            "callback",
            "dir",
            "host",
            "policy",
            "security_token",
            "signature",
            "x_oss_credential",
            "x_oss_date",
            "x_oss_signature_version"
        ]
    );
    assert_eq!(answer["x_oss_date"], "20261121T000000Z");
    let conditions = decode_json(&answer["policy"])["conditions"].clone();
    let expected = json!([
        {"bucket": "app-media"},
        {"x-oss-signature-version": "OSS4-HMAC-SHA256"},
        {"x-oss-credential": answer["x_oss_credential"]},
        {"x-oss-date": answer["x_oss_date"]},
        {"x-oss-security-token": answer["security_token"]},
        ["content-length-range", 0, 1_048_576],
        ["starts-with", "$key", dir(&answer)],
        ["eq", "$callback", answer["callback"]],
    ]);
    assert_eq!(conditions, expected);
}

#[tokio::test]
async fn the_shape_decides_on_the_signature_whatever_the_bucket_says() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace("[profiles.old]\n", "[profiles.old]\ndirectory = \"old/{user_id}/{id}/\"\n")
    })
    .await;
    let host = format!("{}/app-old", app.simulator);

    let by_v1 = upload(&app, &appserver(&app, "u-7", "old").await, "a.txt", b"hello").await;
    let by_v4 = send_form(&app, &host, &v4_form(&v4(&app, "old").await, "a.txt"), b"hello").await;
    let media = upload(&app, &appserver(&app, "u-7", "document").await, "a.txt", b"hello").await;

    for answer in [by_v1, by_v4, media] {
        assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &json!("completed")), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_page_of_the_v4_samples_uploads_with_a_token() {
    let app = TestApp::spawn_with(|settings| temporary(&settings)).await;
    let answer = v4(&app, "document").await;
    assert!(answer["x_oss_credential"].as_str().unwrap().starts_with("STS."), "{answer}");
    let policy = decode_json(&answer["policy"]);
    let pinned = json!({"x-oss-security-token": answer["security_token"]});
    assert!(policy["conditions"].as_array().unwrap().contains(&pinned), "{policy}");

    let host = answer["host"].as_str().unwrap();
    let uploaded = send_form(&app, host, &v4_form(&answer, "报告 1.pdf"), b"hello").await;

    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
    assert_eq!(uploaded.json()["key"], format!("{}报告 1.pdf", dir(&answer)));
    let without: Vec<_> =
        v4_form(&answer, "b").into_iter().filter(|(name, _)| name != "x-oss-security-token").collect();
    assert_eq!(send_form(&app, host, &without, b"hello").await.status, 403, "the token is pinned");
}

#[tokio::test]
async fn the_v4_answer_has_a_token_wherever_a_role_can_give_one() {
    let app = TestApp::spawn().await;
    let answer = v4(&app, "document").await;
    assert!(!answer["security_token"].as_str().unwrap().is_empty(), "{answer}");
    let policy = app.sts.sessions()[0].policy.clone().unwrap();
    assert!(policy.contains(&format!("app-media/{}*", dir(&answer))), "good for this directory alone: {policy}");
    let uploaded = send_form(&app, answer["host"].as_str().unwrap(), &v4_form(&answer, "a"), b"hello").await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
    app.set_faults(vec![json!({"on": {"operation": "AssumeRole"}, "do": "throttle"})]).await;
    app.get("/compat/appserver/v4?profile=document", "u-7").await.assert_refused(429, "sts_throttled");

    let app = TestApp::spawn_with(|settings| settings.replace("sts_credentials = \"uploads\"\n", "")).await;
    let answer = v4(&app, "document").await;
    assert_eq!(answer["security_token"], "", "no role, a permanent key");
    let form: Vec<_> = v4_form(&answer, "a").into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let uploaded = send_form(&app, answer["host"].as_str().unwrap(), &form, b"hello").await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
}

#[tokio::test]
async fn v1_has_no_room_for_temporary_credentials() {
    let app = TestApp::spawn_with(|settings| temporary(&settings)).await;
    let answer = app.get("/compat/appserver?profile=document", "u-7").await;
    answer.assert_refused(422, "credentials_not_supported");
    assert_eq!(app.grant_count().await, 0);
}

#[tokio::test]
async fn only_a_profile_with_a_directory_gives_one() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace(
            "[profiles.staff]\n",
            "[profiles.urls]\nbucket = \"media\"\nkey = \"urls/{id}\"\ndirectory = \"urls/{user_id}/{id}/\"\n\
             methods = [\"put\"]\nmax_size = \"1 MiB\"\n\n[profiles.staff]\ndirectory = \"staff/{id}/\"\n",
        )
    })
    .await;
    for shape in ["appserver", "appserver/v4"] {
        let ask = async |query: &str| app.get(&format!("/compat/{shape}{query}"), "u-7").await;
        ask("?profile=avatar").await.assert_refused(422, "directory_not_allowed");
        ask("?profile=urls").await.assert_refused(422, "method_not_allowed_by_profile");
        ask("?profile=nope").await.assert_refused(403, "profile_not_allowed");
        ask("?profile=staff").await.assert_refused(403, "profile_not_allowed");
        ask("").await.assert_refused(422, "missing_field");
        ask("?profile=document&profile=avatar").await.assert_refused(422, "invalid_parameter");
        let nobody = send(app.http.get(format!("{}/compat/{shape}?profile=document", app.service))).await;
        nobody.assert_refused(401, "unauthorized");
        let long = app.get(&format!("/compat/{shape}?profile=document"), &"u".repeat(129)).await;
        long.assert_refused(422, "user_id_unusable");
    }
    assert_eq!(app.grant_count().await, 0);
    let staff = app.get_by("/compat/appserver?profile=staff", &app.token_with("u-7", &["uploads:staff"])).await;
    assert_eq!(staff.status, 200, "{}", staff.text());
    let busted = app.get("/compat/appserver?profile=document&_=1700000000", "u-7").await;
    assert_eq!(busted.status, 200, "what clients add against caches is passed by");
    assert_eq!(busted.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_ticket_is_as_good_as_a_token() {
    let app = TestApp::spawn().await;
    let ticket = app.ticket("u-7", "document").await;

    let answer = app.enter(Method::GET, &ticket, "appserver").await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert!(dir(&answer).starts_with("documents/u-7/"), "{answer}");
    assert_eq!(upload(&app, &answer, "a.txt", b"hello").await.status, 200);
    let v4 = app.enter(Method::GET, &ticket, "appserver/v4?profile=document").await;
    assert_eq!(v4.status, 200, "{}", v4.text());
    let other = app.enter(Method::GET, &ticket, "appserver?profile=avatar").await;
    other.assert_refused(403, "profile_not_allowed");
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask() {
    let app = TestApp::spawn().await;
    let origin = "https://app.example.com";
    let request = app.request(Method::GET, "/compat/appserver?profile=document", "u-7").header("origin", origin);
    assert_eq!(send(request).await.header("access-control-allow-origin"), origin);
}

#[tokio::test]
async fn a_callback_body_in_json_binds_as_well() {
    let app = TestApp::spawn_with(|settings| {
        let picture = "directory = \"pictures/{user_id}/{id}/\"\nmethods = [\"post\"]\nmax_size = \"1 MiB\"\ncallback = { body_type = \"json\" }";
        settings + "\n[profiles.json]\nbucket = \"media\"\nkey = \"json/{id}\"\n" + picture + "\n"
    })
    .await;
    let user = "u \"7\" & ${object} \\ 用户";
    let answer = appserver(&app, user, "json").await;
    let uploaded = upload(&app, &answer, "a.txt", b"hello").await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
    assert_eq!(uploaded.json()["user_id"], user);
}

#[tokio::test]
async fn the_forms_own_file_name_makes_the_key() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let form = plupload_form(&answer, &format!("{}${{filename}}", dir(&answer)), "x");
    let uploaded = send_form(&app, answer["host"].as_str().unwrap(), &form, b"hello").await;
    assert_eq!(uploaded.json()["key"], format!("{}file.bin", dir(&answer)), "{}", uploaded.text());
}

#[tokio::test]
async fn nobody_gets_a_grant_that_cannot_be_seen() {
    let app = TestApp::spawn().await;
    let paths = ["appserver", "appserver/v4", "sts", "companion/s3/params"];
    for path in paths {
        let url = format!("{}/compat/{path}?profile=document&metadata[profile]=document", app.service);
        let answer = send(app.http.head(url).bearer_auth(app.token("u-7"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow").as_str()), (405, "GET"), "{path}");
    }
    assert_eq!(app.grant_count().await, 0);
}
