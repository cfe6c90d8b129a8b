//! From bytes to a damaged file: values of columns, or bytes of pages.

use std::path::Path;
use std::sync::OnceLock;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::template;

/// The tables that a host reads, and their columns.
pub(super) const TABLES: [(&str, &[&str]); 16] = [
    ("meta", &["name", "value"]),
    ("sources", &["no", "name"]),
    ("types", &["no", "name"]),
    ("plugins", &["no", "name"]),
    ("components", &["no", "name"]),
    ("packs", &["id", "bytes"]),
    (
        "events",
        &[
            "seq",
            "event_id",
            "source",
            "type",
            "subject",
            "as_of",
            "received_at",
            "pack",
            "start",
            "length",
            "callback",
            "body_start",
            "body_length",
            "remote",
            "delivery_header",
            "secret",
        ],
    ),
    ("deliveries", &["id", "state", "at", "subject", "as_of", "attempts", "spent", "since", "code", "reason", "gap", "keep_steps"]),
    ("newest", &["plugin", "subject", "as_of", "delivery"]),
    (
        "calls",
        &[
            "id",
            "step",
            "attempt",
            "connection",
            "method",
            "path",
            "headers",
            "body",
            "sent_at",
            "fate",
            "lost",
            "answered_at",
            "status",
            "response_headers",
            "response_body",
            "settled_by",
        ],
    ),
    ("attempts", &["id", "number", "started_at", "ended_at", "component", "ending", "code", "reason", "trace", "log"]),
    ("round_trips", &["id", "state", "at", "since", "looks", "spent", "reason", "expected", "found", "log"]),
    ("state", &["plugin", "key", "value", "version"]),
    ("quarantine", &["id", "source", "received_at", "remote", "delivery_header", "secret", "reason", "released_at", "body"]),
    ("rejected", &["id", "source", "received_at", "remote", "delivery_header", "reason", "admitted_at", "body"]),
    ("id_runs", &["id", "first_seq", "last_seq", "newest", "blocks", "filter"]),
];

/// The blocks of ids have a table of their own at this place.
const BLOCKS: (&str, &[&str]) = ("id_blocks", &["id", "records"]);

fn table(place: u8) -> (&'static str, &'static [&'static str]) {
    let place = usize::from(place) % (TABLES.len() + 1);
    TABLES.get(place).copied().unwrap_or(BLOCKS)
}

/// Writes a journal that has these edits. False where SQLite itself does not take one.
pub(super) fn apply(data: &[u8], path: &Path) -> bool {
    match data.split_first() {
        Some((1, edits)) => {
            let mut file = template::bytes().to_vec();
            for edit in edits.chunks_exact(4) {
                let at = usize::from(edit[0]) << 16 | usize::from(edit[1]) << 8 | usize::from(edit[2]);
                let length = file.len();
                file[at % length] = edit[3];
            }
            std::fs::write(path, file).unwrap();
            true
        }
        Some((_, edits)) => columns(edits, path).is_ok(),
        None => {
            std::fs::write(path, template::bytes()).unwrap();
            true
        }
    }
}

fn columns(mut edits: &[u8], path: &Path) -> rusqlite::Result<()> {
    std::fs::write(path, loose()).unwrap();
    let conn = Connection::open(path)?;
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")?;
    while let [of, column, row, kind, rest @ ..] = edits {
        let (table, columns) = table(*of);
        let column = columns[usize::from(*column) % columns.len()];
        let (value, rest) = value(*kind, rest);
        edits = rest;
        let row =
            format!("(SELECT {0} FROM {table} ORDER BY {0} LIMIT 1 OFFSET {row} % (SELECT max(count(*), 1) FROM {table}))", columns[0]);
        let sql = match value {
            Some(_) => format!("UPDATE {table} SET {column} = ? WHERE {} = {row}", columns[0]),
            None => format!("DELETE FROM {table} WHERE {} = {row}", columns[0]),
        };
        conn.execute(&sql, params_from_iter(value))?;
    }
    drop(conn);
    set_schema(path, |sql| strict().iter().find(|strict| loosened(strict) == sql).cloned())
}

/// A value, or none to delete the row; and what follows.
fn value(kind: u8, rest: &[u8]) -> (Option<Value>, &[u8]) {
    let long = |rest: &[u8]| {
        let (length, rest) = rest.split_first().map_or((0, rest), |(length, rest)| (usize::from(*length), rest));
        let at = length.min(rest.len());
        (rest[..at].to_vec(), at + 1)
    };
    match kind % 6 {
        0 => (Some(Value::Null), rest),
        1 => match rest.split_first_chunk() {
            Some((number, rest)) => (Some(Value::Integer(i64::from_le_bytes(*number))), rest),
            None => (Some(Value::Integer(i64::MAX)), &[]),
        },
        2 => match rest.split_first() {
            Some((number, rest)) => (Some(Value::Integer(i64::from(number.cast_signed()))), rest),
            None => (Some(Value::Integer(-1)), &[]),
        },
        3 => {
            let (bytes, used) = long(rest);
            (Some(Value::Text(String::from_utf8_lossy(&bytes).into_owned())), rest.get(used..).unwrap_or_default())
        }
        4 => {
            let (bytes, used) = long(rest);
            (Some(Value::Blob(bytes)), rest.get(used..).unwrap_or_default())
        }
        _ => (None, rest),
    }
}

/// The template with tables that take any value: what is damaged keeps to no schema.
fn loose() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        std::fs::write(&path, template::bytes()).unwrap();
        set_schema(&path, |sql| Some(loosened(sql))).unwrap();
        std::fs::read(&path).unwrap()
    })
}

fn loosened(sql: &str) -> String {
    sql.replace(" STRICT, WITHOUT", " WITHOUT").replace(" STRICT", "").replace(" NOT NULL", "")
}

/// The tables as they are defined.
fn strict() -> &'static [String] {
    static TABLES: OnceLock<Vec<String>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        std::fs::write(&path, template::bytes()).unwrap();
        let conn = Connection::open(&path).unwrap();
        let mut tables = conn.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%'").unwrap();
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    })
}

/// Says otherwise how tables are defined, and leaves their rows as they are.
fn set_schema(path: &Path, to: impl Fn(&str) -> Option<String>) -> rusqlite::Result<()> {
    let conn = Connection::open(path)?;
    conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA writable_schema = ON")?;
    let tables: Vec<(String, String)> = {
        let mut tables = conn.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL")?;
        tables.query_map([], |row| row.try_into())?.collect::<Result<_, _>>()?
    };
    for (name, sql) in tables {
        if let Some(sql) = to(&sql) {
            conn.execute("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (sql, name))?;
        }
    }
    conn.execute_batch("PRAGMA writable_schema = RESET")?;
    // As a host leaves it.
    conn.execute_batch("PRAGMA journal_mode = WAL")
}

/// Each column of each table with values that no host writes there: one edit each.
#[must_use]
pub fn every_column() -> Vec<Vec<u8>> {
    let mut edits = vec![Vec::new()];
    for place in 0..=TABLES.len() as u8 {
        let (_, columns) = table(place);
        for column in 0..columns.len() as u8 {
            for row in 0..2 {
                let head = [0, place, column, row];
                let values: [&[u8]; 8] = [
                    &[0],
                    &[1, 255, 255, 255, 255, 255, 255, 255, 127],
                    &[1, 0, 0, 0, 0, 0, 0, 0, 128],
                    &[2, 0],
                    &[2, 7],
                    &[2, 255],
                    b"\x03\x02x]",
                    b"\x04\x02x]",
                ];
                edits.extend(values.iter().map(|value| [&head[..], value].concat()));
            }
        }
        edits.push(vec![0, place, 0, 0, 5]);
    }
    edits
}

/// Bytes of the file itself, here and there.
#[must_use]
pub fn pages() -> Vec<Vec<u8>> {
    (0..template::bytes().len() as u32).step_by(397).map(|at| [&[1], &at.to_be_bytes()[1..], &[0xa5]].concat()).collect()
}
