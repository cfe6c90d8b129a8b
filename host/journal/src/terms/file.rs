//! The file: runs of sorted postings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use mortar_core::delivery::EventSeq;
use rand::Rng;
use rusqlite::{Connection, OptionalExtension};

use super::{Between, Hash, Known, Run, Terms};

/// Another layout has another number, and the file is made anew.
const VERSION: i64 = 1;

/// Page cache of each connection, in KiB.
const CACHE: i64 = 4096;

/// Postings of one transaction: none holds up who looks up for long.
const TOGETHER: usize = 20_000;

const SCHEMA: &str = "
    CREATE TABLE key (bytes BLOB NOT NULL) STRICT;
    CREATE TABLE runs (id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, last_id TEXT NOT NULL) STRICT;
    CREATE TABLE postings (run INTEGER NOT NULL, hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (run, hash, seq)) STRICT, WITHOUT ROWID;";

/// The file that goes with a journal.
pub(crate) fn path(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-terms");
    name.into()
}

/// What is noted of a journal, and the connection that notes more.
pub(super) fn open(journal: &Path, events: &Connection) -> rusqlite::Result<(Terms, Connection)> {
    let path = path(journal);
    let (conn, key) = match usable(&path) {
        Ok(Some(usable)) => usable,
        Ok(None) | Err(_) => anew(&path)?,
    };
    let runs = runs(&conn, events)?;
    let next = runs.last().map_or(0, |run| run.last + 1);
    let terms = Terms { key, known: Mutex::new(Known { runs, next, ..Known::default() }), conn: Mutex::new(connection(&path)?) };
    Ok((terms, conn))
}

fn connection(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    // What a power cut takes is noted again.
    conn.pragma_update(None, "synchronous", "normal")?;
    conn.pragma_update(None, "cache_size", -CACHE)?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(conn)
}

fn usable(path: &Path) -> rusqlite::Result<Option<(Connection, [u8; 16])>> {
    if !path.exists() {
        return Ok(None);
    }
    let conn = connection(path)?;
    if conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? != VERSION {
        return Ok(None);
    }
    let key: Option<Vec<u8>> = conn.query_row("SELECT bytes FROM key", [], |row| row.get(0)).optional()?;
    Ok(key.and_then(|key| key.try_into().ok()).map(|key| (conn, key)))
}

fn anew(path: &Path) -> rusqlite::Result<(Connection, [u8; 16])> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // One that cannot be removed cannot be opened either, or is not there.
        let _ = std::fs::remove_file(name);
    }
    let conn = connection(path)?;
    let mut key = [0; 16];
    rand::rng().fill_bytes(&mut key);
    conn.execute_batch(SCHEMA)?;
    conn.execute("INSERT INTO key VALUES (?)", [&key[..]])?;
    conn.pragma_update(None, "user_version", VERSION)?;
    Ok((conn, key))
}

/// The runs that fit the journal, oldest first: after a backup was put in its place, some may not.
/// Others are removed, and what a stopped host left of one.
fn runs(conn: &Connection, events: &Connection) -> rusqlite::Result<Vec<Run>> {
    let mut rows = conn.prepare("SELECT id, first, last, last_id FROM runs ORDER BY id")?;
    let rows = rows.query_map([], |row| {
        let place = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok((Run { id: row.get(0)?, first: place(1)?, last: place(2)? }, row.get::<_, String>(3)?))
    })?;
    let first: Option<i64> = events.query_row("SELECT min(seq) FROM events", [], |row| row.get(0))?;
    let mut runs: Vec<Run> = Vec::new();
    for row in rows {
        let (run, last_id) = row?;
        let id: Option<String> =
            events.query_row("SELECT event_id FROM events WHERE seq = ?", [run.last.cast_signed()], |row| row.get(0)).optional()?;
        let purged = id.is_none() && first.is_none_or(|first| run.last < first.cast_unsigned());
        let follows = runs.last().is_none_or(|before| before.last < run.first);
        if id.is_some_and(|id| id == last_id) && follows {
            runs.push(run);
        } else if !purged {
            // From here on the journal is another one.
            break;
        }
    }
    let kept: BTreeSet<_> = runs.iter().map(|run| run.id).collect();
    let mut there = conn.prepare("SELECT id FROM runs UNION SELECT DISTINCT run FROM postings")?;
    let there: Vec<i64> = there.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    there.into_iter().filter(|id| !kept.contains(id)).try_for_each(|id| remove(conn, id))?;
    Ok(runs)
}

/// Removes a run.
pub(super) fn remove(conn: &Connection, run: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM runs WHERE id = ?", [run])?;
    conn.execute("DELETE FROM postings WHERE run = ?", [run]).map(drop)
}

/// Writes a run; with its own row it counts.
pub(super) fn write(conn: &mut Connection, run: Run, last_id: &str, postings: &BTreeSet<(Hash, EventSeq)>) -> rusqlite::Result<()> {
    let postings: Vec<_> = postings.iter().collect();
    for some in postings.chunks(TOGETHER) {
        let tx = conn.transaction()?;
        let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO postings VALUES (?, ?, ?)")?;
        for (hash, seq) in some {
            insert.execute((run.id, hash.cast_signed(), seq.cast_signed()))?;
        }
        drop(insert);
        tx.commit()?;
    }
    conn.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (run.id, run.first.cast_signed(), run.last.cast_signed(), last_id)).map(drop)
}

/// Adds the places of a run that go with a hash.
pub(super) fn find(
    conn: &Connection,
    run: Run,
    hash: Hash,
    between: Between,
    most: usize,
    found: &mut BTreeSet<EventSeq>,
) -> rusqlite::Result<()> {
    if run.last <= between.above || run.first >= between.below {
        return Ok(());
    }
    let order = if between.oldest_first { "ASC" } else { "DESC" };
    let mut rows = conn.prepare_cached(&format!(
        "SELECT seq FROM postings WHERE run = ? AND hash = ? AND seq > ? AND seq < ? ORDER BY seq {order} LIMIT ?"
    ))?;
    let ends = (between.above.cast_signed(), between.below.min(i64::MAX.cast_unsigned()).cast_signed());
    let rows = rows.query_map((run.id, hash.cast_signed(), ends.0, ends.1, most as i64), |row| row.get::<_, i64>(0))?;
    for row in rows {
        found.insert(row?.cast_unsigned());
    }
    Ok(())
}
