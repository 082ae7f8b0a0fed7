//! The audit log: who was given leave for what, who was refused, and what came of it. One line for each fact, told where the fact is
//! decided. No line holds a signature, a token or a ticket.

use chrono::{DateTime, SecondsFormat, Utc};
use tracing::{Level, enabled, info};

use super::{
    ports::Caller,
    signing::{Leave, SignedGrant},
    verdict::News,
};
use crate::grant::{
    completion::Completion,
    grant::Grant,
    policy_digest::{digest_of_request, digest_of_text},
    session_policy::session_policy,
};

/// By which these lines are told from others: their target.
pub const AUDIT: &str = "audit";

/// How somebody came by leave to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// A new grant.
    Issue,
    /// The same grant again, for the same request.
    Replay,
    /// A longer life.
    Renew,
}

impl Given {
    fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Replay => "replay",
            Self::Renew => "renew",
        }
    }
}

/// A grant was handed out.
pub(super) fn granted(given: Given, caller: &Caller, signed: &SignedGrant) {
    if !is_on() {
        return;
    }
    let policy = match &signed.leave {
        Some(Leave::Request(request, _)) => Some(digest_of_request(request)),
        Some(Leave::Sts(..)) => session_digest(&signed.grant),
        // Its parts are signed later.
        Some(Leave::Multipart(_)) | None => None,
    };
    handed_out(given, caller, &signed.grant, policy.as_deref());
}

/// Credentials for a directory were handed out.
pub(super) fn lent(given: Given, caller: &Caller, grant: &Grant) {
    if is_on() {
        handed_out(given, caller, grant, session_digest(grant).as_deref());
    }
}

/// What every line about a grant says; `object.key` is the grant's, or that of an object under its directory.
macro_rules! tell {
    ($action:expr, $caller:expr, $grant:expr, $key:expr, [$($more:tt)*], $message:literal) => {{
        let (caller, grant): (Option<&Caller>, &Grant) = ($caller, $grant);
        info!(
            target: AUDIT,
            {
            audit.action = $action,
            audit.outcome = "ok",
            user.id = grant.user_id,
            caller.issuer = caller.map(|caller| caller.issuer.as_str()),
            caller.subject = caller.map(|caller| caller.subject.as_str()),
            grant.id = %grant.id,
            grant.kind = grant.kind.as_str(),
            grant.method = grant.method.as_str(),
            profile.name = grant.profile,
            bucket.name = grant.bucket,
            object.key = $key,
            $($more)*
            },
            $message
        );
    }};
}

/// A grant was handed out, signed under the policy of this digest.
pub(super) fn handed_out(given: Given, caller: &Caller, grant: &Grant, policy: Option<&str>) {
    let expires_at = time(grant.expires_at);
    tell!(
        given.as_str(),
        Some(caller),
        grant,
        grant.key,
        [grant.state = grant.state.as_str(), grant.expires_at = expires_at, policy.sha256 = policy,],
        "leave to upload"
    );
}

/// A window of parts was signed.
pub(super) fn parts_signed(caller: &Caller, grant: &Grant, numbers: &[u32], expires_at: DateTime<Utc>) {
    let (first, last) = (numbers.iter().min(), numbers.iter().max());
    tell!(
        "sign_parts",
        Some(caller),
        grant,
        grant.key,
        [grant.expires_at = time(expires_at), parts.count = numbers.len(), parts.first = first, parts.last = last,],
        "leave to upload parts"
    );
}

/// A grant was cancelled.
pub(super) fn cancelled(caller: &Caller, grant: &Grant) {
    tell!("cancel", Some(caller), grant, grant.key, [], "grant cancelled");
}

/// A grant ended without an object.
pub(super) fn expired(grant: &Grant) {
    tell!("expire", None, grant, grant.key, [], "grant expired");
}

/// An object was recorded.
pub(super) fn recorded(news: &News, grant: &Grant, object: &Completion) {
    let (action, reason) = match news {
        News::Complete => ("complete", None),
        News::Reject(reason) => ("reject", Some(reason.as_str())),
        News::Change => ("change", None),
    };
    let source = object.source.as_str();
    tell!(
        action,
        None,
        grant,
        object.key,
        [object.size = object.size, object.etag = object.etag, object.source = source, audit.reason = reason,],
        "upload recorded"
    );
}

/// A ticket was opened.
pub(super) fn ticket_opened(caller: &Caller, profile: &str, expires_at: DateTime<Utc>) {
    info!(
        target: AUDIT,
        {audit.action = "open_ticket",
        audit.outcome = "ok",
        user.id = caller.user_id,
        caller.issuer = caller.issuer,
        caller.subject = caller.subject,
        profile.name = profile,
        ticket.expires_at = time(expires_at),},
        "ticket opened",
    );
}

/// Somebody known was refused; what he asked for is in the fields of the request around it.
pub fn refused(caller: &Caller, profile: Option<&str>, code: &str, why: &str) {
    info!(
        target: AUDIT,
        {audit.action = "request",
        audit.outcome = "refused",
        user.id = caller.user_id,
        caller.issuer = caller.issuer,
        caller.subject = caller.subject,
        profile.name = profile,
        error.code = code,
        error.cause = why,},
        "request refused",
    );
}

/// A callback was refused. Who sent it is not known: if it had been OSS, it would mostly not have been.
pub fn callback_refused(code: &str, why: &str) {
    tracing::warn!(
        target: AUDIT,
        {audit.action = "callback",
        audit.outcome = "refused",
        error.code = code,
        error.cause = why,},
        "callback refused",
    );
}

fn is_on() -> bool {
    enabled!(target: AUDIT, Level::INFO)
}

fn session_digest(grant: &Grant) -> Option<String> {
    session_policy(grant).ok().map(|policy| digest_of_text(&policy))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
