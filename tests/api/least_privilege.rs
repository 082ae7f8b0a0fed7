//! The policies of `docs/enforcement.md`: each is enough for what it is for, and none of its actions can be left out.

use oss_valet::{
    oss::{access_key::AccessKey, presign, request::SignatureVersion},
    simulator::Permissions,
};
use serde_json::{Value, json};

use crate::{
    directory,
    harness::{Answer, SIGNER, TestApp, path_of, send, upload},
    multipart, sts,
};

const PAGE: &str = include_str!("../../docs/enforcement.md");
/// Confirms, and nothing else.
const CONFIRMER: [&str; 2] = ["LTAIconfirmer001", "ConfirmerSecret00000000000001"];

/// The policy of that name, as the page has it.
fn policy(name: &str) -> Value {
    let (_, rest) = PAGE.split_once(&format!("<!-- policy: {name} -->\n```json\n")).expect(name);
    serde_json::from_str(rest.split_once("```").expect("an end").0).expect("JSON")
}

/// The policy as it is, and without each of its actions; what is left out is said.
fn with_and_without(policy: &Value) -> Vec<(Option<String>, Permissions)> {
    let read = |policy: &Value| Permissions::policy(&policy.to_string()).expect("a policy");
    let mut all = vec![(None, read(policy))];
    for (index, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
        let actions = statement["Action"].as_array().unwrap();
        for action in actions {
            let mut less = policy.clone();
            let left: Vec<_> = actions.iter().filter(|other| *other != action).cloned().collect();
            // A statement needs an action: one that nobody asks for.
            less["Statement"][index]["Action"] = if left.is_empty() { json!(["oss:Nothing"]) } else { json!(left) };
            all.push((Some(action.as_str().unwrap().to_owned()), read(&less)));
        }
    }
    all
}

/// What the policy of that name allows.
fn of(name: &str) -> Permissions {
    Permissions::policy(&policy(name).to_string()).expect("a policy")
}

/// What each credential may do.
#[derive(Clone)]
struct Rights {
    signer: Permissions,
    confirmer: Permissions,
    role: Permissions,
}

impl Rights {
    /// All of the page's.
    fn of_page() -> Self {
        let confirmer = of("confirm-and-delete").and(&of("list"));
        Self { signer: of("multipart").and(&of("assume")), confirmer, role: of("role") }
    }
}

async fn spawn(rights: Rights) -> TestApp {
    TestApp::spawn_over(
        |oss| {
            let key = |[id, secret]: [&str; 2]| AccessKey::new(id, secret);
            oss.access_keys.retain(|spec| spec.key.id() != SIGNER[0]);
            *oss = oss.clone().with_key(key(SIGNER), rights.signer).with_key(key(CONFIRMER), rights.confirmer);
            oss.roles.iter_mut().for_each(|role| role.permissions = rights.role.clone());
        },
        |settings| {
            let [id, secret] = CONFIRMER;
            let confirmer = format!(
                "[credentials.confirmer]\nkind = \"static\"\naccess_key_id = \"{id}\"\naccess_key_secret = \"{secret}\"\n\n"
            );
            settings
                .replace("\ncredentials = \"signer\"", "\ncredentials = \"signer\"\nconfirm_credentials = \"confirmer\"")
                .replace("[profiles.avatar]", &format!("{confirmer}[profiles.avatar]"))
        },
    )
    .await
}

fn is_completed(answer: &Answer) -> bool {
    answer.status == 200 && answer.json()["state"] == "completed"
}

async fn ask(app: &TestApp, profile: &str, method: &str) -> Option<Value> {
    let answer = app.post("/v1/uploads", "u-7", &json!({"profile": profile, "method": method})).await;
    (answer.status == 201).then(|| answer.json())
}

/// A form and a URL, each confirmed.
async fn forms_and_urls(app: &TestApp) -> bool {
    let (form, url) =
        (app.issue("u-7", json!({"profile": "document", "method": "post"})).await, ask(app, "document", "put").await);
    is_completed(&upload(app, &form, b"hello").await) && is_completed(&upload(app, &url.unwrap(), b"hello").await)
}

/// An object that breaks its grant goes away.
async fn rejection(app: &TestApp) -> bool {
    let grant = ask(app, "strict", "put").await.unwrap();
    upload(app, &grant, b"short").await;
    app.show(&grant).await["state"] == "rejected" && !app.object_exists(&grant).await
}

/// Parts sent, listed, joined; and an upload taken back, with one that nobody knows of.
async fn parts(app: &TestApp) -> bool {
    let Some(grant) = ask(app, "film", "multipart").await else { return false };
    multipart::send_part(app, &grant, 1, b"the only part").await;
    if !is_completed(&multipart::complete(app, &grant, &json!({})).await) {
        return false;
    }
    let cancelled = ask(app, "film", "multipart").await.unwrap();
    let key = cancelled["key"].as_str().unwrap();
    let stray = presign::initiate_multipart_upload("app-media", key, Vec::new());
    multipart::ask_oss(app, stray, "").await;
    app.delete(&path_of(&cancelled), "u-7").await;
    multipart::unfinished(app).await.is_empty()
}

/// All that an SDK does with the credentials of a grant.
async fn session(app: &TestApp) -> bool {
    let Some(grant) = ask(app, "document", "sts").await else { return false };
    let key = sts::key_of(&grant);
    let (bucket, name) = (sts::text(&grant, "bucket"), sts::text(&grant, "key"));
    let as_session = |request| send(sts::signed(app, &key, SignatureVersion::V4, request).body("hello"));
    let begun = as_session(presign::initiate_multipart_upload(bucket, name, Vec::new())).await;
    let Some(id) = begun.text().split_once("<UploadId>").and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned()))
    else {
        return false;
    };
    let listed = as_session(presign::list_parts(bucket, name, &id)).await;
    let aborted = as_session(presign::abort_multipart_upload(bucket, name, &id)).await;
    let put = as_session(sts::put_with_callback(&grant)).await;
    listed.status == 200 && aborted.status == 204 && is_completed(&put)
}

/// An object whose callback was lost, found by listing; and what an SDK has begun there cleared away.
async fn directories(app: &TestApp) -> bool {
    let lent = app.get("/compat/sts?profile=document", "u-7").await.json();
    let Some(dir) = lent["Dir"].as_str() else { return false };
    directory::put_aside(app, &format!("{dir}lost"), "text/plain", b"lost").await;
    let begun = presign::initiate_multipart_upload("app-media", &format!("{dir}begun"), Vec::new());
    multipart::ask_oss(app, begun, "").await;
    directory::look_after(app, directory::AFTER_THE_END).await;
    directory::last_grant(app, "u-7").await["state"] == "expired"
        && directory::news(app).await == [directory::told("completed", &format!("{dir}lost"))]
        && multipart::unfinished(app).await.is_empty()
}

/// Each variant of the policy gives `rights`, and `works` tells whether all that it is for can be done.
async fn is_least(name: &str, rights: impl Fn(Permissions) -> Rights, works: impl AsyncFn(&TestApp) -> bool) {
    for (left_out, permissions) in with_and_without(&policy(name)) {
        let app = spawn(rights(permissions)).await;
        assert_eq!(works(&app).await, left_out.is_none(), "{name} without {left_out:?}");
    }
}

#[tokio::test]
async fn what_signs_forms_and_urls() {
    is_least("sign", |signer| Rights { signer, ..Rights::of_page() }, forms_and_urls).await;
}

#[tokio::test]
async fn what_runs_multipart_uploads() {
    is_least("multipart", |signer| Rights { signer, ..Rights::of_page() }, parts).await;
}

#[tokio::test]
async fn what_confirms() {
    is_least("confirm", |confirmer| Rights { confirmer, ..Rights::of_page() }, forms_and_urls).await;
}

#[tokio::test]
async fn what_confirms_and_deletes() {
    is_least("confirm-and-delete", |confirmer| Rights { confirmer, ..Rights::of_page() }, rejection).await;
}

#[tokio::test]
async fn what_looks_into_directories() {
    let rights = |list| Rights { confirmer: of("confirm").and(&list), ..Rights::of_page() };
    is_least("list", rights, directories).await;
}

#[tokio::test]
async fn what_clears_directories_up() {
    let signer = |clear_up| of("sign").and(&of("assume")).and(&clear_up);
    is_least("clear-up", |clear_up| Rights { signer: signer(clear_up), ..Rights::of_page() }, directories).await;
}

#[tokio::test]
async fn what_clients_get_by_sts() {
    is_least("role", |role| Rights { role, ..Rights::of_page() }, session).await;
}

#[tokio::test]
async fn what_assumes_the_role() {
    is_least("assume", |signer| Rights { signer, ..Rights::of_page() }, session).await;
}
