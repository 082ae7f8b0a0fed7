//! Key templates: the only way that user-supplied text reaches an object key, escaped injectively.

use chrono::{DateTime, Utc};

/// A parsed template such as `avatars/{user_id}/{id}.{ext}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    _todo: (),
}

/// Why a template is refused, for the configuration's author.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidTemplate(pub String);

/// What the placeholders stand for.
#[derive(Debug, Clone)]
pub struct KeyFacts<'a> {
    /// `{user_id}`.
    pub user_id: &'a str,
    /// `{id}`.
    pub id: &'a str,
    /// `{ext}`; already one of the safe ones.
    pub ext: &'a str,
    /// `{profile}`.
    pub profile: &'a str,
    /// `{yyyy}`, `{mm}`, `{dd}` in UTC.
    pub now: DateTime<Utc>,
    /// `{var:NAME}`.
    pub vars: &'a [(String, String)],
}

/// Why no key can be made of these facts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnusableKey {
    /// Empty, longer than 128 bytes: `user_id_unusable`.
    #[error("the user id can't be used in a key")]
    UserId,
    /// A variable of the template is empty or absent.
    #[error("the variable `{0}` is needed for the key")]
    Variable(String),
    /// Longer than 1023 bytes.
    #[error("the key would be longer than 1023 bytes")]
    TooLong,
}

impl KeyTemplate {
    /// Parses a template for an object key.
    ///
    /// # Errors
    /// Unknown placeholder, `{user_id}` not alone in its segment, placeholders not separated by `/`, `-` or `.`, leading `/`, ….
    pub fn parse(_text: &str) -> Result<Self, InvalidTemplate> {
        todo!()
    }

    /// Parses a template for a directory: as [`Self::parse`], ends in `/`, without `{ext}`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_directory(_text: &str) -> Result<Self, InvalidTemplate> {
        todo!()
    }

    /// Whether `{id}` makes every key unique.
    pub fn has_id(&self) -> bool {
        todo!()
    }

    /// Whether `{user_id}` occurs.
    pub fn has_user_id(&self) -> bool {
        todo!()
    }

    /// The names of `{var:NAME}`.
    pub fn variables(&self) -> Vec<&str> {
        todo!()
    }

    /// The key.
    ///
    /// # Errors
    /// When the facts can't make one.
    pub fn render(&self, _facts: &KeyFacts<'_>) -> Result<String, UnusableKey> {
        todo!()
    }
}

/// Every byte outside `[A-Za-z0-9_-]` and non-leading `.` becomes `~XX`; injective.
pub fn escape(_value: &str) -> String {
    todo!()
}
