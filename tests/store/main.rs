//! The store contract: what every ledger must do, whatever engine is below it.
//!
//! A case takes a fresh [`bed::Bed`] and knows no engine; the list at the end of this file runs all of them on each.
//! `schema.rs` is about SQLite files alone, `postgres_*.rs` about what only a server can do.
#![cfg(test)]

mod bed;
mod changes;
mod crash;
mod faults;
mod grants;
mod idempotency;
mod lists;
#[path = "../lib/postgres.rs"]
mod postgres;
mod sample;
mod schema;

macro_rules! contract {
    ($engine:ident as $name:ident: $($module:ident::$case:ident),+ $(,)?) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::$module::$case(crate::bed::Bed::$engine().await).await;
                }
            )+
        }
    };
}

macro_rules! on_every_engine {
    ($($cases:tt)+) => {
        contract!(sqlite as on_sqlite: $($cases)+);
        contract!(postgres as on_postgres: $($cases)+);
    };
}

on_every_engine! {
    grants::a_grant_is_found_as_it_was_added,
    grants::an_unknown_grant_is_not_found,
    grants::a_number_beyond_the_ledger_is_refused,
    grants::an_id_is_taken_once,
    grants::concurrent_adds_are_all_there_and_share_transactions,
    grants::concurrent_look_ups_each_get_their_own,
    grants::concurrent_look_ups_of_one_completed_grant_all_see_its_completion,
    grants::a_ledger_answers_a_ping,
    grants::dropping_the_ledger_finishes_what_is_queued,
    idempotency::a_claimed_key_gives_the_earlier_grant,
    idempotency::of_two_claimers_at_once_one_wins,
    idempotency::of_two_processes_that_claim_one_wins,
    idempotency::another_key_is_another_claim,
    idempotency::a_claim_that_has_run_out_is_taken_over,
    idempotency::a_replay_shows_how_the_grant_stands_now,
    lists::newest_first_and_only_what_matches,
    lists::pages_neither_repeat_nor_skip_while_grants_are_added,
    lists::due_checks_come_earliest_first,
    lists::a_clock_that_goes_back_hides_nothing,
    changes::a_completion_is_recorded_with_its_event,
    changes::a_change_from_another_state_changes_nothing,
    changes::an_unknown_grant_can_not_be_changed,
    changes::of_two_completions_at_once_one_applies,
    changes::of_many_completions_at_once_every_loser_sees_the_winners,
    changes::of_two_processes_that_complete_one_applies,
    changes::a_late_object_completes_an_expired_grant,
    changes::the_first_completion_stands_when_the_object_changes,
    changes::a_known_completion_is_neither_recorded_nor_told_again,
    changes::a_rejection_keeps_its_reason_until_the_grant_leaves_it,
    changes::a_renewal_moves_the_lifetime_alone,
    changes::the_next_check_is_kept_moved_or_dropped,
    changes::changes_of_one_grant_in_one_batch_see_each_other,
    faults::an_operation_that_fails_leaves_its_neighbours_alone,
    faults::a_change_that_fails_half_way_changes_nothing,
    faults::a_locked_ledger_says_no_and_recovers,
    faults::a_corrupt_row_is_named_and_hides_no_other,
    crash::reopened_it_holds_everything,
    crash::killed_it_holds_everything_it_answered,
}
