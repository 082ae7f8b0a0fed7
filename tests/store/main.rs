//! The store contract: what every ledger must do, whatever engine is below it.
//!
//! A case takes a fresh [`bed::Bed`] and knows no engine; the list at the end of this file runs all of them on each.
//! `schema.rs` is about SQLite files alone; `replicas.rs`, `server.rs` and `tls.rs` are about PostgreSQL.
#![cfg(test)]

mod bed;
mod changes;
mod checks;
mod crash;
mod faults;
mod grants;
mod idempotency;
mod lists;
mod objects;
mod outbox;
mod plans;
#[path = "../lib/postgres.rs"]
mod postgres;
mod quotas;
mod replicas;
mod retention;
mod sample;
mod schema;
mod server;
mod tls;

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
    quotas::open_grants_count_until_they_end,
    quotas::grants_of_a_day_count_whatever_becomes_of_them,
    quotas::multiparts_count_apart,
    quotas::directories_count_as_grants,
    quotas::a_replay_is_answered_and_a_refusal_claims_nothing,
    quotas::a_quota_is_exact_whoever_asks_at_the_same_time,
    lists::newest_first_and_only_what_matches,
    lists::pages_neither_repeat_nor_skip_while_grants_are_added,
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
    objects::an_object_is_found_by_grant_key_and_etag,
    objects::objects_are_listed_newest_first_and_at_most_so_many,
    objects::of_many_that_record_the_same_object_the_first_stands_and_is_told_once,
    objects::a_cancelled_directory_takes_what_was_decided_for_a_cancelled_one_alone,
    checks::a_claim_gives_the_earliest_of_its_bucket_with_what_is_recorded,
    checks::a_claimed_check_is_nobody_elses_until_the_lease_ends,
    checks::two_claimers_never_get_the_same_check,
    checks::only_buckets_with_something_due_are_told_of,
    checks::a_check_is_released_by_whom_it_belongs_to_alone,
    checks::a_clock_that_goes_back_claims_what_was_due_then,
    checks::a_corrupt_row_holds_up_no_other_check,
    retention::a_grant_is_forgotten_with_its_completions_when_its_time_is_over,
    retention::what_is_looked_after_or_has_not_ended_is_never_forgotten,
    retention::a_renewed_grant_is_kept_from_its_new_end_on,
    retention::an_event_is_forgotten_when_every_sink_has_it,
    retention::what_was_given_up_is_kept_for_as_long_as_grants,
    retention::a_grant_is_kept_while_a_sink_is_still_to_be_told_of_it,
    retention::keys_that_have_run_out_are_forgotten,
    retention::any_number_is_forgotten_piece_by_piece_whoever_does_it_besides,
    faults::an_operation_that_fails_leaves_its_neighbours_alone,
    faults::a_change_that_fails_half_way_changes_nothing,
    faults::a_locked_ledger_says_no_and_recovers,
    faults::a_corrupt_row_is_named_and_hides_no_other,
    outbox::an_event_is_claimed_by_each_sink_that_wants_it_and_by_no_other,
    outbox::a_change_that_does_not_apply_makes_no_delivery,
    outbox::what_is_claimed_is_nobody_elses_until_the_lease_ends,
    outbox::two_claimers_never_get_the_same_delivery,
    outbox::a_grants_next_event_waits_for_the_earlier_one,
    outbox::events_of_one_transaction_keep_their_order,
    outbox::events_recorded_while_the_earlier_one_is_settled_are_never_stuck,
    outbox::settling_and_recording_many_at_once_neither_fail_nor_lose,
    outbox::what_is_released_is_as_if_it_had_not_been_claimed,
    outbox::a_paused_sink_gets_nothing_until_its_time,
    outbox::a_sink_that_is_gone_is_disabled_once_and_gets_everything_when_enabled,
    outbox::the_dead_and_the_delivered_are_replayed_under_the_same_ids,
    outbox::a_replayed_event_does_not_hold_up_what_came_after_it,
    outbox::a_clock_that_goes_back_sends_nothing_twice_and_loses_nothing,
    outbox::events_are_listed_newest_first_with_their_deliveries,
    outbox::depth_tells_what_waits_and_since_when,
    outbox::deliveries_go_with_their_event,
    crash::reopened_it_holds_everything,
    crash::killed_it_holds_everything_it_answered,
}
