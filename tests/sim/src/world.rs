//! One world: a sender, hosts that follow each other on one disk, an ERP, an operator, and somebody
//! who sets the clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use mortar_core::config::DeliveryConfig;
use mortar_core::ports::{Clock, JournalError, Observation, Observer};
use mortar_core::retry::RetryPolicy;
use mortar_pipeline::Ports;
use mortar_pipeline::accept::{Genuine, accept};
use mortar_pipeline::dispatch::dispatch;
use mortar_pipeline::plugins::Plugins;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::callbacks::{self, Planned, SCHEDULE, SENDING};
use crate::chance::Chance;
use crate::clock::SimClock;
use crate::erp::{Erp, SimConnector};
use crate::faults::Faults;
use crate::journal::{Disk, Settings, SimJournal};
use crate::life::Life;
use crate::mutation::Mutation;
use crate::operator;
use crate::plugins::SimSandbox;
use crate::properties::{self, Failure, Property};
use crate::trace::Trace;

/// The source of all callbacks.
pub const SOURCE: &str = "masonhub";

/// How long things go wrong.
const FAULTS: Duration = Duration::from_secs(30 * 60);

/// How long a world then has to come to rest.
const REST: Duration = Duration::from_secs(12 * 3600);

/// How long the edge waits for the journal.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long attempts get to end when a host stops.
const DRAIN: Duration = Duration::from_secs(30);

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Properties that do not hold.
    pub failures: Vec<Failure>,
    /// What happened, if that was asked for.
    pub trace: Vec<String>,
    /// Hosts that were killed.
    pub crashes: u64,
    /// Writes that the ERP applied.
    pub writes: usize,
}

/// Runs the world of a seed, with the host as it is or with a rule broken.
///
/// # Panics
/// The runtime cannot be built.
#[must_use]
pub fn run(seed: u64, mutation: Option<Mutation>, traced: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without sockets needs nothing of the system");
    // The world is made inside the runtime, whose time is the simulated one.
    runtime.block_on(async { World::new(seed, mutation, traced).run().await })
}

/// A host that is up.
pub(crate) struct Host {
    pub(crate) life: Life,
    pub(crate) ports: Ports,
    plugins: Arc<Plugins>,
}

pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) erp: Arc<Erp>,
    pub(crate) disk: Disk,
    pub(crate) trace: Trace,
    mutation: Option<Mutation>,
    /// Whether the clock is set now and then.
    jumps: bool,
    /// Dispatchers on the one journal.
    dispatchers: u64,
    host: Mutex<Option<Arc<Host>>>,
    /// Ids of events whose callback was acknowledged.
    pub(crate) acked: Mutex<Vec<String>>,
    early: Mutex<Vec<Failure>>,
    crashes: Mutex<u64>,
}

struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Observation<'_>) {}
}

impl World {
    fn new(seed: u64, mutation: Option<Mutation>, traced: bool) -> Arc<Self> {
        let chance = Chance::new(seed);
        let trace = Trace::new(traced);
        let faults = Arc::new(Faults::of(chance.fork()));
        let outages = (0..chance.below(3)).map(|_| {
            let from = chance.up_to(FAULTS);
            (from, from + chance.up_to(Duration::from_secs(10 * 60)))
        });
        let erp = Arc::new(Erp::new(faults.clone(), chance.fork(), outages.collect(), trace.clone()));
        let jumps = chance.hits(0.5);
        // A write that one host has under way would be looked for by the other one too early, if the
        // clock was set between: leases between hosts need clocks that run.
        let dispatchers = if jumps { 1 } else { 1 + chance.below(2) };
        Arc::new(Self {
            jumps,
            dispatchers,
            chance,
            clock: Arc::new(SimClock::new()),
            faults,
            erp,
            disk: Disk::default(),
            trace,
            mutation,
            host: Mutex::default(),
            acked: Mutex::default(),
            early: Mutex::default(),
            crashes: Mutex::default(),
        })
    }

    async fn run(self: Arc<Self>) -> Outcome {
        let mut senders = JoinSet::new();
        for planned in callbacks::plan(&self.chance.fork(), &self.clock) {
            senders.spawn(self.clone().send(planned));
        }
        let mut others = JoinSet::new();
        others.spawn(self.clone().keep_a_host_up(self.chance.fork()));
        let operator = tokio::spawn(operator::operate(self.clone(), self.chance.fork()));
        others.spawn(self.clone().set_the_clock(self.chance.fork()));
        sleep(FAULTS.max(SENDING)).await;
        self.faults.cease();
        if let Some(host) = self.host() {
            host.life.spare();
        }
        self.trace.note(|| "nothing goes wrong any more".into());
        // What the operator has begun comes to its end.
        let _ = operator.await;
        let rested = tokio::time::timeout(REST, self.rest(&mut senders)).await.is_ok();
        others.shutdown().await;
        let mut failures = std::mem::take(&mut *lock(&self.early));
        if !rested && !senders.is_empty() {
            failures.push(Failure { property: Property::AllIsOver, what: format!("{} callbacks are not acknowledged", senders.len()) });
        }
        failures.extend(properties::check(&self));
        Outcome { failures, trace: self.trace.take(), crashes: *lock(&self.crashes), writes: self.erp.applied().len() }
    }

    /// Resolves when every callback is acknowledged and no delivery is open, but for held ones.
    async fn rest(&self, senders: &mut JoinSet<()>) {
        while senders.join_next().await.is_some() {}
        while lock(&self.disk).first_open().is_some() {
            sleep(Duration::from_secs(10)).await;
        }
    }

    pub(crate) fn host(&self) -> Option<Arc<Host>> {
        lock(&self.host).clone()
    }

    /// Sends a callback until it is acknowledged.
    async fn send(self: Arc<Self>, planned: Planned) {
        sleep(planned.at).await;
        for number in 0.. {
            if self.deliver(&planned.body).await {
                return;
            }
            sleep(*SCHEDULE.get(number).unwrap_or(&SCHEDULE[SCHEDULE.len() - 1])).await;
        }
    }

    /// The edge, as the sender sees it: true for 200.
    async fn deliver(&self, body: &Bytes) -> bool {
        let Some(host) = self.host() else { return false };
        let callback = Genuine {
            source: SOURCE.into(),
            received_at: self.clock.now(),
            remote: None,
            delivery_header: None,
            secret: Some(1),
            body: body.clone(),
        };
        let accepting = tokio::time::timeout(STORE_TIMEOUT, accept(&host.ports, &host.plugins, callback));
        let acceptance = tokio::select! {
            biased;
            () = host.life.over() => return false,
            accepted = accepting => match accepted {
                Ok(Ok(acceptance)) => acceptance,
                Ok(Err(_)) | Err(_) => return false,
            }
        };
        self.trace.note(|| format!("200 for {:?}", acceptance.events));
        if let Some(missing) = properties::missing(&lock(&self.disk), &acceptance.events) {
            lock(&self.early).push(Failure { property: Property::AckedIsDurable, what: missing });
        }
        lock(&self.acked).extend(acceptance.events);
        // Now and then the answer does not reach the sender.
        !(self.faults.last() && self.chance.hits(0.1))
    }

    /// One host after the other.
    async fn keep_a_host_up(self: Arc<Self>, chance: Chance) {
        loop {
            let points = if self.faults.last() { chance.below(chance.pick(&[10, 60, 300, 2000])) } else { u64::MAX };
            let life = Life::new(points);
            let settings = Settings { mutation: self.mutation, ..Settings::default() };
            let journal = SimJournal::open(self.disk.clone(), settings, self.faults.clone(), life.clone(), self.clock.clone());
            let journal = Arc::new(journal);
            self.trace.note(|| format!("a host starts; it will be killed at point {points}"));
            if let Some(host) = self.start(&life, journal.clone()).await {
                self.serve(&host, &chance).await;
            }
            *lock(&self.host) = None;
            if life.is_over() {
                self.trace.note(|| "the host is killed".into());
                *lock(&self.crashes) += 1;
                journal.killed();
            }
            life.end();
            sleep(chance.up_to(Duration::from_secs(chance.pick(&[1, 10, 120])))).await;
        }
    }

    async fn start(&self, life: &Life, journal: Arc<SimJournal>) -> Option<Arc<Host>> {
        let sandbox = SimSandbox { life: life.clone(), faults: self.faults.clone(), trace: self.trace.clone() };
        let clock = self.clock.clone();
        let connector =
            SimConnector { erp: self.erp.clone(), life: life.clone(), now: Arc::new(move || clock.now()), mutation: self.mutation };
        let plugins: Result<Plugins, JournalError> = tokio::select! {
            biased;
            () = life.over() => return None,
            plugins = Plugins::of(sandbox.plugins(), &*journal) => plugins,
        };
        let ports = Ports {
            journal,
            connector: Arc::new(connector),
            clock: self.clock.clone(),
            random: Arc::new(self.chance.fork()),
            observer: Arc::new(Nobody),
        };
        Some(Arc::new(Host { life: life.clone(), ports, plugins: Arc::new(plugins.ok()?) }))
    }

    /// Serves until the host is killed or stopped.
    async fn serve(&self, host: &Arc<Host>, chance: &Chance) {
        *lock(&self.host) = Some(host.clone());
        let retry = RetryPolicy {
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(60),
            attempts: 12,
            age: Duration::from_secs(6 * 3600),
        };
        let config = DeliveryConfig { concurrency: 8, retry, drain_timeout: DRAIN, ..DeliveryConfig::default() };
        // One channel for each dispatcher: a `watch` wakes several in an order left to chance.
        let [first, second] = [(); 2].map(|()| watch::channel(false));
        let stops = self.faults.last() && chance.hits(0.3);
        let stopped = async {
            if !stops {
                std::future::pending::<()>().await;
            }
            sleep(chance.up_to(Duration::from_secs(300))).await;
            *lock(&self.host) = None;
            self.trace.note(|| "the host is stopped".into());
            let _ = (first.0.send(true), second.0.send(true));
            sleep(DRAIN).await;
        };
        let dispatching = async {
            let dispatch = |stopping| dispatch(host.ports.clone(), host.plugins.clone(), config.clone(), stopping);
            if self.dispatchers == 1 {
                dispatch(first.1.clone()).await;
            } else {
                tokio::join!(biased; dispatch(first.1.clone()), dispatch(second.1.clone()));
            }
        };
        tokio::select! {
            biased;
            () = host.life.over() => return,
            () = dispatching => {}
            () = stopped => {}
        }
        tokio::select! {
            biased;
            () = host.life.over() => {}
            closed = host.ports.journal.close() => self.trace.note(|| format!("closed: {closed:?}")),
        }
    }

    /// Sets the clock now and then.
    async fn set_the_clock(self: Arc<Self>, chance: Chance) {
        while self.jumps && self.faults.last() {
            sleep(chance.up_to(Duration::from_secs(10 * 60))).await;
            let most = chance.pick(&[5, 300, 3600]);
            let by = SignedDuration::from_secs(i64::try_from(chance.below(most)).unwrap_or(0));
            let by = if chance.hits(0.5) { by } else { -by };
            self.trace.note(|| format!("the clock jumps by {by:#}"));
            self.clock.jump(by);
            if by.is_positive() {
                self.erp.jumps();
            }
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
