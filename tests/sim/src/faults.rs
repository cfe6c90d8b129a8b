//! What goes wrong in a world, and how often: by seed some worlds are calm where others are not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::chance::Chance;

/// The faults of journal and ERP.
#[derive(Debug)]
pub struct Faults {
    chance: Chance,
    on: AtomicBool,
    /// Share of commits that fail.
    commit_fails: f64,
    /// Share of commits that take long.
    commit_slow: f64,
    /// Share of operations that find the line full.
    busy: f64,
    /// Share of claims whose answer is lost.
    claim_lost: f64,
    /// Share of requests that something happens to.
    erp: f64,
    /// Share of attempts that outlive their lease: the machine was suspended.
    stall: f64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is applied and answered.
    Answered,
    /// No connection.
    Refused,
    /// The breaker is open, or the rate is used up: no attempt is spent.
    HeldBack,
    /// 429 or 503, with Retry-After.
    Unavailable,
    /// The answer is lost, and it was never applied.
    LostBefore,
    /// The answer is lost, and it is applied: before that is noticed, or after.
    LostAfter,
    /// It is applied, and the answer is too large.
    TooLarge,
    /// 500, not applied.
    Failed,
    /// 500, applied all the same.
    FailedAfter,
    /// 422.
    Denied,
}

impl Faults {
    /// No faults.
    #[must_use]
    pub fn none(chance: Chance) -> Self {
        Self { chance, on: AtomicBool::new(false), commit_fails: 0.0, commit_slow: 0.0, busy: 0.0, claim_lost: 0.0, erp: 0.0, stall: 0.0 }
    }

    /// The faults of a world.
    #[must_use]
    pub fn of(chance: Chance) -> Self {
        Self {
            on: AtomicBool::new(true),
            commit_fails: chance.pick(&[0.0, 0.02, 0.1]),
            commit_slow: chance.pick(&[0.0, 0.02, 0.1]),
            busy: chance.pick(&[0.0, 0.0, 0.03]),
            claim_lost: chance.pick(&[0.0, 0.0, 0.03]),
            erp: chance.pick(&[0.1, 0.3, 0.5]),
            stall: chance.pick(&[0.0, 0.05]),
            chance,
        }
    }

    /// From now on nothing goes wrong.
    pub fn cease(&self) {
        self.on.store(false, Ordering::SeqCst);
    }

    /// True while things go wrong.
    #[must_use]
    pub fn last(&self) -> bool {
        self.on.load(Ordering::SeqCst)
    }

    pub(crate) fn chance(&self) -> &Chance {
        &self.chance
    }

    fn hits(&self, share: f64) -> bool {
        self.last() && self.chance.hits(share)
    }

    pub(crate) fn commit_time(&self) -> Duration {
        match () {
            () if !self.last() => Duration::ZERO,
            () if self.chance.hits(self.commit_slow) => self.chance.up_to(Duration::from_secs(20)),
            () => Duration::from_millis(5),
        }
    }

    pub(crate) fn commit_fails(&self) -> bool {
        self.hits(self.commit_fails)
    }

    pub(crate) fn journal_is_busy(&self) -> bool {
        self.hits(self.busy)
    }

    pub(crate) fn claim_is_lost(&self) -> bool {
        self.hits(self.claim_lost)
    }

    pub(crate) fn stall(&self) -> Option<Duration> {
        self.hits(self.stall).then(|| Duration::from_secs(100) + self.chance.up_to(Duration::from_secs(200)))
    }

    pub(crate) fn fate(&self, outage: bool) -> Fate {
        use Fate::{Answered, Denied, Failed, FailedAfter, HeldBack, LostAfter, LostBefore, Refused, TooLarge, Unavailable};
        if outage && self.last() {
            return self.chance.pick(&[Refused, Refused, HeldBack, HeldBack, Unavailable, LostBefore, LostAfter]);
        }
        if !self.hits(self.erp) {
            return Answered;
        }
        let often = [Refused, HeldBack, Unavailable, Unavailable, LostBefore, LostAfter, LostAfter];
        if self.chance.hits(0.8) { self.chance.pick(&often) } else { self.chance.pick(&[TooLarge, Failed, FailedAfter, Denied]) }
    }
}
