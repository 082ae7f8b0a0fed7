//! A PostObject form: the policy signed, and the fields that satisfy it.

use anyhow::anyhow;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value};

use super::case::{Case, object};
use crate::oss::{
    post_form,
    post_policy::{Condition, PostPolicy},
    presign::SigningContext,
    request::SignatureVersion,
};

/// The name under which each version writes its signature.
fn signature_field(version: SignatureVersion) -> &'static str {
    match version {
        SignatureVersion::V1 => "Signature",
        SignatureVersion::V4 => "x-oss-signature",
    }
}

/// Signs the case's policy: a text byte for byte, an object as compact JSON in the order given.
pub(super) fn sign(case: &Case, context: &SigningContext<'_>) -> anyhow::Result<Value> {
    if context.version == SignatureVersion::V4 && context.region.is_empty() {
        return Err(anyhow!("region is missing"));
    }
    let text = policy_text(case)?;
    let signature_fields = post_form::signature_fields_for_text(&text, context);
    let name = signature_field(context.version);
    let signature = signature_fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let mut found = Map::new();
    found.insert("signature".into(), signature.into());
    found.insert("url".into(), case.form_url(context.endpoint).into());
    found.insert("string_to_sign".into(), BASE64.encode(&text).into());
    let mut fields = pinned_fields(case, &text);
    fields.extend(signature_fields);
    found.insert("form_fields".into(), object(&fields));
    Ok(case.answer(found))
}

fn policy_text(case: &Case) -> anyhow::Result<String> {
    match (&case.policy_text, &case.policy_text_given, &case.policy) {
        (Some(text), ..) | (None, Some(text), _) => Ok(text.clone()),
        (None, None, Some(policy)) => Ok(serde_json::to_string(policy)?),
        (None, None, None) => Err(anyhow!("policy is missing: policy, policy_text or policy_text_given")),
    }
}

/// The fields that the policy fixes, and a key that satisfies it. A policy that OSS could not read fixes none.
fn pinned_fields(case: &Case, text: &str) -> Vec<(String, String)> {
    let Ok(policy) = PostPolicy::parse(text.as_bytes()) else { return vec![] };
    let mut fields: Vec<(String, String)> = vec![];
    for condition in &policy.conditions {
        let (field, value) = match condition {
            Condition::Simple(field, value) | Condition::Eq(field, value) => (field, value.clone()),
            Condition::StartsWith(field, prefix) if field.eq_ignore_ascii_case("key") => {
                (field, format!("{prefix}{}", case.file_name.as_deref().unwrap_or_default()))
            }
            // These leave the choice to the uploader.
            Condition::StartsWith(..)
            | Condition::In(..)
            | Condition::NotIn(..)
            | Condition::ContentLengthRange(..) => {
                continue;
            }
        };
        let known = fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(field));
        if !known && !field.eq_ignore_ascii_case("bucket") {
            fields.push((field.clone(), value));
        }
    }
    fields
}
