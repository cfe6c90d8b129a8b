//! Whether a journal is sound: a quick look at each start, a thorough one when it is asked for.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::key::time;
use crate::options::OpenError;
use crate::schema::{self, Lock};

/// Events and deliveries at the end of the file that each start looks at: what was written last is
/// what a fault of the disk harms first.
const LAST: u32 = 256;

/// What a sound journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Events.
    pub events: u64,
    /// Deliveries that are neither over nor dead.
    pub open: u64,
    /// When the last event was received.
    pub newest: Option<Timestamp>,
}

/// Checks a whole journal that no host serves from: every page and index by SQLite, and that what
/// refers to something finds it. Takes minutes for tens of gigabytes, and changes nothing.
///
/// # Errors
/// It is not there, a host serves from it, it is no journal or of a newer version, or it is damaged.
pub fn check(journal: &Path) -> Result<Contents, OpenError> {
    if !journal.exists() {
        return Err(OpenError::Missing { path: journal.to_owned() });
    }
    let _lock = Lock::take(journal)?;
    let conn = schema::reader(journal, 64 << 20).map_err(OpenError::sqlite(journal))?;
    thorough(&conn, journal)
}

/// The quick look: marks and version, every table of the schema, both ends of each table, and the
/// last events with their bodies and deliveries. Its time does not grow with the journal.
pub(crate) fn quick(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let version = schema::version(conn, path)?;
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    let look = || {
        for (name, kind, sql) in schema::expected(version)? {
            let found = conn.query_row("SELECT sql FROM sqlite_schema WHERE name = ? AND type = ?", [&name, &kind], |row| row.get(0));
            if found.optional()?.as_ref() != Some(&sql) {
                return Ok(Some(format!("the {kind} {name} is missing or not as it was made")));
            }
            if kind == "table" {
                // The first column of every table is its key.
                for order in ["ASC", "DESC"] {
                    conn.query_row(&format!("SELECT * FROM {name} ORDER BY 1 {order} LIMIT 1"), [], |_| Ok(())).optional()?;
                }
            }
        }
        conn.query_row("SELECT count(*) FROM (SELECT id FROM deliveries WHERE state = 2 ORDER BY id DESC LIMIT 1)", [], |_| Ok(()))?;
        let events = format!("(SELECT * FROM events ORDER BY seq DESC LIMIT {LAST})");
        let deliveries = format!("(SELECT * FROM deliveries ORDER BY id DESC LIMIT {LAST})");
        relations(conn, &[bodies(&events), owners(&deliveries)])
    };
    look().map_err(OpenError::sqlite(path))?.map_or(Ok(()), |what| Err(damaged(what)))
}

/// The thorough look.
pub(crate) fn thorough(conn: &Connection, path: &Path) -> Result<Contents, OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    let fault = OpenError::sqlite(path);
    let found: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if found != "ok" {
        return Err(damaged(found));
    }
    quick(conn, path)?;
    let all = [
        bodies("events"),
        owners("deliveries"),
        ("calls", "SELECT 1 FROM calls c WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE id = c.id >> 10)".into()),
        ("attempts", "SELECT 1 FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE id = a.id >> 10)".into()),
        (
            "runs of ids",
            "SELECT 1 FROM id_runs r
                WHERE blocks <> (SELECT count(*) FROM id_blocks WHERE id BETWEEN r.id << 24 AND (r.id << 24) + r.blocks - 1)"
                .into(),
        ),
    ];
    if let Some(what) = relations(conn, &all).map_err(fault)? {
        return Err(damaged(what));
    }
    contents(conn).map_err(fault)
}

/// Events whose body is not there.
fn bodies(events: &str) -> (&'static str, String) {
    let sql =
        format!("SELECT 1 FROM {events} e LEFT JOIN packs p ON p.id = e.pack WHERE p.id IS NULL OR length(p.bytes) < e.start + e.length");
    ("events", sql)
}

/// Deliveries whose event is not there.
fn owners(deliveries: &str) -> (&'static str, String) {
    ("deliveries", format!("SELECT 1 FROM {deliveries} d WHERE NOT EXISTS (SELECT 1 FROM events WHERE seq = d.id >> 10)"))
}

/// Counts what refers to something that is not there. Answers the first kind that does.
fn relations(conn: &Connection, lost: &[(&str, String)]) -> rusqlite::Result<Option<String>> {
    for (what, sql) in lost {
        let count: i64 = conn.query_row(&format!("SELECT count(*) FROM ({sql})"), [], |row| row.get(0))?;
        if count > 0 {
            return Ok(Some(format!("{count} {what} lack what belongs to them")));
        }
    }
    Ok(None)
}

fn contents(conn: &Connection) -> rusqlite::Result<Contents> {
    let count = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned);
    let newest = conn.query_row("SELECT received_at FROM events ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(Contents {
        events: count("SELECT count(*) FROM events")?,
        open: count("SELECT count(*) FROM deliveries WHERE state IN (0, 1, 2)")?,
        newest: newest.map(time),
    })
}
