//! An immutable run of ids, sorted by hash, in blocks of about one page.

use mortar_core::delivery::EventSeq;
use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension};

use super::filter::{Filter, scale};
use crate::key::IdKey;

/// Bytes of an id in a block: its hash and its event's place after the run's first.
const RECORD: usize = 20;
/// Ids in a block, on average. As hashes spread evenly, the hash alone tells the block, and hardly
/// a block outgrows a page of 2048 bytes.
const IDS_PER_BLOCK: usize = 72;
/// Bits of a block's key that tell the block, the others tell the run.
const BLOCK_BITS: u32 = 24;

/// What memory holds of a run.
pub(crate) struct Run {
    pub(crate) id: i64,
    /// The first and the last event.
    pub(crate) first: EventSeq,
    pub(crate) last: EventSeq,
    /// When the last event was received, in microseconds.
    pub(crate) newest: i64,
    blocks: usize,
    filter: Filter,
}

/// A run on its way into the file.
pub(crate) struct Sealed {
    pub(crate) run: Run,
    blocks: Vec<Vec<u8>>,
}

impl Run {
    /// True where the id may be in it; false where it certainly is not.
    pub(crate) fn may_have(&self, key: IdKey) -> bool {
        self.filter.may_have(key)
    }

    /// Looks into the file.
    pub(crate) fn find(&self, conn: &Connection, key: IdKey) -> rusqlite::Result<Option<EventSeq>> {
        let mut block = conn.prepare_cached("SELECT records FROM id_blocks WHERE id = ?")?;
        let at = scale(key.high, self.blocks);
        let found = block.query_row([block_key(self.id, at)], |row| {
            let records = row.get_ref(0)?.as_blob()?;
            self.search(at, records, key).map_err(|what| FromSqlConversionFailure(0, Type::Blob, what.into()))
        });
        found.optional().map(Option::flatten)
    }

    /// The event that goes with a hash in the records of a block. A block that is damaged would deny
    /// ids that it had, and their events would be stored twice; so all of it is looked at.
    fn search(&self, at: usize, records: &[u8], key: IdKey) -> Result<Option<EventSeq>, &'static str> {
        let (records, rest) = records.as_chunks::<RECORD>();
        let sorted = records.iter().map(key_of).is_sorted_by(|a, b| a < b);
        if !rest.is_empty() || !sorted || records.iter().any(|record| scale(key_of(record).high, self.blocks) != at) {
            return Err("not a block of ids");
        }
        let Ok(found) = records.binary_search_by_key(&key, key_of) else { return Ok(None) };
        let seq = self.first + u64::from(u32::from_le_bytes(std::array::from_fn(|i| records[found][16 + i])));
        if seq <= self.last { Ok(Some(seq)) } else { Err("an id of an event that is not in the run") }
    }

    /// Reads what memory holds of each run, oldest first.
    pub(crate) fn load_all(conn: &Connection) -> rusqlite::Result<Vec<Self>> {
        let mut runs = conn.prepare("SELECT id, first_seq, last_seq, newest, blocks, filter FROM id_runs ORDER BY id")?;
        let runs = runs.query_map([], |row| {
            let filter = Filter::from_bytes(row.get_ref(5)?.as_blob()?);
            let filter = filter.ok_or_else(|| FromSqlConversionFailure(5, Type::Blob, "not the filter of a run".into()))?;
            let (id, first, last): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let blocks: u32 = row.get(4)?;
            // Their keys nest.
            let fits = (0..1 << (63 - BLOCK_BITS)).contains(&id) && (1..=1 << BLOCK_BITS).contains(&blocks);
            if !fits || first < 0 || last < first {
                return Err(FromSqlConversionFailure(0, Type::Integer, "not a run of ids".into()));
            }
            let (first, last) = (first.cast_unsigned(), last.cast_unsigned());
            Ok(Self { id, first, last, newest: row.get(3)?, blocks: blocks as usize, filter })
        })?;
        runs.collect()
    }

    /// Removes it from the file.
    pub(crate) fn delete(&self, conn: &Connection) -> rusqlite::Result<()> {
        conn.execute("DELETE FROM id_runs WHERE id = ?", [self.id])?;
        conn.execute("DELETE FROM id_blocks WHERE id BETWEEN ? AND ?", [block_key(self.id, 0), block_key(self.id + 1, 0) - 1])?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.filter.memory() + size_of::<Self>()
    }
}

impl Sealed {
    /// Sorts ids into a run.
    pub(crate) fn build(id: i64, ids: impl Iterator<Item = (IdKey, EventSeq)>, newest: i64) -> Self {
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        let first = ids.iter().map(|(_, seq)| *seq).min().unwrap_or(0);
        let last = ids.iter().map(|(_, seq)| *seq).max().unwrap_or(0);
        let mut blocks = vec![Vec::new(); ids.len().div_ceil(IDS_PER_BLOCK).max(1)];
        let mut filter = Filter::for_ids(ids.len());
        let parts = blocks.len();
        for (key, seq) in ids {
            filter.add(key);
            let block: &mut Vec<u8> = &mut blocks[scale(key.high, parts)];
            block.extend(key.high.to_be_bytes());
            block.extend(key.low.to_be_bytes());
            // A run's events follow each other, so the offset is little more than the number of ids.
            block.extend(((seq - first) as u32).to_le_bytes());
        }
        Self { run: Run { id, first, last, newest, blocks: parts, filter }, blocks }
    }

    /// Blocks in all.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Writes some blocks.
    pub(crate) fn write(&self, conn: &Connection, blocks: std::ops::Range<usize>) -> rusqlite::Result<()> {
        // A block may be there already, from a run that was not finished when the host stopped.
        let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO id_blocks (id, records) VALUES (?, ?)")?;
        for block in blocks {
            insert.execute((block_key(self.run.id, block), &self.blocks[block]))?;
        }
        Ok(())
    }

    /// Writes the run itself: with this it counts.
    pub(crate) fn complete(&self, conn: &Connection) -> rusqlite::Result<()> {
        let run = &self.run;
        let mut insert =
            conn.prepare_cached("INSERT INTO id_runs (id, first_seq, last_seq, newest, blocks, filter) VALUES (?, ?, ?, ?, ?, ?)")?;
        insert.execute((run.id, run.first.cast_signed(), run.last.cast_signed(), run.newest, run.blocks as u32, run.filter.bytes()))?;
        crate::schema::set_meta(conn, "sealed", run.last.cast_signed())
    }
}

fn block_key(run: i64, block: usize) -> i64 {
    run << BLOCK_BITS | block as i64
}

/// The hash in a record.
fn key_of(record: &[u8; RECORD]) -> IdKey {
    let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| record[at + i]));
    IdKey { high: word(0), low: word(8) }
}
