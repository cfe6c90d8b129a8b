//! The one thread that writes. It takes what is in line, applies it in one transaction, and when
//! that is on disk publishes it to memory and answers. While it waits for the disk, the next batch
//! gathers, so batches grow with the load and no timer is needed.

mod accept;
mod aside;
mod batch;
mod call;
mod checkpoint;
mod claims;
mod finish;
mod intervene;
mod memory;
mod newest;
mod operators;
mod plugins;
mod purge;
mod retention;
mod round_trip;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mortar_core::ports::JournalError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub(crate) use accept::Accept;
pub(crate) use aside::{Admit, Reject, Release};
pub(crate) use batch::Batch;
pub(crate) use call::WriteCall;
pub(crate) use checkpoint::Checkpoints;
pub(crate) use claims::{Claiming, Taken};
pub(crate) use finish::End;
pub(crate) use intervene::Intervene;
pub(crate) use memory::{Memory, Sample};
pub(crate) use operators::{AddToken, Note, RevokeToken};
pub(crate) use plugins::RegisterPlugins;
pub(crate) use purge::Purge;
pub(crate) use retention::Retention;
pub(crate) use round_trip::{LookAgain, Record, TakeDue, TakenDue};

use crate::fault::{Fault, is_of_request, journal_error, keeps_connection};
use crate::options::Options;
use crate::queue::Queue;
use crate::reader::Ask;
use crate::schema::{self, Lock};
use crate::shared::{Shared, stopped};
use batch::Staged;

/// The most commands in a batch.
const BATCH: usize = 1024;
/// How long a batch gathers beyond what waits, at most, while others want the processor.
const GATHERING: Duration = Duration::from_micros(500);
/// A yield that is back so soon was for nobody.
const UNCONTESTED: Duration = Duration::from_micros(3);
/// The most bytes of bodies in a batch; one body may be more.
const BATCH_BYTES: usize = 2 << 20;

/// Something to be written.
pub(crate) trait Request: Send + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;

    /// Does it inside the transaction of a batch. It may be done again after a rollback.
    fn apply(&self, batch: &mut Batch<'_>) -> Result<Self::Answer, Fault>;

    /// Bytes of bodies in it.
    fn bytes(&self) -> usize {
        0
    }
}

/// A request in line, with who waits for its answer.
pub(crate) struct Waiting<R: Request> {
    request: R,
    answer: Option<Result<R::Answer, JournalError>>,
    reply: oneshot::Sender<Result<R::Answer, JournalError>>,
}

impl<R: Request> Waiting<R> {
    pub(crate) fn new(request: R, reply: oneshot::Sender<Result<R::Answer, JournalError>>) -> Self {
        Self { request, answer: None, reply }
    }
}

/// A [`Waiting`] of any request.
pub(crate) trait Command: Send {
    fn bytes(&self) -> usize;
    fn apply(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;
    /// Answers: with the error if there is one, else with what `apply` found.
    fn answer(self: Box<Self>, error: Option<JournalError>);
}

impl<R: Request> Command for Waiting<R> {
    fn bytes(&self) -> usize {
        self.request.bytes()
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        self.answer = Some(match self.request.apply(batch) {
            Ok(answer) => Ok(answer),
            Err(Fault::Answer(error)) => Err(error),
            Err(Fault::Sqlite(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, error: Option<JournalError>) {
        let Self { answer, reply, .. } = *self;
        let answer = error.map(Err).or(answer).unwrap_or_else(|| Err(stopped()));
        // The caller may have lost interest.
        let _ = reply.send(answer);
    }
}

/// What stands in line.
pub(crate) enum InLine {
    Write(Box<dyn Command>),
    Claim(Claiming),
    Look(Box<dyn FnOnce(&Queue) + Send>),
    Close(oneshot::Sender<Result<(), JournalError>>),
}

/// The thread's own.
pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) options: Arc<Options>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) memory: Memory,
    pub(crate) line: mpsc::Receiver<InLine>,
    /// Bytes of bodies in line.
    pub(crate) line_bytes: Arc<AtomicUsize>,
    pub(crate) loads: std::sync::mpsc::SyncSender<Ask>,
    pub(crate) checkpoints: Checkpoints,
    /// Absent after a fault that it must not outlive.
    pub(crate) conn: Option<Connection>,
    pub(crate) lock: Lock,
}

/// What is left of a writer. Whoever has dropped all other connections drops it: the last one
/// copies the write-ahead log into the file, and then the next process may come.
pub(crate) struct Remains {
    _conn: Option<Connection>,
    _lock: Lock,
}

type Commands = Vec<Box<dyn Command>>;

impl Writer {
    /// Works until the line is closed and empty.
    pub(crate) fn run(mut self) -> Remains {
        while let Some(first) = self.line.blocking_recv() {
            let (mut writes, mut claims, mut looks, mut close, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), None, 0);
            let_gather();
            let mut next = Some(first);
            while let Some(in_line) = next.take() {
                match in_line {
                    InLine::Write(command) => {
                        bytes += command.bytes();
                        writes.push(command);
                    }
                    InLine::Claim(claiming) => claims.push(claiming),
                    InLine::Look(look) => looks.push(look),
                    InLine::Close(reply) => close = Some(reply),
                }
                if close.is_none() && writes.len() < BATCH && bytes < BATCH_BYTES {
                    next = self.line.try_recv().ok();
                }
            }
            self.line_bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.shared.space.writes(bytes);
            self.write(writes);
            looks.into_iter().for_each(|look| look(&self.memory.queue));
            claims.into_iter().for_each(|claiming| self.claim(claiming));
            self.shared.set_next_change(self.memory.queue.next_change());
            if let Some(reply) = close {
                let _ = reply.send(self.leave());
                // What still stands in line is dropped with it, and its callers learn that.
                break;
            }
        }
        if let Some(conn) = self.conn.as_ref().filter(|_| self.checkpoints.health().is_err())
            && let Err(error) = schema::leave_log(conn)
        {
            tracing::error!(%error, "the write-ahead log is copied now, though it should not be");
        }
        Remains { _conn: self.conn, _lock: self.lock }
    }

    /// Applies commands together, or each alone where one of them spoils the transaction.
    fn write(&mut self, mut commands: Commands) {
        if commands.is_empty() {
            return;
        }
        match self.commit(&mut commands) {
            Ok(()) => commands.into_iter().for_each(|command| command.answer(None)),
            Err(error) if is_of_request(&error) && commands.len() > 1 => {
                for command in commands {
                    self.write(vec![command]);
                }
            }
            Err(error) => self.fail(&error, commands),
        }
    }

    fn fail(&mut self, error: &rusqlite::Error, commands: Commands) {
        let fault = journal_error(error);
        if is_of_request(error) {
            tracing::error!(%error, "a request could not be stored");
        } else {
            // Said once, not for every batch that meets the same.
            if self.shared.health().as_ref() != Err(&fault) {
                tracing::error!(%error, commands = commands.len(), "the journal cannot store");
            }
            self.shared.set_health(Err(fault.clone()));
        }
        commands.into_iter().for_each(|command| command.answer(Some(fault.clone())));
    }

    /// Applies commands in one transaction and publishes what they did. After an error nothing of
    /// it has happened, in the file or in memory.
    fn commit(&mut self, commands: &mut [Box<dyn Command>]) -> rusqlite::Result<()> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect()?,
        };
        self.memory.sealer.advance();
        match transact(&conn, &self.memory, &self.shared, &self.options, commands) {
            Ok(staged) => {
                self.memory.publish(staged, &self.shared);
                self.checkpoints.committed(&conn);
                self.shared.set_health(self.checkpoints.health());
                self.conn = Some(conn);
                Ok(())
            }
            Err(error) => {
                // SQLite may have rolled back already.
                let rolled_back = conn.is_autocommit() || conn.execute_batch("ROLLBACK").is_ok();
                // After a failed fsync nobody knows what a connection's cache is worth.
                self.conn = Some(conn).filter(|_| rolled_back && keeps_connection(&error));
                Err(error)
            }
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let mut conn = schema::writer(&self.path, &self.options)?;
        self.checkpoints.watch(&mut conn)?;
        Ok(conn)
    }

    /// Leaves notes for a quick start.
    fn leave(&mut self) -> Result<(), JournalError> {
        let Some(conn) = &self.conn else { return self.shared.health() };
        let note = || {
            let tx = conn.unchecked_transaction()?;
            self.memory.note_open_from(&tx)?;
            if let Some(Ok(mut tally)) = self.shared.at_start.borrow().clone() {
                tally.add(&self.shared.tallied());
                let text = serde_json::to_string(&tally).unwrap_or_default();
                schema::set_meta(&tx, "counts", text)?;
            }
            tx.commit()
        };
        note().map_err(|error| journal_error(&error))
    }
}

/// A commit costs nearly the same for one request as for many. So where others wait for this
/// processor, they get it for a while first, and put their requests into the batch. Where nobody
/// waits, this takes no time.
fn let_gather() {
    let began = Instant::now();
    let mut now = began;
    while now - began < GATHERING {
        std::thread::yield_now();
        let before = std::mem::replace(&mut now, Instant::now());
        if now - before < UNCONTESTED {
            break;
        }
    }
}

fn transact(
    conn: &Connection,
    memory: &Memory,
    shared: &Shared,
    options: &Options,
    commands: &mut [Box<dyn Command>],
) -> rusqlite::Result<Staged> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut batch = Batch::new(conn, memory, shared, options);
    for command in commands {
        command.apply(&mut batch)?;
    }
    let staged = batch.complete()?;
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(staged)
}

/// A list as JSON; none where it is empty.
fn json<T: serde::Serialize>(list: &[T]) -> Option<String> {
    // Plain data with text keys: it cannot fail, and if it did, the list would be missing.
    if list.is_empty() { None } else { serde_json::to_string(list).ok() }
}
