//! Body, seal, grant and object: the steps after the signature.

use serde_json::json;

use super::{CONTENT, assert_nothing_recorded, issue, uploaded};
use crate::{
    forger::{FORM, Forger, body_of, facts, put_aside, seal, with_field, without_field},
    harness::{OLD_SEAL_SECRET, SEAL_SECRET},
};

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    let json = "application/json";
    for (why, content_type, body) in [
        ("nothing", FORM, Vec::new()),
        ("nothing, as JSON", json, Vec::new()),
        ("a name twice", FORM, format!("{body}&size=5").into_bytes()),
        ("the seal twice", FORM, format!("{body}&x:seal=v1").into_bytes()),
        ("a name twice, once encoded", FORM, format!("{body}&%73ize=6").into_bytes()),
        ("a variable twice", FORM, format!("{body}&x:album=1").into_bytes()),
        ("broken JSON", json, b"{\"bucket\":\"app-media\"".to_vec()),
        ("a JSON list", json, b"[]".to_vec()),
        ("a name twice in JSON", json, b"{\"size\":5,\"size\":6}".to_vec()),
        ("JSON that is not UTF-8", json, b"{\"bucket\":\"\xff\"}".to_vec()),
        ("a key that is not UTF-8", FORM, with_field(&body, "object", "%FF").into_bytes()),
        ("an ETag that is not UTF-8", FORM, with_field(&body, "etag", "%FF").into_bytes()),
        ("no size", FORM, without_field(&body, "size").into_bytes()),
        ("an empty size", FORM, with_field(&body, "size", "").into_bytes()),
        ("a negative size", FORM, with_field(&body, "size", "-5").into_bytes()),
        ("a size in words", FORM, with_field(&body, "size", "five").into_bytes()),
        ("a fraction", FORM, with_field(&body, "size", "5.0").into_bytes()),
        ("more than any size", FORM, with_field(&body, "size", "18446744073709551616").into_bytes()),
        ("no bucket", FORM, without_field(&body, "bucket").into_bytes()),
        ("no key", FORM, without_field(&body, "object").into_bytes()),
        ("no ETag", FORM, without_field(&body, "etag").into_bytes()),
        ("no upload id", FORM, without_field(&body, "x:upload_id").into_bytes()),
        ("no user", FORM, without_field(&body, "x:user_id").into_bytes()),
    ] {
        let answer = forger.callback(body).header("Content-Type", content_type).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "callback_unparseable"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
}

#[tokio::test]
async fn a_callback_without_the_grants_own_seal_is_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = uploaded(&app).await;
    let other =
        app.issue("u-8", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "4 2&x=ü"}})).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    let own = grant["callback"]["vars"]["x:seal"].as_str().unwrap();
    let parts: Vec<_> = own.split('.').collect();
    let with_seal = |seal: &str| with_field(&body, "x:seal", seal);
    let forged = |kid: &str, secret: &str| {
        let [id, key] = ["id", "key"].map(|name| grant[name].as_str().unwrap());
        seal(kid, secret, [id, "u-7", "app-media", key], &app)
    };
    let no_secret = "a secret that nobody here has ever known";
    for (why, body) in [
        ("no seal", without_field(&body, "x:seal")),
        ("an empty seal", with_seal("")),
        ("no seal at all", with_seal("seal")),
        ("another version", with_seal(&own.replacen("v1.", "v2.", 1))),
        ("an unknown kid", with_seal(&own.replacen(".k2.", ".k9.", 1))),
        ("the kid of another secret", with_seal(&own.replacen(".k2.", ".k1.", 1))),
        ("another expiry", with_seal(&own.replacen(parts[2], "zzzzzz", 1))),
        ("a truncated MAC", with_seal(&own[..own.len() - 1])),
        ("one character less and a padding", with_seal(&format!("{}%3D", &own[..own.len() - 1]))),
        ("an empty MAC", with_seal(&format!("v1.k2.{}.", parts[2]))),
        ("another MAC", with_seal(&format!("v1.k2.{}.{}", parts[2], "A".repeat(22)))),
        ("a part more", with_seal(&format!("{own}.x"))),
        ("another secret", with_seal(&forged("k2", no_secret))),
        ("another grant's seal", with_seal(other["callback"]["vars"]["x:seal"].as_str().unwrap())),
        ("another user", with_field(&body, "x:user_id", "u-8")),
        ("another key", with_field(&body, "object", other["key"].as_str().unwrap())),
        ("another bucket", with_field(&body, "bucket", "somebody-elses")),
        ("another grant", with_field(&body, "x:upload_id", other["id"].as_str().unwrap())),
        ("another variable", with_field(&body, "x:album", "5")),
        ("a variable less", without_field(&body, "x:album")),
        ("a variable more", format!("{body}&x:note=evil")),
    ] {
        let answer = forger.callback(body).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "callback_seal_invalid"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
    assert_eq!(forger.callback(body).send(&app).await.status, 200, "its own is accepted");
}

#[tokio::test]
async fn a_seal_made_with_an_older_secret_still_counts() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    for (kid, secret) in [("k1", OLD_SEAL_SECRET), ("k2", SEAL_SECRET)] {
        let grant = app.issue("u-7", json!({"profile": "avatar", "content_type": "image/png"})).await;
        put_aside(&app, &grant, CONTENT).await;
        let [id, key] = ["id", "key"].map(|name| grant[name].as_str().unwrap());
        let seal = seal(kid, secret, [id, "u-7", "app-media", key], &app);
        let body = with_field(&body_of(&grant, &facts(&grant, CONTENT)), "x:seal", &seal);
        let answer = forger.callback(body).send(&app).await;
        assert_eq!(answer.status, 200, "{kid}: {}", answer.text());
    }
}

/// Only we can seal, so these are our own mistakes (or a lost row): they are refused all the same.
#[tokio::test]
async fn a_sealed_callback_must_fit_the_ledgers_grant() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let grant = app.issue("u-7", json!({"profile": "avatar", "content_type": "image/png"})).await;
    put_aside(&app, &grant, CONTENT).await;
    let [id, key] = ["id", "key"].map(|name| grant[name].as_str().unwrap());
    let unknown = "01930000-0000-7000-8000-000000000000";
    for (why, facts_of, status, code) in [
        ("no such grant", [unknown, "u-7", "app-media", key], 404, "grant_unknown"),
        ("an id that is none", ["1", "u-7", "app-media", key], 404, "grant_unknown"),
        ("another user's", [id, "u-8", "app-media", key], 422, "callback_violates_grant"),
        ("another bucket", [id, "u-7", "app-old", key], 422, "callback_violates_grant"),
        ("another key", [id, "u-7", "app-media", "avatars/u-7/other.png"], 422, "callback_violates_grant"),
    ] {
        let mut body = body_of(&grant, &facts(&grant, CONTENT));
        let seal = seal("k2", SEAL_SECRET, facts_of, &app);
        let [id, user_id, bucket, key] = facts_of;
        for (name, value) in [
            ("x:upload_id", id),
            ("x:user_id", user_id),
            ("bucket", bucket),
            ("object", key),
            ("x:seal", seal.as_str()),
        ] {
            body = with_field(&body, name, value);
        }
        let answer = forger.callback(body).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
}

#[tokio::test]
async fn what_oss_does_not_confirm_is_refused() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let absent = issue(&app).await;
    let grant = uploaded(&app).await;
    let body = body_of(&grant, &facts(&grant, CONTENT));
    for (why, body) in [
        ("no object", body_of(&absent, &facts(&absent, CONTENT))),
        ("a larger size", with_field(&body, "size", "6")),
        ("size 0", with_field(&body, "size", "0")),
        ("another ETag", with_field(&body, "etag", "5D41402ABC4B2A76B9719D911017C593")),
        ("another content altogether", body_of(&grant, &facts(&grant, b"world"))),
    ] {
        let answer = forger.callback(body).send(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "callback_not_confirmed"), "{why}");
        assert_nothing_recorded(&app, why).await;
    }
    // Quotes and case are no other ETag.
    let quoted = with_field(&body, "etag", "%225d41402abc4b2a76b9719d911017c592%22");
    assert_eq!(forger.callback(quoted).send(&app).await.status, 200);
}
