//! Copies of a journal: written while a host serves from it, and put in its place when none does.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::check::{self, Contents};
use crate::options::OpenError;
use crate::schema::{self, Lock, beside};
use crate::space;

/// Pages that are copied before the copy is put on disk: little enough that the fsyncs of the acks
/// never wait long behind it.
const PAGES: i32 = 2048;

/// What else belongs to a journal.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".lock"];

/// Why a backup was not written, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is there.
    #[error("{0} is there already and stays as it is: name another file, or give --force to replace it")]
    Exists(PathBuf),
    /// The file is the journal, or belongs to it.
    #[error("{0} belongs to the journal itself: name another file")]
    OfJournal(PathBuf),
    /// Another one is under way.
    #[error("another backup is being written: wait until it has ended")]
    Busy,
    /// The host stops.
    #[error("the backup was given up because the host is stopping: ask again when it is back")]
    Stopped,
    /// There is too little room for it.
    #[error("{needed} MiB are needed in {directory}, and {free} MiB are free: free space there, or name a file elsewhere")]
    NoRoom {
        /// Where.
        directory: PathBuf,
        /// MiB that it takes at most, with what journal.free_space keeps.
        needed: u64,
        /// MiB that are free.
        free: u64,
    },
    /// A file cannot be read or written.
    #[error("{path}: {cause}; look at the path and at the permissions of the account that the host runs as")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] OpenError),
}

/// Writes backups of a journal that is open; at most one at a time.
#[derive(Clone)]
pub struct Backups {
    journal: PathBuf,
    free_space: u64,
    alone: Arc<Mutex<()>>,
    stop: Arc<AtomicBool>,
}

impl Backups {
    pub(crate) fn new(journal: PathBuf, free_space: u64) -> Self {
        Self { journal, free_space, alone: Arc::default(), stop: Arc::default() }
    }

    /// Gives up what is being written, and writes nothing more.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Writes all that is committed now to a file, readable by the owner only. Answers its size in
    /// bytes. Blocks for as long as the copy takes; acks go on, and the write-ahead log grows
    /// meanwhile. The file has its name only when it is whole and on disk.
    ///
    /// # Errors
    /// The file is there and may not be replaced, it belongs to the journal, another backup is
    /// under way, [`stop`](Self::stop) was called, or the disk is full or fails.
    pub fn write(&self, to: &Path, replace: bool) -> Result<u64, BackupError> {
        let _alone = match self.alone.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy),
            Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
            Ok(alone) => alone,
        };
        if is_of(to, &self.journal) {
            return Err(BackupError::OfJournal(to.to_owned()));
        }
        if to.exists() && !replace {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let size = size(&self.journal) + size(&beside(&self.journal, "-wal"));
        room(directory(to), size + self.free_space)?;
        let part = beside(to, ".part");
        let copied = self.copy(&part).and_then(|()| put(&part, to));
        if copied.is_err() {
            remove(&part);
        }
        copied.map(|()| self::size(to))
    }

    fn copy(&self, part: &Path) -> Result<(), BackupError> {
        let fault = OpenError::sqlite;
        remove(part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part).map_err(io_error(part))?;
        let from = schema::reader(&self.journal, 1 << 20).map_err(fault(&self.journal))?;
        schema::leave_log(&from).map_err(fault(&self.journal))?;
        // One view for the whole copy. Without it each commit would have the copy begin anew.
        from.execute_batch("BEGIN; SELECT count(*) FROM meta").map_err(fault(&self.journal))?;
        let mut into = Connection::open(part).map_err(fault(part))?;
        // Until it is whole it is worth nothing, so it needs no journal of its own.
        into.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(fault(part))?;
        let copy = Backup::new(&from, &mut into).map_err(fault(part))?;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(BackupError::Stopped);
            }
            match copy.step(PAGES).map_err(fault(part))? {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
            file.sync_data().map_err(io_error(part))?;
        }
        drop(copy);
        into.close().map_err(|(_, error)| fault(part)(error))?;
        let copied = schema::reader(part, 1 << 20).map_err(fault(part))?;
        Ok(check::quick(&copied, part)?)
    }
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the journal holds now.
    pub contents: Contents,
    /// Where the journal that was there is kept.
    pub kept: Option<PathBuf>,
}

/// Puts a backup in a journal's place, where no host serves from it. The backup is copied and
/// wholly checked before anything is replaced; the journal that was there is kept beside it.
///
/// # Errors
/// A host serves from the journal, the backup is not there, no journal, of a newer version or
/// damaged, or a file cannot be written. Nothing was replaced then.
pub fn restore(backup: &Path, journal: &Path, now: Timestamp) -> Result<Restored, BackupError> {
    if !backup.is_file() {
        return Err(OpenError::Missing { path: backup.to_owned() }.into());
    }
    if is_of(backup, journal) {
        return Err(BackupError::OfJournal(backup.to_owned()));
    }
    let _lock = Lock::take(journal)?;
    let part = beside(journal, ".part");
    let restored = copy_whole(backup, &part).and_then(|contents| {
        let kept = set_aside(journal, now)?;
        put(&part, journal)?;
        Ok(Restored { contents, kept })
    });
    if restored.is_err() {
        remove(&part);
    }
    restored
}

fn copy_whole(backup: &Path, part: &Path) -> Result<Contents, BackupError> {
    room(directory(part), size(backup))?;
    remove(part);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part).map_err(io_error(part))?;
    let mut old = File::open(backup).map_err(io_error(backup))?;
    io::copy(&mut old, &mut new).map_err(io_error(part))?;
    // A backup has no log; a journal that was copied by hand may have one.
    let log = beside(backup, "-wal");
    if log.exists() {
        fs::copy(&log, beside(part, "-wal")).map_err(io_error(&log))?;
    }
    let conn = schema::reader(part, 64 << 20).map_err(OpenError::sqlite(part))?;
    // Its name is for errors: the operator knows the backup, not the copy.
    let contents = check::thorough(&conn, backup)?;
    conn.close().map_err(|(_, error)| OpenError::sqlite(part)(error))?;
    Ok(contents)
}

/// Keeps a journal under another name, with its log, which would else be taken for the new one's.
fn set_aside(journal: &Path, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    if !journal.exists() {
        ["-wal", "-shm"].iter().for_each(|ending| remove(&beside(journal, ending)));
        return Ok(None);
    }
    // A sound journal takes its log in, and is one file then. A damaged one may not.
    if let Ok(conn) = Connection::open(journal) {
        let _ = conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    let kept = beside(journal, &format!(".before-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    // By a second name, so that at no moment there is no journal: a host would make an empty one.
    fs::hard_link(journal, &kept).map_err(io_error(&kept))?;
    for ending in ["-wal", "-shm"] {
        let file = beside(journal, ending);
        if file.exists() {
            fs::rename(&file, beside(&kept, ending)).map_err(io_error(&file))?;
        }
    }
    Ok(Some(kept))
}

/// Gives a whole file its name, durably.
fn put(part: &Path, to: &Path) -> Result<(), BackupError> {
    File::open(part).and_then(|file| file.sync_all()).map_err(io_error(part))?;
    fs::rename(part, to).map_err(io_error(to))?;
    File::open(directory(to)).and_then(|directory| directory.sync_all()).map_err(io_error(to))
}

fn room(directory: &Path, needed: u64) -> Result<(), BackupError> {
    let free = space::free(directory).map_err(io_error(directory))?;
    if free >= needed {
        return Ok(());
    }
    Err(BackupError::NoRoom { directory: directory.to_owned(), needed: (needed >> 20) + 1, free: free >> 20 })
}

/// True where the path leads to the journal or to a file that belongs to it.
fn is_of(path: &Path, journal: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let all = BESIDE.iter().map(|ending| beside(journal, ending)).chain([journal.to_owned()]);
    let found = identity(path);
    all.into_iter().any(|file| path == file || found.is_some() && found == identity(&file))
}

/// A file and what SQLite leaves beside it.
fn remove(file: &Path) {
    for path in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        let _ = fs::remove_file(path);
    }
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |cause| BackupError::File { path: path.clone(), cause }
}
