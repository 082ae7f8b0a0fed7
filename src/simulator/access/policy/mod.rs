//! RAM's policy language: what a document says, and what it says to one question.
//!
//! `{"Version":"1","Statement":[{"Effect","Action"|"NotAction","Resource"|"NotResource","Condition"}]}`, as the pages "Policy structure
//! and syntax" and "Conditional operators" of RAM's documentation and "RAM policies" of OSS's have it. What is not understood is refused,
//! as RAM does: a policy that says more than is enforced would let tests pass that OSS fails.

mod condition;
mod parse;
mod pattern;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use self::{
    condition::Condition,
    pattern::{exactly, in_any_case, matches},
};

pub(super) use self::parse::parse;

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed policy: {0}")]
pub struct MalformedPolicy(pub(super) String);

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    pub(super) actions: Listed<String>,
    pub(super) resources: Listed<ResourcePattern>,
    pub(super) conditions: Vec<Condition>,
}

/// What a statement that applies does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// `Action` and `Resource`, or all but `NotAction` and `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listed<T> {
    These(Vec<T>),
    AllBut(Vec<T>),
}

/// `*`, or `acs:SERVICE:REGION:ACCOUNT:ID` with wildcards in each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResourcePattern {
    Any,
    /// A part's wildcards end with the part: else a key with colons in it could pass for another bucket.
    Parts([String; 4]),
}

/// What RAM calls a thing: `acs:oss:oss-cn-hangzhou:1234567890123456:bucket/key`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResourceName<'a> {
    pub(super) service: &'a str,
    /// `cn-hangzhou`; empty where there are no regions.
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) id: &'a str,
}

/// Whether a credential may do something to a thing, just now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// `oss:PutObject`.
    pub(super) action: &'a str,
    pub(super) resource: ResourceName<'a>,
    pub(super) circumstances: &'a Circumstances,
    /// Of a listing; other questions have neither `oss:Prefix` nor `oss:Delimiter`.
    pub(super) listing: Option<&'a Listing>,
}

/// What conditions can ask of any request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Circumstances {
    /// `acs:CurrentTime`.
    pub(in crate::simulator) now: DateTime<Utc>,
    /// `acs:SourceIp`.
    pub(in crate::simulator) source_ip: Option<IpAddr>,
    /// `acs:SecureTransport`; the simulator speaks plain HTTP.
    pub(in crate::simulator) secure_transport: bool,
}

/// What conditions can ask of a listing; empty where the request does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Listing {
    /// `oss:Prefix`.
    pub(in crate::simulator) prefix: String,
    /// `oss:Delimiter`.
    pub(in crate::simulator) delimiter: String,
}

/// A policy's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed,
    /// No statement speaks of it.
    ImplicitDeny,
    /// A statement denies it, whatever others allow.
    ExplicitDeny,
}

/// All statements together: an explicit denial wins.
pub(super) fn judge(statements: &[Statement], question: &Question<'_>) -> Verdict {
    let applies = |effect| statements.iter().any(|statement| statement.effect == effect && statement.applies(question));
    if applies(Effect::Deny) {
        Verdict::ExplicitDeny
    } else if applies(Effect::Allow) {
        Verdict::Allowed
    } else {
        Verdict::ImplicitDeny
    }
}

/// Whether a pattern with wildcards covers a text, letter by letter.
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    matches(pattern, text, exactly)
}

impl Statement {
    /// An unconditional statement about every resource.
    pub(super) fn about(effect: Effect, actions: Vec<String>) -> Self {
        let resources = Listed::These(vec![ResourcePattern::Any]);
        Self { effect, actions: Listed::These(actions), resources, conditions: vec![] }
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        // "oss:putobject" works at RAM as "oss:PutObject" does.
        self.actions.covers(|pattern| matches(pattern, question.action, in_any_case))
            && self.resources.covers(|pattern| pattern.covers(&question.resource))
            && self.conditions.iter().all(|condition| condition.holds(question))
    }
}

impl<T> Listed<T> {
    fn covers(&self, mut one: impl FnMut(&T) -> bool) -> bool {
        match self {
            Self::These(patterns) => patterns.iter().any(&mut one),
            Self::AllBut(patterns) => !patterns.iter().any(&mut one),
        }
    }
}

impl ResourcePattern {
    fn covers(&self, name: &ResourceName<'_>) -> bool {
        let Self::Parts([service, region, account, id]) = self else { return true };
        let part = |pattern: &str, text: &str| matches(pattern, text, exactly);
        // OSS writes its regions `oss-cn-hangzhou`, RAM's other services `cn-hangzhou`.
        let bare = region.strip_prefix("oss-").unwrap_or(region);
        part(service, name.service)
            && (part(region, name.region) || part(bare, name.region))
            && part(account, name.account)
            && part(id, name.id)
    }
}

#[cfg(test)]
mod tests;
