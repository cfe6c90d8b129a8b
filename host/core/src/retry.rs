//! When a failed attempt is followed by another one.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::code::ErrorCode;
use crate::config::duration;
use crate::delivery::{Ending, Verdict};

/// Exponential backoff with full jitter, within finite bounds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// The longest wait after the first failure; it doubles with each further one.
    #[serde(with = "duration")]
    pub first_delay: Duration,
    /// No wait is longer than this, a Retry-After included.
    #[serde(with = "duration")]
    pub longest_delay: Duration,
    /// Attempts before the delivery becomes a dead letter, 1 to 1000.
    pub attempts: u32,
    /// A delivery older than this, from the receipt of its event, becomes a dead letter when an
    /// attempt fails.
    #[serde(with = "duration")]
    pub age: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(2),
            longest_delay: Duration::from_secs(15 * 60),
            attempts: 100,
            age: Duration::from_secs(3 * 24 * 3600),
        }
    }
}

/// What the decision rests on, besides how the attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Attempts that count, the one that has just ended not included.
    pub spent: u32,
    /// When the event was received, or when an operator last replayed the delivery.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// A random number, 0 (inclusive) to 1 (exclusive).
    pub jitter: f64,
}

impl RetryPolicy {
    /// What becomes of a delivery whose attempt ended so.
    #[must_use]
    pub fn verdict(&self, ending: Ending, history: History) -> Verdict {
        let (code, reason, after, spent) = match ending {
            Ending::Done => return Verdict::Done,
            Ending::Ignored(reason) => return Verdict::Ignored { reason },
            Ending::Refused { code, reason } => return Verdict::Dead { code, reason },
            Ending::Retry { code, reason, after, spent } => (code, reason, after, spent),
        };
        let attempts = history.spent.saturating_add(u32::from(spent));
        if spent && attempts >= self.attempts {
            let reason = format!("no success in {attempts} attempts; the last one: {code}: {reason}");
            return Verdict::Dead { code: ErrorCode::AttemptsExhausted, reason };
        }
        let age = history.now.duration_since(history.since);
        if spent && age > jiff::SignedDuration::try_from(self.age).unwrap_or(jiff::SignedDuration::MAX) {
            let reason = format!("no success in {age:#}; the last attempt: {code}: {reason}");
            return Verdict::Dead { code: ErrorCode::AttemptsExhausted, reason };
        }
        let wait = match after {
            Some(after) => after.min(self.longest_delay),
            None => self.backoff(attempts.max(1)).mul_f64(history.jitter.clamp(0.0, 1.0)),
        };
        let until = jiff::SignedDuration::try_from(wait).ok().and_then(|w| history.now.checked_add(w).ok());
        Verdict::Waiting { until: until.unwrap_or(Timestamp::MAX), code, reason, spent }
    }

    /// The longest wait after the `failures`-th failure, from 1.
    #[must_use]
    pub fn backoff(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(32);
        self.first_delay.checked_mul(1 << doublings.min(31)).unwrap_or(self.longest_delay).min(self.longest_delay)
    }
}
