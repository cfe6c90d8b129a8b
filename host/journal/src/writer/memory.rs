//! What the writer knows without asking the file. It changes only when a batch is committed.

use std::collections::VecDeque;

use mortar_core::delivery::EventSeq;
use rusqlite::Connection;

use super::Retention;
use super::batch::{Change, Staged};
use crate::ids::Sealer;
use crate::key::{HashKeys, event_of};
use crate::names::Names;
use crate::queue::{Open, Queue};
use crate::recent::Recent;
use crate::schema;
use crate::shared::Shared;

/// The sizes of the rejected callbacks that are kept, oldest first.
pub(crate) type Sample = VecDeque<(i64, u64)>;

pub(crate) struct Memory {
    pub(crate) hash_keys: HashKeys,
    pub(crate) names: Names,
    pub(crate) queue: Queue,
    pub(crate) recent: Recent,
    pub(crate) sealer: Sealer,
    pub(crate) rejected: Sample,
    /// The place of the next event.
    pub(crate) next_seq: EventSeq,
    /// The last event whose id is in a run.
    pub(crate) sealed: EventSeq,
    /// When the last event was received, in microseconds.
    pub(crate) newest: i64,
    /// The version of the next write to a plugin's state.
    pub(crate) next_version: i64,
    /// Where the next purge goes on.
    pub(crate) purge_from: EventSeq,
    pub(crate) retention: Retention,
}

impl Memory {
    /// Takes over what a committed batch did.
    pub(super) fn publish(&mut self, staged: Staged, shared: &Shared) {
        self.names.publish(staged.names);
        self.next_seq = staged.next_seq;
        self.newest = staged.newest;
        self.next_version = staged.next_version;
        self.rejected = staged.rejected.unwrap_or_else(|| std::mem::take(&mut self.rejected));
        self.purge_from = staged.purge_from;
        self.retention = staged.retention;
        // Before the batch's own ids: a run that it wrote has none of them.
        if let Some(part) = staged.written {
            self.sealed = self.sealer.publish(part).unwrap_or(self.sealed);
        }
        self.sealer.forget(&staged.gone);
        self.sealer.add(staged.ids);
        if let Err(error) = self.sealer.start(self.newest) {
            tracing::error!(%error, "no thread for sorting ids; trying again with the next batch");
        }
        staged.events.into_iter().for_each(|event| self.recent.insert(event));
        let work = staged.changes.iter().any(|change| !matches!(change, Change::Called(_)));
        let ahead = shared.ahead();
        {
            let mut running = shared.running();
            for change in staged.changes {
                match change {
                    Change::Insert(open) => self.queue.insert(Open { due: open.due.saturating_sub(ahead), ..open }),
                    Change::Delay { key, line, due } => self.queue.delay(key, line, due.saturating_sub(ahead)),
                    Change::Called(key) => self.queue.called(key),
                    Change::Hold { key, line } => self.queue.hold(key, line),
                    Change::LetGo { key, line } => self.queue.let_go(key, line),
                    Change::Wait { key, due, spent } => {
                        running.remove(&key);
                        self.queue.wait(key, due.saturating_sub(ahead), spent);
                    }
                    Change::Close { key, line } => {
                        running.remove(&key);
                        self.queue.close(key, line);
                    }
                }
            }
            shared.tally(&staged.tally);
            shared.set_open(self.queue.open());
            shared.set_behind_gaps(self.queue.behind_gaps());
        }
        if work {
            shared.work();
        }
    }

    /// Writes down below which event no delivery is pending, so that a start need not look there.
    /// Waiting ones are found by their index.
    pub(super) fn note_open_from(&self, conn: &Connection) -> rusqlite::Result<()> {
        let first = self.queue.first_untried().map_or(self.next_seq, event_of);
        schema::set_meta(conn, "open_from", first.cast_signed())
    }
}
