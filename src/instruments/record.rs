//! One function for each thing that happens. What they take as text are words of this program, or names from the settings.

use std::{sync::Arc, time::Duration};

use metrics::{Gauge, counter, gauge, histogram};

use super::catalogue::{
    CALLBACK_SECONDS, CALLBACKS, COMPLETIONS, CONFIG_RELOADED, CONFIG_RELOADS, CONFIRM_SECONDS, CREDENTIALS_REFRESHES,
    DELIVERIES, DELIVERY_SECONDS, GRANTS, HOOK_SECONDS, HTTP_IN_FLIGHT, HTTP_REQUESTS, HTTP_SECONDS, JWKS_FETCHES,
    LIMITED, LONG_FIELDS, LOOKS, STORE_BATCH, STORE_COMMIT_SECONDS, STORE_ERRORS, TRACE_SPANS,
};

/// Stands for a profile that nobody has configured. No section can have such a name.
pub const NOT_CONFIGURED: &str = "(none)";

/// The listener for clients and OSS.
pub const PUBLIC: &str = "public";
/// The listener for operations.
pub const OPS: &str = "ops";

/// A configuration was read again: `applied`, or `refused`.
pub fn config_reloaded(outcome: &'static str) {
    counter!(CONFIG_RELOADS, "outcome" => outcome).increment(1);
}

/// The configuration in use was read then, in seconds since the epoch.
pub fn config_read_at(seconds: f64) {
    gauge!(CONFIG_RELOADED).set(seconds);
}

/// A request was answered, or given up by its client.
pub fn request(listener: &'static str, method: &'static str, route: &Arc<str>, status: u16, took: Duration) {
    counter!(HTTP_REQUESTS, "listener" => listener, "method" => method, "route" => Arc::clone(route), "status" => status.to_string())
        .increment(1);
    histogram!(HTTP_SECONDS, "listener" => listener, "method" => method, "route" => Arc::clone(route)).record(took);
}

/// Counts the requests that a listener is answering.
pub fn requests_in_flight(listener: &'static str) -> Gauge {
    gauge!(HTTP_IN_FLIGHT, "listener" => listener)
}

/// A grant was asked for: `issued`, `replayed`, or a problem's code.
pub fn grant(profile: &str, method: &'static str, outcome: &'static str) {
    counter!(GRANTS, "profile" => profile.to_owned(), "method" => method, "outcome" => outcome).increment(1);
}

/// A form has a field over 4 KB.
pub fn long_form_field() {
    counter!(LONG_FIELDS).increment(1);
}

/// A callback was answered: `recorded`, or a problem's code. `result` says whose doing that is: `recorded`, `refused`, `failed`.
pub fn callback(outcome: &'static str, result: &'static str, took: Duration) {
    counter!(CALLBACKS, "outcome" => outcome).increment(1);
    histogram!(CALLBACK_SECONDS, "result" => result).record(took);
}

/// OSS was asked for an object.
pub fn confirmed(outcome: &'static str, took: Duration) {
    histogram!(CONFIRM_SECONDS, "outcome" => outcome).record(took);
}

/// A hook was asked.
pub fn hook_asked(hook: &str, outcome: &'static str, took: Duration) {
    histogram!(HOOK_SECONDS, "hook" => hook.to_owned(), "outcome" => outcome).record(took);
}

/// An object is in the ledger: as `completed`, `rejected` or `changed`.
pub fn recorded(source: &'static str, profile: &str, state: &'static str) {
    counter!(COMPLETIONS, "source" => source, "profile" => profile.to_owned(), "state" => state).increment(1);
}

/// A sink was sent an event.
pub fn delivery(sink: &str, outcome: &'static str, took: Duration) {
    counter!(DELIVERIES, "sink" => sink.to_owned(), "outcome" => outcome).increment(1);
    histogram!(DELIVERY_SECONDS, "sink" => sink.to_owned()).record(took);
}

/// A limit refused what was asked for.
pub fn limited(limit: &'static str) {
    counter!(LIMITED, "limit" => limit).increment(1);
}

/// The reconciler has looked.
pub fn look(finding: &'static str) {
    counter!(LOOKS, "finding" => finding).increment(1);
}

/// A transaction was committed.
pub fn commit(operations: usize, took: Duration) {
    histogram!(STORE_BATCH).record(f64::from(u32::try_from(operations).unwrap_or(u32::MAX)));
    histogram!(STORE_COMMIT_SECONDS).record(took);
}

/// The ledger could not do what somebody asked of it.
pub fn store_error(kind: &'static str) {
    counter!(STORE_ERRORS, "kind" => kind).increment(1);
}

/// A renewal of credentials was attempted: `renewed` or `failed`.
pub fn credentials_refresh(credentials: &str, outcome: &'static str) {
    counter!(CREDENTIALS_REFRESHES, "credentials" => credentials.to_owned(), "outcome" => outcome).increment(1);
}

/// An issuer's key set was asked for: `fetched`, `failed`, or `empty` where no key in it is usable.
pub fn jwks_fetch(issuer: &str, outcome: &'static str) {
    counter!(JWKS_FETCHES, "issuer" => issuer.to_owned(), "outcome" => outcome).increment(1);
}

/// The traces' collector was sent spans: `exported` or `lost`.
pub fn trace_spans(outcome: &'static str, spans: usize) {
    counter!(TRACE_SPANS, "outcome" => outcome).increment(spans as u64);
}
