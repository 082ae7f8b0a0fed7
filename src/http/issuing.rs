//! Issuing grants, counted: whichever route asks for one, asks here, where what became of it is known by its code.

use super::problem::Problem;
use crate::{
    app::{
        Valet,
        directory_session::DirectorySession,
        issue::{IssueRequest, Issued},
        issue_directory::DirectoryForm,
        ports::Caller,
    },
    grant::{grant::Grant, profile::Method},
    instruments::{self, NOT_CONFIGURED},
    oss::request::SignatureVersion,
};

/// A new grant.
const ISSUED: &str = "issued";
/// One that the caller had before.
const REPLAYED: &str = "replayed";

/// Issues one grant, or answers a repeated request with the grant it made.
///
/// # Errors
/// The contract's codes for this call.
pub(super) async fn issue(
    valet: &Valet,
    caller: &Caller,
    request: IssueRequest,
    idempotency_key: Option<&str>,
) -> Result<Issued, Problem> {
    let (profile, asked) = (valet.profile_label(&request.profile), asked_method(valet, &request));
    let outcome = valet.issue(caller, request, idempotency_key, valet.clock.now()).await.map_err(Problem::from);
    let (method, word) = match &outcome {
        Ok(issued) => (Some(issued.signed.grant.method), if issued.replayed { REPLAYED } else { ISSUED }),
        Err(problem) => (asked, problem.code().as_str()),
    };
    count(profile, method, word);
    outcome
}

/// Issues a directory grant by form.
///
/// # Errors
/// The contract's codes for this call.
pub(super) async fn issue_directory_form(
    valet: &Valet,
    caller: &Caller,
    profile: &str,
    version: SignatureVersion,
) -> Result<DirectoryForm, Problem> {
    let outcome = valet.issue_directory_form(caller, profile, version, valet.clock.now()).await;
    let outcome = outcome.map_err(Problem::from);
    let word = outcome.as_ref().map_or_else(|problem| problem.code().as_str(), |_| ISSUED);
    count(valet.profile_label(profile), Some(Method::Post), word);
    outcome
}

/// Credentials for a directory of the caller's.
///
/// # Errors
/// The contract's codes for this call.
pub(super) async fn lend_directory(valet: &Valet, caller: &Caller, profile: &str) -> Result<DirectorySession, Problem> {
    let now = valet.clock.now();
    let outcome = valet.lend_directory(caller, profile, now).await.map_err(Problem::from);
    let is_new = |grant: &Grant| grant.issued_at == now;
    let word = match &outcome {
        Ok(session) if is_new(&session.grant) => ISSUED,
        Ok(_) => REPLAYED,
        Err(problem) => problem.code().as_str(),
    };
    count(valet.profile_label(profile), Some(Method::Sts), word);
    outcome
}

/// What was asked for, as far as there is such a method; the profile's first, where nothing was said.
fn asked_method(valet: &Valet, request: &IssueRequest) -> Option<Method> {
    match &request.ask.method {
        Some(name) => Method::from_name(name),
        None => valet.profiles.get(&request.profile)?.methods.first().copied(),
    }
}

fn count(profile: &str, method: Option<Method>, outcome: &'static str) {
    instruments::grant(profile, method.map_or(NOT_CONFIGURED, Method::as_str), outcome);
}
