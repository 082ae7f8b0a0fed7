//! What a form's policy pins: every field of the form, and nothing else.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    harness::{TestApp, fields_of, upload},
    support::Policy,
};

/// Made by the signature itself; nothing could pin them.
const SIGNATURE_FIELDS: [&str; 8] = [
    "policy",
    "x-oss-signature-version",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-signature",
    "OSSAccessKeyId",
    "Signature",
    "x-oss-security-token",
];

#[tokio::test]
async fn a_policy_pins_every_field_but_the_signature_and_nothing_else() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace("[profiles.staff]\n", "[profiles.staff]\nobject_acl = \"private\"\n")
    })
    .await;
    let token = app.token_with("u-7", &["uploads:staff"]);
    let mib = 1024 * 1024;
    for (body, range) in [
        (json!({"profile": "document"}), [0, mib]),
        (json!({"profile": "document", "size": 5}), [5, 5]),
        (json!({"profile": "document", "size": 0}), [0, 0]),
        (
            json!({"profile": "document", "vars": {"album": "a\"b\\c ${object} $x é", "note": "\u{2028}</script>"}}),
            [0, mib],
        ),
        (json!({"profile": "avatar", "filename": "me.png"}), [1, 5 * mib]),
        (json!({"profile": "old", "size": 7, "vars": {"album": "a$b"}}), [7, 7]),
        (json!({"profile": "portrait", "filename": "me.png"}), [0, mib]),
        (json!({"profile": "picture", "filename": "图 \"1\".png"}), [0, mib]),
        (json!({"profile": "staff"}), [0, mib]),
    ] {
        let answer = app.post_by("/v1/uploads", &token, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let grant = answer.json();

        let policy = Policy::of(&grant);

        let expires_at = grant["expires_at"].as_str().unwrap().replace('Z', ".000Z");
        assert_eq!(policy.expiration, expires_at, "{body}");
        assert_eq!(policy.length_range, [range], "{body}");
        let (signature, pinned): (BTreeMap<_, _>, BTreeMap<_, _>) =
            fields_of(&grant).into_iter().partition(|(name, _)| SIGNATURE_FIELDS.contains(&name.as_str()));
        assert_eq!(policy.eq, pinned, "{body}");
        // V4 wants its own fields in the policy, all but the two that are made of it.
        let mut simple: BTreeMap<_, _> =
            signature.into_iter().filter(|(name, _)| name.starts_with("x-oss-") && name != "x-oss-signature").collect();
        simple.insert("bucket".to_owned(), grant["bucket"].as_str().unwrap().to_owned());
        assert_eq!(policy.simple, simple, "{body}");
    }
}

#[tokio::test]
async fn a_declared_size_is_pinned_exactly_by_a_form() {
    let app = TestApp::spawn().await;
    for (profile, size, outcome) in [
        ("document", 4, Some("EntityTooSmall")),
        ("document", 6, Some("EntityTooLarge")),
        ("document", 5, None),
        ("old", 6, Some("EntityTooLarge")),
        ("old", 5, None),
    ] {
        let grant = app.issue("u-7", json!({"profile": profile, "method": "post", "size": 5})).await;
        let answer = upload(&app, &grant, &vec![b'x'; size]).await;
        match outcome {
            Some(code) => {
                assert_eq!(answer.status, 400, "{size} bytes: {}", answer.text());
                assert!(answer.text().contains(code), "{size} bytes: {}", answer.text());
                assert_eq!(app.show(&grant).await["state"], "issued");
            }
            None => assert_eq!(answer.json()["size"], 5, "{}", answer.text()),
        }
    }
}
