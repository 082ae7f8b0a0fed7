//! Callback bodies as OSS really writes them → typed fields (P§1.5).

use super::callback::ImageInfo;

/// The fields of a callback body, by name; values are text whatever the body type. `null`, absent and empty are the same: absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallbackFields {
    fields: Vec<(String, String)>,
}

/// Why a body can't be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnparseableBody {
    /// Neither form nor JSON.
    #[error("the body is neither a form nor JSON: {0}")]
    Syntax(String),
    /// A name occurs twice.
    #[error("the name `{0}` occurs twice")]
    DuplicateName(String),
    /// A name or value is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
}

impl CallbackFields {
    /// Parses by content type: form (`+` and `%20` are spaces) or JSON with OSS's quirks (`"imageInfo.height":,`).
    ///
    /// # Errors
    /// When the body can't be read, or a name occurs twice.
    pub fn parse(_content_type: Option<&str>, _body: &[u8]) -> Result<Self, UnparseableBody> {
        todo!()
    }

    /// The value of `name`; `None` when absent, null or empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// All present fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// `imageInfo.*`, when all three are there.
    pub fn image(&self) -> Option<ImageInfo> {
        todo!()
    }
}
