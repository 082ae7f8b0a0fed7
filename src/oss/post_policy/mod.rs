//! The Post Policy document: build, parse, evaluate (P§3.4).

mod evaluate;
mod parse;

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};

/// One condition. Field names are written without `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `{"field":"value"}`: exact, a single property.
    Simple(String, String),
    /// `["eq","$field","value"]`.
    Eq(String, String),
    /// `["starts-with","$field","prefix"]`; `""` allows any value.
    StartsWith(String, String),
    /// `["in","$field",["a","b"]]`.
    In(String, Vec<String>),
    /// `["not-in","$field",["a"]]`.
    NotIn(String, Vec<String>),
    /// `["content-length-range",min,max]`, bytes, inclusive.
    ContentLengthRange(u64, u64),
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPolicy {
    /// When OSS stops accepting it.
    pub expiration: DateTime<Utc>,
    /// At least one.
    pub conditions: Vec<Condition>,
}

/// Why a document is refused: the text is OSS's `Message` for `InvalidPolicyDocument`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidPolicyDocument(pub String);

/// Why a form does not satisfy a policy: `Display` is OSS's `Message` for `AccessDenied` / `EntityTooLarge` / `EntityTooSmall`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PolicyViolation {
    /// The policy's time is over.
    #[error("Invalid according to Policy: Policy expired.")]
    Expired,
    /// A condition failed; the text is the condition as OSS prints it.
    #[error("Invalid according to Policy: Policy Condition failed: {0}")]
    ConditionFailed(String),
    /// Above the range.
    #[error("Your proposed upload exceeds the maximum allowed size.")]
    EntityTooLarge,
    /// Below the range.
    #[error("Your proposed upload smaller than the minimum allowed size.")]
    EntityTooSmall,
}

/// The facts of a form that conditions are evaluated against.
#[derive(Debug, Clone, Default)]
pub struct PostFormFacts {
    /// The bucket addressed by the request.
    pub bucket: String,
    /// Every field before the file part, with its value, `key` before `${filename}` is expanded.
    pub fields: Vec<(String, String)>,
    /// The `Content-Type` of the file part, if it has one.
    pub file_content_type: Option<String>,
}

impl PostPolicy {
    /// Compact JSON, `$` in literals escaped as the policy language asks.
    ///
    /// The expiration is written with milliseconds, `2026-03-02T16:04:05.000Z`; anything finer is cut off.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(1024 + 64 * self.conditions.len());
        json.push_str("{\"expiration\":\"");
        json.push_str(&self.expiration.to_rfc3339_opts(SecondsFormat::Millis, true));
        json.push_str("\",\"conditions\":[");
        for (index, condition) in self.conditions.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            condition.push_json(&mut json);
        }
        json.push_str("]}");
        json
    }

    /// Parses a document as OSS does: with or without milliseconds, with the escapes of the policy language (`\$` among them).
    ///
    /// # Errors
    /// With OSS's own message.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidPolicyDocument> {
        parse::document(json)
    }

    /// Checks everything but the length range: the time, then each condition in order. Fields that no condition mentions are accepted (P§3.4).
    ///
    /// # Errors
    /// The first condition that fails.
    pub fn evaluate(&self, form: &PostFormFacts, now: DateTime<Utc>) -> Result<(), PolicyViolation> {
        evaluate::policy(self, form, now)
    }

    /// The tightest `content-length-range`, if any: what OSS enforces while the file arrives.
    pub fn content_length_range(&self) -> Option<(u64, u64)> {
        let ranges = self.conditions.iter().filter_map(|condition| match condition {
            Condition::ContentLengthRange(min, max) => Some((*min, *max)),
            _ => None,
        });
        ranges.reduce(|(min, max), (other_min, other_max)| (min.max(other_min), max.min(other_max)))
    }

    /// Checks a file's size, bytes, against [`PostPolicy::content_length_range`].
    ///
    /// # Errors
    /// [`PolicyViolation::EntityTooSmall`] or [`PolicyViolation::EntityTooLarge`].
    pub fn check_size(&self, size: u64) -> Result<(), PolicyViolation> {
        match self.content_length_range() {
            Some((_, max)) if size > max => Err(PolicyViolation::EntityTooLarge),
            Some((min, _)) if size < min => Err(PolicyViolation::EntityTooSmall),
            _ => Ok(()),
        }
    }
}

impl Condition {
    fn push_json(&self, json: &mut String) {
        match self {
            Self::Simple(field, value) => {
                json.push('{');
                push_string(json, field);
                json.push(':');
                push_literal(json, value);
                json.push('}');
            }
            Self::Eq(field, value) => push_match(json, "eq", field, |json| push_literal(json, value)),
            Self::StartsWith(field, prefix) => {
                push_match(json, "starts-with", field, |json| push_literal(json, prefix));
            }
            Self::In(field, values) => push_match(json, "in", field, |json| push_literals(json, values)),
            Self::NotIn(field, values) => push_match(json, "not-in", field, |json| push_literals(json, values)),
            Self::ContentLengthRange(min, max) => {
                write!(json, "[\"content-length-range\",{min},{max}]").expect("a String takes what is written to it");
            }
        }
    }
}

fn push_match(json: &mut String, operator: &str, field: &str, push_value: impl FnOnce(&mut String)) {
    json.push_str("[\"");
    json.push_str(operator);
    json.push_str("\",");
    json.push_str("\"$");
    push_escaped(json, field);
    json.push_str("\",");
    push_value(json);
    json.push(']');
}

fn push_literals(json: &mut String, values: &[String]) {
    json.push('[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_literal(json, value);
    }
    json.push(']');
}

/// A literal of the policy language: `$` is written `\$`, since a bare one begins a variable (P§3.4).
fn push_literal(json: &mut String, value: &str) {
    if value.contains('$') {
        push_string(json, &value.replace('$', "\\$"));
    } else {
        push_string(json, value);
    }
}

fn push_string(json: &mut String, text: &str) {
    json.push('"');
    push_escaped(json, text);
    json.push('"');
}

/// What stands between the quotes. Hardly anything of ours needs an escape, and policies are made by the thousand.
fn push_escaped(json: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.push_str(text);
    } else {
        let quoted = serde_json::to_string(text).expect("a string is always JSON");
        json.push_str(&quoted[1..quoted.len() - 1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(conditions: Vec<Condition>) -> PostPolicy {
        PostPolicy { expiration: DateTime::from_timestamp(1_772_467_445, 0).unwrap(), conditions }
    }

    #[test]
    fn every_kind_of_condition_is_written_compactly() {
        let policy = policy(vec![
            Condition::Simple("bucket".into(), "b".into()),
            Condition::Eq("key".into(), "a\"b".into()),
            Condition::StartsWith("x-oss-meta-tag".into(), String::new()),
            Condition::In("content-type".into(), vec!["image/jpg".into(), "image/png".into()]),
            Condition::NotIn("cache-control".into(), vec!["no-cache".into()]),
            Condition::ContentLengthRange(1, 1024),
        ]);
        assert_eq!(
            policy.to_json(),
            "{\"expiration\":\"2026-03-02T16:04:05.000Z\",\"conditions\":[{\"bucket\":\"b\"},[\"eq\",\"$key\",\"a\\\"b\"],\
             [\"starts-with\",\"$x-oss-meta-tag\",\"\"],[\"in\",\"$content-type\",[\"image/jpg\",\"image/png\"]],\
             [\"not-in\",\"$cache-control\",[\"no-cache\"]],[\"content-length-range\",1,1024]]}",
        );
    }

    #[test]
    fn a_dollar_in_a_literal_is_escaped_for_the_policy_language() {
        let json = policy(vec![Condition::Eq("key".into(), "user/${filename}".into())]).to_json();
        assert!(json.contains(r#"["eq","$key","user/\\${filename}"]"#), "{json}");
    }

    #[test]
    fn the_tightest_of_several_ranges_counts() {
        let policy = policy(vec![
            Condition::ContentLengthRange(1, 1000),
            Condition::Eq("key".into(), "k".into()),
            Condition::ContentLengthRange(10, 2000),
        ]);
        assert_eq!(policy.content_length_range(), Some((10, 1000)));
        assert_eq!(policy.check_size(9), Err(PolicyViolation::EntityTooSmall));
        assert_eq!(policy.check_size(10), Ok(()));
        assert_eq!(policy.check_size(1000), Ok(()));
        assert_eq!(policy.check_size(1001), Err(PolicyViolation::EntityTooLarge));
    }

    #[test]
    fn without_a_range_any_size_will_do() {
        let policy = policy(vec![Condition::Eq("key".into(), "k".into())]);
        assert_eq!(policy.content_length_range(), None);
        assert_eq!(policy.check_size(u64::MAX), Ok(()));
    }
}
