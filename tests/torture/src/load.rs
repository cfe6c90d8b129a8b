//! What MasonHub sends: waves of callbacks over many connections, each again until it is acked.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use mortar_core::masonhub::read;
use mortar_simulator::masonhub::{Callback, Kind, Outcome, Plan, Scenario, Schedule, SendReport, Sender, Truth, send};
use mortar_tests::{SECRET, Setup};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Waves at once, and connections of each.
const LANES: u32 = 6;
const CONNECTIONS: usize = 32;

/// A minute of MasonHub's waiting takes so much of one.
const SPEED: f64 = 1.0 / 3000.0;

/// How long a sender waits for an answer. A host that is stopped answers later.
const ANSWER: Duration = Duration::from_secs(2);

/// Orders of a wave, and about how many callbacks it has.
const ORDERS: usize = 16;
const CALLBACKS: u32 = 200;

/// Every so manieth callback of a wave comes again with the next one, though it was acked.
const AGAIN: usize = 40;

/// What became of all callbacks.
#[derive(Clone, Default)]
pub(crate) struct Sent {
    /// What the ERPs must hold.
    pub(crate) truth: Truth,
    /// Ids of all events of acked callbacks.
    pub(crate) events: BTreeSet<String>,
    /// Answers that no callback should have had.
    pub(crate) wrong: Vec<String>,
    /// Requests by the status of their answer.
    pub(crate) answers: BTreeMap<String, u64>,
    /// Requests that were made because an earlier one had no good answer.
    pub(crate) repeated: u64,
}

/// Running senders.
pub(crate) struct Load {
    shared: Arc<Shared>,
    lanes: JoinSet<Result<()>>,
    end: watch::Sender<bool>,
}

struct Shared {
    sender: Sender,
    rate: u32,
    planner: Mutex<Planner>,
    sent: Mutex<Sent>,
}

/// Makes waves whose orders, parcels and times are unlike those of all others.
struct Planner {
    next: Scenario,
    tracking_numbers: HashSet<String>,
}

impl Load {
    /// Sends about so many callbacks in a second.
    pub(crate) fn start(setup: &Setup, seed: u64, rate: u32) -> Self {
        let schedule = Schedule { horizon: Duration::MAX, ..Schedule::at_speed(SPEED) };
        let sender = Sender { concurrency: CONNECTIONS, timeout: ANSWER, schedule, ..Sender::new(setup.url(), SECRET) };
        let next = Scenario { seed: seed.wrapping_mul(100_000), orders: ORDERS, ..Scenario::default() };
        let planner = Mutex::new(Planner { next, tracking_numbers: HashSet::new() });
        let shared = Arc::new(Shared { sender, rate: rate.max(1), planner, sent: Mutex::default() });
        let end = watch::Sender::new(false);
        let mut lanes = JoinSet::new();
        for number in 0..LANES {
            lanes.spawn(lane(shared.clone(), number, end.subscribe()));
        }
        Self { shared, lanes, end }
    }

    /// Begins no more waves, and waits until those under way are acked.
    pub(crate) async fn finish(mut self, patience: Duration) -> Sent {
        self.end.send_replace(true);
        let all = async {
            while let Some(lane) = self.lanes.join_next().await {
                lane??;
            }
            anyhow::Ok(())
        };
        let late = format!("some callbacks were not acked within {} s after the last fault", patience.as_secs());
        let failed = tokio::time::timeout(patience, all).await.context(late).flatten().err();
        let mut sent = lock(&self.shared.sent).clone();
        sent.wrong.extend(failed.map(|error| format!("{error:#}")));
        sent
    }
}

/// One wave after the other.
async fn lane(shared: Arc<Shared>, number: u32, mut end: watch::Receiver<bool>) -> Result<()> {
    let mut again: Vec<Callback> = Vec::new();
    let pause = Duration::from_secs(1) * CALLBACKS * number / shared.rate;
    let _ = tokio::time::timeout(pause, end.wait_for(|end| *end)).await;
    while !*end.borrow() {
        let started = Instant::now();
        let mut plan = lock(&shared.planner).wave();
        plan.callbacks.append(&mut again);
        let observed = shared.clone();
        let sending = send(&shared.sender, &plan.callbacks, move |this| {
            let mut sent = lock(&observed.sent);
            let answer = this.answer.as_ref().map_or_else(|_| "by nothing".into(), u16::to_string);
            *sent.answers.entry(answer).or_default() += 1;
            sent.repeated += u64::from(this.number > 1);
        });
        let report = sending.await?;
        lock(&shared.sent).note(&plan, &report);
        let acked = plan.callbacks.iter().filter(|callback| callback.kind == Kind::Genuine);
        again = acked.step_by(AGAIN).map(|callback| Callback { after: Vec::new(), ..callback.clone() }).collect();
        let callbacks = u32::try_from(plan.callbacks.len())?;
        let pause = started + Duration::from_secs(1) * callbacks * LANES / shared.rate;
        let _ = tokio::time::timeout_at(pause, end.wait_for(|end| *end)).await;
    }
    Ok(())
}

impl Planner {
    fn wave(&mut self) -> Plan {
        loop {
            let plan = self.next.plan();
            self.next.seed = self.next.seed.wrapping_add(1);
            let parcels = plan.truth.parcels().map(|(_, parcel)| &parcel.tracking_number);
            let numbers: Vec<String> = parcels.chain(&plan.truth.forged_tracking_numbers).cloned().collect();
            if !numbers.iter().any(|number| self.tracking_numbers.contains(number)) {
                self.tracking_numbers.extend(numbers);
                self.next.start += SignedDuration::from_hours(24);
                self.next.cumulative = !self.next.cumulative;
                return plan;
            }
        }
    }
}

impl Sent {
    fn note(&mut self, plan: &Plan, report: &SendReport) {
        for (callback, sent) in plan.callbacks.iter().zip(&report.sent) {
            match (callback.kind, sent.outcome) {
                (Kind::Forged, Outcome::Refused(401)) => {}
                (Kind::Genuine | Kind::Redelivery(_), Outcome::Acked) => {
                    self.events.extend(read(&callback.body).events.into_iter().map(|event| event.id));
                }
                (kind, outcome) => self.wrong.push(format!("callback {} ({kind:?}) ended {outcome:?}", callback.delivery)),
            }
        }
        let Truth { orders, stock, inbound, returns, forged_tracking_numbers, events } = &plan.truth;
        let truth = &mut self.truth;
        truth.orders.extend(orders.clone());
        truth.inbound.extend(inbound.clone());
        truth.returns.extend(returns.clone());
        truth.forged_tracking_numbers.extend(forged_tracking_numbers.iter().cloned());
        truth.events += events;
        for (sku, count) in stock {
            let newest = truth.stock.entry(sku.clone()).or_insert_with(|| count.clone());
            if count.as_of > newest.as_of {
                *newest = count.clone();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
