//! Whoever changes what a grant fixes gets nothing stored, or changes nothing that counts.
//!
//! The loops run over what the answer holds, so that a field added later is covered by itself.

mod forms;
mod puts;

use oss_valet::oss::xml::ErrorDocument;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp};

pub(super) type Fields = Vec<(String, String)>;

/// Headers under V1 too: no profile of the common settings has both.
pub(super) const OLD_PICTURE: &str = r#"
[profiles.old_picture]
bucket = "old"
key = "old-pictures/{user_id}/{id}.{ext}"
methods = ["post", "put"]
max_size = "1 MiB"
headers = { "Cache-Control" = "max-age=60", "x-oss-meta-origin" = "app" }
"#;

/// What is asked for: every kind of pinned field, under both signature versions.
pub(super) const ASKS: [(&str, &str); 4] =
    [("document", "doc.txt"), ("picture", "a.png"), ("portrait", "me.jpg"), ("old", "o.txt")];

pub(super) async fn spawn() -> TestApp {
    TestApp::spawn_with(|settings| settings + OLD_PICTURE).await
}

pub(super) fn ask(profile: &str, method: &str, filename: &str) -> Value {
    let mut body = json!({"profile": profile, "method": method, "filename": filename});
    match profile {
        "document" => body["vars"] = json!({"album": "4 2&x=ü", "note": "n"}),
        "old" => body["vars"] = json!({"album": "4 2"}),
        _ => {}
    }
    body
}

/// `403 AccessDenied`: status and code of OSS's refusal.
pub(super) fn refusal(answer: &Answer) -> String {
    let document = ErrorDocument::parse(&answer.text());
    let code = document.map_or_else(|| "no error document".to_owned(), |document| document.code);
    format!("{} {code}", answer.status.as_u16())
}

/// Fails when anything is stored under the grant's key, or anything is recorded of it.
pub(super) async fn assert_untouched(app: &TestApp, grant: &Value, why: &str) {
    assert!(stored(app, grant).await.is_none(), "{why}: stored all the same");
    assert_eq!(app.show(grant).await["state"], "issued", "{why}");
    assert!(app.query_ledger("SELECT seq FROM completions").await.is_empty(), "{why}: recorded");
    assert!(app.events().await.is_empty(), "{why}: told");
}

/// The object under the grant's key, as the simulator holds it.
pub(super) async fn stored(app: &TestApp, grant: &Value) -> Option<Value> {
    let objects = app.objects(grant["bucket"].as_str().unwrap()).await;
    let object = objects.as_array().unwrap().iter().find(|object| object["key"] == grant["key"]);
    object.map(|object| object["versions"][0].clone())
}

/// The value with one character exchanged: at the beginning, in the middle, before the end, at the end.
pub(super) fn altered(value: &str) -> Vec<String> {
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
pub(super) enum Change {
    Altered,
    Emptied,
    Dropped,
}

/// Every single change of every pair.
pub(super) fn changes(pairs: &Fields) -> Vec<(String, Change, Fields)> {
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

/// In alphabetical order, and without what differs from grant to grant.
pub(super) fn comparable(mut attributes: Value) -> Value {
    let headers = attributes["headers"].as_array_mut().unwrap();
    headers.retain(|header| header[0] != "x-oss-meta-upload-id");
    headers.sort_by_key(|header| header[0].to_string());
    attributes
}

/// What the uploader said about the stored object: type, kept headers, ACL.
pub(super) async fn attributes(app: &TestApp, grant: &Value) -> Value {
    stored(app, grant).await.unwrap()["attributes"].clone()
}

/// The caller's variables of a grant's structured callback.
pub(super) fn caller_vars(vars: &serde_json::Map<String, Value>) -> Value {
    let own = ["x:user_id", "x:upload_id", "x:seal"];
    let caller = vars.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    caller.map(|(name, value)| (name.trim_start_matches("x:").to_owned(), value.clone())).collect()
}
