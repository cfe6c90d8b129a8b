//! What the writer publishes after each batch, for readers and waiters.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use mortar_core::delivery::State;
use mortar_core::ports::{Clock, JournalError, Lease};
use mortar_core::story;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::ids::{Index, Probe, Run};
use crate::key::{DeliveryKey, IdKey, micros};
use crate::queue::Queue;
use crate::space::Space;
use crate::writer::InLine;

/// How much there is of what in the file, or how much more there is since. `running` is never in
/// the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) events: i64,
    pub(crate) unhandled: i64,
    pub(crate) quarantined: i64,
    pub(crate) rejected: i64,
    #[serde(default)]
    pub(crate) mismatches: i64,
    /// By state.
    pub(crate) deliveries: [i64; State::ALL.len()],
}

impl Tally {
    /// A delivery goes from one state to another; none where it did not exist or no longer does.
    pub(crate) fn moves(&mut self, from: Option<State>, to: Option<State>) {
        if let Some(from) = from {
            self.deliveries[from as usize] -= 1;
        }
        if let Some(to) = to {
            self.deliveries[to as usize] += 1;
        }
    }

    /// True where a file can hold as much.
    pub(crate) fn is_possible(&self) -> bool {
        let kinds = [self.events, self.unhandled, self.quarantined, self.rejected, self.mismatches];
        kinds.iter().chain(&self.deliveries).all(|count| (0..1 << 53).contains(count))
    }

    pub(crate) fn add(&mut self, more: &Self) {
        self.events += more.events;
        self.unhandled += more.unhandled;
        self.quarantined += more.quarantined;
        self.rejected += more.rejected;
        self.mismatches += more.mismatches;
        self.deliveries.iter_mut().zip(more.deliveries).for_each(|(sum, more)| *sum += more);
    }
}

/// A delivery under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    /// When it was claimed.
    pub(crate) since: i64,
    /// What the file says of it.
    pub(crate) stored: State,
}

/// What writer, readers and callers share.
pub(crate) struct Shared {
    clock: Arc<dyn Clock>,
    index: Arc<RwLock<Index>>,
    /// What stood in the file at the start; absent while it is being counted.
    pub(crate) at_start: watch::Sender<Option<Result<Tally, JournalError>>>,
    since_start: Mutex<Tally>,
    running: Mutex<HashMap<DeliveryKey, Running>>,
    /// Open deliveries by plugin number.
    open: Mutex<Vec<u64>>,
    /// Leases of claims that nobody got.
    given_back: Mutex<Vec<Lease>>,
    /// Open deliveries that a dead letter holds.
    behind_gaps: AtomicUsize,
    /// The writer's line, for looks at what it knows.
    line: OnceLock<mpsc::WeakSender<InLine>>,
    health: Mutex<Result<(), JournalError>>,
    pub(crate) space: Space,
    work: Notify,
    /// When a waiting delivery or a lease falls due, by the steady clock; `MAX` for never.
    next_change: AtomicI64,
    changed: Notify,
}

/// The longest sleep before the clock is looked at again: a machine may have slept meanwhile.
const NAP: Duration = Duration::from_secs(1);

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, index: Arc<RwLock<Index>>, space: Space) -> Self {
        Self {
            clock,
            index,
            at_start: watch::Sender::new(None),
            since_start: Mutex::default(),
            running: Mutex::default(),
            open: Mutex::default(),
            given_back: Mutex::default(),
            behind_gaps: AtomicUsize::new(0),
            line: OnceLock::new(),
            health: Mutex::new(Ok(())),
            space,
            work: Notify::new(),
            next_change: AtomicI64::new(i64::MAX),
            changed: Notify::new(),
        }
    }

    /// Looks an id up in memory.
    pub(crate) fn probe(&self, key: IdKey) -> Probe {
        self.index.read().unwrap_or_else(PoisonError::into_inner).probe(key)
    }

    /// The runs of ids that are complete, oldest first.
    pub(crate) fn runs(&self) -> Vec<Arc<Run>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).runs.clone()
    }

    /// Adds what a batch changed.
    pub(crate) fn tally(&self, more: &Tally) {
        lock(&self.since_start).add(more);
    }

    /// What changed since the start.
    pub(crate) fn tallied(&self) -> Tally {
        *lock(&self.since_start)
    }

    pub(crate) fn set_behind_gaps(&self, count: usize) {
        self.behind_gaps.store(count, Ordering::Release);
    }

    pub(crate) fn set_line(&self, line: mpsc::WeakSender<InLine>) {
        // It is set once, when the journal is opened.
        let _ = self.line.set(line);
    }

    /// What the writer's queue says between two batches; none where the line is full or closed.
    /// Blocks, so it is for reading threads.
    pub(crate) fn look<T: Send + 'static>(&self, look: impl FnOnce(&Queue) -> T + Send + 'static) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |queue: &Queue| drop(reply.send(look(queue))));
        self.line.get()?.upgrade()?.try_send(InLine::Look(look)).ok()?;
        answer.blocking_recv().ok()
    }

    /// The deliveries under way.
    pub(crate) fn running(&self) -> MutexGuard<'_, HashMap<DeliveryKey, Running>> {
        lock(&self.running)
    }

    /// Says how many deliveries of each plugin are open.
    pub(crate) fn set_open(&self, open: &[u64]) {
        let mut known = lock(&self.open);
        known.clear();
        known.extend_from_slice(open);
    }

    /// Open deliveries by plugin number.
    pub(crate) fn open(&self) -> Vec<u64> {
        lock(&self.open).clone()
    }

    /// Nobody runs the delivery of this lease: the next claim may take it again.
    pub(crate) fn give_back(&self, lease: Lease) {
        lock(&self.given_back).push(lease);
        self.work();
    }

    /// What was given back since the last time.
    pub(crate) fn take_given_back(&self) -> Vec<Lease> {
        std::mem::take(&mut lock(&self.given_back))
    }

    /// What the last write met. Damage does not heal while the host runs: a write elsewhere in the
    /// file may still succeed.
    pub(crate) fn set_health(&self, health: Result<(), JournalError>) {
        let mut known = lock(&self.health);
        if !matches!(*known, Err(JournalError::Damaged(_))) {
            *known = health;
        }
    }

    pub(crate) fn health(&self) -> Result<(), JournalError> {
        lock(&self.health).clone()
    }

    /// Why no callback can be taken, whatever else can be written. The writer's connection is given
    /// where there is one.
    pub(crate) fn refusal(&self, writer: Option<&Connection>) -> Option<JournalError> {
        let damage = self.health().err().filter(|fault| matches!(fault, JournalError::Damaged(_)));
        damage.or_else(|| self.space.refusal(writer))
    }

    /// Something may be claimable: wakes [`claimable`](Self::claimable), or its next call.
    pub(crate) fn work(&self) {
        self.work.notify_one();
    }

    /// Says when the next delivery falls due by itself.
    pub(crate) fn set_next_change(&self, at: Option<i64>) {
        let at = at.unwrap_or(i64::MAX);
        if self.next_change.swap(at, Ordering::AcqRel) != at {
            self.changed.notify_one();
        }
    }

    /// Now, by the clock that nobody sets: due times and leases in memory go by it, so that a jump of
    /// the system's clock ends no lease and neither wakes nor holds up what waits.
    pub(crate) fn steady(&self) -> i64 {
        micros(self.clock.steady())
    }

    /// How far the system's clock, which stored times go by, is ahead of that.
    pub(crate) fn ahead(&self) -> i64 {
        micros(self.clock.now()).saturating_sub(self.steady())
    }

    /// Resolves once for each piece of news.
    pub(crate) async fn claimable(&self) {
        loop {
            let at = self.next_change.load(Ordering::Acquire);
            let left = at.saturating_sub(self.steady());
            // News is told once: whoever does not claim is not told again.
            if left <= 0 && self.next_change.compare_exchange(at, i64::MAX, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
            let nap = Duration::from_micros(left.max(0).cast_unsigned()).min(NAP);
            tokio::select! {
                () = self.work.notified() => return,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(nap), if at != i64::MAX => {}
            }
        }
    }

    /// Counts everything but what is open by plugin, once what stood in the file is counted.
    pub(crate) async fn counts(&self) -> Result<story::Counts, JournalError> {
        let mut at_start = self.at_start.subscribe();
        let known = at_start.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
        let mut sum = known.unwrap_or_else(|| Err(stopped()))?;
        // Both are locked, so that no batch comes between them.
        let running = self.running();
        sum.add(&lock(&self.since_start));
        for delivery in running.values() {
            sum.moves(Some(delivery.stored), Some(State::Running));
        }
        let count = |n: i64| n.max(0).cast_unsigned();
        Ok(story::Counts {
            events: count(sum.events),
            deliveries: State::ALL.into_iter().map(|state| (state, count(sum.deliveries[state as usize]))).collect(),
            held: self.behind_gaps.load(Ordering::Acquire) as u64,
            unhandled: count(sum.unhandled),
            quarantined: count(sum.quarantined),
            rejected: count(sum.rejected),
            open: BTreeMap::new(),
            mismatches: count(sum.mismatches),
        })
    }
}

/// The error of a journal that no longer works.
pub(crate) fn stopped() -> JournalError {
    JournalError::Storage("the journal is closed".into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
