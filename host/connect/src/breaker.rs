//! When nothing is sent for a while because nothing comes of it, and how requests come back after
//! that: a few probes, then twice as many at once each time that all of them went well.
//!
//! ```text
//!                  failures in a row                          time is up
//! closed, ramping ───────────────────► open ─────────────────────────────► half-open
//!        ▲                              ▲      a probe fails                 │   │
//!        │                              └────────────────────────────────────┘   │
//!        └───────────────────────────────────────────────────────────────────────┘
//!                                all probes succeed
//! ```

use std::time::Duration;

use mortar_core::config::BreakerConfig;
use tokio::time::Instant;

use crate::classify::Health;

/// A connection's breaker: how many requests may be under way now.
pub(crate) struct Breaker {
    config: BreakerConfig,
    concurrency: usize,
    state: State,
    /// How often it opened since the connection last had its full concurrency.
    openings: u32,
    /// Counts all openings. What was sent before the last one says nothing about what came after.
    era: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        /// Requests that may be under way at once, below the concurrency while it ramps.
        allowed: usize,
        /// Failures in a row.
        failures: u32,
        /// Successes since `allowed` last grew, or since the last failure.
        successes: usize,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        /// Probes that were sent and not given up.
        sent: u32,
        /// Probes that went well.
        succeeded: u32,
    },
}

/// What is shown of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// All is well.
    Closed,
    /// Nothing is sent for this long.
    Open(Duration),
    /// Probes are sent.
    HalfOpen,
    /// Closed, with less than the full concurrency.
    Ramping,
}

/// What a breaker says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It may be sent, in this era.
    Free(u64),
    /// As many as may be are under way; one of them has to end first.
    Full,
    /// Nothing is sent; another try is worth it after this time.
    Shut(Duration),
}

impl Breaker {
    /// Closed.
    pub(crate) fn new(config: BreakerConfig, concurrency: usize) -> Self {
        let state = State::Closed { allowed: concurrency, failures: 0, successes: 0 };
        Self { config, concurrency, state, openings: 0, era: 0 }
    }

    /// What it would say to a request while so many are under way.
    pub(crate) fn entry(&self, in_flight: usize, now: Instant) -> Entry {
        match self.state {
            State::Closed { allowed, .. } if in_flight < allowed => Entry::Free(self.era),
            State::Closed { .. } => Entry::Full,
            State::Open { until } if now < until => Entry::Shut(until - now),
            // The probes decide. Waiting for them in line would only hold up other connections.
            State::HalfOpen { sent, .. } if sent >= self.config.probes => Entry::Shut(self.config.first_open),
            State::Open { .. } | State::HalfOpen { .. } if in_flight < self.concurrency => Entry::Free(self.era),
            // What was sent before the breaker opened still hangs.
            State::Open { .. } | State::HalfOpen { .. } => Entry::Shut(self.config.first_open),
        }
    }

    /// A request starts that was told [`Entry::Free`].
    pub(crate) fn begin(&mut self) {
        match &mut self.state {
            State::Closed { .. } => {}
            State::Open { .. } => self.state = State::HalfOpen { sent: 1, succeeded: 0 },
            State::HalfOpen { sent, .. } => *sent += 1,
        }
    }

    /// A request of an era ended; without `health` where nobody waited for its end.
    pub(crate) fn end(&mut self, era: u64, health: Option<Health>, now: Instant) {
        if era != self.era {
            return;
        }
        match (&mut self.state, health) {
            (State::Closed { allowed, failures, successes }, Some(Health::Up)) => {
                *failures = 0;
                *successes += 1;
                let doubled = 2 * *allowed;
                if *successes >= *allowed {
                    self.allow(doubled);
                }
            }
            (State::Closed { failures, successes, .. }, Some(Health::Down)) => {
                *failures += 1;
                *successes = 0;
                if *failures >= self.config.failures {
                    self.open(now);
                }
            }
            (State::HalfOpen { succeeded, .. }, Some(Health::Up)) => {
                *succeeded += 1;
                if *succeeded >= self.config.probes {
                    self.allow(1);
                }
            }
            (State::HalfOpen { .. }, Some(Health::Down)) => self.open(now),
            (State::HalfOpen { sent, .. }, Some(Health::Busy(_)) | None) => *sent -= 1,
            (State::Closed { .. }, Some(Health::Busy(_)) | None) | (State::Open { .. }, _) => {}
        }
    }

    fn allow(&mut self, requests: usize) {
        let allowed = requests.min(self.concurrency);
        self.state = State::Closed { allowed, failures: 0, successes: 0 };
        if allowed == self.concurrency {
            self.openings = 0;
        }
    }

    fn open(&mut self, now: Instant) {
        let doublings = self.openings.min(31);
        let time = self.config.first_open.saturating_mul(1 << doublings).min(self.config.longest_open);
        self.state = State::Open { until: now + time };
        self.openings = self.openings.saturating_add(1);
        self.era += 1;
    }

    /// Requests that may be under way at once.
    pub(crate) fn allowed(&self) -> usize {
        match self.state {
            State::Closed { allowed, .. } => allowed,
            State::Open { .. } => 0,
            State::HalfOpen { .. } => self.concurrency.min(self.config.probes as usize),
        }
    }

    /// Requests that may start if none are under way: where it is not closed, the probes.
    pub(crate) fn room(&self) -> usize {
        match self.state {
            State::Closed { .. } => usize::MAX,
            State::Open { .. } | State::HalfOpen { .. } => self.config.probes as usize,
        }
    }

    /// Its state, as it is shown.
    pub(crate) fn phase(&self, now: Instant) -> Phase {
        match self.state {
            State::Closed { allowed, .. } if allowed < self.concurrency => Phase::Ramping,
            State::Closed { .. } => Phase::Closed,
            State::Open { until } => Phase::Open(until.saturating_duration_since(now)),
            State::HalfOpen { .. } => Phase::HalfOpen,
        }
    }
}

impl Phase {
    /// In a word, as metrics have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::HalfOpen => "half-open",
            Self::Ramping => "ramping",
        }
    }
}

#[cfg(test)]
mod tests;
