//! Which operation answers which problems, in one table; and an example of each.
#![cfg_attr(not(test), expect(clippy::enum_glob_use, reason = "a table of nothing but codes"))]

use serde_json::{Value, json};

use crate::{
    grant::fault::{Fault, FaultCode},
    http::problem::{
        Code::{self, *},
        Problem,
    },
};

/// Of every operation.
const ALWAYS: &[Code] = &[MethodNotAllowed];
/// Of whoever must say who he is.
const SIGNED_IN: &[Code] =
    &[Unauthorized, BodyTooLarge, UriTooLong, RateLimited, HeadersTooLarge, CredentialsUnavailable, Internal];
/// Of a JSON body.
const BODY: &[Code] = &[MalformedJson, RequestTimeout, BodyTooLarge, UnsupportedMediaType];
/// Of a JSON body in which every field is known.
const FIELDS: &[Code] = &[UnknownField, MissingField];
/// Of who comes by ticket, or names the profile in the query.
const ENTRANT: &[Code] = &[ProfileNotAllowed, MissingField, InvalidParameter];
/// Of a grant of the caller's own.
const OWN_GRANT: &[Code] = &[NotFound, StoreUnavailable];
/// Of a grant that must not have ended.
const LIVE_GRANT: &[Code] = &[NotFound, StoreUnavailable, GrantEnded, GrantCancelled];
/// Of what is asked for one file.
const ASK: &[Code] = &[
    SizeTooLarge,
    SizeTooSmall,
    ContentTypeNotAllowed,
    InvalidVariable,
    InvalidFilename,
    MethodNotAllowedByProfile,
    UserIdUnusable,
];
/// Of whatever is signed.
const SIGNING: &[Code] =
    &[CredentialsNotSupported, StsThrottled, OssUnavailable, CredentialsUnavailable, StoreUnavailable];
/// Of whatever makes a grant.
const ISSUING: &[Code] = &[QuotaExceeded];
/// Of parts, which OSS is asked about.
const PARTS: &[Code] =
    &[ProfileNotAllowed, MethodNotAllowedByProfile, InvalidParameter, OssUnavailable, CredentialsUnavailable];
/// Of part numbers: beyond the largest file.
const NUMBERS: &[Code] = &[SizeTooLarge];
/// Of what is asked for a directory.
const DIRECTORY: &[Code] = &[DirectoryNotAllowed, MethodNotAllowedByProfile, UserIdUnusable];
/// Of the one way in.
const RECORDING: &[Code] = &[
    MethodNotAllowedByProfile,
    InvalidParameter,
    NotUploaded,
    ObjectChanged,
    SizeTooLarge,
    SizeTooSmall,
    ContentTypeNotAllowed,
    OssUnavailable,
    CredentialsUnavailable,
    HookUnavailable,
];
/// Of the callback's steps, in their order.
const CALLBACK: &[Code] = &[
    MalformedJson,
    RequestTimeout,
    BodyTooLarge,
    CallbackMalformed,
    CallbackKeyNotTrusted,
    CallbackSignatureInvalid,
    CallbackUnparseable,
    CallbackSealInvalid,
    GrantUnknown,
    CallbackViolatesGrant,
    CallbackNotConfirmed,
    GrantCancelled,
    ObjectChanged,
    OssUnavailableNow,
    CredentialsUnavailable,
    HookUnavailable,
    StoreUnavailable,
];

/// By operation. What comes by ticket answers as what comes with a token.
const OPERATIONS: &[(&str, &[&[Code]])] = &[
    ("listProfiles", &[SIGNED_IN]),
    (
        "issueUpload",
        &[
            SIGNED_IN,
            BODY,
            FIELDS,
            ASK,
            SIGNING,
            ISSUING,
            &[Forbidden, ProfileNotAllowed, IdempotencyConflict, UnknownVariable, InvalidParameter],
        ],
    ),
    ("issueUploads", &[SIGNED_IN, BODY, FIELDS, &[InvalidParameter]]),
    ("listUploads", &[SIGNED_IN, &[Forbidden, InvalidParameter, StoreUnavailable]]),
    ("getUpload", &[SIGNED_IN, OWN_GRANT, &[InvalidParameter]]),
    ("cancelUpload", &[SIGNED_IN, LIVE_GRANT]),
    ("completeUpload", &[SIGNED_IN, BODY, &[UnknownField], LIVE_GRANT, RECORDING]),
    ("renewUpload", &[SIGNED_IN, BODY, &[UnknownField, ProfileNotAllowed], LIVE_GRANT, SIGNING]),
    ("signParts", &[SIGNED_IN, BODY, FIELDS, LIVE_GRANT, PARTS, NUMBERS]),
    ("listParts", &[SIGNED_IN, LIVE_GRANT, PARTS]),
    ("openTicket", &[SIGNED_IN, BODY, FIELDS, &[ProfileNotAllowed, UserIdUnusable]]),
    ("getAppserverPolicy", &[SIGNED_IN, ENTRANT, DIRECTORY, SIGNING, ISSUING]),
    ("getAppserverPolicyV4", &[SIGNED_IN, ENTRANT, DIRECTORY, SIGNING, ISSUING]),
    // Its refusals are in its 200.
    ("lendCredentials", &[]),
    ("companionParams", &[SIGNED_IN, ENTRANT, ASK, SIGNING, ISSUING]),
    ("companionCreateMultipart", &[SIGNED_IN, BODY, ENTRANT, ASK, SIGNING, ISSUING]),
    ("companionListParts", &[SIGNED_IN, LIVE_GRANT, PARTS]),
    ("companionSignPart", &[SIGNED_IN, LIVE_GRANT, PARTS, NUMBERS]),
    ("companionSignBatch", &[SIGNED_IN, LIVE_GRANT, PARTS, NUMBERS]),
    ("companionAbortMultipart", &[SIGNED_IN, LIVE_GRANT, &[ProfileNotAllowed, InvalidParameter]]),
    ("companionCompleteMultipart", &[SIGNED_IN, BODY, LIVE_GRANT, RECORDING, &[ProfileNotAllowed]]),
    ("companionComplete", &[SIGNED_IN, LIVE_GRANT, RECORDING, &[ProfileNotAllowed]]),
    ("acceptCallback", &[CALLBACK]),
    ("isLive", &[]),
    ("isReady", &[]),
    ("getMetrics", &[]),
    ("getOpenapi", &[]),
    ("getDocs", &[]),
    ("getClient", &[]),
    ("getClientTypings", &[]),
    ("getDemo", &[&[NotFound]]),
];

/// The problems of an operation, in the order of the codes' own table; `None` for one that is not in ours.
pub(super) fn problems_of(operation: &str) -> Option<Vec<Code>> {
    let (_, groups) = OPERATIONS.iter().find(|(name, _)| *name == operation)?;
    let answers = |code: &&Code| groups.iter().chain([&ALWAYS]).any(|group| group.contains(code));
    Some(Code::ALL.iter().filter(answers).copied().collect())
}

/// The operations of the table.
#[cfg(test)]
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|(name, _)| *name)
}

/// The example's name among the document's components; the status is in it, since a code may have two.
pub(super) fn example_name(code: Code) -> String {
    format!("{}_{}", code.status().as_u16(), code.as_str())
}

/// What a caller could be answered.
pub(super) fn example_of(code: Code) -> Value {
    let problem = match fault_of(code) {
        Some(fault) => Problem::faulty(vec![fault]),
        None => Problem::new(code, detail_of(code)),
    };
    let mut document = json!(problem.document());
    document["request_id"] = json!("019aa3c5-7c00-7a3e-9f52-0c1d8e6b4a70");
    document
}

/// Of problems that name fields.
fn fault_of(code: Code) -> Option<Fault> {
    let faults = [
        Fault::new("size", FaultCode::SizeTooLarge, "at most 5242880 bytes"),
        Fault::new("size", FaultCode::SizeTooSmall, "at least 1 byte"),
        Fault::new("content_type", FaultCode::ContentTypeNotAllowed, "text/html is not one of the profile's types"),
        Fault::new("vars.colour", FaultCode::UnknownVariable, "the profile does not list it"),
        Fault::new("vars.album", FaultCode::InvalidVariable, "at most 256 bytes"),
        Fault::new("filename", FaultCode::InvalidFilename, "no control characters"),
        Fault::new("method", FaultCode::MethodNotAllowedByProfile, "the profile does not offer sts"),
        Fault::new("profile", FaultCode::DirectoryNotAllowed, "this profile has no directory"),
        Fault::new("method", FaultCode::CredentialsNotSupported, "there is nothing to ask temporary credentials of"),
        Fault::new("user_id", FaultCode::UserIdUnusable, "1 to 128 bytes"),
        Fault::new("colour", FaultCode::UnknownField, "there is no such field"),
        Fault::new("profile", FaultCode::MissingField, "this field must be there"),
        Fault::new("limit", FaultCode::InvalidParameter, "1 to 200"),
    ];
    faults.into_iter().find(|fault| Code::from(fault.code) == code)
}

fn detail_of(code: Code) -> &'static str {
    match code {
        MalformedJson => "expected `,` or `}` at line 1 column 24",
        CallbackMalformed => "the header field authorization is missing",
        CallbackUnparseable => "the field size is not there, or can't be used",
        Unauthorized => "the token has expired",
        Forbidden => "issuing for another user needs the scope `uploads:issue-for`",
        ProfileNotAllowed => "this profile is not available to you",
        CallbackKeyNotTrusted => "https://example.com/key.pem is not trusted",
        CallbackSignatureInvalid => "the signature does not verify",
        CallbackSealInvalid => "the seal does not fit",
        CallbackNotConfirmed => "the object is not there",
        NotFound => "no such upload",
        GrantUnknown => "there is no such grant",
        MethodNotAllowed => "this path takes GET, HEAD",
        IdempotencyConflict => "this Idempotency-Key was used with another body",
        NotUploaded => "there is no such object yet",
        GrantEnded => "the grant is completed",
        GrantCancelled => "the grant is cancelled",
        ObjectChanged => "the object is another one than was recorded",
        BodyTooLarge => "at most 65536 bytes",
        UnsupportedMediaType => "send Content-Type: application/json",
        CallbackViolatesGrant => "bucket or key are not the grant's",
        RequestTimeout => "the body did not arrive in time",
        UriTooLong => "at most 8192 bytes",
        HeadersTooLarge => "at most 32768 bytes",
        RateLimited => "too many requests of this user; try again in 3 s",
        QuotaExceeded => "the user's quota `grants_per_day` is used up",
        StsThrottled => "ask again in a second",
        // Ours: the cause is in the log alone. The rest names fields.
        _ => "nothing is lost; try again later",
    }
}
