//! What is wrong with a request, field by field.

/// The contract's codes for a well-formed request that can't be granted (422).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// Above the profile's `max_size`.
    SizeTooLarge,
    /// Below the profile's `min_size`.
    SizeTooSmall,
    /// Not one of the profile's types, not a media type, or underivable.
    ContentTypeNotAllowed,
    /// A variable that the profile does not list.
    UnknownVariable,
    /// A variable's value is too long, or has control characters.
    InvalidVariable,
    /// The file name is too long, empty, or has control characters.
    InvalidFilename,
    /// A method that the profile does not offer.
    MethodNotAllowedByProfile,
    /// A directory is asked for, but the profile has none.
    DirectoryNotAllowed,
    /// A method that the bucket's credentials can't serve.
    CredentialsNotSupported,
    /// No object key can be made of this user id.
    UserIdUnusable,
    /// A field that does not exist.
    UnknownField,
    /// A field that must be there.
    MissingField,
    /// A query parameter or header that makes no sense.
    InvalidParameter,
}

impl FaultCode {
    /// The code as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SizeTooLarge => "size_too_large",
            Self::SizeTooSmall => "size_too_small",
            Self::ContentTypeNotAllowed => "content_type_not_allowed",
            Self::UnknownVariable => "unknown_variable",
            Self::InvalidVariable => "invalid_variable",
            Self::InvalidFilename => "invalid_filename",
            Self::MethodNotAllowedByProfile => "method_not_allowed_by_profile",
            Self::DirectoryNotAllowed => "directory_not_allowed",
            Self::CredentialsNotSupported => "credentials_not_supported",
            Self::UserIdUnusable => "user_id_unusable",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::InvalidParameter => "invalid_parameter",
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The field, dotted: `vars.album`.
    pub field: String,
    /// Why.
    pub code: FaultCode,
    /// For people.
    pub message: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, code: FaultCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
