//! The whole contract, as tests: `contract!(store)` runs each part of it on what `store` makes.

macro_rules! groups {
    ($store:expr; $($group:ident: $($name:ident),+;)+) => {$(
        mod $group {
            $(#[tokio::test]
            async fn $name() {
                crate::suite::$group::$name(&$store).await;
            })+
        }
    )+};
}

macro_rules! contract {
    ($store:expr) => {
        groups! {
            $store;
            accept:
                stores_and_fans_out, counts_duplicates_in_one_callback, counts_duplicates_in_one_batch, knows_ids_across_many_callbacks,
                knows_ids_after_a_restart, tells_sources_apart, stores_the_new_events_of_a_known_callback, quarantines_what_is_unreadable,
                stores_events_beside_what_is_unreadable, refuses_when_too_much_is_open, refuses_what_cannot_be;
            order:
                one_subject_runs_in_order, subjects_do_not_wait_for_each_other, plugins_do_not_wait_for_each_other, unloaded_plugins_are_parked,
                each_plugin_has_its_share, longest_due_goes_first, a_dead_letter_holds_nobody_up, a_waiting_head_holds_its_subject_up;
            gaps:
                a_held_subject_waits, a_held_line_is_held_after_a_restart, a_replay_lets_its_subject_go_in_order, a_discarded_letter_lets_go,
                a_later_event_takes_the_place, only_what_is_done_takes_a_place, a_count_is_never_held;
            newest:
                a_newer_count_supersedes_older_ones, a_newer_count_waits_in_the_place_of_the_older,
                a_place_is_waited_for_no_longer_than_it_lasts, an_older_count_is_superseded_at_once, an_equal_count_wins_by_arrival,
                a_missing_time_is_the_receipt, a_running_count_ends_and_the_newer_follows, a_running_count_is_not_tried_again_after_a_newer_one,
                finished_counts_are_remembered, an_outdated_dead_letter_is_not_replayed, a_dead_count_outdates_older_ones,
                of_dead_counts_of_one_time_only_the_last_is_replayed, a_killed_run_of_an_older_count_ends_before_the_newer;
            leases:
                a_claimed_delivery_is_not_claimed_again, an_expired_lease_is_taken_over, the_old_lease_journals_nothing, a_lease_ends_with_its_finish,
                claimable_tells_of_new_events, claimable_tells_of_due_deliveries, claimable_tells_of_expired_leases, claimable_tells_news_once;
            calls:
                come_back_with_the_next_claim, are_replaced_at_their_ordinal, change_their_fate, survive_a_killed_attempt, need_their_place;
            finish:
                done_is_done, ignored_keeps_its_reason, waiting_runs_again_when_due, unspent_attempts_do_not_count, dead_stays_dead,
                keeps_what_the_attempt_left, keeps_the_last_of_very_many_attempts;
            state:
                is_written_with_the_delivery, has_a_size, is_not_written_unless_the_delivery_is_over, a_conflict_records_nothing, versions_never_return;
            intervene:
                a_replay_runs_again, a_replay_goes_before_later_events, from_scratch_forgets_all_steps,
                kept_steps_are_kept_until_it_is_over, a_discarded_letter_is_ignored, settling_as_done_answers_the_step,
                settling_as_unsent_sends_again, only_dead_letters_can_be_helped,
                what_is_open_and_does_not_run_is_discarded,
                what_is_over_is_replayed_if_that_does_something, only_steps_in_doubt_can_be_settled;
            aside:
                quarantined_callbacks_are_kept_until_released, rejected_callbacks_are_a_bounded_sample, rejected_callbacks_are_admitted_once;
            read:
                lists_newest_first_in_pages, lists_oldest_first_after_a_place, filters_events, finds_events_by_what_they_name, a_page_says_where_to_go_on,
                dead_letters_say_what_a_replay_would_meet, tells_the_whole_story, finds_events_by_id_and_place, counts_everything;
            purge:
                forgets_finished_events, keeps_what_is_not_over, keeps_a_body_as_long_as_one_of_its_events, remembers_ids_beyond_their_events,
                forgets_ids_after_the_window, goes_in_small_steps, never_gives_a_place_twice;
            restart:
                everything_is_as_before, open_deliveries_run_again, plugins_keep_their_numbers, a_closed_journal_takes_nothing;
        }
    };
}

/// What a journal does beyond that which also keeps round trips.
#[allow(unused_macros)]
macro_rules! round_trip_contract {
    ($store:expr) => {
        groups! {
            $store;
            round_trips:
                falls_due_after_its_delivery, is_looked_at_by_one_at_a_time, keeps_what_was_found, is_looked_at_again_when_asked,
                is_looked_at_again_later, gives_up, goes_with_a_replay, a_newer_count_takes_its_place, is_marked_since_a_time,
                is_counted_by_plugin_and_state, goes_with_its_event;
        }
    };
}

/// What a journal does beyond that which also tells recordings.
#[allow(unused_macros)]
macro_rules! recording_contract {
    ($store:expr) => {
        groups! {
            $store;
            recordings:
                are_what_is_over_newest_first, have_event_attempt_and_calls, are_of_one_plugin_and_these_types,
                are_bounded_in_number_and_size;
        }
    };
}

/// What a journal does beyond that whose due times and leases go by `Clock::steady`.
#[allow(unused_macros)]
macro_rules! steady_contract {
    ($store:expr) => {
        groups! {
            $store;
            clock:
                set_forward_it_ends_no_lease, set_forward_it_wakes_nothing_that_waits, set_back_it_holds_no_lease_up,
                set_back_it_holds_nothing_up_that_waits, set_back_between_two_starts_it_holds_nothing_up, set_while_down_it_keeps_all,
                set_forward_it_forgets_nothing, set_forward_for_good_it_forgets_in_its_own_time, set_back_it_forgets_nothing;
        }
    };
}
