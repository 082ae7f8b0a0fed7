//! Ask the business backend about an upload: between limits and record, once per grant.
//!
//! In this process one request at a time has the *turn* of a grant, from before the question until its outcome is in the ledger; who
//! waited looks into the ledger again and finds it there. A crash between answer and commit, or another replica at the same
//! instant, can make us ask again: then with the same event id, by which the backend knows the question.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tracing::Instrument;
use uuid::Uuid;

use super::{
    Valet,
    ports::{Hook, HookAnswer, HookUnavailable, LedgerEntry},
    record_completion::RecordError,
};
use crate::{
    grant::{
        completion::Completion,
        event::EventType,
        grant::Grant,
        hook::{HookOutcome, HookRecord, OnFailure},
    },
    instruments::{self, Stopwatch},
};

/// A hook, and what it means when it gives no usable answer.
#[derive(Clone)]
pub struct ConfiguredHook {
    /// Its section's.
    pub name: String,
    /// Whom to ask.
    pub backend: Arc<dyn Hook>,
    /// What then.
    pub on_failure: OnFailure,
}

/// The object (by `ETag`) for which the last one to have the turn got no answer, and why: who was waiting meanwhile has no time left to
/// ask again himself.
#[derive(Debug, Default)]
pub(super) struct Unanswered(Option<(String, HookUnavailable)>);

/// The right to ask about one grant, until dropped.
pub(super) type Turn = OwnedMutexGuard<Unanswered>;

/// Whose turn it is to ask, by grant.
#[derive(Debug, Default)]
pub struct HookTurns(Mutex<HashMap<Uuid, Weak<AsyncMutex<Unanswered>>>>);

impl HookTurns {
    /// Waits for the grant's turn.
    pub(super) async fn take(&self, id: Uuid) -> Turn {
        let turn = {
            let mut turns = self.0.lock().expect("no holder of this lock panics");
            // As many are left as questions are under way.
            turns.retain(|_, turn| turn.strong_count() > 0);
            let turn = turns.get(&id).and_then(Weak::upgrade).unwrap_or_default();
            turns.insert(id, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}

impl Valet {
    /// The hook of the grant's profile.
    pub(super) fn hook_of(&self, grant: &Grant) -> Option<&ConfiguredHook> {
        self.hooks.get(self.profiles.get(&grant.profile)?.hook.as_ref()?)
    }

    /// What the hook says to the grant's completion by this object, noted in it: the reason to reject it, if any. Asked only if it
    /// has not been already (and somebody else was faster to change the grant). Where the hook's silence defers, an error, and
    /// the reconciler is told to look at once.
    pub(super) async fn hear_hook(
        &self,
        hook: &ConfiguredHook,
        entry: &LedgerEntry,
        completion: &mut Completion,
        turn: &mut Turn,
        now: DateTime<Utc>,
    ) -> Result<Option<&'static str>, RecordError> {
        let heard = match completion.hook.take() {
            Some(heard) => heard,
            None => match self.ask_hook(hook, &entry.grant, completion, turn, now).await {
                Ok(heard) => heard,
                Err(failure) => {
                    self.look_again_at_once(entry, completion.source, now).await?;
                    return Err(failure.into());
                }
            },
        };
        let objection = heard.outcome.objection(hook.on_failure);
        completion.hook = Some(heard);
        Ok(objection)
    }

    /// An error means that nothing is to be recorded now.
    async fn ask_hook(
        &self,
        hook: &ConfiguredHook,
        grant: &Grant,
        completion: &Completion,
        turn: &mut Unanswered,
        now: DateTime<Utc>,
    ) -> Result<HookRecord, HookUnavailable> {
        if let Some((etag, failure)) = &turn.0
            && *etag == completion.etag
        {
            return Err(failure.clone());
        }
        let news = self.event(EventType::Completed, grant, completion, None, now);
        let span = tracing::info_span!("hook", otel.kind = "client", grant.id = %grant.id, event.id = %news.id);
        let watch = Stopwatch::start();
        let heard = hook.backend.ask(&news, now).instrument(span).await;
        instruments::hook_asked(&hook.name, word_of(&heard), watch.elapsed());
        let (outcome, answer) = match heard {
            Ok(HookAnswer::Accepted(answer)) => (HookOutcome::Accepted, Some(answer)),
            Ok(HookAnswer::Rejected) => (HookOutcome::Rejected, None),
            Err(failure) => {
                if hook.on_failure == OnFailure::Defer {
                    // Told by whoever has to say so.
                    turn.0 = Some((completion.etag.clone(), failure.clone()));
                    return Err(failure);
                }
                tracing::warn!(grant.id = %grant.id, error.cause = %failure, hook.on_failure = ?hook.on_failure, "the hook failed");
                (HookOutcome::Failed, None)
            }
        };
        Ok(HookRecord { outcome, answer })
    }
}

/// What it said, in one word.
fn word_of(heard: &Result<HookAnswer, HookUnavailable>) -> &'static str {
    match heard {
        Ok(HookAnswer::Accepted(_)) => "accepted",
        Ok(HookAnswer::Rejected) => "rejected",
        Err(HookUnavailable(_)) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_grant_has_one_turn_at_a_time_and_others_are_not_held_up() {
        let turns = HookTurns::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut held = turns.take(one).await;
        drop(turns.take(other).await);
        let waiting = turns.take(one);
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("two have the turn"),
            () = std::future::ready(()) => {}
        }

        held.0 = Some(("E".into(), HookUnavailable("down".into())));
        drop(held);

        let next = waiting.await;
        assert_eq!(next.0.as_ref().map(|(etag, _)| etag.as_str()), Some("E"), "who waited knows that it failed");
        drop(next);
        assert!(turns.take(one).await.0.is_none(), "who comes later asks for himself");
        assert_eq!(turns.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
