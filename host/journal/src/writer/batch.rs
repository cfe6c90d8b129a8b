//! A batch under way: its transaction, and what memory will learn if it is committed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mortar_core::delivery::EventSeq;
use mortar_core::masonhub::fact::Known;
use mortar_core::ports::{JournalError, Lease};
use rusqlite::{CachedStatement, Connection};

use super::{Memory, Retention, Sample};
use crate::ids::{Ids, Run, Written};
use crate::key::{DeliveryKey, IdKey, delivery_key, time};
use crate::names::{Kind, NewName};
use crate::options::Options;
use crate::queue::{Count, Open};
use crate::recent::RecentEvent;
use crate::shared::{Shared, Tally};

/// A pack with this many bytes takes no further body: so a body that is kept keeps little else, and
/// is found quickly.
const PACK: usize = 64 << 10;

/// A change to the queue.
pub(super) enum Change {
    Insert(Open),
    Close {
        key: DeliveryKey,
        line: u64,
    },
    Wait {
        key: DeliveryKey,
        due: i64,
        spent: u32,
    },
    /// One that has not run yet waits too.
    Delay {
        key: DeliveryKey,
        line: u64,
        due: i64,
    },
    Called(DeliveryKey),
    /// A dead letter holds its line.
    Hold {
        key: DeliveryKey,
        line: u64,
    },
    /// It no longer does, if it did.
    LetGo {
        key: DeliveryKey,
        line: u64,
    },
}

/// What memory learns from a batch.
pub(super) struct Staged {
    pub(super) names: Vec<NewName>,
    pub(super) next_seq: EventSeq,
    pub(super) newest: i64,
    pub(super) next_version: i64,
    pub(super) ids: Ids,
    pub(super) events: Vec<RecentEvent>,
    pub(super) changes: Vec<Change>,
    pub(super) tally: Tally,
    pub(super) rejected: Option<Sample>,
    pub(super) written: Option<Written>,
    pub(super) gone: Vec<Arc<Run>>,
    pub(super) purge_from: EventSeq,
    pub(super) retention: Retention,
    /// Deliveries of the queue that the batch adds, less those that it takes out.
    opened: isize,
    /// Deliveries whose attempt ends in this batch.
    ended: HashSet<DeliveryKey>,
    /// Lines where the newest wins, as the batch has changed them.
    lines: HashMap<u64, Vec<Count>>,
    pack: Option<Pack>,
}

/// Bodies that are stored together.
struct Pack {
    id: EventSeq,
    bytes: Vec<u8>,
}

/// A batch under way.
pub(crate) struct Batch<'a> {
    pub(super) conn: &'a Connection,
    pub(super) memory: &'a Memory,
    pub(super) shared: &'a Shared,
    pub(super) options: &'a Options,
    /// Why no callback can be taken, if none can.
    pub(super) refusal: Option<JournalError>,
    pub(super) staged: Staged,
    // Kept at hand: they run for every event.
    insert_event: Option<CachedStatement<'a>>,
    insert_delivery: Option<CachedStatement<'a>>,
    /// Whether there is an event that a poll made; not looked at yet where it is none.
    has_polled: Option<bool>,
}

const INSERT_EVENT: &str = "INSERT INTO events (seq, event_id, source, type, subject, as_of, received_at, pack, start, length, callback,
     body_start, body_length, remote, delivery_header, secret, origin)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_DELIVERY: &str =
    "INSERT INTO deliveries (id, state, at, subject, as_of, attempts, spent, reason) VALUES (?, ?, ?, ?, ?, 0, 0, ?)";

impl<'a> Batch<'a> {
    pub(super) fn new(conn: &'a Connection, memory: &'a Memory, shared: &'a Shared, options: &'a Options) -> Self {
        let staged = Staged {
            names: Vec::new(),
            next_seq: memory.next_seq,
            newest: memory.newest,
            next_version: memory.next_version,
            ids: Ids::default(),
            events: Vec::new(),
            changes: Vec::new(),
            tally: Tally::default(),
            rejected: None,
            written: None,
            gone: Vec::new(),
            purge_from: memory.purge_from,
            retention: memory.retention,
            opened: 0,
            ended: HashSet::new(),
            lines: HashMap::new(),
            pack: None,
        };
        let refusal = shared.refusal(Some(conn));
        Self { conn, memory, shared, options, refusal, staged, insert_event: None, insert_delivery: None, has_polled: None }
    }

    /// Writes what is left to write before the commit.
    pub(super) fn complete(mut self) -> rusqlite::Result<Staged> {
        self.flush_pack()?;
        if self.staged.written.is_none() {
            self.staged.written = self.memory.sealer.ride_along(self.conn)?;
        }
        Ok(self.staged)
    }

    /// A name's number, new names included.
    pub(super) fn number(&mut self, kind: Kind, name: &str) -> rusqlite::Result<i64> {
        self.memory.names.number(self.conn, &mut self.staged.names, kind, name)
    }

    /// What inserts an event.
    pub(super) fn insert_event(&mut self) -> rusqlite::Result<&mut CachedStatement<'a>> {
        at_hand(&mut self.insert_event, self.conn, INSERT_EVENT)
    }

    /// What inserts a delivery.
    pub(super) fn insert_delivery(&mut self) -> rusqlite::Result<&mut CachedStatement<'a>> {
        at_hand(&mut self.insert_delivery, self.conn, INSERT_DELIVERY)
    }

    /// Where the event of this id is, if the id is known.
    pub(super) fn find(&self, key: IdKey) -> rusqlite::Result<Option<EventSeq>> {
        match self.staged.ids.get(&key) {
            Some(seq) => Ok(Some(*seq)),
            None => self.shared.probe(key).settle(self.conn, key),
        }
    }

    /// Stores a body, whose first event is `seq`. Answers its pack and where it starts there.
    pub(super) fn store_body(&mut self, seq: EventSeq, body: &[u8]) -> rusqlite::Result<(EventSeq, usize)> {
        if self.staged.pack.as_ref().is_some_and(|pack| pack.bytes.len() >= PACK) {
            self.flush_pack()?;
        }
        let pack = self.staged.pack.get_or_insert_with(|| Pack { id: seq, bytes: Vec::with_capacity(PACK + body.len()) });
        let start = pack.bytes.len();
        pack.bytes.extend_from_slice(body);
        Ok((pack.id, start))
    }

    /// True where there is an event that a poll made. Where nobody polls, callbacks need not ask for
    /// those of their subject.
    pub(super) fn has_polled(&mut self) -> rusqlite::Result<bool> {
        if let Some(has) = self.has_polled {
            return Ok(has);
        }
        let mut any = self.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM events INDEXED BY polled WHERE origin = 1)")?;
        let has = any.query_row([], |row| row.get(0))?;
        self.has_polled = Some(has);
        Ok(has)
    }

    /// A poll makes an event in this batch.
    pub(super) fn polls(&mut self) {
        self.has_polled = Some(true);
    }

    /// The events of a subject that polls made.
    pub(super) fn polled(&mut self, source: i64, subject: &str) -> rusqlite::Result<Vec<Known>> {
        let mut places = self.conn.prepare_cached(
            "SELECT t.name, e.as_of, e.pack, e.start, e.length FROM events e INDEXED BY polled JOIN types t ON t.no = e.type
             WHERE e.origin = 1 AND e.subject = ? AND e.source = ? ORDER BY e.seq",
        )?;
        type Place = (String, Option<i64>, i64, i64, i64);
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        let places: Vec<Place> = places.query_map((subject, source), read)?.collect::<rusqlite::Result<_>>()?;
        if places.is_empty() {
            return Ok(Vec::new());
        }
        // They may have come in this batch.
        self.flush_pack()?;
        let mut record = self.conn.prepare_cached("SELECT substr(bytes, ? + 1, ?) FROM packs WHERE id = ?")?;
        let known = |(event_type, as_of, pack, start, length): Place| {
            let payload: Vec<u8> = record.query_row((start, length, pack), |row| row.get(0))?;
            Ok(Known { event_type, as_of: as_of.map(time), payload: payload.into() })
        };
        places.into_iter().map(known).collect()
    }

    fn flush_pack(&mut self) -> rusqlite::Result<()> {
        let Some(pack) = self.staged.pack.take() else { return Ok(()) };
        self.conn.prepare_cached("INSERT INTO packs (id, bytes) VALUES (?, ?)")?.execute((pack.id.cast_signed(), pack.bytes))?;
        Ok(())
    }

    /// The delivery that a lease holds.
    pub(super) fn held(&self, lease: Lease) -> Result<Open, JournalError> {
        let ended = delivery_key(lease.delivery).is_none_or(|key| self.staged.ended.contains(&key));
        self.memory.queue.held(lease).filter(|_| !ended).ok_or(JournalError::LeaseLost)
    }

    /// The attempt of a delivery ends with this batch.
    pub(super) fn ends(&mut self, key: DeliveryKey) {
        self.staged.ended.insert(key);
    }

    /// Deliveries that are open.
    pub(super) fn open(&self) -> usize {
        self.memory.queue.len().saturating_add_signed(self.staged.opened)
    }

    /// The queue will change so.
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Insert(_) => self.staged.opened += 1,
            Change::Close { .. } => self.staged.opened -= 1,
            Change::Wait { .. } | Change::Delay { .. } | Change::Called(_) | Change::Hold { .. } | Change::LetGo { .. } => {}
        }
        self.staged.changes.push(change);
    }

    /// The open deliveries of a line where the newest wins.
    pub(super) fn counts(&mut self, line: u64) -> &mut Vec<Count> {
        self.staged.lines.entry(line).or_insert_with(|| {
            let (mut counts, ahead) = (self.memory.queue.counts(line), self.shared.ahead());
            counts.iter_mut().for_each(|count| count.due = count.due.saturating_add(ahead));
            counts
        })
    }
}

fn at_hand<'a, 'b>(
    statement: &'b mut Option<CachedStatement<'a>>,
    conn: &'a Connection,
    sql: &str,
) -> rusqlite::Result<&'b mut CachedStatement<'a>> {
    match statement {
        Some(statement) => Ok(statement),
        None => Ok(statement.insert(conn.prepare_cached(sql)?)),
    }
}
