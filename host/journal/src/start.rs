//! What a journal reads when it is opened: names, filters, the ids since the last run, and the
//! deliveries that are open. Nothing here looks at finished deliveries or at bodies.

use std::path::Path;
use std::sync::{Arc, RwLock};

use mortar_core::delivery::{DeliveryId, EventSeq, Gap, PluginNo};
use mortar_core::ports::Clock;
use rusqlite::Connection;
use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;

use crate::ids::{Ids, Index, Run, Sealer};
use crate::key::{HashKeys, delivery_key, event_of, micros, nested, plugin_of};
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::queue::{Open, Queue, line};
use crate::recent::Recent;
use crate::schema::{meta, set_meta};
use crate::shared::Tally;
use crate::writer::{Memory, Retention};

/// The file's contents, as far as memory holds them.
pub(crate) struct Start {
    pub(crate) memory: Memory,
    pub(crate) index: Arc<RwLock<Index>>,
    /// How much there was, where the last host left a note.
    pub(crate) counted: Option<Tally>,
}

/// Reads it all.
pub(crate) fn load(conn: &mut Connection, path: &Path, options: &Options, clock: &dyn Clock) -> Result<Start, OpenError> {
    read(conn, options, clock).map_err(OpenError::sqlite(path))
}

fn read(conn: &mut Connection, options: &Options, clock: &dyn Clock) -> rusqlite::Result<Start> {
    let tx = conn.transaction()?;
    let hash_keys = hash_keys(&tx)?;
    let counted = meta::<String>(&tx, "counts")?.and_then(|text| serde_json::from_str(&text).ok()).filter(Tally::is_possible);
    tx.execute("DELETE FROM meta WHERE name = 'counts'", [])?;
    let runs: Vec<_> = Run::load_all(&tx)?.into_iter().map(Arc::new).collect();
    let next_run = runs.last().map_or(1, |run| run.id + 1);
    let sealed = place(meta(&tx, "sealed")?.unwrap_or(0))?;
    let recent = recent_ids(&tx, &hash_keys, sealed.cast_signed())?;
    let (last, newest) = tx
        .query_row("SELECT seq, received_at FROM events ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .or_else(none_yet)?;
    let next_seq = place(i64::saturating_add(last, 1).max(meta(&tx, "next_seq")?.unwrap_or(1)))?;
    // Where the clock was set back since the last event, what waits would wait for longer by as much.
    let ahead = micros(clock.now()).max(newest).saturating_sub(micros(clock.steady()));
    let mut queue = open_deliveries(&tx, ahead)?;
    hold_lines(&tx, &mut queue)?;
    let index = Arc::new(RwLock::new(Index { recent, sealing: None, runs }));
    let memory = Memory {
        hash_keys,
        names: Names::load(&tx)?,
        queue,
        recent: Recent::new(options.event_cache),
        sealer: Sealer::new(index.clone(), options.ids_per_run, next_run),
        rejected: sample(&tx)?,
        next_seq,
        sealed,
        newest,
        next_version: tx.query_row("SELECT coalesce(max(version), 0) + 1 FROM state", [], |row| row.get(0))?,
        purge_from: 0,
        retention: Retention::load(&tx, micros(clock.now()), micros(clock.steady()))?,
    };
    tx.commit()?;
    Ok(Start { memory, index, counted })
}

/// A place among the events, if any journal can have it.
fn place(seq: i64) -> rusqlite::Result<EventSeq> {
    let seq = u64::try_from(seq).ok().filter(|seq| delivery_key(DeliveryId { event: *seq, plugin: PluginNo(0) }).is_some());
    seq.ok_or_else(|| FromSqlConversionFailure(0, Type::Integer, "not the place of an event".into()))
}

fn none_yet(error: rusqlite::Error) -> rusqlite::Result<(i64, i64)> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok((0, 0)) } else { Err(error) }
}

/// The installation's hash keys, made at the first start.
fn hash_keys(conn: &Connection) -> rusqlite::Result<HashKeys> {
    if let Some(bytes) = meta::<[u8; HashKeys::BYTES]>(conn, "keys")? {
        return Ok(HashKeys::new(bytes));
    }
    // Nothing depends on which they are but that nobody can foresee them.
    let bytes: [u8; HashKeys::BYTES] = rand::random();
    set_meta(conn, "keys", bytes)?;
    Ok(HashKeys::new(bytes))
}

/// The ids that are in no run yet.
fn recent_ids(conn: &Connection, keys: &HashKeys, sealed: i64) -> rusqlite::Result<Ids> {
    let mut ids = Ids::default();
    let mut rows = conn.prepare("SELECT e.seq, s.name, e.event_id FROM events e LEFT JOIN sources s ON s.no = e.source WHERE e.seq > ?")?;
    let mut rows = rows.query([sealed])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        ids.insert(keys.id(row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?), seq.cast_unsigned());
    }
    Ok(ids)
}

fn sample(conn: &Connection) -> rusqlite::Result<crate::writer::Sample> {
    let mut rows = conn.prepare("SELECT id, length(body) FROM rejected ORDER BY id")?;
    rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?.collect()
}

/// The open deliveries: pending ones from the lowest place on where there can be one, waiting ones
/// by their index. Stored times are so far ahead of those in memory.
///
/// A count whose attempt was under way when a newer one came and the host stopped is among them: it
/// comes to its end first, for the ERP may still be at its request.
fn open_deliveries(conn: &Connection, ahead: i64) -> rusqlite::Result<Queue> {
    const COLUMNS: &str = "SELECT id, subject, at, attempts, spent, as_of FROM deliveries";
    let from = nested(place(meta(conn, "open_from")?.unwrap_or(0))?.cast_signed(), 0);
    // Waiting ones first: most stand at the head of their line.
    let parts = [
        (format!("{COLUMNS} INDEXED BY unsettled WHERE state = 2 AND id >= ? ORDER BY id"), 0, true),
        (format!("{COLUMNS} WHERE state = 0 AND id >= ? ORDER BY id"), from, false),
    ];
    let mut queue = Queue::new();
    let waiting = conn.query_row("SELECT count(*) FROM deliveries INDEXED BY unsettled WHERE state = 2", [], |row| row.get::<_, i64>(0))?;
    queue.reserve(usize::try_from(waiting).unwrap_or(0));
    for (sql, from, waiting) in parts {
        let mut rows = conn.prepare(&sql)?;
        let mut rows = rows.query([from])?;
        while let Some(row) = rows.next()? {
            let key = row.get(0)?;
            place(event_of(key).cast_signed())?;
            queue.insert(Open {
                key,
                line: line(row.get(1)?, plugin_of(key)),
                due: row.get::<_, i64>(2)?.saturating_sub(ahead),
                attempts: row.get(3)?,
                spent: row.get(4)?,
                waiting,
                // An attempt may have been under way when the host stopped.
                called: true,
                as_of: row.get(5)?,
            });
        }
    }
    Ok(queue)
}

/// The lines that dead letters hold.
fn hold_lines(conn: &Connection, queue: &mut Queue) -> rusqlite::Result<()> {
    let mut rows = conn.prepare("SELECT id, subject FROM deliveries INDEXED BY gaps WHERE gap = ?")?;
    let mut rows = rows.query([Gap::Hold as u8])?;
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        queue.hold(key, line(row.get(1)?, plugin_of(key)));
    }
    Ok(())
}
