//! Why a signature is refused, with OSS's codes and words (P§3.5, P§4.1).

use crate::oss::post_policy::InvalidPolicyDocument;

/// Why a signature is refused; `Display` is OSS's `Message`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureRefusal {
    /// The signature's parameters make no sense.
    #[error("{message}")]
    InvalidArgument {
        /// What is wrong.
        message: String,
        /// `ArgumentName` and `ArgumentValue`.
        argument: Option<(String, String)>,
    },
    /// Expired, not valid yet, or incomplete.
    #[error("{0}")]
    AccessDenied(String),
    /// Nobody has this key, or it is a temporary one that came without its token.
    #[error("The OSS Access Key Id you provided does not exist in our records.")]
    InvalidAccessKeyId,
    /// The token is not this key's.
    #[error("The security token you provided is invalid.")]
    InvalidSecurityToken,
    /// The token is this key's, but its session is over.
    #[error("The security token you provided has expired.")]
    SecurityTokenExpired,
    /// The request's date is more than 15 minutes off.
    #[error("The difference between the request time and the current time is too large.")]
    RequestTimeTooSkewed,
    /// The policy of a form is no policy.
    #[error(transparent)]
    InvalidPolicyDocument(#[from] InvalidPolicyDocument),
    /// Signed with another secret, or changed on the way.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )]
    SignatureDoesNotMatch {
        /// The key that the request names.
        access_key_id: String,
        /// The signature that came.
        signature_provided: String,
        /// What the server signed.
        string_to_sign: String,
        /// The stage before, V4 requests only.
        canonical_request: Option<String>,
    },
}

impl SignatureRefusal {
    /// OSS's `Code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidArgument { .. } => "InvalidArgument",
            Self::AccessDenied(_) => "AccessDenied",
            Self::InvalidAccessKeyId => "InvalidAccessKeyId",
            Self::InvalidSecurityToken => "InvalidSecurityToken",
            Self::SecurityTokenExpired => "SecurityTokenExpired",
            Self::RequestTimeTooSkewed => "RequestTimeTooSkewed",
            Self::InvalidPolicyDocument(_) => "InvalidPolicyDocument",
            Self::SignatureDoesNotMatch { .. } => "SignatureDoesNotMatch",
        }
    }

    /// The HTTP status that goes with the code.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidArgument { .. } | Self::InvalidPolicyDocument(_) => 400,
            _ => 403,
        }
    }

    /// Further elements of the error document, in OSS's order: for a mismatch, what the server signed, so that a client can compare.
    pub fn details(&self) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match self {
            Self::InvalidArgument { argument: Some((name, value)), .. } => {
                vec![own("ArgumentName", name), own("ArgumentValue", value)]
            }
            Self::SignatureDoesNotMatch { access_key_id, signature_provided, string_to_sign, canonical_request } => {
                let bytes: Vec<_> = string_to_sign.bytes().map(|byte| format!("{byte:02X}")).collect();
                let mut details = vec![
                    own("OSSAccessKeyId", access_key_id),
                    own("SignatureProvided", signature_provided),
                    own("StringToSign", string_to_sign),
                    own("StringToSignBytes", &bytes.join(" ")),
                ];
                details.extend(canonical_request.as_deref().map(|text| own("CanonicalRequest", text)));
                details
            }
            _ => vec![],
        }
    }

    pub(super) fn expired() -> Self {
        Self::AccessDenied("Request has expired.".to_owned())
    }

    pub(super) fn argument(message: impl Into<String>, name: &str, value: &str) -> Self {
        Self::InvalidArgument { message: message.into(), argument: Some((name.to_owned(), value.to_owned())) }
    }
}
