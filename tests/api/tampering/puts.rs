//! Presigned PUTs: every parameter and header altered, emptied, dropped; further ones; other methods, keys and times.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::{ASKS, Fields, ask, assert_untouched, attributes, changes, refusal, spawn, stored};
use crate::harness::{Answer, TestApp, pairs, send, upload};

/// A presigned PUT taken apart.
#[derive(Clone)]
struct Put {
    method: Method,
    url: Url,
    query: Fields,
    headers: Fields,
}

impl Put {
    fn of(grant: &Value) -> Self {
        let mut url = Url::parse(grant["request"]["url"].as_str().unwrap()).unwrap();
        let query = url.query_pairs().into_owned().collect();
        url.set_query(None);
        Self { method: Method::PUT, url, query, headers: pairs(&grant["request"]["headers"]) }
    }

    async fn send(&self, app: &TestApp) -> Answer {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(&self.query);
        let mut request = app.http.request(self.method.clone(), url).body("hello");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        send(request).await
    }
}

/// How OSS refuses a presigned URL with this parameter changed (P§4.1, P§4.2).
fn put_refusals(name: &str) -> &'static [&'static str] {
    match name {
        "callback" | "callback-var" => &["403 SignatureDoesNotMatch"],
        "x-oss-additional-headers" => &["403 SignatureDoesNotMatch", "400 InvalidArgument"],
        "Signature" | "x-oss-signature" => &["403 SignatureDoesNotMatch", "403 AccessDenied"],
        "OSSAccessKeyId" | "x-oss-credential" => &["403 InvalidAccessKeyId", "400 InvalidArgument", "403 AccessDenied"],
        _ => &["403 SignatureDoesNotMatch", "400 InvalidArgument", "403 AccessDenied"],
    }
}

#[tokio::test]
async fn no_parameter_and_no_signed_header_of_a_presigned_put_can_be_changed() {
    for (profile, filename) in ASKS {
        let app = spawn().await;
        let grant = app.issue("u-7", ask(profile, "put", filename)).await;
        let put = Put::of(&grant);
        assert!(put.query.len() >= 5 && !put.headers.is_empty(), "{profile}: {:?} {:?}", put.query, put.headers);
        for (name, change, query) in changes(&put.query) {
            let answer = Put { query, ..put.clone() }.send(&app).await;
            let why = format!("{profile}: parameter {name} {}: {}", change as u8, answer.text());
            assert!(put_refusals(&name).contains(&refusal(&answer).as_str()), "{why}");
            assert!(stored(&app, &grant).await.is_none(), "{why}");
        }
        for (name, change, headers) in changes(&put.headers) {
            let answer = Put { headers, ..put.clone() }.send(&app).await;
            let why = format!("{profile}: header {name} {}: {}", change as u8, answer.text());
            // A header that the URL lists as signed must be there.
            let refusals = ["403 SignatureDoesNotMatch", "400 InvalidArgument"];
            assert!(refusals.contains(&refusal(&answer).as_str()), "{why}");
            assert!(stored(&app, &grant).await.is_none(), "{why}");
        }
        assert_untouched(&app, &grant, profile).await;
        assert_eq!(put.send(&app).await.status, 200, "{profile}: untouched it works");
    }
}

#[tokio::test]
async fn nothing_can_be_added_to_a_presigned_put_and_it_is_good_for_one_thing_only() {
    let app = spawn().await;
    for profile in ["document", "old"] {
        let grant = app.issue("u-7", ask(profile, "put", "a.txt")).await;
        let put = Put::of(&grant);
        for (name, value) in [
            ("x-oss-object-acl", "public-read"),
            ("x-oss-storage-class", "IA"),
            ("x-oss-meta-more", "1"),
            ("x-oss-callback", "e30="),
            ("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="),
        ] {
            let mut more = put.clone();
            more.headers.push((name.to_owned(), value.to_owned()));
            let answer = more.send(&app).await;
            assert_eq!(refusal(&answer), "403 SignatureDoesNotMatch", "{profile}: header {name}");
            assert_untouched(&app, &grant, name).await;
        }
        for (name, value) in [("symlink", ""), ("callback", "e30="), ("callback-var", "e30=")] {
            for place in [0, put.query.len()] {
                let mut more = put.clone();
                more.query.insert(place, (name.to_owned(), value.to_owned()));
                let answer = more.send(&app).await;
                assert_eq!(refusal(&answer), "403 SignatureDoesNotMatch", "{profile}: parameter {name}");
                assert_untouched(&app, &grant, name).await;
            }
        }
        for method in [Method::GET, Method::DELETE, Method::POST, Method::HEAD] {
            let answer = Put { method: method.clone(), ..put.clone() }.send(&app).await;
            assert!(answer.status.is_client_error(), "{profile}: {method}: {}", answer.status);
            assert_untouched(&app, &grant, method.as_str()).await;
        }
        let path = put.url.path().to_owned();
        for other in [
            path.replace("u-7", "u-8"),
            format!("{path}/x"),
            path.replace(".txt", ".TXT"),
            path.replacen("/app-", "/app%2D", 1) + "x",
        ] {
            assert_ne!(other, path);
            let mut elsewhere = put.clone();
            elsewhere.url.set_path(&other);
            let answer = elsewhere.send(&app).await;
            assert!(answer.status.is_client_error(), "{profile}: {other}: {}", answer.text());
        }
        let bucket = if profile == "old" { "app-media" } else { "somebody-elses" };
        let mut elsewhere = put.clone();
        elsewhere.url.set_path(&path.replacen(grant["bucket"].as_str().unwrap(), bucket, 1));
        assert_eq!(refusal(&elsewhere.send(&app).await), "403 SignatureDoesNotMatch", "{profile} in {bucket}");
        assert_untouched(&app, &grant, profile).await;
    }
    for bucket in ["app-media", "app-old", "somebody-elses"] {
        assert_eq!(app.objects(bucket).await, json!([]), "{bucket}");
    }
}

#[tokio::test]
async fn a_presigned_put_ends_with_its_grant() {
    let app = spawn().await;
    let mut grants = Vec::new();
    for profile in ["document", "old"] {
        grants.push(app.issue("u-7", ask(profile, "put", "a.txt")).await);
    }
    app.clock.advance(TimeDelta::minutes(10) + TimeDelta::seconds(1));
    for grant in &grants {
        let answer = upload(&app, grant, b"hello").await;
        assert_eq!(refusal(&answer), "403 AccessDenied", "{}", answer.text());
        assert!(answer.text().contains("Request has expired."), "{}", answer.text());
        assert_untouched(&app, grant, "expired").await;
    }
}

/// V4 signs the whole query. V1 signs sub-resources only (P§4.1), and OSS reads an ACL out of headers only.
#[tokio::test]
async fn an_acl_in_the_query_of_a_put_is_refused_or_ignored() {
    let app = spawn().await;
    for (profile, status) in [("document", 403), ("old", 200)] {
        let grant = app.issue("u-7", ask(profile, "put", "a.txt")).await;
        let mut put = Put::of(&grant);
        put.query.push(("x-oss-object-acl".to_owned(), "public-read".to_owned()));
        let answer = put.send(&app).await;
        assert_eq!(answer.status.as_u16(), status, "{profile}: {}", answer.text());
        if status == 200 {
            assert_eq!(attributes(&app, &grant).await["acl"], Value::Null, "{profile}");
        }
    }
}

/// V1 signs `Content-Type` and `x-oss-*` only (P§4.1): what else a profile sets is the uploader's to leave out of a PUT.
/// A form, or V4, holds him to it.
#[tokio::test]
async fn a_plain_header_is_binding_under_v4_and_in_forms_but_not_in_a_v1_put() {
    let app = spawn().await;
    for (profile, method, binding) in [("picture", "put", true), ("old_picture", "put", false)] {
        let grant = app.issue("u-7", ask(profile, method, "a.png")).await;
        let mut put = Put::of(&grant);
        let before = put.headers.len();
        put.headers.retain(|(name, _)| name != "Cache-Control");
        assert_eq!(put.headers.len() + 1, before, "the grant asks for it");
        let answer = put.send(&app).await;
        assert_eq!(answer.status.is_client_error(), binding, "{profile} {method}: {}", answer.text());
    }
}
