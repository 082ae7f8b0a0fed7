//! `AssumeRole`, and what it shares with `AssumeRoleWithOIDC`.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{answer::StsError, call::Call, signature::Signer};
use crate::simulator::{
    access::{
        authorise::circumstances,
        permissions::Permissions,
        policy::ResourceName,
        roles::RoleSpec,
        sessions::{NewSession, Session},
    },
    request::Incoming,
    server::Oss,
};

/// When a call does not say (P§6.1), seconds.
const DEFAULT_DURATION: u32 = 3600;
/// At least a quarter of an hour (P§6.1).
const MIN_DURATION: u32 = 900;
/// Characters (P§6.1).
const MAX_POLICY: usize = 2048;

/// Hands out a session of the role, if the role trusts the signer and the signer may assume it.
pub(super) async fn assume_role(
    oss: &Oss,
    incoming: &Incoming,
    call: &Call,
    signer: &Signer,
) -> Result<Value, StsError> {
    let role = find_role(oss, call.needed("RoleArn")?)?;
    let asked = Asked::read(call, role)?;
    let external_id = call.parameter("ExternalId");
    if external_id.is_some_and(|id| !is_word(id, 2..=1224, b"+=,.@:/-_")) {
        return Err(StsError::wrongly_formed("ExternalId"));
    }
    let source_identity = call.parameter("SourceIdentity");
    // No source gives the code: an assumption after the others.
    if source_identity.is_some_and(|name| !is_word(name, 2..=64, b"+=,.@-_") || name.starts_with("acs:")) {
        return Err(StsError::wrongly_formed("SourceIdentity"));
    }
    let name = format!("role/{}", role.name);
    let resource = ResourceName { service: "ram", region: "", account: &oss.settings.account_id, id: &name };
    let may = signer.identity.may("sts:AssumeRole", resource, &circumstances(incoming));
    let trusted = role.trust.keys.include(&signer.access_key_id)
        && role.trust.external_id.as_deref().is_none_or(|expected| external_id == Some(expected));
    if !may || !trusted {
        return Err(StsError::not_permitted());
    }
    let mut answer = asked.issue(oss, call, source_identity).await?;
    if let Some(identity) = source_identity {
        answer["SourceIdentity"] = identity.into();
    }
    Ok(answer)
}

/// What both actions ask of a role.
pub(super) struct Asked<'a> {
    role: &'a RoleSpec,
    session_name: &'a str,
    duration: u32,
    policy: Option<(&'a str, Permissions)>,
}

impl<'a> Asked<'a> {
    /// `RoleSessionName`, `DurationSeconds` and `Policy`, within their limits.
    pub(super) fn read(call: &'a Call, role: &'a RoleSpec) -> Result<Self, StsError> {
        let session_name = call.needed("RoleSessionName")?;
        if !is_word(session_name, 2..=64, b".@-_") {
            return Err(StsError::wrongly_formed("RoleSessionName"));
        }
        let longest = role.max_session_seconds;
        let duration = match call.parameter("DurationSeconds") {
            // A role whose sessions are shorter than the default gives what it has (an assumption).
            None => Some(DEFAULT_DURATION.min(longest)),
            Some(text) => text.parse().ok().filter(|seconds| (MIN_DURATION..=longest).contains(seconds)),
        };
        let duration = duration.ok_or_else(|| {
            let message = format!("The Min/Max value of DurationSeconds is 15min/{}.", in_words(longest));
            StsError::new(400, "InvalidParameter.DurationSeconds", message)
        })?;
        let policy = call.parameter("Policy").map(read_policy).transpose()?;
        Ok(Self { role, session_name, duration, policy })
    }

    /// Makes the session; its credentials, as an answer.
    pub(super) async fn issue(self, oss: &Oss, call: &Call, source_identity: Option<&str>) -> Result<Value, StsError> {
        let new = NewSession {
            role: &self.role.name,
            session_name: self.session_name,
            expires_at: call.now + TimeDelta::seconds(i64::from(self.duration)),
            policy: self.policy,
            source_identity,
        };
        let session = oss.sts.sessions.issue(new, call.now).await.map_err(|error| StsError::internal(&error))?;
        Ok(credentials(&session, &oss.settings.account_id))
    }
}

fn credentials(session: &Session, account: &str) -> Value {
    let key = session.key();
    json!({
        "AssumedRoleUser": {
            "Arn": format!("acs:ram::{account}:role/{}/{}", session.role, session.name),
            "AssumedRoleId": format!("{}:{}", role_id(&session.role), session.name),
        },
        "Credentials": {
            "AccessKeyId": key.id(),
            "AccessKeySecret": key.expose_secret(),
            "SecurityToken": key.expose_security_token(),
            "Expiration": session.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        },
    })
}

/// Eighteen digits, always the same for a role.
fn role_id(name: &str) -> String {
    let digest = Sha256::digest(name);
    let number = u64::from_be_bytes(digest[..8].try_into().expect("eight bytes of thirty-two"));
    format!("3{:017}", number % 100_000_000_000_000_000)
}

/// `acs:ram::ACCOUNT:role/NAME`; RAM takes a role's name in any case.
pub(super) fn find_role<'a>(oss: &'a Oss, arn: &str) -> Result<&'a RoleSpec, StsError> {
    let parts = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/"));
    let well_formed = |(account, name): &(&str, &str)| {
        !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit()) && is_word(name, 1..=64, b".-_")
    };
    let (account, name) = parts.filter(well_formed).ok_or_else(|| StsError::wrongly_formed("RoleArn"))?;
    let role = oss.settings.roles.iter().find(|role| role.name.eq_ignore_ascii_case(name));
    role.filter(|_| account == oss.settings.account_id).ok_or_else(StsError::no_such_role)
}

fn read_policy(text: &str) -> Result<(&str, Permissions), StsError> {
    if text.chars().count() > MAX_POLICY {
        let message = format!("The size of Policy must be smaller than {MAX_POLICY} bytes.");
        return Err(StsError::new(400, "InvalidParameter.PolicySize", message));
    }
    let grammar = |_| {
        let message = "The parameter Policy has not passed grammar check.";
        StsError::new(400, "InvalidParameter.PolicyGrammar", message)
    };
    Ok((text, Permissions::policy(text).map_err(grammar)?))
}

/// `1hr`, `90min`.
fn in_words(seconds: u32) -> String {
    if seconds.is_multiple_of(3600) { format!("{}hr", seconds / 3600) } else { format!("{}min", seconds / 60) }
}

/// ASCII letters, digits and the marks given, so many of them.
fn is_word(text: &str, length: std::ops::RangeInclusive<usize>, marks: &[u8]) -> bool {
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || marks.contains(&b))
}
