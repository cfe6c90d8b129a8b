//! The thread that notes what was stored.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mortar_core::delivery::EventSeq;
use rusqlite::Connection;

use super::{EVENTS, Run, Terms, file};
use crate::read::Packs;

/// Events of one look into the journal.
const STEP: usize = 500;

/// How often it is looked for new events.
const LOOK: Duration = Duration::from_millis(200);

/// A pause after each look, so that callbacks and attempts have the machine.
const PAUSE: Duration = Duration::from_millis(1);

/// How long after a fault it is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Notes the terms of events as they are stored.
pub(crate) struct Follower {
    terms: Arc<Terms>,
    file: Connection,
    /// Reads the journal.
    events: Connection,
    /// The id of the last event that was noted.
    last_id: String,
    run_events: u64,
}

impl Follower {
    pub(super) fn new(terms: Arc<Terms>, file: Connection, events: Connection) -> Self {
        Self { terms, file, events, last_id: String::new(), run_events: EVENTS }
    }

    /// Notes events until the other end of the channel is dropped.
    pub(crate) fn start(mut self) -> std::io::Result<(SyncSender<()>, JoinHandle<()>)> {
        let (stop, stopped): (_, Receiver<()>) = sync_channel(0);
        let follow = move || {
            loop {
                let pause = match self.step() {
                    Ok(STEP..) => PAUSE,
                    Ok(_) => LOOK,
                    Err(fault) => {
                        tracing::warn!(%fault, "events could not be noted by what they name; searches read them until they can");
                        AGAIN
                    }
                };
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("journal-terms".into()).spawn(follow)?;
        Ok((stop, thread))
    }

    /// Notes some events; says how many.
    pub(super) fn step(&mut self) -> rusqlite::Result<usize> {
        let from = self.terms.next();
        let mut postings = Vec::new();
        let (mut last, mut noted) = (None, 0);
        {
            // One look at the file for all of them.
            let look = self.events.unchecked_transaction()?;
            let mut events = look.prepare_cached(
                "SELECT e.seq, e.event_id, t.name, e.subject, e.pack, e.start, e.length
                 FROM events e LEFT JOIN types t ON t.no = e.type WHERE e.seq >= ? ORDER BY e.seq LIMIT ?",
            )?;
            let mut rows = events.query((from.cast_signed(), STEP as i64))?;
            let mut packs = Packs::default();
            while let Some(row) = rows.next()? {
                let seq = row.get::<_, i64>(0)?.cast_unsigned();
                let (start, length) = (row.get::<_, u32>(5)? as usize, row.get::<_, u32>(6)? as usize);
                let pack = packs.get(&look, row.get(4)?)?;
                let record = pack.get(start..start + length).unwrap_or_default();
                let (event_type, subject) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
                postings.extend(self.terms.of(event_type, subject, record).map(|hash| (hash, seq)));
                last = Some((seq, row.get(1)?));
                noted += 1;
            }
        }
        let Some((seq, id)) = last else { return Ok(0) };
        self.last_id = id;
        let mut known = self.terms.known();
        known.recent.extend(postings);
        known.next = seq + 1;
        let first = known.runs.last().map_or(0, |run| run.last + 1);
        drop(known);
        if seq + 1 - first >= self.run_events {
            self.seal(first, seq)?;
        }
        Ok(noted)
    }

    /// Makes a run of what is in memory, and forgets runs whose events are purged.
    fn seal(&mut self, first: EventSeq, last: EventSeq) -> rusqlite::Result<()> {
        let (recent, id) = {
            let known = self.terms.known();
            (known.recent.clone(), known.runs.last().map_or(0, |run| run.id + 1))
        };
        let run = Run { id, first, last };
        // What a fault left of it.
        file::remove(&self.file, id)?;
        file::write(&mut self.file, run, &self.last_id, &recent)?;
        let kept: Option<i64> = self.events.query_row("SELECT min(seq) FROM events", [], |row| row.get(0))?;
        let mut known = self.terms.known();
        known.recent.clear();
        known.runs.push(run);
        let gone: Vec<_> = known.runs.extract_if(.., |run| kept.is_some_and(|kept| run.last < kept.cast_unsigned())).collect();
        drop(known);
        gone.into_iter().try_for_each(|run| file::remove(&self.file, run.id))
    }

    #[cfg(test)]
    pub(super) fn with_runs_of(self, events: u64) -> Self {
        Self { run_events: events, ..self }
    }
}
