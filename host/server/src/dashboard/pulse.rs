//! What was counted in each minute since the host started, for a day at most.
//!
//! Counting is a few additions; once a second somebody looks whether the minute is over.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::delivery::State;
use mortar_core::ports::{Observation, Observer};
use mortar_core::story::Counts;
use mortar_core::trace::{Span, TraceContext};

/// Minutes that are kept.
pub const KEPT: usize = 24 * 60;

/// Bounds of durations for each doubling: what is told of one is at most a fifth off.
const STEPS: usize = 4;

/// Durations are told apart up to 2^32 µs, more than an hour.
const BOUNDS: usize = 32 * STEPS;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// New events.
    Accepted,
    /// Events whose id was known.
    Duplicates,
    /// Callbacks that were not genuine, or not allowed.
    Rejected,
    /// Callbacks that were genuine and unreadable.
    Quarantined,
    /// Callbacks that were answered 503.
    Unavailable,
    /// Attempts that ended done.
    Done,
    /// Attempts that ended ignored.
    Ignored,
    /// Attempts that failed, and are followed by another.
    Failed,
    /// Attempts that ended in a dead letter.
    Dead,
}

const COUNTS: usize = 9;

/// A minute that is over, or what there is of the one that is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minute {
    /// When it began.
    pub at: Timestamp,
    counts: [u64; COUNTS],
    /// Deliveries that were open at its end; none where they were being counted.
    pub open: Option<u64>,
    /// From the last byte of a callback to its answer.
    pub acks: Durations,
    /// From the receipt of an event to the end of the attempt that was the last.
    pub deliveries: Durations,
}

impl Minute {
    /// One in which nothing was counted yet.
    #[must_use]
    pub fn starting(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    /// Adds a minute.
    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, more)| *sum += more);
        self.acks.add(&other.acks);
        self.deliveries.add(&other.deliveries);
        self.open = other.open.or(self.open);
    }
}

/// Durations, counted by bounds: which, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations(Vec<(u8, u64)>);

impl Durations {
    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// What this share of them did not exceed; none where there are none.
    #[must_use]
    pub fn share(&self, share: f64) -> Option<Duration> {
        let rank = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut below = 0;
        self.0
            .iter()
            .find(|(_, count)| {
                below += count;
                below >= rank
            })
            .map(|(bound, _)| upper(usize::from(*bound)))
    }

    fn add(&mut self, other: &Self) {
        for (bound, count) in &other.0 {
            match self.0.binary_search_by_key(bound, |(bound, _)| *bound) {
                Ok(at) => self.0[at].1 += count,
                Err(at) => self.0.insert(at, (*bound, *count)),
            }
        }
    }
}

/// Which bounds a duration is between.
fn bound(duration: Duration) -> usize {
    let micros = duration.as_micros().max(1) as f64;
    ((micros.log2() * STEPS as f64) as usize).min(BOUNDS - 1)
}

fn upper(bound: usize) -> Duration {
    Duration::from_secs_f64(((bound + 1) as f64 / STEPS as f64).exp2() / 1e6)
}

struct Counting([AtomicU64; BOUNDS]);

impl Counting {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    fn read(&self, read: impl Fn(&AtomicU64) -> u64) -> Durations {
        let counts = self.0.iter().map(read).enumerate();
        Durations(counts.filter(|(_, count)| *count > 0).map(|(bound, count)| (bound as u8, count)).collect())
    }
}

/// Counts by the minute.
pub struct Pulse {
    counts: [AtomicU64; COUNTS],
    acks: Counting,
    deliveries: Counting,
    over: Mutex<Over>,
    /// Who else takes what is observed.
    next: Arc<dyn Observer>,
}

#[derive(Default)]
struct Over {
    /// When the minute that is not over began.
    at: Timestamp,
    open: Option<u64>,
    minutes: VecDeque<Minute>,
}

impl Pulse {
    /// Counts from now on, and passes on what is observed.
    #[must_use]
    pub fn new(now: Timestamp, next: Arc<dyn Observer>) -> Self {
        let over = Mutex::new(Over { at: minute(now), ..Over::default() });
        Self { counts: Default::default(), acks: Counting::new(), deliveries: Counting::new(), over, next }
    }

    /// Closes the minute if it is over. `counts` is what is stored, where that is known.
    pub fn look(&self, now: Timestamp, counts: Option<&Counts>) {
        let now = minute(now);
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        over.open = counts.map(open);
        if now <= over.at {
            return;
        }
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        let closed = self.now(&over, &take);
        over.minutes.push_back(closed);
        let gone = over.minutes.len().saturating_sub(KEPT);
        over.minutes.drain(..gone);
        over.at = now;
    }

    /// The minutes, oldest first, with the one that is not over at the end.
    #[must_use]
    pub fn minutes(&self) -> Vec<Minute> {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.now(&over, &|counter| counter.load(Ordering::Relaxed));
        over.minutes.iter().cloned().chain([current]).collect()
    }

    fn now(&self, over: &Over, read: &dyn Fn(&AtomicU64) -> u64) -> Minute {
        Minute {
            at: over.at,
            counts: std::array::from_fn(|at| read(&self.counts[at])),
            open: over.open,
            acks: self.acks.read(read),
            deliveries: self.deliveries.read(read),
        }
    }

    fn count(&self, count: Count, by: usize) {
        self.counts[count as usize].fetch_add(by as u64, Ordering::Relaxed);
    }
}

fn open(counts: &Counts) -> u64 {
    counts.deliveries.iter().filter(|(state, _)| State::is_open(*state)).map(|(_, count)| count).sum()
}

fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

impl Observer for Pulse {
    fn observe(&self, observation: &Observation<'_>) {
        match *observation {
            Observation::Callback { result, took, .. } => {
                match result {
                    "rejected" | "refused" => self.count(Count::Rejected, 1),
                    "quarantined" => self.count(Count::Quarantined, 1),
                    "unavailable" => self.count(Count::Unavailable, 1),
                    _ => {}
                }
                self.acks.0[bound(took)].fetch_add(1, Ordering::Relaxed);
            }
            Observation::Events { stored, duplicates, .. } => {
                self.count(Count::Accepted, stored);
                self.count(Count::Duplicates, duplicates);
            }
            Observation::Attempt { result, age, .. } => {
                let (count, last) = match result {
                    "done" => (Count::Done, true),
                    "ignored" => (Count::Ignored, true),
                    "dead" => (Count::Dead, true),
                    _ => (Count::Failed, false),
                };
                self.count(count, 1);
                if last {
                    self.deliveries.0[bound(age)].fetch_add(1, Ordering::Relaxed);
                }
            }
            _ => {}
        }
        self.next.observe(observation);
    }

    fn trace(&self, source: &str, event_id: &str) -> Option<TraceContext> {
        self.next.trace(source, event_id)
    }

    fn span(&self, span: Span) {
        self.next.span(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Observer for Nobody {
        fn observe(&self, _: &Observation<'_>) {}
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn stored(pulse: &Pulse, stored: usize) {
        pulse.observe(&Observation::Events { source: "masonhub", stored, duplicates: 1 });
    }

    #[test]
    fn what_is_observed_is_in_its_minute() {
        let pulse = Pulse::new(at(30), Arc::new(Nobody));
        stored(&pulse, 3);
        pulse.look(at(59), None);
        stored(&pulse, 2);
        pulse.look(at(61), Some(&Counts { deliveries: vec![(State::Waiting, 4), (State::Done, 9)], ..Counts::default() }));
        stored(&pulse, 7);
        let minutes = pulse.minutes();
        let told: Vec<_> = minutes.iter().map(|m| (m.at, m.count(Count::Accepted), m.count(Count::Duplicates), m.open)).collect();
        assert_eq!(told, [(at(0), 5, 2, Some(4)), (at(60), 7, 1, Some(4))]);
    }

    #[test]
    fn a_day_is_kept() {
        let pulse = Pulse::new(at(0), Arc::new(Nobody));
        for minute in 1..(KEPT as i64 + 10) {
            pulse.look(at(60 * minute), None);
        }
        assert_eq!(pulse.minutes().len(), KEPT + 1);
    }

    #[test]
    fn shares_of_durations_are_at_most_a_fifth_off() {
        let pulse = Pulse::new(at(0), Arc::new(Nobody));
        for millis in 1..=1000 {
            let took = Duration::from_millis(millis);
            pulse.observe(&Observation::Callback { source: "masonhub", result: "accepted", took });
        }
        let acks = &pulse.minutes()[0].acks;
        assert_eq!(acks.count(), 1000);
        for (share, exact) in [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99)] {
            let told = acks.share(share).unwrap().as_secs_f64();
            assert!((exact..exact * 1.2).contains(&told), "{share}: {told}");
        }
        assert_eq!(Durations::default().share(0.5), None);
    }

    #[test]
    fn only_the_last_attempt_tells_how_long_a_delivery_took() {
        let pulse = Pulse::new(at(0), Arc::new(Nobody));
        let attempt = |result, age| Observation::Attempt {
            plugin: "erp",
            event_type: "order.fulfilled",
            code: None,
            result,
            took: Duration::ZERO,
            age: Duration::from_secs(age),
        };
        pulse.observe(&attempt("waiting", 1));
        pulse.observe(&attempt("done", 60));
        let minute = &pulse.minutes()[0];
        assert_eq!((minute.count(Count::Failed), minute.count(Count::Done), minute.deliveries.count()), (1, 1, 1));
    }
}
