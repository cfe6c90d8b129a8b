//! How new generations of plugins do in their first time, compared with the generation before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mortar_core::code::ErrorCode;
use mortar_core::delivery::DeliveryId;
use mortar_core::plugin;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Attempts that the share of a version is taken of; older ones count half.
const WINDOW: u32 = 1000;

/// Counts how attempts end.
#[derive(Default)]
pub struct Probation {
    tallies: Mutex<BTreeMap<String, Tally>>,
    news: Mutex<Vec<News>>,
    more: Notify,
}

/// What probation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A generation does worse than the one before.
    Failed {
        /// The plugin.
        plugin: String,
        /// The generation's digest.
        digest: String,
        /// In words.
        reason: String,
        /// Deliveries that became dead letters on it.
        dead: Vec<DeliveryId>,
    },
    /// A delivery became a dead letter on a generation that has failed already.
    Dead(DeliveryId),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The plugin.
    pub plugin: &'a str,
    /// The generation that ran.
    pub digest: &'a str,
    /// Why it failed, if it did.
    pub code: Option<ErrorCode>,
    /// True where the delivery is a dead letter now.
    pub dead: bool,
}

/// How a generation under probation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Time that is left.
    pub left: Duration,
    /// Attempts.
    pub attempts: u32,
    /// Attempts that failed.
    pub failed: u32,
}

#[derive(Default)]
struct Tally {
    /// The generation in force.
    digest: String,
    attempts: u32,
    failed: u32,
    trial: Option<Trial>,
}

struct Trial {
    digest: String,
    policy: plugin::Probation,
    until: Instant,
    /// The share that failed on the generation before.
    before: f64,
    /// Deliveries that failed, dead or not.
    deliveries: BTreeSet<DeliveryId>,
    dead: Vec<DeliveryId>,
    over: bool,
}

impl Probation {
    /// What was found since the last call, as soon as there is something.
    pub async fn news(&self) -> Vec<News> {
        loop {
            let news = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
            if !news.is_empty() {
                return news;
            }
            self.more.notified().await;
        }
    }

    fn tell(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
        self.more.notify_one();
    }

    /// A version is in force, and under probation for so long where there is one to go back to.
    pub fn starts(&self, plugin: &str, digest: &str, trial: Option<(plugin::Probation, Duration)>) {
        let mut tallies = self.lock();
        let tally = tallies.entry(plugin.to_owned()).or_default();
        let before = share(tally.failed, tally.attempts);
        // A trial that failed is kept: attempts that ran on that generation may still end.
        let failed = tally.trial.take().filter(|trial| trial.over);
        let trial = trial.filter(|(_, time)| !time.is_zero()).map(|(policy, time)| Trial {
            digest: digest.to_owned(),
            policy,
            until: Instant::now() + time,
            before,
            deliveries: BTreeSet::new(),
            dead: Vec::new(),
            over: false,
        });
        *tally = Tally { digest: digest.to_owned(), attempts: 0, failed: 0, trial: trial.or(failed) };
    }

    /// An attempt ended.
    pub fn ended(&self, ended: Ended<'_>) {
        let failed = ended.code.is_some_and(is_failure);
        let mut tallies = self.lock();
        let Some(tally) = tallies.get_mut(ended.plugin) else { return };
        if tally.digest == ended.digest {
            if tally.attempts >= WINDOW {
                (tally.attempts, tally.failed) = (tally.attempts / 2, tally.failed / 2);
            }
            tally.attempts += 1;
            tally.failed += u32::from(failed);
        }
        let now = share(tally.failed, tally.attempts);
        let Some(trial) = tally.trial.as_mut().filter(|trial| trial.digest == ended.digest) else { return };
        if trial.over {
            if failed && ended.dead {
                self.tell(News::Dead(ended.delivery));
            }
            return;
        }
        if Instant::now() >= trial.until {
            tally.trial = None;
            return;
        }
        if !failed {
            return;
        }
        trial.deliveries.insert(ended.delivery);
        if ended.dead {
            trial.dead.push(ended.delivery);
        }
        if trial.deliveries.len() >= trial.policy.failures as usize && now - trial.before > trial.policy.rise {
            trial.over = true;
            let reason = format!(
                "{} deliveries failed, {:.0} % of its attempts, and {:.0} % on the generation before; the last one: {}",
                trial.deliveries.len(),
                now * 100.0,
                trial.before * 100.0,
                ended.code.map_or("", ErrorCode::as_str)
            );
            let (plugin, digest, dead) = (ended.plugin.to_owned(), ended.digest.to_owned(), std::mem::take(&mut trial.dead));
            self.tell(News::Failed { plugin, digest, reason, dead });
        }
    }

    /// How a plugin does, while it is under probation.
    #[must_use]
    pub fn of(&self, plugin: &str) -> Option<Standing> {
        let tallies = self.lock();
        let tally = tallies.get(plugin)?;
        let trial = tally.trial.as_ref().filter(|trial| !trial.over)?;
        let left = trial.until.checked_duration_since(Instant::now())?;
        Some(Standing { left, attempts: tally.attempts, failed: tally.failed })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a version is to blame for. What the ERP, the host or the event is to blame for is not.
fn is_failure(code: ErrorCode) -> bool {
    use ErrorCode::{CallDenied, PluginLimit, PluginRejected, PluginTimeout, PluginTrap, StepDiverged};
    matches!(code, PluginTrap | PluginTimeout | PluginLimit | PluginRejected | CallDenied | StepDiverged)
}

fn share(failed: u32, attempts: u32) -> f64 {
    f64::from(failed) / f64::from(attempts.max(1))
}

#[cfg(test)]
mod tests {
    use mortar_core::delivery::PluginNo;

    use super::*;

    fn delivery(event: u64) -> DeliveryId {
        DeliveryId { event, plugin: PluginNo(1) }
    }

    fn end(probation: &Probation, digest: &str, event: u64, code: Option<ErrorCode>, dead: bool) {
        probation.ended(Ended { delivery: delivery(event), plugin: "shop", digest, code, dead });
    }

    fn swapped() -> Probation {
        let probation = Probation::default();
        probation.starts("shop", "old", None);
        probation
    }

    fn told(probation: &Probation) -> Option<News> {
        let mut news = probation.news.lock().unwrap();
        (!news.is_empty()).then(|| news.remove(0))
    }

    fn try_out(probation: &Probation) {
        let policy = plugin::Probation::default();
        let time = policy.time;
        probation.starts("shop", "new", Some((policy, time)));
    }

    const TRAP: Option<ErrorCode> = Some(ErrorCode::PluginTrap);

    #[tokio::test]
    async fn a_rise_of_failures_is_told_with_the_dead_letters() {
        let probation = swapped();
        (0..10).for_each(|n| end(&probation, "old", n, None, false));
        try_out(&probation);
        end(&probation, "new", 11, TRAP, true);
        end(&probation, "new", 11, TRAP, false);
        end(&probation, "new", 12, TRAP, false);
        assert!(told(&probation).is_none(), "two deliveries are not three");
        end(&probation, "new", 13, Some(ErrorCode::PluginRejected), true);
        let News::Failed { plugin, digest, reason, dead } = told(&probation).unwrap() else { panic!("it is told once") };
        assert_eq!((plugin.as_str(), digest.as_str(), dead), ("shop", "new", vec![delivery(11), delivery(13)]));
        assert!(reason.starts_with("3 deliveries failed, 100 % of its attempts, and 0 % on the generation before"), "{reason}");
        // An attempt that still ran on it ends when the old generation is in force again.
        probation.starts("shop", "old", None);
        end(&probation, "new", 14, TRAP, true);
        end(&probation, "old", 15, TRAP, true);
        assert_eq!(told(&probation).unwrap(), News::Dead(delivery(14)));
        assert!(told(&probation).is_none());
    }

    #[tokio::test]
    async fn what_failed_before_as_well_is_no_rise() {
        let probation = swapped();
        (0..10).for_each(|n| end(&probation, "old", n, TRAP.filter(|_| n % 2 == 0), false));
        try_out(&probation);
        (10..30).for_each(|n| end(&probation, "new", n, TRAP.filter(|_| n % 2 == 1), false));
        assert!(told(&probation).is_none(), "half failed before, and half does now");
    }

    #[tokio::test]
    async fn the_erp_and_the_event_are_not_to_be_blamed_on_a_generation() {
        let probation = swapped();
        try_out(&probation);
        for code in [ErrorCode::ErpUnavailable, ErrorCode::StepInDoubt, ErrorCode::EventUnreadable, ErrorCode::HostFault] {
            (0..10).for_each(|n| end(&probation, "new", n, Some(code), true));
        }
        assert!(told(&probation).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn probation_ends() {
        let probation = swapped();
        try_out(&probation);
        assert!(probation.of("shop").is_some());
        tokio::time::sleep(plugin::Probation::default().time).await;
        (0..10).for_each(|n| end(&probation, "new", n, TRAP, true));
        assert!(told(&probation).is_none() && probation.of("shop").is_none());
    }
}
