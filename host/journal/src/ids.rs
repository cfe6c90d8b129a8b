//! Which event ids are known: what tells a duplicate, and what finds an event by its id.
//!
//! New ids go into a map. When it is full it is sealed: a thread sorts it into an immutable
//! [`Run`], the writer copies that into the file a few blocks with each batch, and what stays in
//! memory of it is a filter of two bytes an id. So memory is bounded by the ids in the window, a
//! new id is told by memory alone (but for one in about 600 and run), and a start reads the
//! filters and the events since the last run.

mod filter;
mod run;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use mortar_core::delivery::EventSeq;
use rusqlite::Connection;

pub(crate) use run::{Run, Sealed};
pub(crate) use seal::{Sealer, Written};

use crate::key::{BuildAsIs, IdKey};

/// Ids and where their events are.
pub(crate) type Ids = HashMap<IdKey, EventSeq, BuildAsIs>;

/// All ids that are known and committed.
#[derive(Default)]
pub(crate) struct Index {
    /// Since the last run that was sealed.
    pub(crate) recent: Ids,
    /// On their way into a run.
    pub(crate) sealing: Option<Arc<Ids>>,
    /// Oldest first.
    pub(crate) runs: Vec<Arc<Run>>,
}

/// What memory says of an id.
pub(crate) enum Probe {
    /// It is known.
    Known(EventSeq),
    /// It is new, unless one of these runs has it.
    Unless(Vec<Arc<Run>>),
}

impl Index {
    /// Looks an id up in memory.
    pub(crate) fn probe(&self, key: IdKey) -> Probe {
        if let Some(seq) = self.recent.get(&key).or_else(|| self.sealing.as_ref()?.get(&key)) {
            return Probe::Known(*seq);
        }
        Probe::Unless(self.runs.iter().rev().filter(|run| run.may_have(key)).cloned().collect())
    }

    /// Bytes of memory that it takes, about.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        let entries = self.recent.capacity() + self.sealing.as_ref().map_or(0, |ids| ids.capacity());
        entries * 25 * 8 / 7 + self.runs.iter().map(|run| run.memory()).sum::<usize>()
    }
}

impl Probe {
    /// Settles the answer by the runs in the file.
    pub(crate) fn settle(self, conn: &Connection, key: IdKey) -> rusqlite::Result<Option<EventSeq>> {
        match self {
            Self::Known(seq) => Ok(Some(seq)),
            Self::Unless(runs) => {
                for run in runs {
                    if let Some(seq) = run.find(conn, key)? {
                        return Ok(Some(seq));
                    }
                }
                Ok(None)
            }
        }
    }
}
