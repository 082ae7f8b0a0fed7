//! What the business backend's hook says about an upload, and what comes of it.

/// `reason` of a grant whose upload the hook refused.
pub const REASON_HOOK_REJECTED: &str = "hook_rejected";
/// `reason` of a grant rejected because the hook gave no usable answer, where `on_failure = "reject"`.
pub const REASON_HOOK_FAILED: &str = "hook_failed";

/// What happens when the hook gives no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The upload counts.
    Accept,
    /// The upload is rejected.
    Reject,
    /// Nothing is recorded yet; the reconciler asks again.
    Defer,
}

/// How the hook was asked about an object; kept with its completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRecord {
    /// What it said.
    pub outcome: HookOutcome,
    /// What the client is answered in place of ours, for `accepted`: JSON, as the hook wrote it.
    pub answer: Option<String>,
}

/// What the hook said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOutcome {
    /// Yes.
    Accepted,
    /// No: `4xx`.
    Rejected,
    /// Nothing usable; `on_failure` decided.
    Failed,
}

impl HookOutcome {
    const ALL: [Self; 3] = [Self::Accepted, Self::Rejected, Self::Failed];

    /// As the ledger writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }

    /// The reason to reject the upload for, if it is to be rejected.
    pub fn objection(self, on_failure: OnFailure) -> Option<&'static str> {
        match (self, on_failure) {
            (Self::Rejected, _) => Some(REASON_HOOK_REJECTED),
            (Self::Failed, OnFailure::Reject) => Some(REASON_HOOK_FAILED),
            (Self::Accepted, _) | (Self::Failed, OnFailure::Accept | OnFailure::Defer) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_or_a_failure_that_counts_as_one_rejects() {
        for (outcome, on_failure, reason) in [
            (HookOutcome::Accepted, OnFailure::Reject, None),
            (HookOutcome::Rejected, OnFailure::Accept, Some("hook_rejected")),
            (HookOutcome::Rejected, OnFailure::Defer, Some("hook_rejected")),
            (HookOutcome::Failed, OnFailure::Accept, None),
            (HookOutcome::Failed, OnFailure::Reject, Some("hook_failed")),
        ] {
            assert_eq!(outcome.objection(on_failure), reason, "{outcome:?} {on_failure:?}");
        }
    }

    #[test]
    fn every_outcome_is_found_by_its_name() {
        for outcome in HookOutcome::ALL {
            assert_eq!(HookOutcome::from_name(outcome.as_str()), Some(outcome));
        }
        assert_eq!(HookOutcome::from_name("Accepted"), None);
    }
}
