//! Copying the write-ahead log into the file, off the path of the acks.
//!
//! A thread copies while the writer goes on, so the log never becomes empty that way: once little
//! is left, the writer copies that little itself, and with the next batch the log starts over. So
//! the log is bounded, and no batch waits for more than that little.
//!
//! **When the file cannot be synced**, nobody knows which of the pages that were copied are on disk,
//! and a system that has said so once does not write them again. The log still has all of them, but
//! SQLite remembers, until all connections are closed, that some are copied. So the log is left as it
//! is, no further callback is taken, and the next start copies all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use mortar_core::ports::JournalError;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Error, MAIN_DB, ffi};

use crate::options::Options;

/// Times that the thread copies in a row before it leaves the rest to the writer.
const PASSES: usize = 5;

/// How long a log that a reader holds up is left alone.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Log {
    /// Pages in the log.
    pages: AtomicU32,
    /// The thread is through; the writer is to copy the rest.
    nearly_done: AtomicBool,
    /// The file could not be synced: the log must stay.
    keep: AtomicBool,
}

/// The writer's part.
pub(crate) struct Checkpoints {
    log: Arc<Log>,
    start: SyncSender<()>,
    /// Pages in the log that are enough to copy it.
    enough: u32,
    /// Pages at which the thread is started (again).
    start_at: u32,
}

/// The thread's part.
pub(crate) struct Checkpointer {
    log: Arc<Log>,
    started: Receiver<()>,
    conn: Connection,
    /// So few pages are left to the writer at once.
    few: u32,
}

impl Checkpoints {
    pub(crate) fn new(conn: Connection, options: &Options) -> (Self, Checkpointer) {
        let (start, started) = std::sync::mpsc::sync_channel(1);
        let log = Arc::new(Log::default());
        let pages = |bytes: u64| u32::try_from(bytes / u64::from(options.page_size.max(512))).unwrap_or(u32::MAX).max(1);
        let enough = pages(options.wal_bytes);
        let few = pages(options.wal_bytes / 64);
        (Self { log: log.clone(), start, enough, start_at: enough }, Checkpointer { log, started, conn, few })
    }

    /// Has the writer's connection tell how long the log is.
    pub(crate) fn watch(&self, conn: &mut Connection) -> rusqlite::Result<()> {
        let log = self.log.clone();
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            log.pages.store(pages.unsigned_abs(), Ordering::Release);
            Ok(())
        }))
    }

    /// Whether what was committed reaches the file.
    pub(crate) fn health(&self) -> Result<(), JournalError> {
        if self.log.keep.load(Ordering::Acquire) { Err(JournalError::Damaged(KEPT.into())) } else { Ok(()) }
    }

    /// A batch was committed.
    pub(crate) fn committed(&mut self, conn: &Connection) {
        let pages = self.log.pages.load(Ordering::Acquire);
        if pages < self.enough {
            self.start_at = self.enough;
        } else if self.log.nearly_done.swap(false, Ordering::AcqRel) {
            copy(conn, &self.log);
            // Where a reader holds the log up, it is tried again when there is more.
            self.start_at = pages.saturating_add(self.enough / 4 + 1);
        } else if pages >= self.start_at {
            let _ = self.start.try_send(());
        }
    }
}

impl Checkpointer {
    /// Works until the writer is gone.
    pub(crate) fn run(self) {
        while self.started.recv().is_ok() {
            let mut through = false;
            for _ in 0..PASSES {
                let Some((copied, held_up)) = copy(&self.conn, &self.log) else { break };
                through = !held_up;
                let left = self.log.pages.load(Ordering::Acquire).saturating_sub(copied);
                if held_up || left <= self.few {
                    break;
                }
            }
            if through {
                // What is left is what was written during the last pass.
                self.log.nearly_done.store(true, Ordering::Release);
            } else {
                // A reader holds the log up, a backup for example: the rest is no little then.
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// What is said while the log must stay.
const KEPT: &str = "the file could not be synced, so the disk may have lost pages that only the write-ahead log still has; \
    look at the disk, then start the host again: it copies the whole log into the file";

/// Copies what no reader needs in the log. Answers how many of its pages are copied now, and
/// whether a reader keeps it from copying the rest.
fn copy(conn: &Connection, log: &Log) -> Option<(u32, bool)> {
    if log.keep.load(Ordering::Acquire) {
        return None;
    }
    match conn.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE) {
        Ok((pages, copied)) => Some((u32::try_from(copied).ok()?, copied < pages)),
        Err(Error::SqliteFailure(ffi::Error { extended_code: ffi::SQLITE_IOERR_FSYNC, .. }, _)) => {
            log.keep.store(true, Ordering::Release);
            tracing::error!("new callbacks are refused: {KEPT}");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be copied into the file; trying again later");
            None
        }
    }
}
