//! The use cases' errors as problems: one table, so that a code is chosen in one place.

use actix_web::http::header;
use chrono::TimeDelta;

use super::problem::{Code, Problem};
use crate::app::{
    cancel::CancelError,
    complete::CompleteError,
    issue::IssueError,
    look_up::LookUpError,
    open_ticket::OpenTicketError,
    parts::PartsError,
    ports::{ObjectStoreError, StoreError, TokenError},
    record_completion::RecordError,
    renew::RenewError,
    signing::SigningError,
    transfer::{BeginError, JoinError},
};
use crate::grant::{
    fault::{Fault, FaultCode},
    grant::State,
};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::ours(Code::StoreUnavailable, &error)
    }
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Begin(error) => error.into(),
            SigningError::Store(error) => error.into(),
            SigningError::Tokens(TokenError::Throttled(_)) => sts_throttled(&error),
            SigningError::NoTokenService => {
                Self::faulty(vec![Fault::new("method", FaultCode::CredentialsNotSupported, error.to_string())])
            }
            SigningError::Unsafe(_) => Self::ours(Code::Internal, &error),
            error @ (SigningError::BucketUnknown(_) | SigningError::Credentials(_) | SigningError::Tokens(_)) => {
                Self::ours(Code::CredentialsUnavailable, &error)
            }
        }
    }
}

/// STS's limit is by the second, and so is ours.
fn sts_throttled(error: &SigningError) -> Problem {
    tracing::warn!(error.code = Code::StsThrottled.as_str(), error.cause = %error, "no temporary credentials");
    Problem::new(Code::StsThrottled, "ask again in a second").with_header(header::RETRY_AFTER, "1")
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::ObjectStore(error) => error.into(),
            BeginError::Store(error) => error.into(),
        }
    }
}

impl From<ObjectStoreError> for Problem {
    fn from(error: ObjectStoreError) -> Self {
        match error {
            ObjectStoreError::Credentials(error) => Self::ours(Code::CredentialsUnavailable, &error),
            error @ ObjectStoreError::Unavailable(_) => Self::ours(Code::OssUnavailable, &error),
        }
    }
}

impl From<PartsError> for Problem {
    fn from(error: PartsError) -> Self {
        match error {
            PartsError::LookUp(error) => error.into(),
            PartsError::NotMultipart(_) => Self::new(Code::MethodNotAllowedByProfile, error),
            PartsError::Ended(state) => ended(state),
            PartsError::ProfileNotAllowed => Self::new(Code::ProfileNotAllowed, error),
            PartsError::Faulty(faults) => Self::faulty(faults),
            PartsError::Signing(error) => error.into(),
            PartsError::Begin(error) => error.into(),
            PartsError::ObjectStore(error) => error.into(),
        }
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Faulty(faults) => Self::faulty(faults),
            JoinError::Refused(_) => Self::invalid_parameter("parts", error.to_string()),
            JoinError::ObjectStore(error) => error.into(),
        }
    }
}

impl From<LookUpError> for Problem {
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::NotFound => Self::new(Code::NotFound, error),
            LookUpError::Forbidden => Self::new(Code::Forbidden, error),
            LookUpError::Store(error) => error.into(),
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Forbidden => Self::new(Code::Forbidden, error),
            IssueError::ProfileNotAllowed => Self::new(Code::ProfileNotAllowed, error),
            IssueError::Faulty(faults) => Self::faulty(faults),
            IssueError::IdempotencyConflict => Self::new(Code::IdempotencyConflict, error),
            IssueError::QuotaExhausted { wait, .. } => quota_exceeded(&error, wait),
            IssueError::Signing(error) => error.into(),
            IssueError::Store(error) => error.into(),
        }
    }
}

/// With the time until there is room again, where it is known: rounded up, as all of them.
fn quota_exceeded(error: &IssueError, wait: Option<TimeDelta>) -> Problem {
    let problem = Problem::new(Code::QuotaExceeded, error);
    let Some(wait) = wait else { return problem };
    let seconds = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
    problem.with_header(header::RETRY_AFTER, seconds.max(1).to_string())
}

impl From<OpenTicketError> for Problem {
    fn from(error: OpenTicketError) -> Self {
        match error {
            OpenTicketError::ProfileNotAllowed => Self::new(Code::ProfileNotAllowed, error),
            OpenTicketError::UserIdUnusable | OpenTicketError::TooLong(_) => {
                Self::faulty(vec![Fault::new("user_id", FaultCode::UserIdUnusable, error.to_string())])
            }
        }
    }
}

impl From<RenewError> for Problem {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::LookUp(error) => error.into(),
            RenewError::ProfileNotAllowed => Self::new(Code::ProfileNotAllowed, error),
            RenewError::Ended(state) => ended(state),
            RenewError::Signing(error) => error.into(),
            RenewError::Store(error) => error.into(),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::LookUp(error) => error.into(),
            CancelError::Ended(state) => ended(state),
            CancelError::Store(error) => error.into(),
        }
    }
}

impl From<CompleteError> for Problem {
    fn from(error: CompleteError) -> Self {
        match error {
            CompleteError::LookUp(error) => error.into(),
            CompleteError::Directory => Self::new(Code::MethodNotAllowedByProfile, error),
            CompleteError::NoParts(_) => Self::invalid_parameter("parts", error.to_string()),
            CompleteError::Join(error) => error.into(),
            CompleteError::Record(error) => not_recorded(error),
        }
    }
}

/// Why `complete` recorded nothing, or recorded a rejection.
fn not_recorded(error: RecordError) -> Problem {
    match error {
        RecordError::Absent | RecordError::NotConfirmed(_) => Problem::new(Code::NotUploaded, error),
        RecordError::Rejected(reason) => rejected(&reason),
        RecordError::Cancelled => Problem::new(Code::GrantCancelled, error),
        RecordError::Changed => Problem::new(Code::ObjectChanged, error),
        RecordError::Unconfirmable(error) => error.into(),
        RecordError::BucketUnknown(_) => Problem::ours(Code::OssUnavailable, &error),
        RecordError::Deferred(error) => Problem::ours(Code::HookUnavailable, &error),
        RecordError::Store(error) => error.into(),
    }
}

/// A rejection's reason is a code where the profile's limits were broken.
fn rejected(reason: &str) -> Problem {
    let limits = [
        ("size", FaultCode::SizeTooLarge),
        ("size", FaultCode::SizeTooSmall),
        ("content_type", FaultCode::ContentTypeNotAllowed),
    ];
    match limits.into_iter().find(|(_, code)| code.as_str() == reason) {
        Some((field, code)) => {
            Problem::faulty(vec![Fault::new(field, code, "the upload arrived and breaks its grant: it was rejected")])
        }
        None => Problem::new(Code::GrantEnded, format!("the upload arrived and was rejected: {reason}")),
    }
}

fn ended(state: State) -> Problem {
    let code = if state == State::Cancelled { Code::GrantCancelled } else { Code::GrantEnded };
    Problem::new(code, format!("the grant is {}", state.as_str()))
}
