//! How the map of recent ids becomes a run, off the path of the acks.

use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use mortar_core::delivery::EventSeq;
use rusqlite::Connection;

use super::{Ids, Index, Run, Sealed};

/// Blocks that ride along with a batch: little against what the batch writes itself.
const BLOCKS_PER_BATCH: usize = 16;

/// Seals maps, one at a time.
pub(crate) struct Sealer {
    index: Arc<RwLock<Index>>,
    ids_per_run: usize,
    next_run: i64,
    stage: Stage,
}

enum Stage {
    Idle,
    Sorting(JoinHandle<Sealed>),
    Writing { sealed: Box<Sealed>, written: usize },
}

/// What a batch wrote of a run. Counts once the batch is committed.
pub(crate) enum Written {
    /// Blocks up to this one.
    Blocks(usize),
    /// The rest of the run.
    Rest,
    /// All recent ids as a run of their own.
    Whole(Box<Sealed>),
}

impl Sealer {
    pub(crate) fn new(index: Arc<RwLock<Index>>, ids_per_run: usize, next_run: i64) -> Self {
        Self { index, ids_per_run: ids_per_run.max(1), next_run, stage: Stage::Idle }
    }

    /// Seals the recent ids if there are enough. `newest` is when the last event was received.
    pub(crate) fn start(&mut self, newest: i64) -> std::io::Result<()> {
        let mut index = write(&self.index);
        if !matches!(self.stage, Stage::Idle) || index.recent.len() < self.ids_per_run {
            return Ok(());
        }
        let id = self.next_run;
        let ids = Arc::new(std::mem::replace(&mut index.recent, Ids::with_capacity_and_hasher(self.ids_per_run, Default::default())));
        index.sealing = Some(ids.clone());
        drop(index);
        let sort = move || Sealed::build(id, ids.iter().map(|(key, seq)| (*key, *seq)), newest);
        self.stage = Stage::Sorting(std::thread::Builder::new().name("journal-sort".into()).spawn(sort)?);
        self.next_run += 1;
        Ok(())
    }

    /// True while a run is under way.
    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self.stage, Stage::Idle)
    }

    /// Takes the sorted run over once it is there.
    pub(crate) fn advance(&mut self) {
        if let Stage::Sorting(thread) = &self.stage
            && thread.is_finished()
            && let Stage::Sorting(thread) = std::mem::replace(&mut self.stage, Stage::Idle)
        {
            let sealed = thread.join().expect("sorting does not panic");
            self.stage = Stage::Writing { sealed: Box::new(sealed), written: 0 };
        }
    }

    /// Writes a few blocks of what is under way, inside the transaction of a batch.
    pub(crate) fn ride_along(&self, conn: &Connection) -> rusqlite::Result<Option<Written>> {
        let Stage::Writing { sealed, written } = &self.stage else { return Ok(None) };
        let end = (written + BLOCKS_PER_BATCH).min(sealed.blocks());
        sealed.write(conn, *written..end)?;
        if end < sealed.blocks() {
            return Ok(Some(Written::Blocks(end)));
        }
        sealed.complete(conn)?;
        Ok(Some(Written::Rest))
    }

    /// Writes all recent ids as a run, inside the transaction of a batch. Only while none is under way.
    pub(crate) fn whole(&self, conn: &Connection, newest: i64) -> rusqlite::Result<Written> {
        let index = read(&self.index);
        let sealed = Sealed::build(self.next_run, index.recent.iter().map(|(key, seq)| (*key, *seq)), newest);
        sealed.write(conn, 0..sealed.blocks())?;
        sealed.complete(conn)?;
        Ok(Written::Whole(Box::new(sealed)))
    }

    /// The batch was committed: what it wrote counts. Recent ids that the batch itself brought must
    /// not be in the index yet. Answers the last event of the run that is complete with it.
    pub(crate) fn publish(&mut self, part: Written) -> Option<EventSeq> {
        let mut index = write(&self.index);
        let run = match (part, std::mem::replace(&mut self.stage, Stage::Idle)) {
            (Written::Blocks(end), Stage::Writing { sealed, .. }) => {
                self.stage = Stage::Writing { sealed, written: end };
                return None;
            }
            (Written::Rest, Stage::Writing { sealed, .. }) => {
                index.sealing = None;
                sealed.run
            }
            (Written::Whole(sealed), _) => {
                self.next_run += 1;
                index.recent.clear();
                sealed.run
            }
            (Written::Blocks(_) | Written::Rest, stage) => {
                self.stage = stage;
                return None;
            }
        };
        let last = run.last;
        index.runs.push(Arc::new(run));
        Some(last)
    }

    /// Adds the ids of a committed batch.
    pub(crate) fn add(&self, ids: Ids) {
        if !ids.is_empty() {
            write(&self.index).recent.extend(ids);
        }
    }

    /// Forgets runs that a committed batch has removed.
    pub(crate) fn forget(&mut self, runs: &[Arc<Run>]) {
        if runs.is_empty() {
            return;
        }
        write(&self.index).runs.retain(|run| runs.iter().all(|gone| gone.id != run.id));
    }
}

fn read(index: &RwLock<Index>) -> std::sync::RwLockReadGuard<'_, Index> {
    index.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write(index: &RwLock<Index>) -> std::sync::RwLockWriteGuard<'_, Index> {
    index.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}
