//! Directory grants: what may be uploaded under them, how each object is recorded, and what does not get through.

mod attacks;
mod ends;
mod hooked;
mod looked_into;
mod objects;
mod sdk;
mod shapes;

use chrono::TimeDelta;
use oss_valet::{app::reconcile::Reconciled, clock::Clock};
use reqwest::Method;
use serde_json::Value;

use crate::harness::{Answer, TestApp, send, send_form};

/// The V1 answer of the app server for this user, which must be given.
pub(super) async fn appserver(app: &TestApp, user: &str, profile: &str) -> Value {
    let answer = app.get(&format!("/compat/appserver?profile={profile}"), user).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The fields that plupload sends beside the file in OSS's official sample.
pub(super) fn plupload_form(answer: &Value, key: &str, name: &str) -> Vec<(String, String)> {
    let text = |member: &str| answer[member].as_str().unwrap().to_owned();
    [
        ("name", name.to_owned()),
        ("key", key.to_owned()),
        ("policy", text("policy")),
        ("OSSAccessKeyId", text("accessid")),
        ("success_action_status", "200".to_owned()),
        ("callback", text("callback")),
        ("signature", text("signature")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The form with one field changed.
pub(super) fn changed(mut form: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    form.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.to_owned();
    form
}

/// Uploads below the directory as the sample does; the file's type is what [`send_form`] says: `text/html`.
pub(super) async fn upload(app: &TestApp, answer: &Value, name: &str, file: &[u8]) -> Answer {
    let form = plupload_form(answer, &format!("{}{name}", dir(answer)), name);
    send_form(app, answer["host"].as_str().unwrap(), &form, file).await
}

pub(super) fn dir(answer: &Value) -> &str {
    answer["dir"].as_str().unwrap()
}

/// The user's last grant, as he sees it.
pub(super) async fn last_grant(app: &TestApp, user: &str) -> Value {
    let listed = app.get("/v1/uploads?limit=1", user).await.json();
    app.show(&listed["uploads"][0]).await
}

/// Puts an object there behind the service's back.
pub(super) async fn put_aside(app: &TestApp, key: &str, content_type: &str, bytes: &[u8]) {
    let url = format!("{}/-/objects/app-media/{key}", app.simulator);
    let request = app.http.request(Method::PUT, url).header("content-type", content_type).body(bytes.to_vec());
    let answer = send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Steps the reconciler once, so much later.
pub(super) async fn look_after(app: &TestApp, later: TimeDelta) -> Reconciled {
    app.clock.advance(later);
    app.valet.reconcile_due(app.clock.now()).await.unwrap()
}

/// Long after every signature of a grant of ten minutes.
pub(super) const AFTER_THE_END: TimeDelta = TimeDelta::hours(1);

/// Kind and object key of each event, oldest first.
pub(super) async fn news(app: &TestApp) -> Vec<(String, String)> {
    let kind = |event: &Value| event["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    app.events().await.iter().map(|event| (kind(event), event["subject"].as_str().unwrap().to_owned())).collect()
}

pub(super) fn told(kind: &str, key: &str) -> (String, String) {
    (kind.to_owned(), key.to_owned())
}
