//! OSS's refusals: status, code, message, EC, and the XML around them.

use std::borrow::Cow;

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::request::Incoming;
use crate::oss::{callback::InvalidCallback, post_policy::PolicyViolation, xml::ErrorDocument};

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OssError {
    pub(super) status: StatusCode,
    pub(super) code: Cow<'static, str>,
    pub(super) message: Cow<'static, str>,
    ec: Option<&'static str>,
    /// Apart, so that every `Result` stays small.
    extras: Box<Extras>,
}

/// What only some refusals have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Extras {
    details: Vec<(String, String)>,
    access_denied: Vec<(String, String)>,
    /// Beside the document: `x-oss-next-append-position`, ….
    headers: Vec<(&'static str, String)>,
}

impl OssError {
    pub(super) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), ec: None, extras: Box::default() }
    }

    #[must_use]
    pub(super) fn ec(mut self, ec: &'static str) -> Self {
        self.ec = Some(ec);
        self
    }

    #[must_use]
    pub(super) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.extras.details.push((name.to_owned(), value.into()));
        self
    }

    /// `AccessDeniedDetail`: which policy does not let whom do what.
    #[must_use]
    pub(super) fn because(mut self, denied: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.extras.access_denied = denied.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self
    }

    #[must_use]
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.extras.headers.push((name, value.into()));
        self
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn invalid_argument(message: impl Into<Cow<'static, str>>, name: &str, value: &str) -> Self {
        Self::bad_request("InvalidArgument", message).detail("ArgumentName", name).detail("ArgumentValue", value)
    }

    pub(super) fn access_denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// What an anonymous request to a private bucket gets.
    pub(super) fn anonymous() -> Self {
        Self::access_denied("You have no right to access this object because of bucket acl.").ec("0003-00000001")
    }

    pub(super) fn no_such_bucket(bucket: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist.")
            .ec("0015-00000101")
            .detail("BucketName", bucket)
    }

    pub(super) fn no_such_key(key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
            .ec("0026-00000001")
            .detail("Key", key)
    }

    pub(super) fn method_not_allowed(method: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .detail("Method", method)
    }

    pub(super) fn not_implemented(feature: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented.",
        )
        .detail("Feature", feature)
    }

    pub(super) fn already_exists() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "FileAlreadyExists",
            "The object you specified already exists and can not be overwritten.",
        )
        // The protocol reference gives no EC for this: an assumption.
        .ec("0026-00000101")
    }

    pub(super) fn no_such_upload(id: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, \
                       or the upload may have been aborted or completed.";
        Self::new(StatusCode::NOT_FOUND, "NoSuchUpload", message).ec("0017-00000244").detail("UploadId", id)
    }

    /// `why` is one of OSS's three messages.
    pub(super) fn invalid_object_name(why: &'static str, key: &str) -> Self {
        Self::bad_request("InvalidObjectName", why).detail("ObjectName", key)
    }

    pub(super) fn invalid_bucket_name(bucket: &str) -> Self {
        Self::bad_request("InvalidBucketName", "The specified bucket is not valid.").detail("BucketName", bucket)
    }

    pub(super) fn entity_too_large() -> Self {
        PolicyViolation::EntityTooLarge.into()
    }

    pub(super) fn not_multipart() -> Self {
        Self::bad_request(
            "RequestIsNotMultiPartContent",
            "Bucket POST must be of the enclosure-type multipart/form-data.",
        )
    }

    pub(super) fn missing_content_length() -> Self {
        Self::new(
            StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        )
    }

    pub(super) fn incomplete_body() -> Self {
        Self::bad_request(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header.",
        )
    }

    pub(super) fn malformed_xml() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema.";
        Self::bad_request("MalformedXML", message)
    }

    /// The bucket has no callback policy, or none of that name. The message, and that an upload gets the same, are
    /// assumptions.
    pub(super) fn no_callback_policy() -> Self {
        let message = "The bucket callback policy does not exist.";
        Self::new(StatusCode::NOT_FOUND, "BucketCallbackPolicyNotExist", message)
    }

    /// Too many requests of one account.
    pub(super) fn throttled() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TotalQpsLimitExceeded", "Max total qps limit is exceeded.")
            .ec("0004-00000302")
    }

    pub(super) fn service_unavailable() -> Self {
        let message = "Thread pool is almost full, please retry later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    pub(super) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error.cause = %cause, "the simulator failed");
        Self::internal_error()
    }

    pub(super) fn internal_error() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    }

    /// The answer. A HEAD answer has no body, so OSS puts the document into `x-oss-err`.
    pub(super) fn response(&self, incoming: &Incoming) -> HttpResponse {
        self.response_with(incoming, |_| ())
    }

    /// The answer, with further headers.
    pub(super) fn response_with(
        &self,
        incoming: &Incoming,
        dress: impl FnOnce(&mut HttpResponseBuilder),
    ) -> HttpResponse {
        let mut details = self.extras.details.clone();
        if let Some(ec) = self.ec {
            details.push(("RecommendDoc".to_owned(), format!("https://api.aliyun.com/troubleshoot?q={ec}")));
        }
        let document = ErrorDocument {
            code: self.code.to_string(),
            message: self.message.to_string(),
            request_id: incoming.request_id.clone(),
            host_id: incoming.host.clone(),
            ec: self.ec.map(str::to_owned),
            details,
            access_denied: self.extras.access_denied.clone(),
        };
        let xml = document.to_xml();
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/xml");
        for (name, value) in &self.extras.headers {
            response.insert_header((*name, value.as_str()));
        }
        dress(&mut response);
        if let Some(ec) = self.ec {
            response.insert_header(("x-oss-ec", ec));
        }
        if incoming.method == "HEAD" {
            response.insert_header(("x-oss-err", STANDARD.encode(xml))).finish()
        } else {
            response.body(xml)
        }
    }
}

impl OssError {
    pub(super) fn missing_argument(name: &str) -> Self {
        Self::bad_request("MissingArgument", "Missing Some Required Arguments.").detail("ArgumentName", name)
    }

    pub(super) fn no_such_version(key: &str, version: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchVersion", "The specified version does not exist.")
            .detail("Key", key)
            .detail("VersionId", version)
    }

    /// An archived object that was not restored.
    pub(super) fn invalid_object_state(key: &str) -> Self {
        let message = "The operation is not valid for the object's state.";
        Self::new(StatusCode::FORBIDDEN, "InvalidObjectState", message).detail("ObjectName", key)
    }

    /// A condition of a GET, HEAD or copy that does not hold.
    pub(super) fn precondition_failed(condition: &str) -> Self {
        let message = "At least one of the pre-conditions you specified did not hold.";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message).detail("Condition", condition)
    }

    /// The resource is of a type that can't be treated so.
    pub(super) fn operation_not_supported() -> Self {
        Self::bad_request("OperationNotSupported", "The operation is not supported for this resource.")
    }

    /// `x-oss-hash-crc64ecma` of the request against the bytes that came.
    pub(super) fn invalid_crc64(claimed: &str, computed: u64) -> Self {
        let message = "The x-oss-hash-crc64ecma you specified does not match what we calculated.";
        // The names of the two elements are an assumption.
        Self::bad_request("InvalidCRC64", message)
            .detail("ClientComputedCRC64", claimed)
            .detail("ServerComputedCRC64", computed.to_string())
    }
}

impl From<std::io::Error> for OssError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<PolicyViolation> for OssError {
    fn from(violation: PolicyViolation) -> Self {
        let message = violation.to_string();
        match violation {
            PolicyViolation::Expired | PolicyViolation::ConditionFailed(_) => Self::access_denied(message),
            PolicyViolation::EntityTooLarge => Self::bad_request("EntityTooLarge", message),
            PolicyViolation::EntityTooSmall => Self::bad_request("EntityTooSmall", message),
        }
    }
}

impl OssError {
    /// A callback configuration refused before anything is stored (P§1.7).
    pub(super) fn invalid_callback(error: &InvalidCallback, value: &str) -> Self {
        let refusal = Self::invalid_argument(error.message, error.argument, value);
        match error.ec {
            Some(ec) => refusal.ec(ec),
            None => refusal,
        }
    }
}
