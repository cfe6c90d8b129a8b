//! A journal on a simulated disk: what is committed survives a crash, all else is lost with the
//! host.
//!
//! | module | what is in it |
//! |---|---|
//! | [`tables`] | what is on the disk, and how the journal's operations change it |
//! | `work` | deliveries: claims, calls, ends of attempts |
//! | `operate` | what operators do to dead letters and to callbacks that were set aside |
//! | `tell` | what operators read |
//! | `purge` | what is past its time is forgotten |

mod operate;
mod purge;
pub mod tables;
mod tell;
mod work;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::delivery::{DeliveryId, PluginNo};
use mortar_core::ports::{
    Accepted, BoxFuture, CallWrite, Claim, Clock, Filter, Finish, Finished, Intervention, Journal, JournalError, Lease, NewCallback,
    Receipt, RejectedCallback, Share, StateEntry,
};
use mortar_core::story;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::faults::Faults;
use crate::life::Life;
use crate::mutation::Mutation;
use tables::Tables;
use work::Leases;

/// The disk.
pub type Disk = Arc<Mutex<Tables>>;

/// Settings, as far as the contract varies them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long ids are remembered, at least.
    pub dedupe_window: Duration,
    /// How long finished events are kept.
    pub keep_events: Duration,
    /// How many rejected callbacks are kept.
    pub rejected_sample: usize,
    /// Open deliveries before `Busy`.
    pub open_deliveries: usize,
    /// The rule that it breaks.
    pub mutation: Option<Mutation>,
}

impl Default for Settings {
    fn default() -> Self {
        let days = |n: u64| Duration::from_secs(n * 24 * 3600);
        Self { dedupe_window: days(35), keep_events: days(90), rejected_sample: 1000, open_deliveries: 1000, mutation: None }
    }
}

/// The longest sleep before the clock is looked at again: it may have been set.
const NAP: Duration = Duration::from_secs(10);

/// What a batch works on.
struct Work<'a> {
    tables: &'a mut Tables,
    leases: &'a mut Leases,
    settings: &'a Settings,
}

impl Work<'_> {
    fn breaks(&self, rule: Mutation) -> bool {
        self.settings.mutation == Some(rule)
    }
}

/// Something in line: it is done in a batch, or told why not.
type Command = Box<dyn FnOnce(Result<&mut Work<'_>, JournalError>) + Send>;

/// What stands in line, and what is in the batch that is being committed.
#[derive(Default)]
struct Line {
    writes: Vec<Command>,
    claims: Vec<Command>,
    committing: Vec<Command>,
    closed: bool,
}

/// A journal; one for each life of a host.
pub struct SimJournal {
    inner: Arc<Inner>,
    writer: JoinHandle<()>,
}

struct Inner {
    disk: Disk,
    settings: Settings,
    faults: Arc<Faults>,
    life: Life,
    clock: Arc<dyn Clock>,
    leases: Mutex<Leases>,
    line: Mutex<Line>,
    in_line: Notify,
    news: Notify,
    next_change: Mutex<Option<Timestamp>>,
    changed: Notify,
}

impl SimJournal {
    /// Opens what is on the disk. Needs a runtime.
    #[must_use]
    pub fn open(disk: Disk, settings: Settings, faults: Arc<Faults>, life: Life, clock: Arc<dyn Clock>) -> Self {
        let mut leases = Leases::default();
        Work { tables: &mut lock(&disk), leases: &mut leases, settings: &settings }.start();
        let inner = Arc::new(Inner {
            disk,
            settings,
            faults,
            life,
            clock,
            leases: Mutex::new(leases),
            line: Mutex::default(),
            in_line: Notify::new(),
            news: Notify::new(),
            next_change: Mutex::default(),
            changed: Notify::new(),
        });
        inner.settle();
        inner.news.notify_one();
        let writer = tokio::spawn(write(inner.clone()));
        Self { inner, writer }
    }

    /// The host was killed: the batch that was on its way to the disk has arrived there, or not.
    pub fn killed(&self) {
        let committing = std::mem::take(&mut lock(&self.inner.line).committing);
        if committing.is_empty() {
            return;
        }
        if self.inner.settings.mutation == Some(Mutation::TornCommit) {
            self.inner.apply(committing);
            lock(&self.inner.disk).tear();
        } else if self.inner.faults.chance().hits(0.5) {
            self.inner.apply(committing);
        }
    }

    /// Puts something in line.
    fn put<T: Send + 'static>(
        &self,
        into: fn(&mut Line) -> &mut Vec<Command>,
        apply: impl FnOnce(&mut Work<'_>) -> Result<T, JournalError> + Send + 'static,
    ) -> Receipt<T> {
        let inner = self.inner.clone();
        if inner.life.is_over() {
            return Box::pin(std::future::pending());
        }
        if lock(&inner.line).closed {
            return failed(stopped());
        }
        if inner.faults.journal_is_busy() {
            return failed(JournalError::Busy);
        }
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have lost interest.
        into(&mut lock(&inner.line)).push(Box::new(move |work| drop(reply.send(work.and_then(apply)))));
        inner.in_line.notify_one();
        Box::pin(async move {
            let answer = answer.await.unwrap_or_else(|_| Err(stopped()));
            inner.life.point().await;
            answer
        })
    }

    fn write<T: Send + 'static>(&self, apply: impl FnOnce(&mut Work<'_>) -> Result<T, JournalError> + Send + 'static) -> Receipt<T> {
        self.put(|line| &mut line.writes, apply)
    }

    fn read<T: Send + 'static>(&self, read: impl FnOnce(&Tables, &Leases) -> T) -> Receipt<T> {
        if lock(&self.inner.line).closed {
            return failed(stopped());
        }
        let found = Ok(read(&lock(&self.inner.disk), &lock(&self.inner.leases)));
        let inner = self.inner.clone();
        Box::pin(async move {
            inner.life.point().await;
            found
        })
    }

    /// The receipt, or a premature one where the host breaks this rule.
    fn hasty<T: Send + 'static>(&self, rule: Mutation, receipt: Receipt<T>, answer: T) -> Receipt<T> {
        if self.inner.settings.mutation == Some(rule) && !self.inner.life.is_over() {
            return Box::pin(std::future::ready(Ok(answer)));
        }
        receipt
    }
}

impl Drop for SimJournal {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// Commits what is in line, batch by batch; between batches it hands out claims.
async fn write(inner: Arc<Inner>) {
    loop {
        let (claims, any) = {
            let mut line = lock(&inner.line);
            line.committing = std::mem::take(&mut line.writes);
            (std::mem::take(&mut line.claims), !line.committing.is_empty())
        };
        if !any && claims.is_empty() {
            inner.in_line.notified().await;
            continue;
        }
        if any {
            let takes = inner.faults.commit_time();
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            inner.life.point().await;
            let batch = std::mem::take(&mut lock(&inner.line).committing);
            if inner.faults.commit_fails() {
                inner.refuse(batch);
            } else {
                inner.apply(batch);
                inner.news.notify_one();
            }
            inner.life.point().await;
        }
        inner.apply(claims);
        inner.settle();
    }
}

impl Inner {
    fn apply(&self, commands: Vec<Command>) {
        let (mut tables, mut leases) = (lock(&self.disk), lock(&self.leases));
        for command in commands {
            command(Ok(&mut Work { tables: &mut tables, leases: &mut leases, settings: &self.settings }));
        }
    }

    fn refuse(&self, commands: Vec<Command>) {
        if self.settings.mutation == Some(Mutation::ForgetFaults) {
            // It is done on a disk that nobody will ever see.
            let (mut tables, mut leases) = (lock(&self.disk).clone(), lock(&self.leases));
            for command in commands {
                command(Ok(&mut Work { tables: &mut tables, leases: &mut leases, settings: &self.settings }));
            }
            return;
        }
        commands.into_iter().for_each(|command| command(Err(JournalError::Storage("the disk said no".into()))));
    }

    /// Notes when something becomes claimable by itself.
    fn settle(&self) {
        let next = lock(&self.leases).next_change(&lock(&self.disk));
        if std::mem::replace(&mut *lock(&self.next_change), next) != next {
            self.changed.notify_one();
        }
    }

    async fn claimable(&self) {
        loop {
            let next = *lock(&self.next_change);
            let left = next.map(|next| next.duration_since(self.clock.now()));
            if left.is_some_and(|left| left <= SignedDuration::ZERO) {
                // News is told once: whoever does not claim is not told again.
                *lock(&self.next_change) = None;
                return;
            }
            let nap = left.and_then(|left| Duration::try_from(left).ok()).unwrap_or(NAP).min(NAP);
            tokio::select! {
                biased;
                () = self.news.notified() => return,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(nap), if next.is_some() => {}
            }
        }
    }
}

impl Journal for SimJournal {
    fn register_plugins(&self, names: Vec<String>) -> Receipt<Vec<PluginNo>> {
        self.write(move |work| work.tables.number(&names))
    }

    fn accept(&self, callback: NewCallback) -> Receipt<Accepted> {
        let hasty = Accepted { stored: callback.events.len(), duplicates: 0 };
        let receipt = self.write(move |work| work.accept(&callback));
        self.hasty(Mutation::AckBeforeCommit, receipt, hasty)
    }

    fn reject(&self, callback: RejectedCallback) -> Receipt<()> {
        self.write(move |work| work.reject(callback))
    }

    fn claim(&self, now: Timestamp, max: usize, lease: Duration, shares: &[Share]) -> Receipt<Vec<Claim>> {
        let (shares, lost) = (shares.to_vec(), self.inner.faults.claim_is_lost());
        let claims = move |work: &mut Work<'_>| {
            let claims = work.claim(now, max, lease, &shares);
            // They could not be read: their leases stand, and nobody has them.
            if lost { Err(JournalError::Storage("the disk could not be read".into())) } else { Ok(claims) }
        };
        self.put(|line| &mut line.claims, claims)
    }

    fn claimable(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.inner.claimable())
    }

    fn call(&self, lease: Lease, write: CallWrite) -> Receipt<()> {
        let receipt = self.write(move |work| work.call(lease, write));
        self.hasty(Mutation::SendBeforeIntent, receipt, ())
    }

    fn finish(&self, finish: Finish) -> Receipt<Finished> {
        self.write(move |work| work.finish(finish))
    }

    fn state(&self, plugin: PluginNo, key: String) -> Receipt<Option<StateEntry>> {
        self.read(move |tables, _| tables.state.get(&(plugin, key)).cloned())
    }

    fn state_size(&self, plugin: PluginNo) -> Receipt<u64> {
        self.read(move |tables, _| {
            let own = tables.state.iter().filter(|((of, _), _)| *of == plugin);
            own.map(|((_, key), entry)| (key.len() + entry.value.len()) as u64).sum()
        })
    }

    fn events(&self, filter: Filter) -> Receipt<Vec<story::EventSummary>> {
        self.read(move |tables, leases| tables.list(leases, &filter))
    }

    fn story(&self, event: String) -> Receipt<Option<story::EventStory>> {
        self.read(move |tables, leases| tables.tell(leases, &event))
    }

    fn intervene(&self, delivery: DeliveryId, intervention: Intervention, now: Timestamp) -> Receipt<()> {
        self.write(move |work| work.intervene(delivery, intervention, now))
    }

    fn quarantined(&self, released: bool, before: Option<u64>, limit: usize) -> Receipt<Vec<story::Quarantined>> {
        self.read(move |tables, _| {
            let all = tables.quarantine.values().rev().map(|(about, _)| story::Quarantined { body: None, ..about.clone() });
            all.filter(|about| released || about.released_at.is_none())
                .filter(|about| before.is_none_or(|before| about.id < before))
                .take(limit)
                .collect()
        })
    }

    fn quarantined_callback(&self, id: u64) -> Receipt<Option<(story::Quarantined, NewCallback)>> {
        self.read(move |tables, _| tables.quarantine.get(&id).cloned())
    }

    fn release(&self, id: u64, now: Timestamp) -> Receipt<()> {
        self.write(move |work| work.release(id, now))
    }

    fn rejected(&self, before: Option<u64>, limit: usize) -> Receipt<Vec<story::Rejected>> {
        self.read(move |tables, _| {
            let all = tables.rejected.values().rev().map(|(about, _)| about.clone());
            all.filter(|about| before.is_none_or(|before| about.id < before)).take(limit).collect()
        })
    }

    fn rejected_callback(&self, id: u64) -> Receipt<Option<(story::Rejected, NewCallback)>> {
        self.read(move |tables, _| tables.rejected.get(&id).cloned())
    }

    fn admit(&self, id: u64, now: Timestamp) -> Receipt<()> {
        self.write(move |work| work.admit(id, now))
    }

    fn counts(&self) -> Receipt<story::Counts> {
        self.read(Tables::count)
    }

    fn purge(&self, now: Timestamp) -> Receipt<bool> {
        self.write(move |work| Ok(work.purge(now)))
    }

    fn health(&self) -> Result<(), JournalError> {
        Ok(())
    }

    fn close(&self) -> Receipt<()> {
        let receipt = self.write(|_| Ok(()));
        lock(&self.inner.line).closed = true;
        receipt
    }
}

fn failed<T: Send + 'static>(error: JournalError) -> Receipt<T> {
    Box::pin(std::future::ready(Err(error)))
}

fn stopped() -> JournalError {
    JournalError::Storage("the journal is closed".into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
