//! The system clock, which operators and time servers set.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use mortar_core::ports::Clock;
use tokio::time::Instant;

/// 2026-01-05T18:00:00Z
const BEGIN: i64 = 1_767_636_000_000_000;

/// A clock that runs with the simulated time, and jumps.
#[derive(Debug)]
pub struct SimClock {
    began: Instant,
    /// By how much it is set, in microseconds.
    set: AtomicI64,
}

impl SimClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), set: AtomicI64::new(0) }
    }

    /// Sets it forwards or backwards.
    pub fn jump(&self, by: SignedDuration) {
        self.set.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let micros = BEGIN.saturating_add(elapsed).saturating_add(self.set.load(Ordering::SeqCst));
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }
}
