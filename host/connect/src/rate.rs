//! How many requests may start per second, as arithmetic: a request is due one interval after the
//! one before it, and so many of them may come early (the generic cell rate algorithm).

use std::time::Duration;

use tokio::time::Instant;

/// A connection's rate.
pub(crate) struct Rate {
    /// Time between two requests; zero where there is no limit.
    interval: Duration,
    /// How early a request may come.
    early: Duration,
    /// When the next request is due.
    due: Instant,
    /// Nothing starts before this: the server has asked for it.
    paused_until: Instant,
}

impl Rate {
    /// So many requests per second, and so many at once after a quiet time.
    pub(crate) fn new(rate: Option<f64>, burst: u32, now: Instant) -> Self {
        let interval = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        Self { interval, early: interval * burst.saturating_sub(1), due: now, paused_until: now }
    }

    /// The wait of a request that comes after `ahead` others which wait already.
    pub(crate) fn wait(&self, ahead: usize, now: Instant) -> Duration {
        let ahead = self.interval * u32::try_from(ahead).unwrap_or(u32::MAX);
        let due = (self.due.max(now) + ahead).saturating_duration_since(now + self.early);
        due.max(self.paused_until.saturating_duration_since(now))
    }

    /// A request starts.
    pub(crate) fn take(&mut self, now: Instant) {
        self.due = self.due.max(now) + self.interval;
    }

    /// Nothing starts for this long.
    pub(crate) fn pause(&mut self, time: Duration, now: Instant) {
        self.paused_until = self.paused_until.max(now + time);
    }

    /// The rest of a pause; none where there is none.
    pub(crate) fn paused_for(&self, now: Instant) -> Option<Duration> {
        self.paused_until.checked_duration_since(now).filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// When each of `count` requests starts that all come at once, in milliseconds.
    fn starts(rate: &mut Rate, count: usize, start: Instant) -> Vec<u128> {
        let mut now = start;
        let next = |_| {
            now += rate.wait(0, now);
            rate.take(now);
            now.duration_since(start).as_millis()
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(2.0), 3, start);
        assert_eq!(starts(&mut rate, 6, start), [0, 0, 0, 500, 1000, 1500]);
        assert_eq!(starts(&mut rate, 5, start + millis(60_000)), [0, 0, 0, 500, 1000], "idling saves no more than the burst");
        assert_eq!(starts(&mut Rate::new(Some(0.1), 1, start), 3, start), [0, 10_000, 20_000], "less than one per second");
        assert_eq!(starts(&mut Rate::new(None, 1, start), 1000, start).last(), Some(&0), "no rate, no wait");
    }

    #[test]
    fn a_pause_holds_back_whatever_the_rate_allows() {
        let start = Instant::now();
        let mut rate = Rate::new(None, 1, start);
        assert_eq!(rate.paused_for(start), None);
        rate.pause(millis(700), start);
        rate.pause(millis(200), start);
        assert_eq!((rate.wait(5, start), rate.paused_for(start)), (millis(700), Some(millis(700))), "the longer one holds");
        assert_eq!((rate.wait(0, start + millis(700)), rate.paused_for(start + millis(700))), (Duration::ZERO, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// In no stretch of time do more start than the burst and what the rate adds, and who
        /// waits in line starts when it was foretold.
        #[test]
        fn the_rate_holds_over_every_stretch(
            per_second in 0.5..200.0_f64,
            burst in 1..20_u32,
            gaps in prop::collection::vec(0..3000_u64, 1..60),
        ) {
            let mut now = Instant::now();
            let mut rate = Rate::new(Some(per_second), burst, now);
            let mut started = Vec::new();
            for gap in gaps {
                now += millis(gap);
                now += rate.wait(0, now);
                rate.take(now);
                started.push(now);
            }
            let foretold: Vec<Instant> = (0..30).map(|ahead| now + rate.wait(ahead, now)).collect();
            for at in foretold {
                now += rate.wait(0, now);
                rate.take(now);
                prop_assert_eq!(now, at);
                started.push(now);
            }
            for (first, from) in started.iter().enumerate() {
                for (more, to) in started[first..].iter().enumerate() {
                    let stretch = to.duration_since(*from);
                    let allowed = f64::from(burst) + stretch.as_secs_f64() * per_second;
                    prop_assert!(more as f64 + 1.0 <= allowed + 0.001, "{} in {stretch:?}", more + 1);
                }
            }
        }
    }
}
