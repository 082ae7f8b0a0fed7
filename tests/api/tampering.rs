//! Whoever changes what a grant fixes gets nothing stored, or changes nothing that counts.
//!
//! The loops run over what the answer holds, so that a field added later is covered by itself.

use chrono::TimeDelta;
use oss_valet::oss::xml::ErrorDocument;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Answer, TestApp, fields_of, pairs, send, send_form, upload};

type Fields = Vec<(String, String)>;

/// Headers under V1 too: no profile of the common settings has both.
const OLD_PICTURE: &str = r#"
[profiles.old_picture]
bucket = "old"
key = "old-pictures/{user_id}/{id}.{ext}"
methods = ["post", "put"]
max_size = "1 MiB"
headers = { "Cache-Control" = "max-age=60", "x-oss-meta-origin" = "app" }
"#;

/// What is asked for: every kind of pinned field, under both signature versions.
const ASKS: [(&str, &str); 4] =
    [("document", "doc.txt"), ("picture", "a.png"), ("portrait", "me.jpg"), ("old", "o.txt")];

async fn spawn() -> TestApp {
    TestApp::spawn_with(|settings| settings + OLD_PICTURE).await
}

fn ask(profile: &str, method: &str, filename: &str) -> Value {
    let mut body = json!({"profile": profile, "method": method, "filename": filename});
    match profile {
        "document" => body["vars"] = json!({"album": "4 2&x=ü", "note": "n"}),
        "old" => body["vars"] = json!({"album": "4 2"}),
        _ => {}
    }
    body
}

/// `403 AccessDenied`: status and code of OSS's refusal.
fn refusal(answer: &Answer) -> String {
    let document = ErrorDocument::parse(&answer.text());
    let code = document.map_or_else(|| "no error document".to_owned(), |document| document.code);
    format!("{} {code}", answer.status.as_u16())
}

/// Fails when anything is stored under the grant's key, or anything is recorded of it.
async fn assert_untouched(app: &TestApp, grant: &Value, why: &str) {
    assert!(stored(app, grant).await.is_none(), "{why}: stored all the same");
    assert_eq!(app.show(grant).await["state"], "issued", "{why}");
    assert!(app.query_ledger("SELECT seq FROM completions").await.is_empty(), "{why}: recorded");
    assert!(app.events().await.is_empty(), "{why}: told");
}

/// The object under the grant's key, as the simulator holds it.
async fn stored(app: &TestApp, grant: &Value) -> Option<Value> {
    let objects = app.objects(grant["bucket"].as_str().unwrap()).await;
    let object = objects.as_array().unwrap().iter().find(|object| object["key"] == grant["key"]);
    object.map(|object| object["versions"][0].clone())
}

/// The value with one character exchanged: at the beginning, in the middle, before the end, at the end.
fn altered(value: &str) -> Vec<String> {
    let chars: Vec<char> = value.chars().collect();
    let mut places = vec![0, chars.len() / 2, chars.len().saturating_sub(2), chars.len() - 1];
    places.dedup();
    let exchange = |place: usize| {
        let mut chars = chars.clone();
        chars[place] = if chars[place] == '7' { '8' } else { '7' };
        chars.into_iter().collect()
    };
    places.into_iter().map(exchange).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    Altered,
    Emptied,
    Dropped,
}

/// Every single change of every pair.
fn changes(pairs: &Fields) -> Vec<(String, Change, Fields)> {
    let mut all = Vec::new();
    for (index, (name, value)) in pairs.iter().enumerate() {
        let with = |value: String| {
            let mut changed = pairs.clone();
            changed[index].1 = value;
            changed
        };
        all.extend(altered(value).into_iter().map(|value| (name.clone(), Change::Altered, with(value))));
        all.push((name.clone(), Change::Emptied, with(String::new())));
        let mut dropped = pairs.clone();
        dropped.remove(index);
        all.push((name.clone(), Change::Dropped, dropped));
    }
    all
}

/// How OSS refuses a form with this change (P§3.5).
fn form_refusals(name: &str, change: Change) -> &'static [&'static str] {
    match (name, change) {
        ("policy" | "x-oss-signature" | "Signature", Change::Altered | Change::Emptied) => {
            &["403 SignatureDoesNotMatch"]
        }
        ("key" | "policy" | "Signature" | "OSSAccessKeyId", Change::Dropped) => &["400 InvalidArgument"],
        ("OSSAccessKeyId", _) => &["403 InvalidAccessKeyId"],
        ("x-oss-credential", _) => &["400 InvalidArgument", "403 InvalidAccessKeyId"],
        ("x-oss-signature-version" | "x-oss-date" | "x-oss-signature", _) => {
            &["400 InvalidArgument", "403 AccessDenied"]
        }
        _ => &["403 AccessDenied"],
    }
}

#[tokio::test]
async fn no_field_of_a_form_can_be_altered_emptied_or_dropped() {
    for (profile, filename) in ASKS.into_iter().chain([("old_picture", "a.png")]) {
        let app = spawn().await;
        let grant = app.issue("u-7", ask(profile, "post", filename)).await;
        let fields = fields_of(&grant);
        assert!(fields.len() >= 10, "{profile}: {fields:?}");
        let url = grant["request"]["url"].as_str().unwrap();
        for (name, change, changed) in changes(&fields) {
            let what = match change {
                Change::Altered => "altered",
                Change::Emptied => "emptied",
                Change::Dropped => "dropped",
            };
            let why = format!("{profile}: {name} {what}");
            let answer = send_form(&app, url, &changed, b"hello").await;
            assert!(form_refusals(&name, change).contains(&refusal(&answer).as_str()), "{why}: {}", answer.text());
            assert!(stored(&app, &grant).await.is_none(), "{why}: stored all the same");
        }
        assert_untouched(&app, &grant, profile).await;
        // Untouched it works: what was refused was refused for the change.
        assert_eq!(upload(&app, &grant, b"hello").await.status, 200, "{profile}");
    }
}

#[tokio::test]
async fn a_field_given_twice_is_refused_or_changes_nothing() {
    for (profile, filename) in ASKS.into_iter().chain([("old_picture", "a.png")]) {
        let app = spawn().await;
        let untouched = app.issue("u-0", ask(profile, "post", filename)).await;
        assert_eq!(upload(&app, &untouched, b"hello").await.status, 200, "{profile}");
        let expected = comparable(attributes(&app, &untouched).await);
        let names: Vec<_> = fields_of(&untouched).into_iter().map(|(name, _)| name).collect();
        assert!(names.len() >= 10, "{profile}: {names:?}");
        for (number, name) in names.iter().enumerate() {
            for (place, first, spelling) in [
                ("before", true, name.clone()),
                ("behind", false, name.clone()),
                ("in capitals before", true, name.to_uppercase()),
                ("in capitals behind", false, name.to_uppercase()),
            ] {
                let user = format!("u-{number}-{first}-{}", spelling == *name);
                let grant = app.issue(&user, ask(profile, "post", filename)).await;
                let mut fields = fields_of(&grant);
                let another = (spelling, "7".to_owned());
                fields.insert(if first { 0 } else { fields.len() }, another);

                let answer = send_form(&app, grant["request"]["url"].as_str().unwrap(), &fields, b"hello").await;

                let why = format!("{profile}: a second {name} {place}: {} {}", answer.status, answer.text());
                if answer.status.is_client_error() {
                    assert!(stored(&app, &grant).await.is_none(), "{why}");
                    assert_eq!(app.show(&grant).await["state"], "issued", "{why}");
                    continue;
                }
                assert!(!first, "the first counts, so it must be refused: {why}");
                assert_eq!(answer.status, 200, "{why}");
                assert_eq!(answer.json()["user_id"], user, "{why}");
                assert_eq!(
                    answer.json()["vars"],
                    grant["callback"]["vars"].as_object().map(caller_vars).unwrap(),
                    "{why}"
                );
                assert_eq!(comparable(attributes(&app, &grant).await), expected, "{why}");
            }
        }
    }
}

/// Names of form fields are the same in any case (P§3.2), so a policy may be shown one field and the rest of OSS another.
/// Whatever OSS makes of it: nothing is stored, or nothing is recorded, or it is what was granted.
#[tokio::test]
async fn the_right_value_in_capitals_does_not_cover_for_a_wrong_one() {
    for (profile, filename) in ASKS {
        let app = spawn().await;
        let untouched = app.issue("u-0", ask(profile, "post", filename)).await;
        assert_eq!(upload(&app, &untouched, b"hello").await.status, 200, "{profile}");
        let expected = comparable(attributes(&app, &untouched).await);
        let count = fields_of(&untouched).len();
        for index in 0..count {
            let grant = app.issue(&format!("u-{index}-capitals"), ask(profile, "post", filename)).await;
            let mut fields = fields_of(&grant);
            let (name, value) = fields[index].clone();
            fields[index].1 = "7".to_owned();
            fields.insert(0, (name.to_uppercase(), value));

            let answer = send_form(&app, grant["request"]["url"].as_str().unwrap(), &fields, b"hello").await;

            let why = format!("{profile}: {name}: {} {}", answer.status, answer.text());
            let state = app.show(&grant).await["state"].clone();
            match answer.status.as_u16() {
                200 => {
                    assert_eq!(state, "completed", "{why}");
                    assert_eq!(
                        answer.json()["vars"],
                        caller_vars(grant["callback"]["vars"].as_object().unwrap()),
                        "{why}"
                    );
                    assert_eq!(comparable(attributes(&app, &grant).await), expected, "{why}");
                }
                203 => assert_eq!(state, "issued", "{why}"),
                _ => assert!(answer.status.is_client_error() && stored(&app, &grant).await.is_none(), "{why}"),
            }
        }
    }
}

/// In alphabetical order, and without what differs from grant to grant.
fn comparable(mut attributes: Value) -> Value {
    let headers = attributes["headers"].as_array_mut().unwrap();
    headers.retain(|header| header[0] != "x-oss-meta-upload-id");
    headers.sort_by_key(|header| header[0].to_string());
    attributes
}

/// What the uploader said about the stored object: type, kept headers, ACL.
async fn attributes(app: &TestApp, grant: &Value) -> Value {
    stored(app, grant).await.unwrap()["attributes"].clone()
}

/// The caller's variables of a grant's structured callback.
fn caller_vars(vars: &serde_json::Map<String, Value>) -> Value {
    let own = ["x:user_id", "x:upload_id", "x:seal"];
    let caller = vars.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    caller.map(|(name, value)| (name.trim_start_matches("x:").to_owned(), value.clone())).collect()
}

#[tokio::test]
async fn a_field_that_needs_a_permission_of_its_own_is_refused() {
    let app = spawn().await;
    for profile in ["document", "old"] {
        let grant = app.issue("u-7", ask(profile, "post", "a.txt")).await;
        let url = grant["request"]["url"].as_str().unwrap();
        for acl in ["public-read", "public-read-write", "private", "default"] {
            let mut fields = fields_of(&grant);
            fields.push(("x-oss-object-acl".to_owned(), acl.to_owned()));
            let answer = send_form(&app, url, &fields, b"hello").await;
            assert_eq!(refusal(&answer), "403 AccessDenied", "{profile} {acl}: {}", answer.text());
            assert_untouched(&app, &grant, acl).await;
        }
    }
}

/// Fields that OSS accepts though the policy does not name them (P§3.4): none touches who, where, how large, of what type,
/// or what is called back.
#[tokio::test]
async fn a_field_that_nobody_pinned_reaches_neither_the_ledger_nor_the_answer() {
    let app = spawn().await;
    for (profile, name, value, why) in [
        ("document", "x:other", "evil", "a variable that nobody declared"),
        ("document", "x:dir", "evil/", "a variable of directory grants"),
        ("picture", "x:album", "evil", "a variable of another profile, into a JSON body"),
        ("old", "x:other", "evil", "a variable that nobody declared, V1"),
        ("document", "Content-Type", "text/html", "the weaker of the two content types"),
        ("document", "success_action_redirect", "https://evil.example.com/", "a redirect; a callback's answer wins"),
        ("document", "callback-var", "eyJ4OmFsYnVtIjoiZXZpbCJ9", "variables as a PUT has them"),
        ("document", "x-oss-callback", "e30=", "a callback as a PUT has it"),
        ("document", "bucket", "somebody-elses", "a field that bears a condition's name: the address counts"),
        ("document", "name", "a.txt", "what old uploaders always send"),
    ] {
        let grant = app.issue("u-7", ask(profile, "post", "a.png")).await;
        for first in [true, false] {
            let grant = if first { grant.clone() } else { app.issue("u-7", ask(profile, "post", "a.png")).await };
            let mut fields = fields_of(&grant);
            fields.insert(if first { 0 } else { fields.len() }, (name.to_owned(), value.to_owned()));

            let answer = send_form(&app, grant["request"]["url"].as_str().unwrap(), &fields, b"hello").await;

            assert_eq!(answer.status, 200, "{why}: {}", answer.text());
            let told = answer.json();
            assert_eq!(told["vars"], caller_vars(grant["callback"]["vars"].as_object().unwrap()), "{why}: {told}");
            assert_eq!(told["content_type"], grant["content_type"], "{why}: {told}");
            let shown = app.show(&grant).await;
            assert_eq!(shown["completion"]["content_type"], grant["content_type"], "{why}: {shown}");
            assert!(!answer.text().contains("evil") && !shown.to_string().contains("evil"), "{why}: {shown}");
        }
    }
    let told = app.events().await;
    assert!(told.iter().all(|event| !event.to_string().contains("evil")), "{told:?}");
    assert_eq!(app.objects("somebody-elses").await, json!([]));
}

#[tokio::test]
async fn a_file_of_another_size_than_declared_or_allowed_is_refused_before_it_is_stored() {
    let app = spawn().await;
    let limit = 1024 * 1024;
    for (why, profile, declared, len, expected) in [
        ("one byte less than declared", "document", Some(5), 4, "400 EntityTooSmall"),
        ("one byte more than declared", "document", Some(5), 6, "400 EntityTooLarge"),
        ("nothing where something was declared", "document", Some(5), 0, "400 EntityTooSmall"),
        ("less than declared, V1", "old", Some(5), 4, "400 EntityTooSmall"),
        ("more than declared, V1", "old", Some(5), 6, "400 EntityTooLarge"),
        ("more than the profile's limit", "document", None, limit + 1, "400 EntityTooLarge"),
        ("less than the profile's limit", "avatar", None, 0, "400 EntityTooSmall"),
    ] {
        let mut body = ask(profile, "post", "a.png");
        if let Some(size) = declared {
            body["size"] = json!(size);
        }
        let grant = app.issue("u-7", body).await;
        let answer = upload(&app, &grant, &vec![b'x'; len]).await;
        assert_eq!(refusal(&answer), expected, "{why}");
        assert_untouched(&app, &grant, why).await;
    }
}

#[tokio::test]
async fn a_form_is_good_for_its_bucket_and_its_time_only() {
    let app = spawn().await;
    for (profile, other) in [("document", "app-old"), ("document", "somebody-elses"), ("old", "app-media")] {
        let grant = app.issue("u-7", ask(profile, "post", "a.txt")).await;
        let url = format!("{}/{other}/", app.simulator);
        let answer = send_form(&app, &url, &fields_of(&grant), b"hello").await;
        assert_eq!(refusal(&answer), "403 AccessDenied", "{profile} in {other}");
        assert_eq!(app.objects(other).await, json!([]), "{profile} in {other}");
        assert_untouched(&app, &grant, profile).await;
    }
    let grants =
        [app.issue("u-7", ask("document", "post", "a.txt")).await, app.issue("u-7", ask("old", "post", "a.txt")).await];
    app.clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    let in_time = app.issue("u-7", ask("document", "post", "a.txt")).await;
    app.clock.advance(TimeDelta::seconds(1));
    for grant in &grants {
        let answer = upload(&app, grant, b"hello").await;
        assert_eq!(refusal(&answer), "403 AccessDenied", "{}", answer.text());
        assert!(answer.text().contains("Policy expired"), "{}", answer.text());
        assert_untouched(&app, grant, "expired").await;
    }
    assert_eq!(upload(&app, &in_time, b"hello").await.status, 200);
}

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
        "callback" | "callback-var" | "x-oss-additional-headers" => &["403 SignatureDoesNotMatch"],
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
            assert_eq!(refusal(&answer), "403 SignatureDoesNotMatch", "{why}");
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
