//! Profiles, origins, hooks and credentials: the next request finds what is new.

use reqwest::{Method, header};
use serde_json::json;
use wiremock::ResponseTemplate;

use super::{apply, with};
use crate::{
    harness::{OWNER, SIGNER, TestApp, fields_of, send, upload},
    hook,
    webhook_server::WebhookServer,
};

const SMALL: &str =
    "\n[profiles.small]\nbucket = \"media\"\nkey = \"small/{user_id}/{id}.{ext}\"\nmax_size = \"1 KiB\"\n";

#[tokio::test]
async fn a_profile_comes_changes_and_goes() {
    let app = TestApp::spawn().await;
    let ask = json!({"profile": "small", "filename": "a.txt", "size": 2_000});
    app.post("/v1/uploads", "u-7", &ask).await.assert_refused(403, "profile_not_allowed");

    let small = app.toml.clone() + SMALL;
    let changed = apply(&app, &small).await;
    assert_eq!(changed, ["profiles.small.bucket", "profiles.small.key", "profiles.small.max_size"]);
    app.post("/v1/uploads", "u-7", &ask).await.assert_refused(422, "size_too_large");

    let changed = apply(&app, &(app.toml.clone() + &SMALL.replace("1 KiB", "2 KiB"))).await;
    assert!(changed.contains(&"profiles.small.max_size".to_owned()), "{changed:?}");
    let grant = app.issue("u-7", ask.clone()).await;
    let names = |listed: serde_json::Value| listed["profiles"].to_string();
    assert!(names(app.get("/v1/profiles", "u-7").await.json()).contains("\"small\""));

    apply(&app, &app.toml).await;
    app.post("/v1/uploads", "u-7", &ask).await.assert_refused(403, "profile_not_allowed");
    assert!(!names(app.get("/v1/profiles", "u-7").await.json()).contains("\"small\""));
    let answer = upload(&app, &grant, &[b'x'; 2_000]).await;
    assert_eq!(answer.json()["state"], "completed", "what was granted before still arrives: {}", answer.text());
}

#[tokio::test]
async fn another_origin_gets_leave_and_the_old_one_loses_it() {
    let app = TestApp::spawn().await;
    let leave = async |origin: &str| {
        let request = app.request(Method::GET, "/v1/profiles", "u-7").header(header::ORIGIN, origin);
        send(request).await.header("access-control-allow-origin")
    };
    let (old, new) = ("https://app.example.com", "https://www.example.com");
    assert_eq!((leave(old).await.as_str(), leave(new).await.as_str()), (old, ""));

    let changed = apply(&app, &with(&app.toml, old, new)).await;
    assert_eq!(changed, ["server.cors_origins"]);
    assert_eq!((leave(old).await.as_str(), leave(new).await.as_str()), ("", new));

    apply(&app, &with(&app.toml, &format!("[\"{old}\"]"), "[\"*\"]")).await;
    assert_eq!(leave(old).await, "*");
    apply(&app, &with(&app.toml, &format!("[\"{old}\"]"), "[]")).await;
    assert_eq!(leave(old).await, "");
}

#[tokio::test]
async fn signatures_are_made_with_the_new_credentials() {
    let app = TestApp::spawn().await;
    let signer = |grant: &serde_json::Value| {
        let fields = fields_of(grant);
        let (_, credential) = fields.iter().find(|(name, _)| name == "x-oss-credential").unwrap();
        credential.split('/').next().unwrap().to_owned()
    };
    let ask = json!({"profile": "avatar", "filename": "me.png", "size": 4});
    let before = app.issue("u-7", ask.clone()).await;
    assert_eq!(signer(&before), SIGNER[0]);

    let rotated = with(&with(&app.toml, SIGNER[0], OWNER[0]), SIGNER[1], OWNER[1]);
    let changed = apply(&app, &rotated).await;

    assert_eq!(changed, ["credentials.signer.access_key_id", "credentials.signer.access_key_secret"]);
    let after = app.issue("u-7", ask).await;
    assert_eq!(signer(&after), OWNER[0]);
    for grant in [&before, &after] {
        let answer = upload(&app, grant, b"\x89PNG").await;
        assert_eq!(answer.json()["state"], "completed", "{}", answer.text());
    }
}

#[tokio::test]
async fn the_hook_is_asked_with_the_new_secret_at_the_new_place() {
    let (first, second) = (backend().await, backend().await);
    let [newer, older] = hook::SECRETS;
    let hooked = |url: &str, secret: &str| {
        format!(
            "\n[hooks.backend]\nurl = \"{url}/hook\"\nsecrets = [{secret:?}]\non_failure = \"reject\"\n\
             [profiles.hooked]\nbucket = \"media\"\nkey = \"hooked/{{user_id}}/{{id}}.{{ext}}\"\nmax_size = \"1 KiB\"\n\
             hook = \"backend\"\n"
        )
    };
    let app = TestApp::spawn_with(|settings| settings + &hooked(&first.url(), older)).await;
    let bring = async || {
        let grant = app.issue("u-7", json!({"profile": "hooked", "filename": "a.txt"})).await;
        let answer = upload(&app, &grant, b"hello").await;
        assert_eq!(answer.json()["welcome"], true, "{}", answer.text());
    };
    bring().await;

    let changed = apply(&app, &app.toml.replace(older, newer)).await;
    assert_eq!(changed, ["hooks.backend.secrets"]);
    bring().await;
    apply(&app, &app.toml.replace(older, newer).replace(&first.url(), &second.url())).await;
    bring().await;

    let asked = first.received().await;
    assert_eq!(asked.len(), 2);
    assert!(asked[0].is_signed_by(older) && !asked[0].is_signed_by(newer));
    assert!(asked[1].is_signed_by(newer) && !asked[1].is_signed_by(older));
    assert!(second.received().await[0].is_signed_by(newer));
}

async fn backend() -> WebhookServer {
    WebhookServer::start(ResponseTemplate::new(200).set_body_string(r#"{"welcome": true}"#)).await
}
