//! The signature of a PostObject form (P§3.2, P§3.3).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::TimeDelta;

use super::{KnownKey, MAX_CLOCK_SKEW, SignatureRefusal, VerifyingContext, check_scope, check_window, parse};
use crate::oss::{
    post_policy::{Condition, InvalidPolicyDocument, PostPolicy},
    presign::MAX_V4_EXPIRY,
    sign_v1,
    sign_v4::{ALGORITHM, SigningKey},
};

/// The fields of which a V4 policy must pin every one that the form holds (P§3.3).
const V4_PINNED: [&str; 4] = ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-security-token"];

/// A form whose policy was signed with a known key; only [`verify_post_form`] makes one. Whether the form satisfies it is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedForm {
    access_key_id: String,
    policy: PostPolicy,
}

impl VerifiedForm {
    /// The id of the key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The signed policy, to be evaluated against the form.
    pub fn policy(&self) -> &PostPolicy {
        &self.policy
    }
}

/// The signature's fields, as a form gives them.
struct Claim<'a> {
    access_key_id: String,
    policy: &'a str,
    signature: &'a str,
    scope: Option<crate::oss::sign_v4::Scope>,
}

/// Verifies a form's signature fields, V1 or V4; `Ok(None)` when there are none (an anonymous upload). Names compare in any case.
///
/// # Errors
/// What OSS would answer.
pub fn verify_post_form<K: Into<KnownKey>>(
    fields: &[(String, String)],
    find_key: impl FnOnce(&str) -> Option<K>,
    context: &VerifyingContext<'_>,
) -> Result<Option<VerifiedForm>, SignatureRefusal> {
    let Some(claim) = claim(fields, context)? else { return Ok(None) };
    let known: KnownKey = find_key(&claim.access_key_id).ok_or(SignatureRefusal::InvalidAccessKeyId)?.into();
    known.check(field(fields, "x-oss-security-token"), context.now)?;
    let matches = match &claim.scope {
        None => sign_v1::verify_text(claim.policy, &known.key, claim.signature),
        Some(scope) => SigningKey::derive(&known.key, scope).verify_text(claim.policy, claim.signature),
    };
    if !matches {
        return Err(SignatureRefusal::SignatureDoesNotMatch {
            access_key_id: claim.access_key_id,
            signature_provided: claim.signature.to_owned(),
            string_to_sign: claim.policy.to_owned(),
            canonical_request: None,
        });
    }
    let policy = decode_policy(claim.policy)?;
    if claim.scope.is_some() {
        check_pinned(fields, &policy)?;
    }
    Ok(Some(VerifiedForm { access_key_id: claim.access_key_id, policy }))
}

fn claim<'a>(
    fields: &'a [(String, String)],
    context: &VerifyingContext<'_>,
) -> Result<Option<Claim<'a>>, SignatureRefusal> {
    if field(fields, "x-oss-signature-version").is_some() || field(fields, "x-oss-signature").is_some() {
        return v4_claim(fields, context).map(Some);
    }
    match ["OSSAccessKeyId", "policy", "Signature"].map(|name| field(fields, name)) {
        [None, None, None] => Ok(None),
        [Some(id), Some(policy), Some(signature)] => {
            Ok(Some(Claim { access_key_id: id.to_owned(), policy, signature, scope: None }))
        }
        [id, policy, _] => Err(incomplete_v1(id.is_none(), policy.is_none())),
    }
}

fn v4_claim<'a>(fields: &'a [(String, String)], context: &VerifyingContext<'_>) -> Result<Claim<'a>, SignatureRefusal> {
    let names = ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "policy", "x-oss-signature"];
    let [Some(version), Some(credential), Some(date), Some(policy), Some(signature)] =
        names.map(|name| field(fields, name))
    else {
        return Err(incomplete(&names.join(", ")));
    };
    if version != ALGORITHM {
        let message = "The signature version is not supported.";
        return Err(SignatureRefusal::argument(message, "x-oss-signature-version", version));
    }
    let (access_key_id, scope) = parse::parse_credential(credential)?;
    let time = parse::parse_date(date)?;
    check_scope(&scope, time, context)?;
    if time.signed_duration_since(context.now) > MAX_CLOCK_SKEW {
        return Err(SignatureRefusal::RequestTimeTooSkewed { request_time: time, server_time: context.now });
    }
    // Whatever the policy's own expiration says, OSS stops at seven days (P§3.3).
    check_window(time, TimeDelta::seconds(MAX_V4_EXPIRY), context.now)?;
    Ok(Claim { access_key_id, policy, signature, scope: Some(scope) })
}

fn decode_policy(policy: &str) -> Result<PostPolicy, InvalidPolicyDocument> {
    let not_base64 = |_| InvalidPolicyDocument("Invalid Policy: Invalid Base64 encoding.".to_owned());
    PostPolicy::parse(&BASE64.decode(policy).map_err(not_base64)?)
}

/// Else date and credential could be exchanged under a signed policy.
fn check_pinned(fields: &[(String, String)], policy: &PostPolicy) -> Result<(), SignatureRefusal> {
    let present = V4_PINNED.into_iter().filter(|name| field(fields, name).is_some());
    for name in present {
        let pinned = policy.conditions.iter().any(|condition| match condition {
            Condition::Simple(pinned, _) | Condition::Eq(pinned, _) => pinned.eq_ignore_ascii_case(name),
            _ => false,
        });
        if !pinned {
            let message = format!("Invalid according to Policy: Policy Condition is missing: {name}");
            return Err(SignatureRefusal::AccessDenied(message));
        }
    }
    Ok(())
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// OSS has words for two of the three (the page of 400 errors); the policy's are inferred from those for the key.
fn incomplete_v1(no_id: bool, no_policy: bool) -> SignatureRefusal {
    let message = if no_id {
        "Post request accessKeyId is empty."
    } else if no_policy {
        "The bucket POST must contain the specified 'policy'. If it is specified, please check the order of the fields"
    } else {
        "Post request signature is empty."
    };
    SignatureRefusal::InvalidArgument { message: message.to_owned(), argument: None }
}

fn incomplete(names: &str) -> SignatureRefusal {
    SignatureRefusal::InvalidArgument {
        message: format!("The bucket POST must contain all of the fields {names}, or none."),
        argument: None,
    }
}
