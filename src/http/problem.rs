//! Errors as callers see them: RFC 9457 problem documents with a stable code. Causes go to the log, never to the caller.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode, http::header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::schemas, request_id::current_request_id};
use crate::grant::fault::{Fault, FaultCode};

/// Content type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($variant:ident $code:literal $status:literal $title:literal;)+) => {
        /// The contract's error codes: code, status, title on one line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As callers see it.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $code,)+ } }

            /// HTTP status.
            pub fn status(self) -> StatusCode {
                let number: u16 = match self { $(Self::$variant => $status,)+ };
                StatusCode::from_u16(number).expect("the table holds valid statuses")
            }

            /// For people; the same for every occurrence.
            pub fn title(self) -> &'static str { match self { $(Self::$variant => $title,)+ } }
        }
    };
}

codes! {
    MalformedJson              "malformed_json"                400 "The body is not the JSON that this call takes";
    CallbackMalformed          "callback_malformed"            400 "The callback's header fields are malformed";
    CallbackUnparseable        "callback_unparseable"          400 "The callback's body can't be read";
    Unauthorized               "unauthorized"                  401 "A valid bearer token is needed";
    Forbidden                  "forbidden"                     403 "The token does not allow this";
    ProfileNotAllowed          "profile_not_allowed"           403 "The profile is not available to this caller";
    CallbackKeyNotTrusted      "callback_key_not_trusted"      403 "The callback names a key that is not trusted";
    CallbackSignatureInvalid   "callback_signature_invalid"    403 "The callback's signature does not verify";
    CallbackSealInvalid        "callback_seal_invalid"         403 "The callback's seal is not ours for these facts";
    CallbackNotConfirmed       "callback_not_confirmed"        403 "OSS does not confirm what the callback says";
    NotFound                   "not_found"                     404 "There is no such thing here";
    GrantUnknown               "grant_unknown"                 404 "The callback belongs to no grant";
    MethodNotAllowed           "method_not_allowed"            405 "This path does not take this method";
    RequestTimeout             "request_timeout"               408 "The request took too long to arrive";
    IdempotencyConflict        "idempotency_conflict"          409 "The Idempotency-Key belongs to another request";
    NotUploaded                "not_uploaded"                  409 "The object is not there yet";
    GrantEnded                 "grant_ended"                   409 "The grant has ended";
    GrantCancelled             "grant_cancelled"               409 "The grant was cancelled";
    ObjectChanged              "object_changed"                409 "The object changed after it was completed";
    BodyTooLarge               "body_too_large"                413 "The body is larger than this call takes";
    UriTooLong                 "uri_too_long"                  414 "The path with its query is too long";
    UnsupportedMediaType       "unsupported_media_type"        415 "This call takes application/json";
    SizeTooLarge               "size_too_large"                422 "The file is larger than the profile allows";
    SizeTooSmall               "size_too_small"                422 "The file is smaller than the profile allows";
    ContentTypeNotAllowed      "content_type_not_allowed"      422 "The profile does not allow this content type";
    UnknownVariable            "unknown_variable"              422 "The profile does not list this variable";
    InvalidVariable            "invalid_variable"              422 "A variable's value can't be used";
    InvalidFilename            "invalid_filename"              422 "The file name can't be used";
    MethodNotAllowedByProfile  "method_not_allowed_by_profile" 422 "The profile does not offer this method";
    DirectoryNotAllowed        "directory_not_allowed"         422 "The profile has no directories";
    CredentialsNotSupported    "credentials_not_supported"     422 "The bucket's credentials don't serve this method";
    UserIdUnusable             "user_id_unusable"              422 "No object key can be made of this user id";
    UnknownField               "unknown_field"                 422 "The body has a field that does not exist";
    MissingField               "missing_field"                 422 "The body lacks a field";
    InvalidParameter           "invalid_parameter"             422 "A query parameter or header can't be used";
    CallbackViolatesGrant      "callback_violates_grant"       422 "What arrived breaks its grant";
    RateLimited                "rate_limited"                  429 "Too many requests";
    QuotaExceeded              "quota_exceeded"                429 "The user has as many grants as one user may have";
    StsThrottled               "sts_throttled"                 429 "STS issues no more credentials right now";
    HeadersTooLarge            "headers_too_large"             431 "The header fields are too large";
    Internal                   "internal"                      500 "Something is wrong on our side";
    OssUnavailable             "oss_unavailable"               502 "OSS gave no usable answer";
    OssUnavailableNow          "oss_unavailable"               503 "OSS gave no usable answer; it is looked into at once";
    CredentialsUnavailable     "credentials_unavailable"       503 "There is nothing to sign or verify with right now";
    HookUnavailable            "hook_unavailable"              503 "The business backend's hook gave no usable answer; it is asked again";
    StoreUnavailable           "store_unavailable"             503 "The ledger does not answer";
}

impl From<FaultCode> for Code {
    fn from(code: FaultCode) -> Self {
        match code {
            FaultCode::SizeTooLarge => Self::SizeTooLarge,
            FaultCode::SizeTooSmall => Self::SizeTooSmall,
            FaultCode::ContentTypeNotAllowed => Self::ContentTypeNotAllowed,
            FaultCode::UnknownVariable => Self::UnknownVariable,
            FaultCode::InvalidVariable => Self::InvalidVariable,
            FaultCode::InvalidFilename => Self::InvalidFilename,
            FaultCode::MethodNotAllowedByProfile => Self::MethodNotAllowedByProfile,
            FaultCode::DirectoryNotAllowed => Self::DirectoryNotAllowed,
            FaultCode::CredentialsNotSupported => Self::CredentialsNotSupported,
            FaultCode::UserIdUnusable => Self::UserIdUnusable,
            FaultCode::UnknownField => Self::UnknownField,
            FaultCode::MissingField => Self::MissingField,
            FaultCode::InvalidParameter => Self::InvalidParameter,
        }
    }
}

/// One error, on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    faults: Vec<Fault>,
    header: Option<(header::HeaderName, String)>,
}

impl Problem {
    /// A problem with a detail that is safe to show.
    pub fn new(code: Code, detail: impl fmt::Display) -> Self {
        Self { code, detail: detail.to_string(), faults: Vec::new(), header: None }
    }

    /// A problem of ours: the caller learns the code, the log the cause.
    pub fn ours(code: Code, cause: &dyn std::error::Error) -> Self {
        tracing::error!(error.code = code.as_str(), error.cause = %Chain(cause), "request failed");
        Self::new(code, "nothing is lost; try again later")
    }

    /// 422 for faulty fields; the top code is the first fault's.
    pub fn faulty(faults: Vec<Fault>) -> Self {
        let (code, detail) = faults.first().map_or((Code::Internal, String::new()), |first| {
            (Code::from(first.code), format!("{}: {}", first.field, first.message))
        });
        Self { code, detail, faults, header: None }
    }

    /// 422 for a query parameter or header.
    pub fn invalid_parameter(name: &str, why: impl Into<String>) -> Self {
        Self::faulty(vec![Fault::new(name, FaultCode::InvalidParameter, why)])
    }

    /// The same with a response header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// The problem's code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// For people; safe to show.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document itself, for batch answers.
    pub fn document(&self) -> ProblemDocument<'_> {
        ProblemDocument {
            kind: format!("urn:oss-valet:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id: current_request_id(),
            errors: &self.faults,
        }
    }
}

/// An error: RFC 9457, with a stable `code` to go by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// `urn:oss-valet:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means, for people; the same every time.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time, for people.
    detail: &'a str,
    /// What to go by. More may come.
    code: &'static str,
    /// Where to find it in the log; also in `x-request-id`.
    request_id: String,
    /// Field by field, where fields are wrong; `code` above is the first one's.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(value_type = Vec<schemas::Fault>)]
    errors: &'a [Fault],
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let body = serde_json::to_vec(&self.document()).expect("a problem is plain data");
        let mut response = HttpResponse::build(self.code.status());
        response.content_type(PROBLEM_JSON).insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.body(body)
    }
}

/// An error with its causes, on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
