//! The file of the write-ahead log: what a commit writes reaches it in few large writes.
//!
//! SQLite writes the log page by page, and each page in two pieces; for a batch of 64 callbacks
//! that is well over a hundred system calls. Here the pieces are gathered, and written when the log
//! is synced, or when something else is asked of the file. Nothing reads a commit's pages before the
//! log is synced (`synchronous=FULL`), and what fails to be written is kept, so that the sync fails too.

#![allow(unsafe_code, reason = "SQLite's interface to files is C")]

use std::ffi::{CStr, c_int, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use rusqlite::ffi::{self, SQLITE_IOERR, SQLITE_NOTFOUND, SQLITE_OK, SQLITE_OPEN_WAL};

/// The name to open connections with.
const NAME: &CStr = c"mortar-log";

/// More is not gathered, in bytes.
const MOST: usize = 1 << 20;

/// SQLite's own file takes less than 128 KiB at once.
const AT_ONCE: usize = 64 << 10;

/// Where SQLite's own file begins behind [`LogFile`].
const HEAD: usize = size_of::<LogFile>().next_multiple_of(16);

/// What SQLite sees of an open log.
#[repr(C)]
struct LogFile {
    base: ffi::sqlite3_file,
    gathered: *mut Gathered,
}

/// What was written and is not in the file yet.
#[derive(Default)]
struct Gathered {
    start: i64,
    bytes: Vec<u8>,
}

/// SQLite's own way to files. It lives as long as the process.
struct Own(*mut ffi::sqlite3_vfs);
// SAFETY: SQLite registers it once and for all, and all threads use it.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

static OWN: OnceLock<Result<Own, c_int>> = OnceLock::new();

/// Makes the way to files known to SQLite. Answers its name.
///
/// # Errors
/// SQLite's.
pub(crate) fn register() -> rusqlite::Result<&'static CStr> {
    match OWN.get_or_init(registered) {
        Ok(_) => Ok(NAME),
        Err(code) => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(*code), None)),
    }
}

fn registered() -> Result<Own, c_int> {
    // SAFETY: a null name finds the default; what is registered is never freed.
    unsafe {
        let own = ffi::sqlite3_vfs_find(std::ptr::null());
        if own.is_null() {
            return Err(ffi::SQLITE_MISUSE);
        }
        // All but opening is SQLite's own.
        let room = HEAD as c_int + (*own).szOsFile;
        let vfs = ffi::sqlite3_vfs { szOsFile: room, pNext: null_mut(), zName: NAME.as_ptr(), xOpen: Some(open), ..*own };
        match ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0) {
            SQLITE_OK => Ok(Own(own)),
            code => Err(code),
        }
    }
}

/// Calls a method of SQLite's own file.
macro_rules! own {
    ($file:expr, $method:ident($($argument:expr),*), else $missing:expr) => {{
        let own = own_file($file);
        match (*(*own).pMethods).$method {
            Some(method) => method(own, $($argument),*),
            None => $missing,
        }
    }};
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// SQLite's own file, behind ours.
unsafe fn own_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `registered` asks for room for both.
    unsafe { file.byte_add(HEAD) }
}

unsafe fn gathered<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Gathered {
    // SAFETY: `open` made it, `close` frees it, and SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<LogFile>()).gathered }
}

/// Writes what was gathered.
unsafe fn flush(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: an open log.
    unsafe {
        let gathered = gathered(file);
        if gathered.bytes.is_empty() {
            return SQLITE_OK;
        }
        let mut start = gathered.start;
        for part in gathered.bytes.chunks(AT_ONCE) {
            let code = own!(file, xWrite(part.as_ptr().cast(), part.len() as c_int, start), else SQLITE_IOERR);
            if code != SQLITE_OK {
                return code;
            }
            start += part.len() as i64;
        }
        gathered.start = start;
        gathered.bytes.clear();
        SQLITE_OK
    }
}

// SAFETY of all below: SQLite calls them with what `open` has set up.

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let Some(Ok(Own(own))) = OWN.get() else { return ffi::SQLITE_CANTOPEN };
    unsafe {
        let Some(open) = (**own).xOpen else { return ffi::SQLITE_CANTOPEN };
        if flags & SQLITE_OPEN_WAL == 0 {
            return open(*own, name, file, flags, out_flags);
        }
        (*file).pMethods = std::ptr::null();
        let code = open(*own, name, own_file(file), flags, out_flags);
        if code == SQLITE_OK {
            (*file.cast::<LogFile>()).gathered = Box::into_raw(Box::default());
            (*file).pMethods = &raw const METHODS;
        }
        code
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let flushed = flush(file);
        drop(Box::from_raw((*file.cast::<LogFile>()).gathered));
        match own!(file, xClose(), else SQLITE_OK) {
            SQLITE_OK => flushed,
            code => code,
        }
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, length: c_int, start: i64) -> c_int {
    unsafe {
        let gathered = gathered(file);
        let piece = std::slice::from_raw_parts(bytes.cast::<u8>(), length.max(0) as usize);
        if start != gathered.start + gathered.bytes.len() as i64 || gathered.bytes.len() + piece.len() > MOST {
            let code = flush(file);
            if code != SQLITE_OK {
                return code;
            }
            gathered.start = start;
        }
        gathered.bytes.extend_from_slice(piece);
        SQLITE_OK
    }
}

/// Does something to the file that must find all that was written.
macro_rules! flushed {
    ($file:expr, $method:ident($($argument:expr),*)) => {
        match flush($file) {
            SQLITE_OK => own!($file, $method($($argument),*), else SQLITE_IOERR),
            code => code,
        }
    };
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, length: c_int, start: i64) -> c_int {
    unsafe { flushed!(file, xRead(into, length, start)) }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    unsafe { flushed!(file, xTruncate(size)) }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    unsafe { flushed!(file, xSync(flags)) }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    unsafe { flushed!(file, xFileSize(size)) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { own!(file, xLock(level), else SQLITE_OK) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { own!(file, xUnlock(level), else SQLITE_OK) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, held: *mut c_int) -> c_int {
    unsafe { own!(file, xCheckReservedLock(held), else SQLITE_OK) }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    unsafe { own!(file, xFileControl(operation, argument), else SQLITE_NOTFOUND) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe { own!(file, xSectorSize(), else 4096) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe { own!(file, xDeviceCharacteristics(), else 0) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rusqlite::Connection;

    use crate::options::Options;
    use crate::schema;

    struct File {
        path: PathBuf,
        _directory: tempfile::TempDir,
    }

    impl File {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self { path: directory.path().join("journal.db"), _directory: directory }
        }

        fn writer(&self, page_cache: usize) -> Connection {
            schema::writer(&self.path, &Options { page_cache, ..Options::default() }).unwrap()
        }

        fn log(&self) -> u64 {
            self.path.with_extension("db-wal").metadata().unwrap().len()
        }
    }

    #[test]
    fn a_commit_is_one_write_and_others_see_it() {
        let file = File::new();
        let conn = file.writer(64 << 20);
        conn.execute_batch("CREATE TABLE t (a BLOB)").unwrap();
        let before = file.log();
        conn.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (randomblob(100000))").unwrap();
        assert_eq!(file.log(), before);
        conn.execute_batch("COMMIT").unwrap();
        assert!(file.log() > before + 100_000);
        let other = Connection::open(&file.path).unwrap();
        assert_eq!(other.query_row("SELECT sum(length(a)) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 100_000);
        assert_eq!(other.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    }

    #[test]
    fn a_transaction_larger_than_the_cache_reads_its_own_pages() {
        let file = File::new();
        let conn = file.writer(64 << 10);
        conn.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB); BEGIN IMMEDIATE").unwrap();
        for _ in 0..200 {
            conn.execute_batch("INSERT INTO t (a) VALUES (randomblob(20000)); UPDATE t SET a = a || x'00' WHERE id % 7 = 0").unwrap();
        }
        let sum = "SELECT sum(length(a)) FROM t";
        let within = conn.query_row(sum, [], |row| row.get::<_, i64>(0)).unwrap();
        conn.execute_batch("COMMIT").unwrap();
        drop(conn);
        let other = Connection::open(&file.path).unwrap();
        assert_eq!(other.query_row(sum, [], |row| row.get::<_, i64>(0)).unwrap(), within);
        assert_eq!(other.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    }

    #[test]
    fn what_was_rolled_back_leaves_no_trace() {
        let file = File::new();
        let conn = file.writer(64 << 10);
        conn.execute_batch("CREATE TABLE t (a BLOB)").unwrap();
        for _ in 0..20 {
            conn.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (randomblob(300000)); ROLLBACK").unwrap();
            conn.execute_batch("INSERT INTO t VALUES (randomblob(3000))").unwrap();
        }
        let other = Connection::open(&file.path).unwrap();
        assert_eq!(
            other.query_row("SELECT count(*), sum(length(a)) FROM t", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap(),
            (20, 60_000)
        );
        assert_eq!(other.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
    }
}
