//! `POST /v1/uploads`: what a grant says, what it pins, and what is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    harness::{TestApp, fields_of, path_of, upload},
    support::{ISSUE_FOR, PNG, decode_json},
};

#[tokio::test]
async fn an_answer_says_everything_that_the_contract_names() {
    let app = TestApp::spawn().await;
    for (profile, method, bucket, enforced) in [
        ("document", "post", "app-media", json!(["key", "size", "content_type", "callback", "vars"])),
        ("document", "put", "app-media", json!(["key", "content_type", "callback", "vars"])),
        ("old", "post", "app-old", json!(["key", "size", "content_type", "callback", "vars"])),
        ("old", "put", "app-old", json!(["key", "content_type", "callback", "vars"])),
    ] {
        let body = json!({"profile": profile, "method": method, "filename": "a.txt", "vars": {"album": "42"}});
        let answer = app.post("/v1/uploads", "u-7", &body).await;

        assert_eq!(answer.status, 201, "{profile} {method}: {}", answer.text());
        let grant = answer.json();
        let id = grant["id"].as_str().unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{id}");
        let directory = if profile == "old" { "old" } else { "documents" };
        for (name, expected) in [
            ("profile", json!(profile)),
            ("method", json!(method)),
            ("state", json!("issued")),
            ("user_id", json!("u-7")),
            ("bucket", json!(bucket)),
            ("region", json!("cn-hangzhou")),
            ("endpoint", json!(app.simulator)),
            ("key", json!(format!("{directory}/u-7/{id}.txt"))),
            ("content_type", json!("text/plain")),
            ("max_size", json!(1024 * 1024)),
            ("issued_at", json!("2026-11-21T00:00:00Z")),
            ("expires_at", json!("2026-11-21T00:10:00Z")),
            ("enforced", enforced.clone()),
        ] {
            assert_eq!(grant[name], expected, "{profile} {method}: {name}");
        }
        assert_eq!(answer.header("location"), format!("/v1/uploads/{id}"));
        assert_eq!(answer.header("cache-control"), "no-store");
        for name in ["x-request-id", "date"] {
            assert_ne!(answer.header(name), "", "{name}");
        }
        assert_eq!(answer.header("idempotency-replayed"), "", "nothing is repeated here");
    }
}

#[tokio::test]
async fn a_form_has_exactly_the_fields_of_its_signature_version() {
    let app = TestApp::spawn().await;
    let common = [
        "key",
        "success_action_status",
        "x-oss-content-type",
        "x-oss-forbid-overwrite",
        "callback",
        "x:user_id",
        "x:upload_id",
        "x:seal",
        "x:album",
        "policy",
    ];
    let v4 = ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-signature"];
    let v1 = ["OSSAccessKeyId", "Signature"];
    for (profile, signature) in [("document", v4.as_slice()), ("old", v1.as_slice())] {
        let grant = app.issue("u-7", json!({"profile": profile, "method": "post", "vars": {"album": "42"}})).await;

        let names: BTreeSet<_> = fields_of(&grant).into_iter().map(|(name, _)| name).collect();
        let expected = common.iter().chain(signature).map(|name| (*name).to_owned()).collect();
        assert_eq!(names, expected, "{profile}");
        let request = &grant["request"];
        assert_eq!(request["method"], "POST");
        assert_eq!(request["headers"], json!({}));
        assert_eq!(request["url"], format!("{}/{}/", app.simulator, grant["bucket"].as_str().unwrap()));
        assert_eq!(request["fields"]["key"], grant["key"]);
        assert_eq!(request["fields"]["success_action_status"], "200");
        assert_eq!(request["fields"]["x:user_id"], "u-7");
        assert_eq!(request["fields"]["x:upload_id"], grant["id"]);
        assert_eq!(request["fields"]["x:album"], "42");
    }
}

#[tokio::test]
async fn a_put_says_which_headers_to_send_and_signs_the_callback_into_its_url() {
    let app = TestApp::spawn().await;
    let v4 = ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature"];
    let v1 = ["OSSAccessKeyId", "Expires", "Signature"];
    for (profile, signature) in [("document", v4.as_slice()), ("old", v1.as_slice())] {
        let grant = app.issue("u-7", json!({"profile": profile, "method": "put", "filename": "a.txt"})).await;

        let request = &grant["request"];
        assert_eq!(request["method"], "PUT");
        assert_eq!(request["fields"], json!({}));
        assert_eq!(request["headers"], json!({"Content-Type": "text/plain", "x-oss-forbid-overwrite": "true"}));
        let url = url::Url::parse(request["url"].as_str().unwrap()).unwrap();
        let key = grant["key"].as_str().unwrap();
        assert_eq!(url.path(), format!("/{}/{key}", grant["bucket"].as_str().unwrap()));
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(json!(query["callback"]), grant["callback"]["callback"], "{profile}");
        assert_eq!(json!(query["callback-var"]), grant["callback"]["callback_var"], "{profile}");
        for name in signature {
            assert!(query.contains_key(*name), "{profile}: {name} in {query:?}");
        }
    }
}

#[tokio::test]
async fn the_callback_is_given_in_the_shapes_that_sdks_take() {
    let app = TestApp::spawn().await;
    for (profile, method) in [("document", "post"), ("document", "put"), ("old", "post"), ("old", "put")] {
        let body = json!({"profile": profile, "method": method, "vars": {"album": "42"}});
        let grant = app.issue("u-7", body).await;

        let callback = &grant["callback"];
        let url = format!("{}/v1/callbacks/oss", app.service);
        assert_eq!(callback["url"], url);
        assert_eq!(callback["body_type"], "application/x-www-form-urlencoded");
        assert_eq!(callback["sni"], false, "the URL is not https");
        let blob = decode_json(&callback["callback"]);
        assert_eq!(blob["callbackUrl"], url);
        assert_eq!(blob["callbackBody"], callback["body"]);
        assert_eq!(blob["callbackBodyType"], callback["body_type"]);
        let vars = decode_json(&callback["callback_var"]);
        assert_eq!(vars, callback["vars"]);
        let names: Vec<_> = vars.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["x:album", "x:seal", "x:upload_id", "x:user_id"]);
        if method == "post" {
            assert_eq!(grant["request"]["fields"]["callback"], callback["callback"]);
        }
        let body = callback["body"].as_str().unwrap();
        for part in ["bucket", "object", "etag", "size", "mimeType", "crc64", "clientIp", "reqId", "operation"] {
            assert!(body.contains(&format!("{part}=${{{part}}}")), "{part} in {body}");
        }
        for part in ["x:user_id", "x:upload_id", "x:seal", "x:album"] {
            assert!(body.contains(&format!("{part}=${{{part}}}")), "{part} in {body}");
        }
        assert!(!body.contains("imageInfo"), "only for image profiles: {body}");
    }
}

#[tokio::test]
async fn callback_sni_is_asked_for_where_the_url_is_https() {
    let app = TestApp::spawn_with(|settings| {
        let own = |url: &str| format!("callback = {{ urls = [{url}] }}\n");
        settings.replace("[profiles.staff]\n", &format!("[profiles.staff]\n{}", own("\"https://cb.example.com/oss\"")))
    })
    .await;
    let token = app.token_with("u-7", &["uploads:staff"]);

    let grant = app.post_by("/v1/uploads", &token, &json!({"profile": "staff"})).await.json();

    assert_eq!(grant["callback"]["sni"], true);
    assert_eq!(grant["callback"]["url"], "https://cb.example.com/oss", "the profile's own URL");
    assert_eq!(decode_json(&grant["callback"]["callback"])["callbackSNI"], true);
}

#[tokio::test]
async fn method_type_and_extension_have_defaults() {
    let app = TestApp::spawn().await;
    for (why, body, method, content_type, ext) in [
        ("nothing said", json!({"profile": "document"}), "post", "application/octet-stream", "bin"),
        ("the first method", json!({"profile": "strict"}), "put", "application/octet-stream", "bin"),
        ("an asked one", json!({"profile": "document", "method": "put"}), "put", "application/octet-stream", "bin"),
        ("by name", json!({"profile": "document", "filename": "A.PDF"}), "post", "application/pdf", "pdf"),
        ("by type", json!({"profile": "document", "content_type": "image/jpeg"}), "post", "image/jpeg", "jpg"),
        (
            "the type wins over a lying name",
            json!({"profile": "document", "filename": "a.html", "content_type": "image/png"}),
            "post",
            "image/png",
            "png",
        ),
        (
            "a name that fits its type keeps its spelling",
            json!({"profile": "document", "filename": "a.jpeg", "content_type": "image/jpeg"}),
            "post",
            "image/jpeg",
            "jpeg",
        ),
        (
            "an unknown name",
            json!({"profile": "document", "filename": "a.q1z"}),
            "post",
            "application/octet-stream",
            "q1z",
        ),
        (
            "an odd extension",
            json!({"profile": "document", "filename": "a.p~g"}),
            "post",
            "application/octet-stream",
            "bin",
        ),
        (
            "parameters are kept",
            json!({"profile": "document", "content_type": "text/plain; charset=utf-8"}),
            "post",
            "text/plain; charset=utf-8",
            "txt",
        ),
        ("within a family", json!({"profile": "avatar", "filename": "me.webp"}), "post", "image/webp", "webp"),
    ] {
        let grant = app.issue("u-7", body).await;
        assert_eq!(grant["method"], method, "{why}");
        assert_eq!(grant["content_type"], content_type, "{why}");
        assert_eq!(
            grant["key"],
            format!("{}/u-7/{}.{ext}", directory_of(&grant), grant["id"].as_str().unwrap()),
            "{why}"
        );
        let pinned = &grant["request"]["fields"]["x-oss-content-type"];
        let sent = if method == "put" { &grant["request"]["headers"]["Content-Type"] } else { pinned };
        assert_eq!(sent, content_type, "{why}");
        let size = if method == "put" && grant["profile"] == "strict" { 20 } else { 3 };
        let answer = upload(&app, &grant, &vec![b'x'; size]).await;
        assert_eq!(answer.status, 200, "{why}: what is granted works: {}", answer.text());
        assert_eq!(answer.json()["content_type"], content_type, "{why}");
    }
}

#[tokio::test]
async fn variables_that_are_not_given_leave_no_trace() {
    let app = TestApp::spawn().await;
    for method in ["post", "put"] {
        for vars in [json!(null), json!({}), json!({"note": ""})] {
            let body = json!({"profile": "document", "method": method, "vars": vars});
            let grant = app.issue("u-7", body).await;
            let said =
                format!("{}{}{}", grant["request"], grant["callback"], decode_json(&grant["callback"]["callback"]));
            for name in ["x:note", "x:album"] {
                assert!(!said.contains(name), "{method} {vars}: {name} in {said}");
            }
            assert_eq!(upload(&app, &grant, b"x").await.json()["vars"], json!({}), "{method} {vars}");
        }
    }
}

#[tokio::test]
async fn a_profile_sets_headers_and_the_original_name() {
    let app = TestApp::spawn().await;
    let expected = [
        ("Cache-Control", "max-age=60"),
        ("Content-Disposition", "attachment; filename=\"_ _1_.png\"; filename*=UTF-8''%E5%9B%BE%20%221%22.png"),
        ("x-oss-meta-origin", "app"),
    ];
    for (method, place) in [("post", "fields"), ("put", "headers")] {
        let body = json!({"profile": "picture", "method": method, "filename": "图 \"1\".png"});
        let grant = app.issue("u-7", body).await;
        for (name, value) in expected {
            assert_eq!(grant["request"][place][name], value, "{method} {name}");
        }

        let answer = upload(&app, &grant, PNG).await;

        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
        let shown = app.show(&grant).await;
        assert_eq!(shown["completion"]["image"], json!({"width": 2, "height": 3, "format": "png"}), "{shown}");
        assert_eq!(shown["filename"], "图 \"1\".png");
    }
    let nameless = app.issue("u-7", json!({"profile": "picture", "content_type": "image/png"})).await;
    assert_eq!(nameless["request"]["fields"]["Content-Disposition"], "attachment", "without a name, as configured");
}

#[tokio::test]
async fn a_profile_may_ask_for_a_json_callback() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "picture", "filename": "a.png"})).await;

    assert_eq!(grant["callback"]["body_type"], "application/json");
    let blob = decode_json(&grant["callback"]["callback"]);
    assert_eq!(blob["callbackBodyType"], "application/json");
    let body = blob["callbackBody"].as_str().unwrap();
    assert!(body.starts_with('{') && body.contains("\"x:seal\":${x:seal}"), "{body}");
    assert_eq!(upload(&app, &grant, PNG).await.json()["state"], "completed");
}

#[tokio::test]
async fn an_acl_is_sent_and_closed_by_the_missing_permission() {
    let app = TestApp::spawn_with(|settings| {
        settings.replace("[profiles.strict]\n", "[profiles.strict]\nobject_acl = \"public-read\"\n")
    })
    .await;
    let grant = app.issue("u-7", json!({"profile": "strict"})).await;

    assert_eq!(grant["request"]["headers"]["x-oss-object-acl"], "public-read");
    let answer = upload(&app, &grant, b"0123456789").await;
    assert_eq!(answer.status, 403, "the tests' signer may not PutObjectAcl: {}", answer.text());
}

#[tokio::test]
async fn a_key_without_id_carries_its_grants_id() {
    let app = TestApp::spawn().await;
    for (method, place) in [("post", "fields"), ("put", "headers")] {
        let grant = app.issue("u-7", json!({"profile": "portrait", "method": method})).await;

        assert_eq!(grant["key"], "portraits/u-7/current");
        let request = &grant["request"][place];
        assert_eq!(request["x-oss-meta-upload-id"], grant["id"], "{method}");
        assert_eq!(request.get("x-oss-forbid-overwrite"), None, "{method}: it is meant to be replaced");
        assert_eq!(upload(&app, &grant, method.as_bytes()).await.json()["state"], "completed", "{method}");
    }
}

#[tokio::test]
async fn a_machine_caller_issues_for_others_and_is_recorded() {
    let app = TestApp::spawn().await;
    let machine = app.token_with("backend", &[ISSUE_FOR]);
    let body = |user: &str| json!({"profile": "document", "user_id": user});

    let for_other = app.post_by("/v1/uploads", &machine, &body("u-7")).await.json();
    let for_itself = app.post_by("/v1/uploads", &machine, &body("backend")).await.json();

    assert_eq!(for_other["user_id"], "u-7");
    assert!(for_other["key"].as_str().unwrap().starts_with("documents/u-7/"), "{for_other}");
    assert_eq!(app.show(&for_other).await["id"], for_other["id"], "it is the user's own");
    let path = path_of(&for_other);
    app.get_by(&path, &machine).await.assert_refused(404, "not_found");
    assert_eq!(for_itself["user_id"], "backend");
    let rows = app.query_ledger("SELECT user_id, created_by FROM grants ORDER BY user_id DESC").await;
    let issuer = "https://id.example.com backend";
    let expected = [["u-7".to_owned().into(), issuer.to_owned().into()], ["backend".to_owned().into(), None]];
    assert_eq!(rows, expected);
    assert_eq!(upload(&app, &for_other, b"x").await.json()["user_id"], "u-7");
}

#[tokio::test]
async fn a_profile_with_a_scope_is_for_its_bearers() {
    let app = TestApp::spawn().await;
    let body = json!({"profile": "staff"});

    app.post("/v1/uploads", "u-7", &body).await.assert_refused(403, "profile_not_allowed");
    let staff = app.token_with("u-7", &["uploads:staff"]);
    assert_eq!(app.post_by("/v1/uploads", &staff, &body).await.status, 201);
    let nearly = app.token_with("u-7", &["uploads:staff2", "uploads"]);
    app.post_by("/v1/uploads", &nearly, &body).await.assert_refused(403, "profile_not_allowed");
}

fn directory_of(grant: &Value) -> &str {
    grant["key"].as_str().unwrap().split('/').next().unwrap()
}
