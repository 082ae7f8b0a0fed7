//! The callback route: what it refuses, with which code, and what it answers when it does not.

mod answered;
mod content;
mod signature;

use serde_json::{Value, json};

use crate::{forger::put_aside, harness::TestApp};

pub(super) const CONTENT: &[u8] = b"hello";

pub(super) async fn issue(app: &TestApp) -> Value {
    app.issue("u-7", json!({"profile": "document", "filename": "a.txt", "vars": {"album": "4 2&x=ü"}})).await
}

/// A grant whose object is there, though nobody called back yet.
pub(super) async fn uploaded(app: &TestApp) -> Value {
    let grant = issue(app).await;
    put_aside(app, &grant, CONTENT).await;
    grant
}

/// Fails unless the grant stands as if nothing had ever been called back.
pub(super) async fn assert_nothing_recorded(app: &TestApp, why: &str) {
    let issued = app.query_ledger("SELECT count(*) FROM grants WHERE state != 'issued'").await;
    assert_eq!(issued[0][0].as_deref(), Some("0"), "{why}");
    assert!(app.query_ledger("SELECT seq FROM completions").await.is_empty(), "{why}");
    assert!(app.events().await.is_empty(), "{why}");
}
