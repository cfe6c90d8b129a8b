//! The port.

mod operators;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, EventSeq, PluginNo};
use mortar_core::ports::{
    Accepted, BoxFuture, CallWrite, Claim, Clock, DueRoundTrip, Filter, Finish, Finished, Intervention, Journal, JournalError, KnownEvents,
    Lease, Look, LookAt, Marked, NewCallback, Polls, Receipt, Recording, Recordings, RejectedCallback, RoundTripCount, RoundTrips, Share,
    StateEntry, WhichRecordings,
};
use mortar_core::round_trip::RoundTripState;
use mortar_core::story;
use tokio::sync::{mpsc, oneshot};

use crate::backup::Backups;
use crate::check;
use crate::fault::journal_error;
use crate::key::HashKeys;
use crate::options::{OpenError, Options};
use crate::read::{self, Lister};
use crate::reader::Reader;
use crate::schema::{self, Lock};
use crate::shared::{Shared, stopped};
use crate::space::Space;
use crate::start::{self, Start};
use crate::terms::{self, Terms};
use crate::writer::{
    Accept, Admit, Checkpoints, Claiming, End, InLine, Intervene, LookAgain, Purge, Record, RegisterPlugins, Reject, Release, Remains,
    Request, TakeDue, Waiting, WriteCall, Writer,
};

/// Reads for attempts that may stand in line. More than there are attempts at once.
const LOADS: usize = 1024;
/// Queries of operators that may stand in line.
const QUERIES: usize = 64;
/// Page cache of a reading connection, in bytes.
const READ_CACHE: usize = 16 << 20;

/// A journal in an SQLite file. Dropping it waits for what is in line.
pub struct SqliteJournal {
    line: Option<mpsc::Sender<InLine>>,
    line_bytes: Arc<AtomicUsize>,
    most_bytes: usize,
    /// For attempts.
    loads: Option<Reader>,
    /// For operators: a long listing holds up nothing else.
    queries: Option<Reader>,
    pub(crate) shared: Arc<Shared>,
    hash_keys: HashKeys,
    /// Where events of which subject are, once polls have asked.
    noted: Arc<Mutex<read::Subjects>>,
    /// Where events are by what they name.
    terms: Option<Arc<Terms>>,
    /// Stops what notes that, by being dropped.
    following: Option<std::sync::mpsc::SyncSender<()>>,
    backups: Backups,
    stop: Arc<AtomicBool>,
    writer: Option<JoinHandle<Remains>>,
    /// The others.
    threads: Vec<JoinHandle<()>>,
}

impl SqliteJournal {
    /// Opens the journal, makes it if it is not there, and starts its threads. Blocks while it
    /// reads what is open.
    ///
    /// # Errors
    /// Another process has it, it cannot be read or written, or it is of a newer version.
    pub fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let lock = Lock::take(path)?;
        let fault = OpenError::sqlite(path);
        let mut conn = schema::writer(path, &options).map_err(fault)?;
        schema::migrate(&mut conn, path)?;
        check::quick(&conn, path)?;
        // The writer's connection is closed last, and knows whether the log may be copied then.
        let connect = |cache| schema::reader(path, cache).and_then(|conn| schema::leave_log(&conn).map(|()| conn)).map_err(fault);
        let view = read::Tallying::start(connect(READ_CACHE)?).map_err(fault)?;
        let Start { memory, index, counted } = start::load(&mut conn, path, &options, &*clock)?;
        let hash_keys = memory.hash_keys;
        let shared = Arc::new(Shared::new(clock, index, Space::new(path.to_owned(), options.free_space)));
        shared.set_next_change(memory.queue.next_change());
        shared.set_open(memory.queue.open());
        shared.set_behind_gaps(memory.queue.behind_gaps());
        shared.work();

        let (terms, follower) = match options.terms {
            true => terms::open(path, connect(READ_CACHE)?).unzip(),
            false => (None, None),
        };
        let following = follower.map(|follower| follower.start().map_err(OpenError::Thread)).transpose()?;
        let (following, follower) = following.unzip();

        let free_space = options.free_space;
        let options = Arc::new(options);
        let (checkpoints, checkpointer) = Checkpoints::new(connect(0)?, &options);
        checkpoints.watch(&mut conn).map_err(fault)?;
        let (loads, loading) = Reader::start("journal-load", connect(READ_CACHE)?, LOADS).map_err(OpenError::Thread)?;
        let (queries, querying) = Reader::start("journal-query", connect(READ_CACHE)?, QUERIES).map_err(OpenError::Thread)?;
        let (line, in_line) = mpsc::channel(options.queue.max(1));
        shared.set_line(line.downgrade());
        let line_bytes = Arc::new(AtomicUsize::new(0));
        let most_bytes = options.queue_bytes;
        let writer = Writer {
            path: path.to_owned(),
            options,
            shared: shared.clone(),
            memory,
            line: in_line,
            line_bytes: line_bytes.clone(),
            loads: loads.line(),
            checkpoints,
            conn: Some(conn),
            lock,
        };
        let backups = Backups::new(path.to_owned(), free_space);
        let stop = Arc::new(AtomicBool::new(false));
        let counting = count(&shared, counted, view, &stop);
        let mut threads =
            vec![loading, querying, start_thread("journal-copy", move || checkpointer.run())?, start_thread("journal-count", counting)?];
        threads.extend(follower);
        let writer = Some(start_thread("journal-write", move || writer.run())?);
        let (line, loads, queries) = (Some(line), Some(loads), Some(queries));
        let noted = Arc::default();
        Ok(Self {
            line,
            line_bytes,
            most_bytes,
            loads,
            queries,
            shared,
            hash_keys,
            noted,
            terms,
            following,
            backups,
            stop,
            writer,
            threads,
        })
    }

    /// What writes backups of it.
    #[must_use]
    pub fn backups(&self) -> Backups {
        self.backups.clone()
    }

    /// Puts a request in line.
    pub(crate) fn write<R: Request>(&self, request: R) -> Receipt<R::Answer> {
        let bytes = request.bytes();
        let before = self.line_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before.saturating_add(bytes) > self.most_bytes {
            self.line_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return failed(JournalError::Busy);
        }
        let (reply, answer) = oneshot::channel();
        self.put(InLine::Write(Box::new(Waiting::new(request, reply))), answer).unwrap_or_else(|error| {
            self.line_bytes.fetch_sub(bytes, Ordering::AcqRel);
            failed(error)
        })
    }

    fn put<T: Send + 'static>(
        &self,
        in_line: InLine,
        answer: oneshot::Receiver<Result<T, JournalError>>,
    ) -> Result<Receipt<T>, JournalError> {
        match self.line.as_ref().map(|line| line.try_send(in_line)) {
            Some(Ok(())) => Ok(Box::pin(async move { answer.await.unwrap_or_else(|_| Err(stopped())) })),
            Some(Err(mpsc::error::TrySendError::Full(_))) => Err(JournalError::Busy),
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => Err(stopped()),
        }
    }

    fn query<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection, &Shared) -> Result<T, JournalError> + Send + 'static,
    ) -> Receipt<T> {
        let shared = self.shared.clone();
        match &self.queries {
            Some(queries) => queries.ask(move |conn| read(conn, &shared)),
            None => failed(stopped()),
        }
    }
}

fn start_thread<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, OpenError> {
    std::thread::Builder::new().name(name.into()).spawn(work).map_err(OpenError::Thread)
}

/// What counts the file's contents, unless a note says them.
fn count(
    shared: &Arc<Shared>,
    counted: Option<crate::shared::Tally>,
    view: read::Tallying,
    stop: &Arc<AtomicBool>,
) -> impl FnOnce() + Send + use<> {
    let (shared, stop) = (shared.clone(), stop.clone());
    move || {
        let tally = match counted {
            Some(tally) => Some(Ok(tally)),
            None => view.count(&stop).map_err(|error| journal_error(&error)).transpose(),
        };
        shared.at_start.send_replace(Some(tally.unwrap_or_else(|| Err(stopped()))));
    }
}

fn failed<T: Send + 'static>(error: JournalError) -> Receipt<T> {
    Box::pin(std::future::ready(Err(error)))
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.backups.stop();
        (self.line, self.loads, self.queries, self.following) = (None, None, None, None);
        // A thread that panicked has said so.
        let remains = self.writer.take().map(JoinHandle::join);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        drop(remains);
    }
}

impl Polls for SqliteJournal {
    fn known(&self, source: Arc<str>, subjects: BTreeSet<String>) -> Receipt<KnownEvents> {
        let noted = self.noted.clone();
        // Only one thread answers queries, so nobody waits for it.
        self.query(move |conn, _| read::known(conn, &mut noted.lock().unwrap_or_else(PoisonError::into_inner), &source, &subjects))
    }

    fn accept_polled(&self, polled: NewCallback, next: EventSeq) -> Receipt<Accepted> {
        self.write(Accept { callback: Arc::new(polled), looked_to: Some(next) })
    }
}

impl Recordings for SqliteJournal {
    fn last(&self, which: WhichRecordings) -> Receipt<Vec<Recording>> {
        self.query(move |conn, _| read::recordings(conn, &which))
    }

    fn recording(&self, delivery: DeliveryId) -> Receipt<Option<Recording>> {
        self.query(move |conn, _| read::recording(conn, delivery))
    }
}

impl RoundTrips for SqliteJournal {
    fn due(&self, now: Timestamp, max: usize, lease: Duration) -> Receipt<Vec<DueRoundTrip>> {
        let taken = self.write(TakeDue { now, max, lease });
        let loads = self.loads.clone();
        Box::pin(async move {
            let taken = taken.await?;
            match loads {
                Some(loads) if !taken.is_empty() => loads.ask(move |conn| read::due(conn, taken)).await,
                _ => Ok(Vec::new()),
            }
        })
    }

    fn record(&self, look: Look) -> Receipt<Option<RoundTripState>> {
        self.write(Record(look))
    }

    fn look_again(&self, at: LookAt, now: Timestamp) -> Receipt<Marked> {
        self.write(LookAgain { at, now })
    }

    fn round_trips(&self, state: RoundTripState, before: Option<DeliveryId>, limit: usize) -> Receipt<Vec<story::RoundTripSummary>> {
        self.query(move |conn, _| read::round_trips(conn, state, before, limit))
    }

    fn report(&self, since: Timestamp) -> Receipt<Vec<RoundTripCount>> {
        self.query(move |conn, _| read::report(conn, since))
    }
}

impl Journal for SqliteJournal {
    fn register_plugins(&self, names: Vec<String>) -> Receipt<Vec<PluginNo>> {
        self.write(RegisterPlugins(names))
    }

    fn accept(&self, callback: NewCallback) -> Receipt<Accepted> {
        self.write(Accept { callback: Arc::new(callback), looked_to: None })
    }

    fn reject(&self, callback: RejectedCallback) -> Receipt<()> {
        // A flood of forged callbacks must not crowd out genuine ones.
        match &self.line {
            Some(line) if line.capacity() * 2 < line.max_capacity() => failed(JournalError::Busy),
            _ => self.write(Reject(callback)),
        }
    }

    fn claim(&self, now: Timestamp, max: usize, lease: Duration, shares: &[Share]) -> Receipt<Vec<Claim>> {
        let (reply, answer) = oneshot::channel();
        let claiming = Claiming { now, max, lease, shares: shares.to_vec(), reply };
        self.put(InLine::Claim(claiming), answer).unwrap_or_else(failed)
    }

    fn claimable(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.shared.claimable())
    }

    fn call(&self, lease: Lease, write: CallWrite) -> Receipt<()> {
        self.write(WriteCall { lease, write })
    }

    fn finish(&self, finish: Finish) -> Receipt<Finished> {
        self.write(End(finish))
    }

    fn state(&self, plugin: PluginNo, key: String) -> Receipt<Option<StateEntry>> {
        match &self.loads {
            Some(loads) => loads.ask(move |conn| read::state(conn, plugin, &key)),
            None => failed(stopped()),
        }
    }

    fn state_size(&self, plugin: PluginNo) -> Receipt<u64> {
        match &self.loads {
            Some(loads) => loads.ask(move |conn| read::state_size(conn, plugin)),
            None => failed(stopped()),
        }
    }

    fn events(&self, filter: Filter) -> Receipt<Vec<story::EventSummary>> {
        let page = self.page(Filter { look: 0, ..filter });
        Box::pin(async move { Ok(page.await?.events) })
    }

    fn page(&self, filter: Filter) -> Receipt<story::EventPage> {
        let (keys, terms) = (self.hash_keys, self.terms.clone());
        self.query(move |conn, shared| read::list(Lister { conn, shared, keys: &keys, terms: terms.as_deref() }, &filter))
    }

    fn story(&self, event: String) -> Receipt<Option<story::EventStory>> {
        let keys = self.hash_keys;
        self.query(move |conn, shared| read::story(conn, shared, &keys, &event))
    }

    fn intervene(&self, delivery: DeliveryId, intervention: Intervention, now: Timestamp) -> Receipt<()> {
        self.write(Intervene { delivery, intervention, now })
    }

    fn quarantined(&self, released: bool, before: Option<u64>, limit: usize) -> Receipt<Vec<story::Quarantined>> {
        self.query(move |conn, _| read::quarantined(conn, released, before, limit))
    }

    fn quarantined_callback(&self, id: u64) -> Receipt<Option<(story::Quarantined, NewCallback)>> {
        self.query(move |conn, _| read::quarantined_callback(conn, id))
    }

    fn release(&self, id: u64, now: Timestamp) -> Receipt<()> {
        self.write(Release { id, now })
    }

    fn rejected(&self, before: Option<u64>, limit: usize) -> Receipt<Vec<story::Rejected>> {
        self.query(move |conn, _| read::rejected(conn, before, limit))
    }

    fn rejected_callback(&self, id: u64) -> Receipt<Option<(story::Rejected, NewCallback)>> {
        self.query(move |conn, _| read::rejected_callback(conn, id))
    }

    fn admit(&self, id: u64, now: Timestamp) -> Receipt<()> {
        self.write(Admit { id, now })
    }

    fn counts(&self) -> Receipt<story::Counts> {
        let shared = self.shared.clone();
        let open = self.query(|conn, shared| read::open(conn, &shared.open()));
        Box::pin(async move { Ok(story::Counts { open: open.await?, ..shared.counts().await? }) })
    }

    fn purge(&self, now: Timestamp) -> Receipt<bool> {
        self.write(Purge(now))
    }

    fn health(&self) -> Result<(), JournalError> {
        self.shared.health()?;
        self.shared.refusal(None).map_or(Ok(()), Err)
    }

    fn close(&self) -> Receipt<()> {
        let (reply, answer) = oneshot::channel();
        self.put(InLine::Close(reply), answer).unwrap_or_else(failed)
    }
}
