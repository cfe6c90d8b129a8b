//! Whether a request may start now: so many at once, so many per second, not while the server wants
//! a pause, and not while the breaker is open. Who is turned away has not spent an attempt, since
//! the ERP never saw the request.
//!
//! Who has to wait stands in one line, and only its head looks at what is allowed: so requests
//! start in the order in which they came, whatever it is that they wait for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mortar_core::config::ConnectionConfig;
use mortar_core::ports::{Observation, Observer, SendError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::breaker::{Breaker, Entry, Phase};
use crate::classify::Health;
use crate::rate::Rate;

/// No pause that a server asks for is taken to be longer: a single odd answer must not stop a
/// connection for a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// A connection's gate.
pub(crate) struct Gate {
    name: String,
    concurrency: usize,
    failures: u32,
    /// Who would wait for longer than this is turned away.
    patience: Duration,
    /// A number from 0 (inclusive) to 1 (exclusive), so that those who are turned away together
    /// do not come back together.
    jitter: fn() -> f64,
    observer: Arc<dyn Observer>,
    /// Held by the head of the line. Fair: who asks first gets it first.
    line: tokio::sync::Mutex<()>,
    /// A request has ended, for the head of the line.
    ended: Notify,
    inner: Mutex<Inner>,
}

struct Inner {
    breaker: Breaker,
    rate: Rate,
    in_flight: usize,
    /// Those in line, the head included.
    waiting: usize,
}

/// What keeps a request from starting.
enum Held {
    /// As many as may be are under way.
    Full,
    /// The rate, or a pause, until then.
    Until(Instant),
    /// The breaker, for so long.
    Shut(Duration),
}

/// How busy a gate is.
pub(crate) struct Load {
    pub(crate) in_flight: usize,
    pub(crate) waiting: usize,
    pub(crate) concurrency: usize,
    pub(crate) allowed: usize,
    pub(crate) phase: Phase,
    pub(crate) paused_for: Option<Duration>,
}

impl Gate {
    /// An open gate, without anybody in line. The limits must make sense.
    pub(crate) fn new(name: &str, config: &ConnectionConfig, observer: Arc<dyn Observer>, jitter: fn() -> f64) -> Self {
        let breaker = Breaker::new(config.breaker.clone(), config.concurrency);
        let rate = Rate::new(config.rate, config.burst, Instant::now());
        Self {
            name: name.to_owned(),
            concurrency: config.concurrency,
            failures: config.breaker.failures,
            patience: config.timeout,
            jitter,
            observer,
            line: tokio::sync::Mutex::default(),
            ended: Notify::new(),
            inner: Mutex::new(Inner { breaker, rate, in_flight: 0, waiting: 0 }),
        }
    }

    /// Waits for its turn; the request is under way until the pass is dropped.
    ///
    /// # Errors
    /// Its turn would not come in time. The attempt does not count: the ERP never saw it.
    pub(crate) async fn enter(&self) -> Result<Pass<'_>, SendError> {
        let deadline = Instant::now() + self.patience;
        let _place = self.line_up(deadline)?;
        let Ok(_head) = timeout_at(deadline, self.line.lock()).await else {
            let now = Instant::now();
            let held = self.with(|inner| inner.held(0, now));
            return Err(self.turn_away(held.err().unwrap_or(Held::Full), now));
        };
        loop {
            let now = Instant::now();
            let until = match self.with(|inner| inner.start(now)) {
                Ok(era) => return Ok(Pass { gate: self, era, health: None }),
                Err(Held::Full) if now < deadline => deadline,
                Err(Held::Until(at)) if at <= deadline => at,
                Err(held) => return Err(self.turn_away(held, now)),
            };
            tokio::select! {
                () = self.ended.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// A place at the end of the line, unless it is clear now that waiting is in vain.
    fn line_up(&self, deadline: Instant) -> Result<Place<'_>, SendError> {
        let now = Instant::now();
        let held = self.with(|inner| match inner.held(inner.waiting, now) {
            Err(Held::Until(at)) if at > deadline => Err(Held::Until(at)),
            Err(Held::Shut(time)) => Err(Held::Shut(time)),
            Ok(_) | Err(Held::Full | Held::Until(_)) => {
                inner.waiting += 1;
                Ok(())
            }
        });
        held.map(|()| Place(self)).map_err(|held| self.turn_away(held, now))
    }

    fn turn_away(&self, held: Held, now: Instant) -> SendError {
        let (reason, after) = match held {
            Held::Full => {
                let reason = format!(
                    "all {} requests at once were in use for {:?}; raise `concurrency` if the ERP can take more",
                    self.concurrency, self.patience
                );
                (reason, None)
            }
            Held::Until(at) if self.with(|inner| inner.rate.paused_for(now)).is_some() => {
                (format!("it asked for a pause, of which {:.1?} are left", at - now), Some(at - now))
            }
            Held::Until(at) => {
                let reason = format!("its `rate` is used up for {:.1?}; raise `rate` or `burst` if the ERP can take more", at - now);
                (reason, Some(at - now))
            }
            Held::Shut(time) => {
                let reason = format!(
                    "its breaker opened after {} failures in a row: look after the server; it is tried again in {time:.1?} by itself",
                    self.failures
                );
                (reason, Some(time))
            }
        };
        let after = after.map(|time| time.mul_f64(1.0 + (self.jitter)() / 2.0));
        SendError::NotSent { reason, after, spent: false }
    }

    /// How many requests would get in if none were under way; or for how long everybody would be
    /// turned away.
    pub(crate) fn room(&self) -> Result<usize, Duration> {
        let now = Instant::now();
        self.with(|inner| match inner.held(0, now) {
            Err(Held::Shut(time)) => Err(time),
            Err(Held::Until(at)) if at > now + self.patience => Err(at - now),
            Ok(_) | Err(Held::Full | Held::Until(_)) => Ok(inner.breaker.room()),
        })
    }

    /// How busy it is.
    pub(crate) fn load(&self) -> Load {
        let now = Instant::now();
        self.with(|inner| Load {
            in_flight: inner.in_flight,
            waiting: inner.waiting,
            concurrency: self.concurrency,
            allowed: inner.breaker.allowed(),
            phase: inner.breaker.phase(now),
            paused_for: inner.rate.paused_for(now),
        })
    }

    /// Looks or changes, and tells what that does to the breaker.
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let now = Instant::now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = inner.breaker.phase(now).name();
        let result = act(&mut inner);
        let phase = inner.breaker.phase(now);
        drop(inner);
        if phase.name() != before {
            self.observer.observe(&Observation::Breaker { connection: &self.name, state: phase.name() });
            match phase {
                Phase::Open(time) => tracing::warn!(connection = self.name, "the breaker is open: nothing is sent for {time:.1?}"),
                _ => tracing::info!(connection = self.name, "the breaker is {}", phase.name()),
            }
        }
        result
    }
}

impl Inner {
    /// The era of a request that starts now behind so many others, or what keeps it from starting.
    fn held(&self, ahead: usize, now: Instant) -> Result<u64, Held> {
        let wait = self.rate.wait(ahead, now);
        match self.breaker.entry(self.in_flight, now) {
            Entry::Shut(time) => Err(Held::Shut(time.max(wait))),
            Entry::Free(_) | Entry::Full if !wait.is_zero() => Err(Held::Until(now + wait)),
            Entry::Full => Err(Held::Full),
            Entry::Free(era) => Ok(era),
        }
    }

    fn start(&mut self, now: Instant) -> Result<u64, Held> {
        let era = self.held(0, now)?;
        self.breaker.begin();
        self.rate.take(now);
        self.in_flight += 1;
        Ok(era)
    }

    fn end(&mut self, era: u64, health: Option<Health>, now: Instant) {
        self.in_flight -= 1;
        self.breaker.end(era, health, now);
        if let Some(Health::Busy(Some(after))) = health {
            self.rate.pause(after.min(LONGEST_PAUSE), now);
        }
    }
}

/// A place in line.
struct Place<'a>(&'a Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.with(|inner| inner.waiting -= 1);
    }
}

/// A request under way.
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    era: u64,
    health: Option<Health>,
}

impl Pass<'_> {
    /// The request ended, and this is what it says about the server. A pass that is dropped
    /// without it, because the attempt was given up, says nothing.
    pub(crate) fn end(mut self, health: Health) {
        self.health = Some(health);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.gate.with(|inner| inner.end(self.era, self.health, now));
        self.gate.ended.notify_one();
    }
}

#[cfg(test)]
mod tests;
