//! What goes wrong on demand: rules that tests set, each for so many requests or callbacks.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{errors::OssError, request::Incoming};

/// The operation that stands for a callback in a rule.
const CALLBACK: &str = "Callback";

/// One rule. The first in the list that matches is used, and is gone once it was used often enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// What it is about; everything but callbacks when left out.
    #[serde(default)]
    on: Target,
    /// How often, 1 when left out; `null` until the list is replaced.
    #[serde(default = "once")]
    times: Option<u32>,
    #[serde(rename = "do")]
    action: Action,
}

/// What a rule is about. What is left out matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    /// OSS's name of it, `Callback` for callbacks.
    operation: Option<String>,
    bucket: Option<String>,
    key_prefix: Option<String>,
}

/// All that can go wrong, as JSON says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Slow { milliseconds: u64 },
    Refuse { status: u16, code: String, message: String },
    Error { status: u16 },
    DropConnection(Moment),
    Throttle,
    Drop,
    LoseAnswer,
    Duplicate,
    Delay { milliseconds: u64 },
}

/// When a connection is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moment {
    /// Nothing has happened.
    Before,
    /// All has happened; the client never learns it.
    After,
}

/// What goes wrong with a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallbackFault {
    /// Not sent; the uploader is told that nobody answered.
    Drop,
    /// Not sent; the uploader is told that there were too many.
    Throttle,
    /// Sent; the answer is lost and the uploader told that it took too long.
    LoseAnswer,
    /// Sent twice; the second answer counts.
    Duplicate,
    /// Sent later.
    Delay {
        /// By how much.
        milliseconds: u64,
    },
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Rule>>);

#[expect(clippy::unnecessary_wraps, reason = "a default of the field's type")]
fn once() -> Option<u32> {
    Some(1)
}

impl Faults {
    /// The rules that are still to be used.
    pub(super) fn list(&self) -> Vec<Rule> {
        self.lock().clone()
    }

    /// Sets the rules, all or none.
    pub(super) fn replace(&self, rules: Vec<Rule>) -> Result<(), OssError> {
        if let Some(rule) = rules.iter().find(|rule| !rule.makes_sense()) {
            let text = serde_json::to_string(rule).unwrap_or_default();
            return Err(OssError::bad_request("InvalidArgument", format!("This can't be done there: {text}")));
        }
        *self.lock() = rules;
        Ok(())
    }

    /// Does to this request what a rule says: waits, refuses, or has the connection dropped.
    pub(super) async fn strike(&self, incoming: &Incoming, operation: &str, key: &str) -> Result<(), OssError> {
        let bucket = incoming.bucket().unwrap_or_default();
        let Some(action) = self.take(|rule| rule.matches(Some(operation), bucket, key)) else { return Ok(()) };
        match action {
            Action::Slow { milliseconds } | Action::Delay { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok(())
            }
            Action::DropConnection(Moment::After) => {
                incoming.notes.hang_up();
                Ok(())
            }
            Action::DropConnection(Moment::Before) => {
                incoming.notes.hang_up();
                Err(OssError::service_unavailable())
            }
            Action::Refuse { status, code, message } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                Err(OssError::new(status, code, message))
            }
            Action::Throttle => Err(OssError::throttled()),
            Action::Error { status: 503 } => Err(OssError::service_unavailable()),
            _ => Err(OssError::internal_error()),
        }
    }

    /// What goes wrong with this callback.
    pub(super) fn callback(&self, bucket: &str, key: &str) -> Option<CallbackFault> {
        self.take(|rule| rule.matches(None, bucket, key)).and_then(|action| action.on_callback())
    }

    fn take(&self, matches: impl Fn(&Rule) -> bool) -> Option<Action> {
        let mut rules = self.lock();
        let index = rules.iter().position(matches)?;
        let action = rules[index].action.clone();
        if let Some(times) = rules[index].times.as_mut() {
            *times -= 1;
            if *times == 0 {
                rules.remove(index);
            }
        }
        Some(action)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Rule {
    /// `None` is a callback.
    fn matches(&self, operation: Option<&str>, bucket: &str, key: &str) -> bool {
        let operation_matches = match (self.on.operation.as_deref(), operation) {
            (known, None) => known == Some(CALLBACK),
            (None, Some(_)) => true,
            (Some(known), Some(operation)) => known == operation,
        };
        operation_matches
            && self.on.bucket.as_ref().is_none_or(|known| known == bucket)
            && self.on.key_prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix))
    }

    fn makes_sense(&self) -> bool {
        let fits = if self.on.operation.as_deref() == Some(CALLBACK) {
            self.action.on_callback().is_some()
        } else {
            self.action.fits_request()
        };
        fits && self.times != Some(0)
    }
}

impl Action {
    fn on_callback(&self) -> Option<CallbackFault> {
        match *self {
            Self::Drop => Some(CallbackFault::Drop),
            Self::Throttle => Some(CallbackFault::Throttle),
            Self::LoseAnswer => Some(CallbackFault::LoseAnswer),
            Self::Duplicate => Some(CallbackFault::Duplicate),
            Self::Delay { milliseconds } | Self::Slow { milliseconds } => Some(CallbackFault::Delay { milliseconds }),
            Self::Refuse { .. } | Self::Error { .. } | Self::DropConnection(_) => None,
        }
    }

    fn fits_request(&self) -> bool {
        match self {
            Self::Slow { .. } | Self::Delay { .. } | Self::DropConnection(_) | Self::Throttle => true,
            Self::Refuse { status, .. } => (300..600).contains(status),
            Self::Error { status } => matches!(status, 500 | 503),
            Self::Drop | Self::LoseAnswer | Self::Duplicate => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Faults {
        let faults = Faults::default();
        faults.replace(serde_json::from_str(json).unwrap()).unwrap();
        faults
    }

    #[test]
    fn the_first_rule_that_matches_is_used_as_often_as_it_says() {
        let faults = faults(
            r#"[{"on":{"operation":"Callback","key_prefix":"a/"},"times":2,"do":"drop"},
                {"on":{"operation":"Callback","bucket":"b"},"do":"duplicate"},
                {"on":{"operation":"Callback"},"times":null,"do":{"delay":{"milliseconds":1}}}]"#,
        );
        assert_eq!(faults.callback("b", "a/1"), Some(CallbackFault::Drop));
        assert_eq!(faults.callback("b", "z"), Some(CallbackFault::Duplicate));
        assert_eq!(faults.callback("b", "z"), Some(CallbackFault::Delay { milliseconds: 1 }));
        assert_eq!(faults.callback("c", "a/2"), Some(CallbackFault::Drop));
        assert_eq!(faults.callback("c", "a/3"), Some(CallbackFault::Delay { milliseconds: 1 }));
        assert_eq!(faults.list().len(), 1, "what has no count stays");
    }

    #[test]
    fn a_rule_for_requests_leaves_callbacks_alone() {
        let faults = faults(r#"[{"do":"throttle"}]"#);
        assert_eq!(faults.callback("b", "k"), None);
        assert_eq!(faults.list().len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        let faults = faults(r#"[{"do":"throttle"}]"#);
        let bad = [
            r#"[{"do":"drop"}]"#,
            r#"[{"on":{"operation":"PutObject"},"do":"lose_answer"}]"#,
            r#"[{"on":{"operation":"Callback"},"do":{"drop_connection":"after"}}]"#,
            r#"[{"do":{"error":{"status":404}}}]"#,
            r#"[{"do":{"refuse":{"status":200,"code":"A","message":"b"}}}]"#,
            r#"[{"times":0,"do":"throttle"}]"#,
        ];
        for json in bad {
            assert!(faults.replace(serde_json::from_str(json).unwrap()).is_err(), "{json}");
        }
        for json in
            [r#"[{"do":"explode"}]"#, r#"[{"do":"throttle","when":1}]"#, r#"[{"on":{"key":"a"},"do":"throttle"}]"#]
        {
            assert!(serde_json::from_str::<Vec<Rule>>(json).is_err(), "{json}");
        }
        assert_eq!(faults.list().len(), 1);
    }
}
