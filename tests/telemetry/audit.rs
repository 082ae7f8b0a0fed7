//! The audit log: one line for each fact, with who, what, which object and which policy.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Ended, World, answer};

fn sha256(text: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(text))
}

/// The only audit line of this action, with these fields.
fn only(ended: &Ended, action: &str, fields: &[(&str, Value)]) -> Value {
    let lines = ended.audit(action);
    assert_eq!(lines.len(), 1, "{action}: {lines:#?}");
    let line = lines[0].clone();
    for (name, value) in fields {
        assert_eq!(&line[*name], value, "{name} in {line:#}");
    }
    line
}

fn of_grant<'g>(grant: &'g Value) -> Vec<(&'static str, Value)> {
    let field = |name: &'static str, of: &'g str| (name, grant[of].clone());
    vec![
        field("user.id", "user_id"),
        field("grant.id", "id"),
        field("grant.method", "method"),
        field("profile.name", "profile"),
        field("bucket.name", "bucket"),
        field("object.key", "key"),
    ]
}

fn by_user(mut fields: Vec<(&'static str, Value)>, route: &'static str) -> Vec<(&'static str, Value)> {
    fields.extend([
        ("caller.issuer", json!("oss-valet-dev")),
        ("caller.subject", json!("u-dev")),
        ("client.address", json!("127.0.0.1")),
        ("http.route", json!(route)),
        ("level", json!("INFO")),
        ("audit.outcome", json!("ok")),
    ]);
    fields
}

#[tokio::test]
async fn issue_and_completion_are_one_line_each() {
    let world = World::start(&[]);
    let grant = world.issue("post").await;
    assert_eq!(world.upload(&grant).await.0, 200);
    let ended = world.end();

    let mut fields = by_user(of_grant(&grant), "/v1/uploads");
    let policy = STANDARD.decode(grant["request"]["fields"]["policy"].as_str().unwrap()).unwrap();
    fields.extend([("policy.sha256", json!(sha256(policy))), ("grant.state", json!("issued"))]);
    fields.push(("grant.expires_at", grant["expires_at"].clone()));
    let issued = only(&ended, "issue", &fields);
    assert!(!issued["request.id"].as_str().unwrap().is_empty());
    let mut fields = of_grant(&grant);
    fields.extend([("object.size", json!(5)), ("object.source", json!("callback"))]);
    fields.push(("http.route", json!("/v1/callbacks/oss")));
    only(&ended, "complete", &fields);
    assert_eq!(ended.lines().iter().filter(|line| line["target"] == "audit").count(), 2);
}

#[tokio::test]
async fn replays_renewals_parts_tickets_and_cancellations_are_too() {
    let world = World::start(&[]);
    let ask = json!({"profile": "document", "method": "put", "filename": "a.txt"});
    let ask = || world.request(Method::POST, "/v1/uploads").header("Idempotency-Key", "k").json(&ask);
    let (_, first) = answer(ask()).await;
    let (status, replayed) = answer(ask()).await;
    assert_eq!(status, 201);
    let path = format!("/v1/uploads/{}", first["id"].as_str().unwrap());
    let (_, renewed) = world.post(&format!("{path}/renew"), json!({})).await;
    assert_eq!(answer(world.request(Method::DELETE, &path)).await.0, 204);
    let parted = world.issue("multipart").await;
    let path = format!("/v1/uploads/{}/parts", parted["id"].as_str().unwrap());
    assert_eq!(world.post(&path, json!({"part_numbers": [2, 1, 3]})).await.0, 200);
    assert_eq!(world.post("/v1/tickets", json!({"profile": "document"})).await.0, 201);
    let ended = world.end();

    let url_digest = |grant: &Value| {
        let url = grant["request"]["url"].as_str().unwrap();
        let (place, query) = url.split_once('?').unwrap();
        let rest: Vec<_> = query.split('&').filter(|one| !one.starts_with("x-oss-signature=")).collect();
        json!(sha256(format!("{place}?{}", rest.join("&"))))
    };
    for (action, grant, route) in [("replay", &replayed, "/v1/uploads"), ("renew", &renewed, "/v1/uploads/{id}/renew")]
    {
        let mut fields = by_user(of_grant(grant), route);
        fields.push(("policy.sha256", url_digest(grant)));
        only(&ended, action, &fields);
    }
    only(&ended, "cancel", &by_user(of_grant(&first), "/v1/uploads/{id}"));
    let mut fields = by_user(of_grant(&parted), "/v1/uploads/{id}/parts");
    fields.extend([("parts.count", json!(3)), ("parts.first", json!(1)), ("parts.last", json!(3))]);
    only(&ended, "sign_parts", &fields);
    only(&ended, "open_ticket", &by_user(vec![("profile.name", json!("document"))], "/v1/tickets"));
    assert_eq!(ended.audit("issue").len(), 2);
}

#[tokio::test]
async fn credentials_for_an_sdk_are_told_by_their_policy() {
    let world = World::start(&[]);
    let grant = world.issue("sts").await;
    let (_, opened) = world.post("/v1/tickets", json!({"profile": "document"})).await;
    let by_ticket = format!("/compat/t/{}", opened["ticket"].as_str().unwrap());
    let (_, lent) = answer(world.request(Method::GET, &format!("{by_ticket}/sts"))).await;
    assert_eq!(lent["StatusCode"], 200, "{lent}");
    let (_, again) = answer(world.request(Method::GET, "/compat/sts?profile=document")).await;
    assert_eq!(again["StatusCode"], 200, "{again}");
    let (status, form) = answer(world.request(Method::GET, &format!("{by_ticket}/appserver/v4"))).await;
    assert_eq!(status, 200, "{form}");
    let ended = world.end();

    let session = |key: &str| {
        let actions = r#"["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts"]"#;
        let resource = format!("acs:oss:*:*:dev-media/{key}");
        json!(sha256(format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":["{resource}"]}}]}}"#
        )))
    };
    let issued = ended.audit("issue");
    let of =
        |key: &Value| issued.iter().find(|line| line["object.key"] == *key).unwrap_or_else(|| panic!("{issued:#?}"));
    assert_eq!(issued.len(), 3, "{issued:#?}");
    assert_eq!(of(&grant["key"])["policy.sha256"], session(grant["key"].as_str().unwrap()));
    let directory = format!("{}*", lent["Dir"].as_str().unwrap());
    assert_eq!(of(&lent["Dir"])["policy.sha256"], session(&directory));
    assert_eq!(of(&lent["Dir"])["http.route"], "/compat/t/{ticket}/sts", "by a ticket");
    assert_eq!(of(&lent["Dir"])["grant.kind"], "directory");
    let policy = STANDARD.decode(form["policy"].as_str().unwrap()).unwrap();
    assert_eq!(of(&form["dir"])["policy.sha256"], sha256(policy));
    assert_eq!(ended.audit("replay").len(), 1, "the same credentials, lent again");
}

#[tokio::test]
async fn whoever_is_refused_is_told_with_what_and_why() {
    let world = World::start(&[]);
    let (status, _) = world.post("/v1/uploads", json!({"profile": "nothing\nof this\u{1b}kind"})).await;
    assert_eq!(status, 403);
    let batch = json!({"uploads": [{"profile": "document"}, {"profile": "avatar", "content_type": "text/html"}]});
    assert_eq!(world.post("/v1/uploads/batch", batch).await.0, 200);
    let (_, refused) = answer(world.request(Method::GET, "/compat/sts?profile=avatar")).await;
    assert_eq!(refused["StatusCode"], 403, "{refused}");
    let absent = uuid::Uuid::nil().to_string();
    assert_eq!(answer(world.request(Method::GET, &format!("/v1/uploads/{absent}"))).await.0, 404);
    // Nobody knows who that is.
    let unknown = world.http.get(format!("{}/v1/profiles", world.dev.text("service")));
    assert_eq!(answer(unknown).await.0, 401);
    let forged = world.http.post(format!("{}/v1/callbacks/oss", world.dev.text("service"))).body("x");
    assert_eq!(answer(forged).await.0, 400);
    let ended = world.end();

    let refused = ended.audit("request");
    let told: Vec<_> = refused
        .iter()
        .map(|line| {
            ["error.code", "profile.name", "http.route", "grant.id"].map(|name| line[name].as_str().unwrap_or(""))
        })
        .collect();
    assert_eq!(
        told,
        [
            ["profile_not_allowed", "nothing\nof this\u{1b}kind", "/v1/uploads", ""],
            ["content_type_not_allowed", "avatar", "/v1/uploads/batch", ""],
            ["directory_not_allowed", "avatar", "/compat/sts", ""],
            ["not_found", "", "/v1/uploads/{id}", &absent],
        ]
    );
    for line in &refused {
        assert_eq!((&line["user.id"], &line["audit.outcome"]), (&json!("u-dev"), &json!("refused")));
    }
    let fields = [("error.code", json!("callback_malformed")), ("level", json!("WARN"))];
    only(&ended, "callback", &fields);
}

#[tokio::test]
async fn a_rejection_is_told_with_its_reason() {
    let world = World::start(&[("PROFILES__DOCUMENT__MAX_SIZE", "4")]);
    let grant = world.issue("put").await;
    world.put_object(&grant).await;
    let path = format!("/v1/uploads/{}/complete", grant["id"].as_str().unwrap());
    assert_eq!(world.post(&path, json!({})).await.0, 422);
    let ended = world.end();
    let mut fields = of_grant(&grant);
    fields.extend([("audit.reason", json!("size_too_large")), ("object.source", json!("complete"))]);
    only(&ended, "reject", &fields);
    assert_eq!(ended.audit("request").len(), 1, "and the caller was refused");
}

#[tokio::test]
async fn audit_lines_are_there_whatever_the_filter_says_unless_they_are_switched_off() {
    for (audit, expected) in [("true", 1), ("false", 0)] {
        let world = World::start(&[("TELEMETRY__LOG_FILTER", "error"), ("TELEMETRY__AUDIT", audit)]);
        world.issue("post").await;
        let ended = world.end();
        assert_eq!(ended.lines().len(), expected, "{}", ended.output);
        assert_eq!(ended.audit("issue").len(), expected);
    }
}
