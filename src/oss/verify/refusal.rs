//! Why a signature is refused, with OSS's codes and words (P§3.5, P§4.1).

use chrono::{DateTime, Utc};

use super::MAX_CLOCK_SKEW;
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
    /// The token of a signed URL stands in a header.
    #[error("{0}")]
    InvalidRequest(String),
    /// The list of further signed headers is none (P§4.2).
    #[error("{}", .fault.message())]
    AdditionalHeaders {
        /// What is wrong with it.
        fault: AdditionalHeadersFault,
        /// The list as it came.
        value: String,
        /// `x-oss-additional-headers`, not `AdditionalHeaders` of an `Authorization` header.
        in_url: bool,
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
    RequestTimeTooSkewed {
        /// As the request says.
        request_time: DateTime<Utc>,
        /// The server's clock; ali-oss in a page corrects its own by it.
        server_time: DateTime<Utc>,
    },
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

/// What can be wrong with a list of further signed headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdditionalHeadersFault {
    /// It is there, and empty.
    Empty,
    /// One of its names is empty.
    EmptyName,
    /// It names a header that the request has not, or that has an underscore.
    Missing,
}

impl AdditionalHeadersFault {
    /// OSS's messages are not documented, its ECs are: the texts are an assumption.
    fn message(self) -> &'static str {
        match self {
            Self::Empty => "The additional headers must not be empty.",
            Self::EmptyName => "The additional headers must not hold an empty name.",
            Self::Missing => "The additional headers name a header that the request does not have.",
        }
    }
}

impl SignatureRefusal {
    /// OSS's `Code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidArgument { .. } | Self::AdditionalHeaders { .. } => "InvalidArgument",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::AccessDenied(_) => "AccessDenied",
            Self::InvalidAccessKeyId => "InvalidAccessKeyId",
            Self::InvalidSecurityToken => "InvalidSecurityToken",
            Self::SecurityTokenExpired => "SecurityTokenExpired",
            Self::RequestTimeTooSkewed { .. } => "RequestTimeTooSkewed",
            Self::InvalidPolicyDocument(_) => "InvalidPolicyDocument",
            Self::SignatureDoesNotMatch { .. } => "SignatureDoesNotMatch",
        }
    }

    /// The HTTP status that goes with the code.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidArgument { .. }
            | Self::AdditionalHeaders { .. }
            | Self::InvalidRequest(_)
            | Self::InvalidPolicyDocument(_) => 400,
            _ => 403,
        }
    }

    /// The `EC`, where a page of OSS's documentation gives one (0002-00000040 and its neighbours).
    pub fn ec(&self) -> Option<&'static str> {
        use AdditionalHeadersFault::{Empty, EmptyName, Missing};
        match self {
            Self::InvalidAccessKeyId => Some("0002-00000902"),
            Self::InvalidSecurityToken => Some("0002-00000006"),
            Self::SecurityTokenExpired => Some("0002-00000007"),
            Self::SignatureDoesNotMatch { .. } => Some("0002-00000040"),
            Self::RequestTimeTooSkewed { .. } => Some("0002-00000504"),
            Self::AdditionalHeaders { fault, in_url, .. } => match (fault, in_url) {
                (Empty, false) => Some("0002-00000209"),
                (EmptyName, false) => Some("0002-00000210"),
                (Missing, false) => Some("0002-00000211"),
                (Empty, true) => Some("0002-00000076"),
                (EmptyName | Missing, true) => Some("0002-00000077"),
            },
            _ => None,
        }
    }

    /// Further elements of the error document, in OSS's order: for a mismatch, what the server signed, so that a client can compare;
    /// for a wrong clock, the right time.
    pub fn details(&self) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match self {
            Self::InvalidArgument { argument: Some((name, value)), .. } => {
                vec![own("ArgumentName", name), own("ArgumentValue", value)]
            }
            Self::RequestTimeTooSkewed { request_time, server_time } => {
                let iso = |time: &DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
                vec![
                    own("MaxAllowedSkewMilliseconds", &MAX_CLOCK_SKEW.num_milliseconds().to_string()),
                    own("RequestTime", &iso(request_time)),
                    own("ServerTime", &iso(server_time)),
                ]
            }
            Self::AdditionalHeaders { value, in_url, .. } => {
                let name = if *in_url { "x-oss-additional-headers" } else { "AdditionalHeaders" };
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
