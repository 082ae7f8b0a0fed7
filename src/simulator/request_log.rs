//! What the last requests were and how they ended, for tests that ask afterwards.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use actix_web::HttpResponse;
use serde::Serialize;

use super::request::Incoming;

/// So many are kept.
const LENGTH: usize = 1000;

/// One request and its end.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Entry {
    request_id: String,
    operation: String,
    bucket: Option<String>,
    /// A form's key once the form was read.
    key: String,
    status: u16,
    /// OSS's `Code` of a refusal.
    code: Option<String>,
    /// `OK`, or the message that the uploader got; null without a callback.
    callback: Option<String>,
    /// The connection was dropped instead of answering.
    dropped: bool,
}

/// The last requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct RequestLog(Mutex<VecDeque<Entry>>);

impl RequestLog {
    pub(super) fn write(&self, incoming: &Incoming, response: &HttpResponse) {
        let notes = incoming.notes.0.lock().expect("no holder of this lock panics").clone();
        let failed = notes.callback.as_ref().is_some_and(|outcome| outcome != OK);
        let callback_code = failed.then(|| "CallbackFailed".to_owned());
        let entry = Entry {
            request_id: incoming.request_id.clone(),
            operation: notes.operation.unwrap_or_else(|| incoming.operation.to_owned()),
            bucket: incoming.bucket().map(str::to_owned),
            key: notes.key.unwrap_or_else(|| incoming.key.clone()),
            status: response.status().as_u16(),
            code: notes.code.or(callback_code),
            callback: notes.callback,
            dropped: notes.hang_up,
        };
        let mut entries = self.0.lock().expect("no holder of this lock panics");
        if entries.len() == LENGTH {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(super) fn read(&self) -> Vec<Entry> {
        self.0.lock().expect("no holder of this lock panics").iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        self.0.lock().expect("no holder of this lock panics").clear();
    }
}

/// What [`Notes::callback`] notes of a callback that went well.
pub(super) const OK: &str = "OK";

/// What is learnt about a request on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Clone, Default)]
struct Noted {
    operation: Option<String>,
    key: Option<String>,
    code: Option<String>,
    callback: Option<String>,
    hang_up: bool,
}

impl Notes {
    /// The action that a call of STS names.
    pub(super) fn operation(&self, operation: &str) {
        self.0.lock().expect("no holder of this lock panics").operation = Some(operation.to_owned());
    }

    /// The `Code` of the refusal.
    pub(super) fn code(&self, code: &str) {
        self.0.lock().expect("no holder of this lock panics").code = Some(code.to_owned());
    }

    pub(super) fn is_refused(&self) -> bool {
        self.0.lock().expect("no holder of this lock panics").code.is_some()
    }

    /// The key that a form names.
    pub(super) fn key(&self, key: &str) {
        self.0.lock().expect("no holder of this lock panics").key = Some(key.to_owned());
    }

    /// How the callback ended: [`OK`], or what the uploader is told.
    pub(super) fn callback(&self, outcome: &str) {
        self.0.lock().expect("no holder of this lock panics").callback = Some(outcome.to_owned());
    }

    /// Nobody shall be answered.
    pub(super) fn hang_up(&self) {
        self.0.lock().expect("no holder of this lock panics").hang_up = true;
    }

    pub(super) fn hangs_up(&self) -> bool {
        self.0.lock().expect("no holder of this lock panics").hang_up
    }
}
