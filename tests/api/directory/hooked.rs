//! The business backend is asked once about each object.

use serde_json::json;

use super::{AFTER_THE_END, appserver, dir, last_grant, look_after, news, upload};
use crate::{
    forger::Forger,
    harness::TestApp,
    hook::{Backend, SECRETS},
};

async fn spawn(forger: &Forger, backend: &Backend, on_failure: &str) -> TestApp {
    let [newer, older] = SECRETS;
    TestApp::spawn_with(|settings| {
        forger.trusted(format!(
            "{settings}\n[hooks.backend]\nurl = {:?}\nsecrets = [{newer:?}, {older:?}]\ntimeout = \"2s\"\non_failure = {on_failure:?}\n\
             [profiles.hooked]\nbucket = \"media\"\nkey = \"hooked/{{id}}\"\ndirectory = \"hooked/{{user_id}}/{{id}}/\"\n\
             methods = [\"post\"]\nmax_size = \"1 KiB\"\nhook = \"backend\"\n",
            backend.url()
        ))
    })
    .await
}

#[tokio::test]
async fn each_object_is_asked_about_once_and_its_answer_replayed() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "defer").await;
    let answer = appserver(&app, "u-7", "hooked").await;
    backend.will_say(200, r#"{"photo":"a"}"#);
    backend.will_say(200, r#"{"photo":"b"}"#);
    backend.will_say(403, "no");

    let said = [
        upload(&app, &answer, "a", b"aaa").await.text(),
        upload(&app, &answer, "b", b"bbb").await.text(),
        upload(&app, &answer, "c", b"ccc").await.status.as_u16().to_string(),
    ];

    assert_eq!(said, [r#"{"photo":"a"}"#, r#"{"photo":"b"}"#, "203"]);
    let again = forger.callback(super::attacks::body(&answer, "a", b"aaa")).send(&app).await;
    assert_eq!(again.text(), r#"{"photo":"a"}"#);
    let refused = forger.callback(super::attacks::body(&answer, "c", b"ccc")).send(&app).await;
    refused.assert_refused(422, "callback_violates_grant");
    look_after(&app, AFTER_THE_END).await;
    let asked = backend.questions().await;
    assert_eq!(asked.len(), 3, "once for each object");
    let told: Vec<_> = app.events().await.iter().map(|event| event["id"].clone()).collect();
    let ids: Vec<_> = asked.iter().map(|question| question.json()["id"].clone()).collect();
    assert_eq!(ids[..2], told[..2], "by the event's id");
    assert_eq!(asked[0].json()["subject"], format!("{}a", dir(&answer)));
    let grant = last_grant(&app, "u-7").await;
    assert_eq!((&grant["objects"][0]["reason"], &grant["state"]), (&json!("hook_rejected"), &json!("expired")));
}

#[tokio::test]
async fn a_hook_that_defers_is_asked_again_by_the_reconciler() {
    let (forger, backend) = (Forger::new(), Backend::start().await);
    let app = spawn(&forger, &backend, "defer").await;
    let answer = appserver(&app, "u-7", "hooked").await;
    backend.will_say(500, "down");
    assert_eq!(upload(&app, &answer, "a", b"aaa").await.status, 203);
    assert_eq!(news(&app).await, []);
    look_after(&app, chrono::TimeDelta::zero()).await;
    assert_eq!(news(&app).await, [super::told("completed", &format!("{}a", dir(&answer)))]);
}
