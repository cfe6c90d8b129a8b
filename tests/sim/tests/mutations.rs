//! The simulation can fail: it notices every broken host, and by the promise that it breaks.

#![allow(clippy::unwrap_used, missing_docs)]

use mortar_sim::mutation::Mutation;
use mortar_sim::properties::Property;
use mortar_sim::world::run;

/// Worlds that are tried at most.
const SEEDS: u64 = 200;

macro_rules! caught {
    ($($name:ident: $mutation:ident,)+) => {
        $(#[test]
        fn $name() {
            catch(Mutation::$mutation);
        })+

        #[test]
        fn every_mutation_is_here() {
            assert_eq!(Mutation::ALL, [$(Mutation::$mutation),+]);
        }
    };
}

caught! {
    an_early_ack_is_caught: AckBeforeCommit,
    a_torn_commit_is_caught: TornCommit,
    forgotten_ids_are_caught: ForgetDedupe,
    forgotten_steps_are_caught: ForgetSteps,
    forgotten_leases_are_caught: ForgetLeases,
    forgotten_tokens_are_caught: ForgetTokens,
    an_intent_that_is_not_durable_is_caught: SendBeforeIntent,
    a_blind_repetition_is_caught: ResendInDoubt,
    a_loss_that_is_taken_lightly_is_caught: LostIsUnsent,
    changing_keys_are_caught: ForgetKeys,
    forgotten_order_is_caught: ForgetOrder,
    forgotten_gaps_are_caught: ForgetGaps,
    forgotten_times_of_counts_are_caught: ForgetNewest,
    forgotten_places_of_counts_are_caught: ForgetPlaces,
    lost_waiting_deliveries_are_caught: LoseWaiting,
    forgotten_faults_are_caught: ForgetFaults,
    forgotten_versions_are_caught: ForgetVersions,
}

fn catch(mutation: Mutation) {
    let by = mutation.caught_by();
    let mut found: Vec<Property> = Vec::new();
    for seed in 0..SEEDS {
        found.extend(run(seed, Some(mutation), false).failures.iter().map(|failure| failure.property));
        if found.iter().any(|property| by.contains(property)) {
            return;
        }
    }
    panic!("{mutation} was not noticed by {by:?} in {SEEDS} worlds; found: {found:?}");
}
