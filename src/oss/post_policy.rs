//! The Post Policy document: build, parse, evaluate (P§3.4).

use chrono::{DateTime, Utc};

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
    #[error("Your proposed upload is smaller than the minimum allowed size.")]
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
    pub fn to_json(&self) -> String {
        todo!()
    }

    /// Parses a document as OSS does.
    ///
    /// # Errors
    /// With OSS's own message.
    pub fn parse(_json: &[u8]) -> Result<Self, InvalidPolicyDocument> {
        todo!()
    }

    /// Checks everything but the length range.
    ///
    /// # Errors
    /// The first condition that fails.
    pub fn evaluate(&self, _form: &PostFormFacts, _now: DateTime<Utc>) -> Result<(), PolicyViolation> {
        todo!()
    }

    /// The tightest `content-length-range`, if any: what OSS enforces while the file arrives.
    pub fn content_length_range(&self) -> Option<(u64, u64)> {
        todo!()
    }
}
