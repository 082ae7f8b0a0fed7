//! The hook: what it is asked, what its answers do, and what is done without one.

mod asked;
mod backend;
mod failing;
mod gone;
mod metered;

use serde_json::{Value, json};

pub(crate) use self::backend::{Backend, SECRETS};
use crate::{
    forger::{Callback, Forger, body_of, facts},
    harness::TestApp,
};

const CONTENT: &[u8] = b"hello";

/// What the backend says when it is content: not how we would write it.
const WELCOME: &str = "{ \"photo\": 42,  \"note\": \"schön\" }";

/// The settings with profiles whose uploads are asked about.
fn hooked(settings: &str, url: &str, on_failure: &str) -> String {
    let [newer, older] = SECRETS;
    let profile = |name: &str, more: &str| {
        format!(
            "\n[profiles.{name}]\nbucket = \"media\"\nkey = \"{name}/{{user_id}}/{{id}}.{{ext}}\"\n\
             methods = [\"post\", \"put\"]\nmin_size = 1\nmax_size = \"1 KiB\"\nvars = [\"album\"]\nhook = \"backend\"\n{more}\n"
        )
    };
    format!(
        "{settings}\n[hooks.backend]\nurl = {url:?}\nsecrets = [{newer:?}, {older:?}]\ntimeout = \"2s\"\non_failure = {on_failure:?}\n\
         {}{}{}{}",
        profile("hooked", ""),
        profile("unconfirmed", "confirm = \"off\""),
        profile("tidy", "on_reject = \"delete\""),
        profile("joined", "").replace("[\"post\", \"put\"]", "[\"multipart\"]"),
    )
}

/// A service that asks this backend, and whose callbacks the test can sign.
async fn spawn(forger: &Forger, backend: &Backend, on_failure: &str) -> TestApp {
    spawn_at(forger, &backend.url(), on_failure).await
}

async fn spawn_at(forger: &Forger, url: &str, on_failure: &str) -> TestApp {
    TestApp::spawn_with(|settings| forger.trusted(hooked(&settings, url, on_failure))).await
}

async fn issue(app: &TestApp, profile: &str) -> Value {
    app.issue("u-7", json!({"profile": profile, "filename": "a.txt", "vars": {"album": "42"}})).await
}

/// The callback that OSS would make once this content is there.
fn callback(forger: &Forger, grant: &Value) -> Callback {
    forger.callback(body_of(grant, &facts(grant, CONTENT)))
}

/// State and reason, as the owner sees them.
async fn standing(app: &TestApp, grant: &Value) -> (String, Value) {
    let shown = app.show(grant).await;
    (shown["state"].as_str().unwrap().to_owned(), shown["reason"].clone())
}
