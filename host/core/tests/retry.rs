//! When a failed attempt is followed by another one.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Ending, Verdict};
use mortar_core::retry::{History, RetryPolicy};
use proptest::prelude::*;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn policy() -> RetryPolicy {
    RetryPolicy { first_delay: seconds(2), longest_delay: seconds(60), attempts: 5, age: seconds(3600) }
}

fn failed(after: Option<Duration>, spent: bool) -> Ending {
    Ending::Retry { code: ErrorCode::ErpUnavailable, reason: "503".into(), after, spent }
}

fn history(spent: u32, age: u64, jitter: f64) -> History {
    let now = Timestamp::from_second(1_767_225_600).unwrap();
    History { spent, since: now - SignedDuration::from_secs(age.try_into().unwrap()), now, jitter }
}

/// The wait that a verdict asks for.
fn wait(verdict: &Verdict, now: Timestamp) -> Duration {
    match verdict {
        Verdict::Waiting { until, .. } => until.duration_since(now).try_into().unwrap(),
        other => panic!("not waiting: {other:?}"),
    }
}

#[test]
fn the_wait_doubles_up_to_the_longest() {
    let backoffs: Vec<_> = (1..=8).map(|failures| policy().backoff(failures).as_secs()).collect();
    assert_eq!(backoffs, [2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(policy().backoff(u32::MAX), seconds(60));
}

#[test]
fn jitter_is_full() {
    for (jitter, expected) in [(0.0, 0), (0.5, 4), (0.999_999_999, 7)] {
        let history = history(2, 0, jitter);
        assert_eq!(wait(&policy().verdict(failed(None, true), history), history.now).as_secs(), expected);
    }
}

#[test]
fn what_was_asked_for_is_waited_for_within_the_longest() {
    let history = history(0, 0, 0.0);
    assert_eq!(wait(&policy().verdict(failed(Some(seconds(7)), true), history), history.now), seconds(7));
    assert_eq!(wait(&policy().verdict(failed(Some(seconds(86400)), true), history), history.now), seconds(60));
}

#[test]
fn the_last_attempt_makes_a_dead_letter() {
    assert!(matches!(policy().verdict(failed(None, true), history(3, 0, 0.5)), Verdict::Waiting { .. }));
    let Verdict::Dead { code, reason } = policy().verdict(failed(None, true), history(4, 0, 0.5)) else { panic!("not dead") };
    assert_eq!((code, reason.as_str()), (ErrorCode::AttemptsExhausted, "no success in 5 attempts; the last one: erp.unavailable: 503"));
}

#[test]
fn an_old_delivery_is_given_up_only_by_an_attempt_that_counts() {
    assert!(matches!(policy().verdict(failed(None, true), history(0, 3600, 0.5)), Verdict::Waiting { .. }));
    let Verdict::Dead { code, reason } = policy().verdict(failed(None, true), history(0, 3601, 0.5)) else { panic!("not dead") };
    assert_eq!(code, ErrorCode::AttemptsExhausted);
    assert!(reason.starts_with("no success in 1h 1s;") && reason.contains("503"), "{reason}");
    assert!(matches!(policy().verdict(failed(None, false), history(99, 9999, 0.5)), Verdict::Waiting { spent: false, .. }));
}

#[test]
fn other_endings_are_final() {
    let verdict = |ending| policy().verdict(ending, history(99, 9999, 0.5));
    assert_eq!(verdict(Ending::Done), Verdict::Done);
    assert_eq!(verdict(Ending::Ignored("why".into())), Verdict::Ignored { reason: "why".into() });
    let (code, reason) = (ErrorCode::PluginRejected, "no such SKU".to_owned());
    assert_eq!(verdict(Ending::Refused { code, reason: reason.clone() }), Verdict::Dead { code, reason });
}

fn any_policy() -> impl Strategy<Value = RetryPolicy> {
    let duration = || (0..10_000 * 86400_u64).prop_map(seconds);
    (duration(), duration(), 1..=1000_u32, duration()).prop_map(|(first_delay, longest_delay, attempts, age)| RetryPolicy {
        first_delay,
        longest_delay,
        attempts,
        age,
    })
}

fn any_history() -> impl Strategy<Value = History> {
    let time = || (Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()).prop_map(|s| Timestamp::from_second(s).unwrap());
    (any::<u32>(), time(), time(), 0.0..1.0_f64).prop_map(|(spent, since, now, jitter)| History { spent, since, now, jitter })
}

proptest! {
    #[test]
    fn backoff_grows_and_stays_within_bounds(policy in any_policy(), failures in 1..u32::MAX) {
        let (this, next) = (policy.backoff(failures), policy.backoff(failures + 1));
        prop_assert!(this <= next && next <= policy.longest_delay);
        prop_assert!(this >= policy.first_delay.min(policy.longest_delay));
    }

    #[test]
    fn every_failure_has_a_verdict_within_bounds(
        policy in any_policy(),
        history in any_history(),
        after in prop::option::of(any::<u64>().prop_map(Duration::from_millis)),
        spent in any::<bool>(),
    ) {
        match policy.verdict(failed(after, spent), history) {
            Verdict::Waiting { until, spent: counted, .. } => {
                prop_assert_eq!(counted, spent);
                prop_assert!(until >= history.now);
                let waited = Duration::try_from(until.duration_since(history.now)).unwrap();
                prop_assert!(until == Timestamp::MAX || waited <= policy.longest_delay);
                prop_assert!(!spent || history.spent + 1 < policy.attempts);
            }
            Verdict::Dead { code, .. } => {
                prop_assert_eq!(code, ErrorCode::AttemptsExhausted);
                prop_assert!(spent);
                let age = history.now.duration_since(history.since);
                let too_old = age > SignedDuration::try_from(policy.age).unwrap();
                prop_assert!(too_old || history.spent.saturating_add(1) >= policy.attempts);
            }
            other => prop_assert!(false, "a failure became {other:?}"),
        }
    }
}
