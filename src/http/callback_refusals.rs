//! A refused callback as a problem: each refusal its own code, counted by code, logged once.

use super::problem::{Code, Problem};
use crate::app::{accept_callback::CallbackError, audit, ports::ObjectStoreError, record_completion::RecordError};
use crate::oss::callback_signature::CallbackRefused;

impl From<CallbackError> for Problem {
    fn from(error: CallbackError) -> Self {
        let code = code_of(&error);
        match error {
            CallbackError::Store(error) | CallbackError::Record(RecordError::Store(error)) => error.into(),
            CallbackError::Record(RecordError::Unconfirmable(error)) => Self::ours(code, &error),
            CallbackError::Record(RecordError::Deferred(error)) => Self::ours(code, &error),
            _ => {
                audit::callback_refused(code.as_str(), &error.to_string());
                Self::new(code, error)
            }
        }
    }
}

/// The code that a callback is refused with.
pub(super) fn code_of(error: &CallbackError) -> Code {
    match error {
        CallbackError::Refused(CallbackRefused::Malformed(_)) => Code::CallbackMalformed,
        CallbackError::Refused(CallbackRefused::KeyNotTrusted(_)) => Code::CallbackKeyNotTrusted,
        CallbackError::Refused(CallbackRefused::SignatureInvalid) => Code::CallbackSignatureInvalid,
        CallbackError::Unparseable(_) | CallbackError::FieldUnusable(_) => Code::CallbackUnparseable,
        CallbackError::Seal(_) => Code::CallbackSealInvalid,
        CallbackError::GrantUnknown => Code::GrantUnknown,
        CallbackError::ViolatesGrant => Code::CallbackViolatesGrant,
        CallbackError::Store(_) => Code::StoreUnavailable,
        CallbackError::Record(error) => match error {
            RecordError::Absent | RecordError::NotConfirmed(_) => Code::CallbackNotConfirmed,
            RecordError::Rejected(_) => Code::CallbackViolatesGrant,
            RecordError::Cancelled => Code::GrantCancelled,
            RecordError::Changed => Code::ObjectChanged,
            RecordError::Unconfirmable(ObjectStoreError::Credentials(_)) => Code::CredentialsUnavailable,
            RecordError::Unconfirmable(_) | RecordError::BucketUnknown(_) => Code::OssUnavailableNow,
            RecordError::Deferred(_) => Code::HookUnavailable,
            RecordError::Store(_) => Code::StoreUnavailable,
        },
    }
}
