//! Due deliveries are claimed and run, within bounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mortar_core::config::DeliveryConfig;
use mortar_core::delivery::{DeliveryId, PluginNo};
use mortar_core::ports::{Claim, Connector, JournalError, Share};
use tokio::sync::{Semaphore, watch};
use tokio::task::{self, JoinSet};
use tokio::time::Instant;

use crate::Ports;
use crate::plugins::{Numbered, Plugins};
use crate::run::Runner;

/// A lease outlives the longest run by this much, so that its end can still be journaled.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// How long a failing journal is left alone before it is asked again.
pub(crate) const JOURNAL_PAUSE: Duration = Duration::from_millis(500);

/// Claims and runs deliveries until `stop` says so; then lets those that run come to an end.
///
/// What still runs when the caller drops the future is safe: its lease expires, and its calls are
/// journaled.
pub async fn dispatch(ports: Ports, plugins: Arc<Plugins>, config: DeliveryConfig, mut stop: watch::Receiver<bool>) {
    let runner = Arc::new(Runner { ports: ports.clone(), plugins: plugins.clone(), retry: config.retry, up_since: Instant::now() });
    let slots = Arc::new(Semaphore::new(config.concurrency));
    let mut running = Running::default();
    let mut swapped = plugins.watch();
    while !*stop.borrow_and_update() {
        running.reap();
        // What is claimed under a snapshot runs on the generations in it: its leases were made for them.
        let now = swapped.borrow_and_update().clone();
        let room = Room::now(&ports, &now, &running, slots.available_permits());
        let claimed = match room.claim(&ports, &now).await {
            Ok(claimed) => claimed,
            Err(fault) => {
                tracing::error!(%fault, "no deliveries can be claimed; trying again");
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(JOURNAL_PAUSE) => continue,
                    _ = stop.changed() => continue,
                }
            }
        };
        let none = claimed.is_empty();
        for claim in claimed {
            let delivery = claim.lease.delivery;
            // There is a permit for each: only this loop takes them.
            let Ok(permit) = slots.clone().try_acquire_owned() else { break };
            let Some(Numbered { plugin, .. }) = now.iter().find(|numbered| numbered.no == delivery.plugin) else { continue };
            let (runner, plugin) = (runner.clone(), plugin.clone());
            running.start(delivery, async move {
                runner.run(claim, plugin).await;
                drop(permit);
            });
        }
        if none || slots.available_permits() == 0 {
            // Whichever comes, the loop looks at everything. Biased, because the choice would otherwise
            // be the one thing on the path that is left to chance.
            tokio::select! {
                biased;
                () = ports.journal.claimable(), if slots.available_permits() > 0 => {}
                // Who ends at the same time makes room for the same claim: where others want the
                // processor, they get it first.
                () = running.one_ends(), if !running.is_empty() => task::yield_now().await,
                _ = swapped.changed() => {}
                () = tokio::time::sleep(room.shut.unwrap_or_default()), if room.shut.is_some() => {}
                _ = stop.changed() => {}
            }
        }
    }
    running.all_end().await;
}

/// What there is room for.
struct Room {
    /// Deliveries in all.
    slots: usize,
    /// Of each plugin what leaves room for the others.
    shares: Vec<Share>,
    /// When a plugin is to be looked at again whose connections let nothing start now.
    shut: Option<Duration>,
}

impl Room {
    fn now(ports: &Ports, plugins: &[Numbered], running: &Running, slots: usize) -> Self {
        let active = || plugins.iter().filter(|n| !n.parked);
        let alone = active().filter(|n| n.plugin.settings.concurrency != Some(0)).count() == 1;
        let own = |n: &Numbered| n.plugin.settings.concurrency.map_or(slots, |own| own.saturating_sub(running.of(n.no)));
        let fair = |n: &Numbered| if alone { slots } else { fair_share(running.of(n.no), slots) };
        let mut room = Self { slots, shares: Vec::new(), shut: None };
        for n in active() {
            match open_for(&*ports.connector, &n.plugin.settings.connections) {
                Ok(open) => {
                    let max = own(n).min(fair(n)).min(open.saturating_sub(running.of(n.no)));
                    room.shares.extend((max > 0).then_some(Share { plugin: n.no, max }));
                }
                Err(time) => room.shut = Some(room.shut.map_or(time, |shut| shut.min(time))),
            }
        }
        room
    }

    async fn claim(&self, ports: &Ports, plugins: &[Numbered]) -> Result<Vec<Claim>, JournalError> {
        if self.shares.is_empty() {
            return Ok(Vec::new());
        }
        let lease = plugins.iter().map(|n| n.plugin.settings.limits.wall).max().unwrap_or_default() + LEASE_MARGIN;
        ports.journal.claim(ports.clock.now(), self.slots, lease, &self.shares).await
    }
}

/// How many deliveries the connections of a plugin are open for, or how long all of them are shut.
/// Run all the same, its deliveries would be told one after the other to come again: in an outage
/// that is all that a host would do, over and over, for as many as wait.
fn open_for(connector: &dyn Connector, connections: &[String]) -> Result<usize, Duration> {
    let each = connections.iter().map(|connection| connector.room(connection));
    let widest = each.reduce(|one, other| match (one, other) {
        (Ok(one), Ok(other)) => Ok(one.max(other)),
        (Err(one), Err(other)) => Err(one.min(other)),
        (Ok(room), Err(_)) | (Err(_), Ok(room)) => Ok(room),
    });
    widest.unwrap_or(Ok(usize::MAX))
}

/// How many more deliveries a plugin may run beside others: after that, at most twice as many as
/// there are free slots left, but one at least. So a plugin that is slow leaves a third of the
/// slots; two that are leave a fifth; and whoever comes then finds a slot at once.
fn fair_share(running: usize, free: usize) -> usize {
    let at_least = usize::from(running == 0).min(free);
    ((2 * free).saturating_sub(running) / 3).max(at_least)
}

/// Waits for the end of an attempt, as long as the lease of the next one allows. False where it does
/// not end in time.
async fn over(mut attempt: End) -> bool {
    let end = async { while attempt.changed().await.is_ok() {} };
    tokio::time::timeout(LEASE_MARGIN, end).await.is_ok()
}

/// The attempts under way.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    deliveries: HashMap<task::Id, (DeliveryId, End)>,
}

/// Closed when an attempt is over.
type End = watch::Receiver<()>;

impl Running {
    /// Starts an attempt, behind one of the same delivery that is not over yet. As a rule that one has
    /// just been journaled; but where the clock was set, its lease ran out under it, and then both
    /// would call the ERP, and this one would be told of a doubt while the other's write is on its way.
    fn start(&mut self, delivery: DeliveryId, attempt: impl Future<Output = ()> + Send + 'static) {
        let earlier = self.deliveries.values().find(|(running, _)| *running == delivery).map(|(_, end)| end.clone());
        let (ends, end) = watch::channel(());
        let task = self.tasks.spawn(async move {
            let alone = match earlier {
                Some(earlier) => over(earlier).await,
                None => true,
            };
            if alone {
                attempt.await;
            } else {
                tracing::warn!(%delivery, "still running when its lease ran out; it runs again when the new lease ends");
            }
            drop(ends);
        });
        self.deliveries.insert(task.id(), (delivery, end));
    }

    fn of(&self, plugin: PluginNo) -> usize {
        self.deliveries.values().filter(|(delivery, _)| delivery.plugin == plugin).count()
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn ended(&mut self, ended: Result<(task::Id, ()), task::JoinError>) {
        let task = match ended {
            Ok((task, ())) => task,
            Err(fault) => {
                // The lease expires and the delivery runs again.
                tracing::error!(%fault, "an attempt broke down inside the host");
                fault.id()
            }
        };
        self.deliveries.remove(&task);
    }

    fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
    }

    async fn one_ends(&mut self) {
        if let Some(ended) = self.tasks.join_next_with_id().await {
            self.ended(ended);
        }
    }

    async fn all_end(&mut self) {
        while !self.is_empty() {
            self.one_ends().await;
        }
    }
}
