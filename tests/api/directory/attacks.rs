//! What a directory grant is no leave for.

use md5::{Digest, Md5};
use oss_valet::oss::{
    callback::{Callback, SystemVariables, substitute},
    encoding::encode_component,
};
use serde_json::{Value, json};

use super::{appserver, changed, dir, last_grant, news, plupload_form, told, upload};
use crate::{
    forger::{Forger, body_of, facts, put_aside, with_field, without_field},
    harness::{Answer, TestApp, send_form},
};

/// The body that OSS makes of the answer's callback, for an object below the directory.
pub(super) fn body(answer: &Value, name: &str, content: &[u8]) -> String {
    body_for(answer, &format!("{}{name}", dir(answer)), content)
}

fn body_for(answer: &Value, key: &str, content: &[u8]) -> String {
    let callback = Callback::decode(answer["callback"].as_str().unwrap()).unwrap();
    let facts = SystemVariables {
        bucket: "app-media".to_owned(),
        object: key.to_owned(),
        etag: hex::encode_upper(Md5::digest(content)),
        size: content.len() as u64,
        mime_type: "text/plain".to_owned(),
        operation: "PostObject".to_owned(),
        ..SystemVariables::default()
    };
    substitute(&callback.body, callback.body_type, &facts, &[])
}

/// The form with another key.
async fn upload_as(app: &TestApp, answer: &Value, key: &str) -> Answer {
    send_form(app, answer["host"].as_str().unwrap(), &plupload_form(answer, key, "x"), b"hello").await
}

#[tokio::test]
async fn oss_takes_no_key_outside_the_directory() {
    let app = TestApp::spawn().await;
    let (own, foreign) = (appserver(&app, "u-7", "document").await, appserver(&app, "u-8", "document").await);
    let own_dir = dir(&own).to_owned();
    for key in [
        format!("{}a.txt", dir(&foreign)),
        own_dir.trim_end_matches('/').to_owned(),
        format!("{}x/a.txt", own_dir.trim_end_matches('/')),
        "documents/u-7/a.txt".to_owned(),
        "${filename}".to_owned(),
        format!("../{own_dir}a.txt"),
        own_dir.to_uppercase() + "a.txt",
        encode_component(&own_dir) + "a.txt",
    ] {
        let refused = upload_as(&app, &own, &key).await;
        assert_eq!(refused.status, 403, "{key}: {}", refused.text());
    }
    assert_eq!(news(&app).await, []);
}

#[tokio::test]
async fn oss_takes_no_other_callback_and_none_at_all() {
    let app = TestApp::spawn().await;
    let (own, foreign) = (appserver(&app, "u-7", "document").await, appserver(&app, "u-8", "document").await);
    let host = own["host"].as_str().unwrap();
    let form = plupload_form(&own, &format!("{}a.txt", dir(&own)), "a.txt");
    for (what, form) in [
        ("another user's", changed(form.clone(), "callback", foreign["callback"].as_str().unwrap())),
        ("empty", changed(form.clone(), "callback", "")),
        ("none", form.clone().into_iter().filter(|(name, _)| name != "callback").collect()),
        ("another policy", changed(form.clone(), "policy", foreign["policy"].as_str().unwrap())),
    ] {
        let refused = send_form(&app, host, &form, b"hello").await;
        assert_eq!(refused.status, 403, "{what}: {}", refused.text());
    }
    assert_eq!(send_form(&app, host, &form, b"hello").await.status, 200, "and as it is, it is taken");
}

#[tokio::test]
async fn variables_that_a_form_adds_change_nothing() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let mut form = plupload_form(&answer, &format!("{}a.txt", dir(&answer)), "a.txt");
    let added = [("x:user_id", "u-8"), ("x:dir", "documents/"), ("x:upload_id", "1"), ("x:album", "42")];
    form.extend(added.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let uploaded = send_form(&app, answer["host"].as_str().unwrap(), &form, b"hello").await;
    assert_eq!((uploaded.status.as_u16(), &uploaded.json()["user_id"]), (200, &json!("u-7")), "{}", uploaded.text());
}

#[tokio::test]
async fn a_key_that_leads_out_of_the_directory_is_rejected_though_oss_takes_it() {
    let app = TestApp::spawn().await;
    let answer = appserver(&app, "u-7", "document").await;
    let keys = ["", "../u-8/a.txt", "sub/../../a.txt", "./a.txt", ".."].map(|name| format!("{}{name}", dir(&answer)));
    for key in &keys {
        let refused = upload_as(&app, &answer, key).await;
        assert_eq!(refused.status, 203, "{key}: {}", refused.text());
    }
    let expected: Vec<_> = keys.iter().map(|key| told("rejected", key)).collect();
    assert_eq!(news(&app).await, expected);
    let grant = last_grant(&app, "u-7").await;
    for object in grant["objects"].as_array().unwrap() {
        assert_eq!((&object["reason"], &object["size"]), (&json!("key_not_allowed"), &json!(5)), "{object}");
    }
}

#[tokio::test]
async fn no_user_id_makes_another_callback() {
    let app = TestApp::spawn().await;
    for user in ["${object}", "${x:user_id}", "u&x:dir=documents%2F", "u=7%26x:a=1", "\"u\"", "u+7 ~", "用户/../7"] {
        let answer = appserver(&app, user, "document").await;
        let uploaded = upload(&app, &answer, "a.txt", b"hello").await;
        assert_eq!((uploaded.status.as_u16(), &uploaded.json()["user_id"]), (200, &json!(user)), "{}", uploaded.text());
    }
}

#[tokio::test]
async fn a_seal_of_one_kind_is_none_of_the_other() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let directory = appserver(&app, "u-7", "document").await;
    let upload = app.issue("u-7", json!({"profile": "document"})).await;
    put_aside(&app, &upload, b"hello").await;
    let of_upload = body_of(&upload, &facts(&upload, b"hello"));
    let of_directory = body(&directory, "a.txt", b"hello");
    let key = encode_component(upload["key"].as_str().unwrap());
    for (what, body) in [
        ("an upload's, as a directory", format!("{of_upload}&x:dir={key}")),
        ("an upload's, as the directory it lies in", format!("{of_upload}&x:dir=documents%2Fu-7%2F")),
        ("a directory's, as an upload", without_field(&of_directory, "x:dir")),
        ("a directory's, as an upload of its key", {
            with_field(&without_field(&of_directory, "x:dir"), "object", &encode_component(dir(&directory)))
        }),
        ("a directory's, for the one above", with_field(&of_directory, "x:dir", "documents%2Fu-7%2F")),
        ("a directory's, with a variable", format!("{of_directory}&x:album=42")),
        ("a directory's, of another user", with_field(&of_directory, "x:user_id", "u-8")),
    ] {
        let refused = forger.callback(body).send(&app).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "callback_seal_invalid"), "{what}");
    }
    assert_eq!(news(&app).await, []);
}

#[tokio::test]
async fn a_callback_for_an_object_elsewhere_violates_the_grant() {
    let forger = Forger::new();
    let app = forger.spawn().await;
    let (own, foreign) = (appserver(&app, "u-7", "document").await, appserver(&app, "u-8", "document").await);
    let theirs = format!("{}a.txt", dir(&foreign));
    super::put_aside(&app, &theirs, "text/plain", b"hello").await;
    for key in [theirs.as_str(), dir(&own).trim_end_matches('/'), "a.txt"] {
        let refused = forger.callback(body_for(&own, key, b"hello")).send(&app).await;
        refused.assert_refused(422, "callback_violates_grant");
    }
    let absent = forger.callback(body(&own, "a.txt", b"hello")).send(&app).await;
    absent.assert_refused(403, "callback_not_confirmed");
    super::put_aside(&app, &format!("{}a.txt", dir(&own)), "text/plain", b"other").await;
    let other = forger.callback(body(&own, "a.txt", b"hello")).send(&app).await;
    other.assert_refused(403, "callback_not_confirmed");
    assert_eq!(news(&app).await, []);
}
