//! Where events are found by what they name, and by their type.
//!
//! Nothing on the path of a callback waits for it: a thread of its own reads what was stored and
//! notes it in a file of its own beside the journal, which can be thrown away at any time and is then
//! made anew. New postings stand in memory; after [`EVENTS`] events they are written, sorted, as a run.
//! So the file only grows at its end, and a look-up is one search in each run, newest first.
//!
//! What is not noted yet is found by reading it: see `read/listing.rs`.

mod file;
mod follow;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mortar_core::delivery::EventSeq;
use mortar_core::terms;
use rusqlite::Connection;
use siphasher::sip::SipHasher24;

pub(crate) use follow::Follower;

/// Events whose terms make a run. At about eight terms each, memory holds some 20 MB of them.
const EVENTS: u64 = 65_536;

/// A term's hash. Who finds an event by it looks whether the event names the term.
type Hash = u64;

/// What is known of terms, shared by the thread that notes them and by who looks them up.
pub(crate) struct Terms {
    key: [u8; 16],
    known: Mutex<Known>,
    /// Reads the runs.
    conn: Mutex<Connection>,
}

#[derive(Default)]
struct Known {
    /// Of events since the last run.
    recent: BTreeSet<(Hash, EventSeq)>,
    runs: Vec<Run>,
    /// Every event before this is noted.
    next: EventSeq,
}

/// Sorted postings in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    id: i64,
    first: EventSeq,
    last: EventSeq,
}

/// Which places are meant, both ends left out.
#[derive(Clone, Copy)]
pub(crate) struct Between {
    pub(crate) above: EventSeq,
    pub(crate) below: EventSeq,
    pub(crate) oldest_first: bool,
}

impl Terms {
    /// Every event before this is noted.
    pub(crate) fn next(&self) -> EventSeq {
        self.known().next
    }

    /// The places of events that may name one of these, in order, at most so many.
    pub(crate) fn find(&self, hashes: &[Hash], between: Between, most: usize) -> rusqlite::Result<Vec<EventSeq>> {
        let mut found = BTreeSet::new();
        let mut runs = {
            let known = self.known();
            for hash in hashes {
                let postings = known.recent.range((*hash, 0)..=(*hash, EventSeq::MAX)).map(|(_, seq)| *seq);
                found.extend(postings.filter(|seq| (between.above + 1..between.below).contains(seq)));
            }
            known.runs.clone()
        };
        runs.sort_by_key(|run| run.first);
        if !between.oldest_first {
            runs.reverse();
        }
        let enough = if between.oldest_first { 0 } else { most };
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        for run in runs {
            if found.len() >= enough.max(1) && enough > 0 {
                break;
            }
            for hash in hashes {
                file::find(&conn, run, *hash, between, most, &mut found)?;
            }
            if between.oldest_first && found.range(..=run.last).count() >= most {
                break;
            }
        }
        let found = found.into_iter();
        Ok(if between.oldest_first { found.take(most).collect() } else { found.rev().take(most).collect() })
    }

    /// The hash of a term.
    pub(crate) fn term(&self, term: &str) -> Hash {
        self.hash(b't', term)
    }

    /// The hash of an event type.
    pub(crate) fn event_type(&self, name: &str) -> Hash {
        self.hash(b'e', name)
    }

    /// All that an event is found by.
    fn of(&self, event_type: &str, subject: &str, payload: &[u8]) -> impl Iterator<Item = Hash> {
        let terms: Vec<_> = terms::terms(subject, payload).iter().map(|term| self.term(term)).collect();
        terms.into_iter().chain([self.event_type(event_type)])
    }

    fn hash(&self, kind: u8, text: &str) -> Hash {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&[kind]);
        hasher.write(text.as_bytes());
        // As SQLite holds them: places and hashes are signed there.
        hasher.finish() >> 1
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The terms of a journal, and what follows it; none where the file cannot be had, which is no reason not to serve.
pub(crate) fn open(journal: &std::path::Path, events: Connection) -> Option<(Arc<Terms>, Follower)> {
    match file::open(journal, &events) {
        Ok((terms, file)) => {
            let terms = Arc::new(terms);
            Some((terms.clone(), Follower::new(terms, file, events)))
        }
        Err(fault) => {
            tracing::warn!(%fault, "events are not noted by what they name: searches read the whole journal");
            None
        }
    }
}
