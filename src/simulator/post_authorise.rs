//! Who signed a form, and what the policy says (P§3.3, P§3.4).

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;

use super::{
    authorise::{self, MAX_SKEW},
    errors::OssError,
    post_form::PostForm,
    request::Incoming,
    settings::{BucketSpec, KeySpec, SimulatorSettings},
};
use crate::oss::{
    post_policy::{Condition, PostPolicy},
    sign_v1,
    sign_v4::{self, ALGORITHM, Scope, SigningKey},
};

/// A V4 form is refused this long after its `x-oss-date`, whatever its policy says (P§3.3).
const MAX_FORM_AGE: TimeDelta = TimeDelta::days(7);

const V1_FIELDS: [&str; 3] = ["OSSAccessKeyId", "policy", "Signature"];
const V4_FIELDS: [&str; 5] = ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "policy", "x-oss-signature"];

/// The credential behind a form, with the policy that it satisfies in everything but the length of the file.
pub(super) fn authorise_form<'a>(
    form: &PostForm,
    bucket: &BucketSpec,
    incoming: &Incoming,
    settings: &'a SimulatorSettings,
) -> Result<(&'a KeySpec, PostPolicy), OssError> {
    let names: &[&str] = if V4_FIELDS.iter().any(|name| *name != "policy" && form.get(name).is_some()) {
        &V4_FIELDS
    } else {
        &V1_FIELDS
    };
    if names.iter().all(|name| form.get(name).is_none()) {
        return Err(OssError::anonymous());
    }
    if let Some(missing) = names.iter().find(|name| form.get(name).is_none()) {
        return Err(missing_field(missing));
    }
    let spec = if names.len() == V4_FIELDS.len() {
        check_v4(form, bucket, incoming, settings)?
    } else {
        check_v1(form, settings)?
    };
    let policy = decode_policy(required(form, "policy")?)?;
    if names.len() == V4_FIELDS.len() {
        check_v4_conditions(&policy, form)?;
    }
    policy.evaluate(&form.facts(&bucket.name), incoming.now)?;
    Ok((spec, policy))
}

/// The refusal of a form that lacks a field.
pub(super) fn missing_field(name: &str) -> OssError {
    let message = format!(
        "The bucket POST must contain the specified '{name}'. If it is specified, please check the order of the fields"
    );
    OssError::invalid_argument(message, name, "")
}

fn required<'a>(form: &'a PostForm, name: &str) -> Result<&'a str, OssError> {
    form.get(name).ok_or_else(|| missing_field(name))
}

fn check_v1<'a>(form: &PostForm, settings: &'a SimulatorSettings) -> Result<&'a KeySpec, OssError> {
    let spec = authorise::find_key(required(form, "OSSAccessKeyId")?, form.get("x-oss-security-token"), settings)?;
    let (policy, signature) = (required(form, "policy")?, required(form, "Signature")?);
    if sign_v1::verify_text(policy, &spec.key, signature) {
        return Ok(spec);
    }
    Err(OssError::signature_mismatch(spec.key.id(), signature, policy))
}

fn check_v4<'a>(
    form: &PostForm,
    bucket: &BucketSpec,
    incoming: &Incoming,
    settings: &'a SimulatorSettings,
) -> Result<&'a KeySpec, OssError> {
    let version = required(form, "x-oss-signature-version")?;
    if version != ALGORITHM {
        return Err(OssError::invalid_argument("Invalid signature version.", "x-oss-signature-version", version));
    }
    let credential = required(form, "x-oss-credential")?;
    let (id, scope) = Scope::parse_credential(credential)
        .ok_or_else(|| OssError::invalid_argument("Invalid credential.", "x-oss-credential", credential))?;
    let text = required(form, "x-oss-date")?;
    let date =
        sign_v4::parse_date(text).ok_or_else(|| OssError::invalid_argument("Invalid date.", "x-oss-date", text))?;
    authorise::check_scope(&scope, text, Some(&bucket.region), credential)?;
    if date > incoming.now + MAX_SKEW {
        return Err(OssError::time_too_skewed());
    }
    if incoming.now > date + MAX_FORM_AGE {
        return Err(OssError::access_denied("Invalid according to Policy: Policy expired."));
    }
    let spec = authorise::find_key(&id, form.get("x-oss-security-token"), settings)?;
    let (policy, signature) = (required(form, "policy")?, required(form, "x-oss-signature")?);
    if SigningKey::derive(&spec.key, &scope).verify_text(policy, signature) {
        return Ok(spec);
    }
    Err(OssError::signature_mismatch(&id, signature, policy))
}

fn decode_policy(base64: &str) -> Result<PostPolicy, OssError> {
    let invalid = |message: String| OssError::bad_request("InvalidPolicyDocument", message);
    let json = STANDARD
        .decode(base64)
        .map_err(|_| invalid("Invalid Policy: the policy is not encoded in Base64.".to_owned()))?;
    PostPolicy::parse(&json).map_err(|error| invalid(error.to_string()))
}

/// V4 wants its own fields pinned (P§3.3), so that a form's fields can't be exchanged under its policy.
fn check_v4_conditions(policy: &PostPolicy, form: &PostForm) -> Result<(), OssError> {
    let mut names = vec!["x-oss-signature-version", "x-oss-credential", "x-oss-date"];
    names.extend(form.get("x-oss-security-token").map(|_| "x-oss-security-token"));
    let pinned = |name: &str| {
        policy.conditions.iter().any(|condition| match condition {
            Condition::Simple(field, _) | Condition::Eq(field, _) => field.eq_ignore_ascii_case(name),
            _ => false,
        })
    };
    match names.into_iter().find(|name| !pinned(name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("Invalid according to Policy: the policy must contain a condition on {name}.");
            Err(OssError::access_denied(message))
        }
    }
}
