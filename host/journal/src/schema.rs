//! The file: its lock, its connections, its migrations and its few single values.

use std::ffi::CStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, OptionalExtension, ToSql};

use crate::log_file;
use crate::options::{OpenError, Options};

/// Each takes the file from the version of its index to the next.
const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_journal.sql")];

/// Marks an SQLite file as a journal: "Mort".
const APPLICATION: i64 = 0x4d6f_7274;

/// Holds the journal for this process as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(journal: &Path) -> Result<Self, OpenError> {
        let path = beside(journal, ".lock");
        let fault = |cause| OpenError::Lock { path: path.clone(), cause };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(cause)) => return Err(fault(cause)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let holder = file.read_to_string(&mut holder).is_ok_and(|_| !holder.is_empty()).then_some(holder);
                return Err(OpenError::InUse { path: journal.to_owned(), holder });
            }
        }
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id())).map_err(fault)?;
        Ok(Self { _file: file })
    }
}

/// The file of this name with an ending more.
pub(crate) fn beside(journal: &Path, ending: &str) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// A connection that writes. Copying the write-ahead log into the file is not its business.
pub(crate) fn writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let conn = connection(path, Some(log_file::register()?))?;
    conn.pragma_update(None, "page_size", options.page_size)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", options.wal_bytes.saturating_mul(2).cast_signed())?;
    conn.pragma_update(None, "cache_size", -kibibytes(options.page_cache))?;
    Ok(conn)
}

/// A connection that reads, or copies the write-ahead log into the file.
pub(crate) fn reader(path: &Path, page_cache: usize) -> rusqlite::Result<Connection> {
    let conn = connection(path, None)?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -kibibytes(page_cache))?;
    Ok(conn)
}

/// Has a connection leave the write-ahead log alone when it is the last to be closed.
pub(crate) fn leave_log(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

fn connection(path: &Path, files: Option<&CStr>) -> rusqlite::Result<Connection> {
    let conn = match files {
        Some(files) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), files)?,
        None => Connection::open(path)?,
    };
    conn.set_prepared_statement_cache_capacity(64);
    // Else a statement with a range is prepared again for each new value.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Only somebody with a shell holds it longer than an instant.
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(conn)
}

fn kibibytes(bytes: usize) -> i64 {
    i64::try_from(bytes / 1024).unwrap_or(i64::MAX)
}

/// The file's schema: 0 where it is empty.
pub(crate) fn version(conn: &Connection, path: &Path) -> Result<usize, OpenError> {
    let fault = OpenError::sqlite(path);
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(fault);
    let (found, application) = (number("user_version")?, number("application_id")?);
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
    if application != APPLICATION && (tables > 0 || found != 0) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = MIGRATIONS.len() as i64;
    let of_ours = usize::try_from(found).ok().filter(|version| *version <= MIGRATIONS.len());
    of_ours.ok_or_else(|| OpenError::NewerSchema { path: path.to_owned(), found, known })
}

/// What a file of this schema has: name, type and definition.
pub(crate) fn expected(version: usize) -> rusqlite::Result<Vec<(String, String, String)>> {
    let conn = Connection::open_in_memory()?;
    MIGRATIONS.iter().take(version).try_for_each(|migration| conn.execute_batch(migration))?;
    let mut rows = conn.prepare("SELECT name, type, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
    rows.query_map([], |row| row.try_into())?.collect()
}

/// Brings the file to the newest schema.
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let found = version(conn, path)?;
    for (version, migration) in (1i64..).zip(MIGRATIONS).skip(found) {
        let mut step = || {
            let tx = conn.transaction()?;
            tx.execute_batch(migration)?;
            tx.pragma_update(None, "application_id", APPLICATION)?;
            tx.pragma_update(None, "user_version", version)?;
            tx.commit()
        };
        step().map_err(OpenError::sqlite(path))?;
    }
    Ok(())
}

/// A single value, by name.
pub(crate) fn meta<T: FromSql>(conn: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached("SELECT value FROM meta WHERE name = ?")?.query_row([name], |row| row.get(0)).optional()
}

/// Sets a single value.
pub(crate) fn set_meta(conn: &Connection, name: &str, value: impl ToSql) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)")?.execute((name, value)).map(drop)
}
