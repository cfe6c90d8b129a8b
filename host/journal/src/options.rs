//! What can be set, and what can go wrong at the start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mortar_core::config::JournalConfig;
use rusqlite::ErrorCode;

/// Settings of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long ids are remembered, at least. As long as an event is kept, its id is known too.
    pub dedupe_window: Duration,
    /// How long finished events are kept, from their receipt.
    pub keep_events: Duration,
    /// How many rejected callbacks are kept.
    pub rejected_sample: u32,
    /// The most bytes that the bodies of the rejected callbacks take.
    pub rejected_bytes: u64,
    /// How long the audit log goes back.
    pub keep_audit: Duration,
    /// How many actions the audit log has, at most.
    pub audit_limit: u32,
    /// How many tokens there can be.
    pub tokens: u32,
    /// Bytes that are kept free on the file system; with less, callbacks are refused. 0: none.
    pub free_space: u64,
    /// Operations in line before `Busy`.
    pub queue: usize,
    /// The most bytes that the bodies in line take before `Busy`.
    pub queue_bytes: usize,
    /// Open deliveries before `Busy`. Each takes about 100 bytes of memory.
    pub open_deliveries: usize,
    /// Bytes of memory for events that were just accepted, so that their delivery need not read them.
    pub event_cache: usize,
    /// Bytes of memory for pages of the file.
    pub page_cache: usize,
    /// Bytes in a page of a new file: a power of two, 512 to 65536.
    pub page_size: u32,
    /// Ids in an immutable run. Up to twice as many are in a map in memory, at about 29 bytes each;
    /// an id in a run takes 2 bytes of memory.
    pub ids_per_run: usize,
    /// Bytes in the write-ahead log before it is copied into the file.
    pub wal_bytes: u64,
    /// Whether events are noted by what they name, in a file beside the journal. Searches read all events
    /// without.
    pub terms: bool,
}

impl Default for Options {
    fn default() -> Self {
        let config = JournalConfig::default();
        Self {
            dedupe_window: config.dedupe_window,
            keep_events: config.keep_events,
            rejected_sample: config.rejected_sample,
            rejected_bytes: 64 << 20,
            keep_audit: config.keep_audit,
            audit_limit: config.audit_limit,
            tokens: 1000,
            free_space: config.free_space.0,
            queue: config.queue,
            queue_bytes: 128 << 20,
            open_deliveries: config.open_deliveries,
            event_cache: 8 << 20,
            // Most of what is written is not read again soon, and SQLite looks through all of it with each commit.
            page_cache: 8 << 20,
            // Every batch rewrites the last page of each table and page 1, so small pages save writes: at
            // 32 bodies of 1.5 kB in a batch 2.5 bytes are written for each, with 4096 2.75, with 8192 3.1.
            page_size: 2048,
            // A little below seven eighths of a power of two: the map is nearly full when it is
            // sealed, and has not grown yet.
            ids_per_run: 225_000,
            // Larger ones save nothing more, and the disk is busy for longer when it is copied.
            wal_bytes: 16 << 20,
            terms: false,
        }
    }
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process serves from it.
    #[error("{path} is in use by another process{}; one host serves from a journal: stop that one, or give this one another journal.path", .holder.as_ref().map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The journal.
        path: PathBuf,
        /// That process, where it can be told.
        holder: Option<String>,
    },
    /// The file beside the journal that locks it cannot be written.
    #[error("{path} cannot be created or locked: {cause}; the journal's directory must exist and be writable")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A later version of Mortar wrote it.
    #[error("{path} has schema {found}, this version of Mortar knows schemas up to {known}: run the version that wrote it, or a later one")]
    NewerSchema {
        /// The journal.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// It is an SQLite file of something else.
    #[error("{path} is an SQLite file, but not a journal of Mortar: set journal.path to another file")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// SQLite cannot open or read it.
    #[error("{path} cannot be opened: {cause}")]
    Sqlite {
        /// The journal.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// What it holds does not make sense.
    #[error("{path} is damaged: {what}; put a backup in its place with `mortar restore FILE`, or recover what can be read with `sqlite3 {path} .recover`", path = .path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// It is not there.
    #[error("there is no file {path}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A thread cannot be started.
    #[error("the journal's threads cannot be started: {0}")]
    Thread(std::io::Error),
}

impl OpenError {
    /// What a fault of SQLite says about the file.
    pub(crate) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self + Copy {
        move |cause| match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                Self::Damaged { path: path.to_owned(), what: cause.to_string() }
            }
            Some(_) => Self::Sqlite { path: path.to_owned(), cause },
        }
    }
}
