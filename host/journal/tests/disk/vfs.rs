//! SQLite's way to files, with a [`Disk`] under it: what is written passes on to the file, which
//! stands for the system's cache, and the disk says what of it is lasting.

#![allow(unsafe_code, reason = "SQLite's interface to files is C")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi::{self, SQLITE_OK};

use super::platter::Disk;

/// The flags of files that a journal is made of.
const KEPT: c_int = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// SQLite's own way to files. It lives as long as the process.
struct Own(*mut ffi::sqlite3_vfs);
// SAFETY: SQLite registers it once and for all, and all threads use it.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

static OWN: OnceLock<Own> = OnceLock::new();

/// An open file. It is SQLite's own, with some methods replaced and this behind it.
struct Kept {
    methods: ffi::sqlite3_io_methods,
    own: *const ffi::sqlite3_io_methods,
    disk: Arc<Disk>,
    name: String,
    /// Failed syncs that it knows of.
    failed: AtomicU64,
}

/// Makes it what all connections of this process use, the journal's included. Files that are on no
/// [`Disk`] are not touched.
pub fn register() {
    OWN.get_or_init(|| {
        // SAFETY: a null name finds the default; what is registered is never freed.
        unsafe {
            let own = ffi::sqlite3_vfs_find(std::ptr::null());
            let vfs = ffi::sqlite3_vfs {
                szOsFile: (behind(own) + size_of::<*mut Kept>()) as c_int,
                pNext: null_mut(),
                zName: c"failing-disk".as_ptr(),
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*own
            };
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1), SQLITE_OK);
            Own(own)
        }
    });
}

/// Where SQLite's own file ends.
unsafe fn behind(own: *mut ffi::sqlite3_vfs) -> usize {
    // SAFETY: SQLite's own.
    unsafe { ((*own).szOsFile as usize).next_multiple_of(align_of::<*mut Kept>()) }
}

fn own() -> *mut ffi::sqlite3_vfs {
    OWN.get().expect("it is registered").0
}

unsafe fn place(file: *mut ffi::sqlite3_file) -> *mut *mut Kept {
    // SAFETY: `register` asks for room for both.
    unsafe { file.byte_add(behind(own())).cast() }
}

unsafe fn kept<'a>(file: *mut ffi::sqlite3_file) -> &'a Kept {
    // SAFETY: `open` made it, `close` frees it.
    unsafe { &**place(file) }
}

unsafe fn path<'a>(name: *const c_char) -> Option<&'a Path> {
    // SAFETY: SQLite's names end with a zero; a temporary file has none.
    unsafe { (!name.is_null()).then(|| Path::new(OsStr::from_bytes(CStr::from_ptr(name).to_bytes()))) }
}

// SAFETY of all below: SQLite calls them with what `open` has set up.

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    unsafe {
        let found = path(name).filter(|_| flags & KEPT != 0).and_then(Disk::of);
        if found.as_ref().is_some_and(|(disk, _)| disk.is_off()) {
            (*file).pMethods = std::ptr::null();
            return ffi::SQLITE_CANTOPEN;
        }
        let code = (*own()).xOpen.map_or(ffi::SQLITE_CANTOPEN, |open| open(own(), name, file, flags, out_flags));
        if code == SQLITE_OK
            && let Some((disk, name)) = found
        {
            let failed = AtomicU64::new(disk.opened(&name));
            let own = (*file).pMethods;
            let replaced =
                ffi::sqlite3_io_methods { xClose: Some(close), xWrite: Some(write), xTruncate: Some(truncate), xSync: Some(sync), ..*own };
            *place(file) = Box::into_raw(Box::new(Kept { methods: replaced, own, disk, name, failed }));
            (*file).pMethods = &raw const kept(file).methods;
        }
        code
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, lasting: c_int) -> c_int {
    unsafe {
        if let Some((disk, file)) = path(name).and_then(Disk::of)
            && !disk.deleted(&file)
        {
            return ffi::SQLITE_IOERR_DELETE;
        }
        (*own()).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(own(), name, lasting))
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let kept = Box::from_raw(*place(file));
        (*file).pMethods = kept.own;
        (*kept.own).xClose.map_or(SQLITE_OK, |close| close(file))
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, length: c_int, start: i64) -> c_int {
    unsafe {
        let kept = kept(file);
        let piece = std::slice::from_raw_parts(bytes.cast::<u8>(), length.max(0) as usize);
        if !kept.disk.write(&kept.name, start as usize, piece) {
            return ffi::SQLITE_IOERR_WRITE;
        }
        (*kept.own).xWrite.map_or(ffi::SQLITE_IOERR_WRITE, |write| write(file, bytes, length, start))
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    unsafe {
        let kept = kept(file);
        if !kept.disk.truncate(&kept.name, size as usize) {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        (*kept.own).xTruncate.map_or(ffi::SQLITE_IOERR_TRUNCATE, |truncate| truncate(file, size))
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // The real disk is of no interest.
    let kept = unsafe { kept(file) };
    if kept.disk.sync(&kept.name, &kept.failed) { SQLITE_OK } else { ffi::SQLITE_IOERR_FSYNC }
}
