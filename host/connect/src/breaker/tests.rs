use proptest::prelude::*;

use super::*;
use crate::classify::Health::{Busy, Down, Up};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn config(failures: u32, probes: u32) -> BreakerConfig {
    BreakerConfig { failures, first_open: seconds(5), longest_open: seconds(30), probes }
}

/// Sends a request that may be sent, and lets it end.
fn run(breaker: &mut Breaker, health: Health, now: Instant) {
    let Entry::Free(era) = breaker.entry(0, now) else { panic!("{:?}", breaker.state) };
    breaker.begin();
    breaker.end(era, Some(health), now);
}

fn opened(failures: u32, probes: u32, concurrency: usize, now: Instant) -> Breaker {
    let mut breaker = Breaker::new(config(failures, probes), concurrency);
    (0..failures).for_each(|_| run(&mut breaker, Down, now));
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_nothing_else_does() {
    let now = Instant::now();
    let mut breaker = Breaker::new(config(3, 1), 4);
    for health in [Down, Down, Up, Down, Busy(None), Down, Busy(Some(seconds(9))), Up, Down, Down] {
        run(&mut breaker, health, now);
        assert_eq!(breaker.phase(now), Phase::Closed);
    }
    run(&mut breaker, Down, now);
    assert_eq!((breaker.phase(now), breaker.allowed()), (Phase::Open(seconds(5)), 0));
    assert_eq!(breaker.entry(0, now + seconds(2)), Entry::Shut(seconds(3)));
}

#[test]
fn each_failed_probe_doubles_the_time_up_to_the_longest() {
    let mut now = Instant::now();
    let mut breaker = opened(3, 1, 4, now);
    for expected in [5, 10, 20, 30, 30] {
        assert_eq!(breaker.phase(now), Phase::Open(seconds(expected)));
        now += seconds(expected);
        run(&mut breaker, Down, now);
    }
}

#[test]
fn it_opens_for_longer_again_until_the_full_concurrency_is_back() {
    let mut now = Instant::now();
    let mut breaker = opened(3, 1, 2, now);
    now += seconds(5);
    run(&mut breaker, Up, now);
    assert_eq!(breaker.phase(now), Phase::Ramping);
    (0..3).for_each(|_| run(&mut breaker, Down, now));
    assert_eq!(breaker.phase(now), Phase::Open(seconds(10)), "it was no recovery");
    now += seconds(10);
    (0..2).for_each(|_| run(&mut breaker, Up, now));
    assert_eq!(breaker.phase(now), Phase::Closed);
    (0..3).for_each(|_| run(&mut breaker, Down, now));
    assert_eq!(breaker.phase(now), Phase::Open(seconds(5)), "a new outage");
}

#[test]
fn so_many_probes_and_no_more_decide() {
    let now = Instant::now() + seconds(5);
    let mut breaker = opened(3, 2, 4, now - seconds(5));
    let Entry::Free(era) = breaker.entry(0, now) else { panic!("a probe is due") };
    breaker.begin();
    assert_eq!((breaker.entry(1, now), breaker.phase(now)), (Entry::Free(era), Phase::HalfOpen));
    breaker.begin();
    assert_eq!(breaker.entry(2, now), Entry::Shut(seconds(5)));
    breaker.end(era, Some(Up), now);
    assert_eq!(breaker.entry(1, now), Entry::Shut(seconds(5)), "one has succeeded, the other one is awaited");
    breaker.end(era, None, now);
    assert_eq!(breaker.entry(0, now), Entry::Free(era), "one that was given up is sent again");
    breaker.begin();
    breaker.end(era, Some(Busy(None)), now);
    run(&mut breaker, Up, now);
    assert_eq!((breaker.phase(now), breaker.allowed()), (Phase::Ramping, 1));
}

#[test]
fn requests_at_once_double_as_they_succeed() {
    let now = Instant::now() + seconds(5);
    let mut breaker = opened(3, 1, 11, now - seconds(5));
    run(&mut breaker, Up, now);
    let mut allowed = vec![breaker.allowed()];
    while breaker.phase(now) == Phase::Ramping {
        run(&mut breaker, Up, now);
        allowed.push(breaker.allowed());
    }
    assert_eq!(allowed, [1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 11]);
    assert_eq!((breaker.entry(10, now), breaker.entry(11, now)), (Entry::Free(1), Entry::Full));
}

#[test]
fn a_failure_holds_the_ramp_where_it_is() {
    let now = Instant::now() + seconds(5);
    let mut breaker = opened(3, 1, 8, now - seconds(5));
    [Up, Up, Up, Down, Up].into_iter().for_each(|health| run(&mut breaker, health, now));
    assert_eq!(breaker.allowed(), 2, "two in a row are needed, and one was after the failure");
    run(&mut breaker, Up, now);
    assert_eq!(breaker.allowed(), 4);
}

#[test]
fn what_was_sent_before_it_opened_says_nothing() {
    let now = Instant::now() + seconds(5);
    let mut breaker = opened(3, 1, 4, now - seconds(5));
    breaker.end(0, Some(Up), now - seconds(1));
    assert_eq!(breaker.phase(now - seconds(1)), Phase::Open(seconds(1)));
    let Entry::Free(era) = breaker.entry(3, now) else { panic!("a probe is due") };
    breaker.begin();
    breaker.end(0, Some(Down), now);
    breaker.end(0, Some(Up), now);
    assert_eq!(breaker.phase(now), Phase::HalfOpen);
    breaker.end(era, Some(Up), now);
    assert_eq!(breaker.entry(3, now), Entry::Full, "those that hang still count");
}

#[test]
fn no_probe_is_sent_beside_as_many_as_may_be_under_way() {
    let now = Instant::now() + seconds(5);
    let breaker = opened(3, 1, 4, now - seconds(5));
    assert_eq!(breaker.entry(4, now), Entry::Shut(seconds(5)));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Send,
    End(usize, Option<Health>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let health = prop_oneof![3 => Just(Some(Up)), 5 => Just(Some(Down)), 1 => Just(Some(Busy(None))), 1 => Just(None)];
    prop_oneof![
        2 => (0..20_000_u64).prop_map(Step::Pass),
        4 => Just(Step::Send),
        4 => (any::<usize>(), health).prop_map(|(which, health)| Step::End(which, health)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_holds_its_bounds_and_recovers(
        failures in 1..6_u32,
        probes in 1..4_u32,
        concurrency in 1..20_usize,
        steps in prop::collection::vec(any_step(), 0..300),
    ) {
        let mut breaker = Breaker::new(config(failures, probes), concurrency);
        let mut now = Instant::now();
        let mut under_way: Vec<u64> = Vec::new();
        let (mut in_a_row, mut probing) = (0, 0);
        for step in steps {
            let before = breaker.phase(now);
            match step {
                Step::Pass(millis) => now += Duration::from_millis(millis),
                Step::Send => match breaker.entry(under_way.len(), now) {
                    Entry::Free(era) => {
                        let most = if matches!(before, Phase::Closed | Phase::Ramping) { breaker.allowed() } else { concurrency };
                        prop_assert!(under_way.len() < most);
                        prop_assert!(!matches!(before, Phase::Open(rest) if !rest.is_zero()), "sent while it was open");
                        breaker.begin();
                        under_way.push(era);
                        probing = if breaker.phase(now) == Phase::HalfOpen { probing + 1 } else { 0 };
                    }
                    Entry::Full => prop_assert!(under_way.len() >= breaker.allowed()),
                    Entry::Shut(time) => prop_assert!(time > Duration::ZERO && time <= seconds(30)),
                },
                Step::End(which, health) if !under_way.is_empty() => {
                    let era = under_way.swap_remove(which % under_way.len());
                    let counts = era == breaker.era;
                    breaker.end(era, health, now);
                    match health {
                        Some(Down) if counts => in_a_row += 1,
                        Some(Up) if counts => in_a_row = 0,
                        Some(Busy(_)) | None if counts && probing > 0 => probing -= 1,
                        _ => {}
                    }
                    if let (Phase::Open(time), true) = (breaker.phase(now), counts) {
                        prop_assert!(in_a_row >= failures || before == Phase::HalfOpen, "opened after {in_a_row}");
                        prop_assert!(time >= seconds(5) && time <= seconds(30));
                        (in_a_row, probing) = (0, 0);
                    }
                }
                Step::End(..) => {}
            }
            prop_assert!(probing <= probes);
        }

        // Once everything works again, so does the connection, in the time and steps that it takes.
        for era in under_way {
            breaker.end(era, None, now);
        }
        now += seconds(30);
        for _ in 0..probes as usize + 2 * concurrency {
            run(&mut breaker, Up, now);
        }
        prop_assert_eq!((breaker.phase(now), breaker.allowed()), (Phase::Closed, concurrency));
    }
}
