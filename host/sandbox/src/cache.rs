//! The folder of compiled components: each is compiled once.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, Metadata};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytesize::ByteSize;
use rustix::fs::{CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compile::{CompileError, Compiler};
use crate::error::SandboxError;

/// What compiled components are named.
const EXTENSION: &str = "cwasm";

/// What they are named while they are compiled.
const TEMPORARY: &str = "tmp";

/// A folder of compiled components that only this user can write: what is in it is run as machine
/// code.
pub(crate) struct Cache {
    folder: PathBuf,
    limit: ByteSize,
    compiler: Compiler,
    /// One component is compiled at a time: each may take all the memory that one may.
    compiling: Mutex<()>,
    /// Something was compiled since it was last asked.
    grown: AtomicBool,
}

impl Cache {
    /// Opens the cache, and makes it where it is not there.
    pub(crate) fn open(folder: &Path, limit: ByteSize, compiler: Compiler) -> Result<Self, SandboxError> {
        let unusable = |reason: String| SandboxError::Cache { path: folder.to_owned(), reason };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| unusable(error.to_string()))?;
        let metadata = fs::metadata(folder).map_err(|error| unusable(error.to_string()))?;
        if !is_ours(&metadata) {
            return Err(unusable("others can write to it, and what is in it is run as machine code (`chmod 700` it)".into()));
        }
        Ok(Self { folder: folder.to_owned(), limit, compiler, compiling: Mutex::default(), grown: AtomicBool::new(false) })
    }

    /// The component of these bytes, compiled now or earlier. `digest` is their SHA-256 in hex.
    /// Blocks for as long as compiling takes.
    pub(crate) fn component(&self, engine: &Engine, digest: &str, bytes: &[u8]) -> Result<Component, CompileError> {
        let path = self.folder.join(format!("{digest}-{}.{EXTENSION}", fingerprint(engine)));
        if let Some(component) = load(engine, &path) {
            return Ok(component);
        }
        let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(component) = load(engine, &path) {
            return Ok(component);
        }
        let stored = |error| CompileError::Store { path: path.clone(), error };
        // Written beside and renamed: the file is there whole or not at all, and one that is mapped
        // is never changed.
        let temporary = path.with_extension(format!("{}.{TEMPORARY}", std::process::id()));
        let compiled = self.compiler.compile(bytes, &temporary);
        let renamed = compiled.and_then(|()| fs::rename(&temporary, &path).map_err(stored)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        });
        renamed?;
        self.grown.store(true, Ordering::Relaxed);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() && is_ours(&metadata) => deserialize(engine, &path).map_err(CompileError::Resources),
            Ok(_) => Err(stored(io::Error::other("the file that was just written belongs to somebody else"))),
            Err(error) => Err(stored(error)),
        }
    }

    /// True where something was compiled since the last time that this was asked.
    pub(crate) fn has_grown(&self) -> bool {
        self.grown.swap(false, Ordering::Relaxed)
    }

    /// Removes what was last used before `since`, in seconds since 1970, and then the code that was not
    /// used for longest, until the folder is within its limit. What components of these digests need
    /// stays in any case.
    pub(crate) fn trim(&self, used: &HashSet<String>, since: i64) -> io::Result<()> {
        let mut total = 0;
        let mut unused = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let (path, metadata) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            let extension = path.extension().unwrap_or_default();
            if extension == TEMPORARY && metadata.mtime() < since {
                // Of a host that was killed while it compiled.
                fs::remove_file(&path)?;
            }
            if extension != EXTENSION {
                continue;
            }
            total += metadata.len();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.split_once('-').is_none_or(|(digest, _)| !used.contains(digest)) {
                unused.push(((metadata.mtime(), metadata.mtime_nsec()), metadata.len(), path));
            }
        }
        unused.sort();
        for ((used, _), size, path) in unused {
            if used >= since && total <= self.limit.as_u64() {
                break;
            }
            // It may be mapped: the file goes when nobody uses it any more.
            fs::remove_file(&path)?;
            total -= size;
        }
        Ok(())
    }
}

/// What compiled code depends on besides the component: wasmtime's version and settings, and the
/// processor's features.
fn fingerprint(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            unreachable!("only the whole digest is read")
        }
    }
    let mut sha = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sha);
    std::env::consts::ARCH.hash(&mut sha);
    hex::encode(&sha.0.finalize()[..8])
}

/// Loads compiled code; none where there is no file that is ours and whole.
fn load(engine: &Engine, path: &Path) -> Option<Component> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || !is_ours(&metadata) {
        return None;
    }
    let component = deserialize(engine, path).ok()?;
    // The time of its last use, for `trim`; without it, the file only goes sooner.
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let _ = utimensat(CWD, path, &Timestamps { last_access: now, last_modification: now }, rustix::fs::AtFlags::empty());
    Some(component)
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `Compiler` from wasmtime's own output: it lies in a folder and
    // has an owner and mode that nobody but this user can write to, and it is never changed in
    // place. wasmtime checks that its version, settings and processor features are this engine's.
    unsafe { Component::deserialize_file(engine, path) }
}

/// True where nobody but this user can write.
fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::engine;
    use crate::sandbox::SandboxOptions;

    fn engine() -> Engine {
        engine::start(&SandboxOptions { instances: 1, ..SandboxOptions::default() }).unwrap()
    }

    fn open(folder: &Path, limit: u64) -> Result<Cache, SandboxError> {
        Cache::open(folder, ByteSize(limit), Compiler::Here)
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_component_is_compiled_once_and_a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(&folder.path().join("a/cache"), u64::MAX).unwrap();
        let engine = engine();
        let bytes = wat::parse_str("(component)").unwrap();
        cache.component(&engine, "d1", &bytes).unwrap();
        let [file] = &files(&cache.folder)[..] else { panic!("one file is expected") };
        // Bytes that are no component do no harm where the code is in the cache.
        cache.component(&engine, "d1", b"not read").unwrap();
        fs::write(file, "damaged").unwrap();
        cache.component(&engine, "d1", &bytes).unwrap();
        cache.component(&engine, "d1", b"not read").unwrap();
        assert_eq!(files(&cache.folder).len(), 1);
    }

    #[test]
    fn a_cache_that_others_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(open(folder.path(), 0), Err(SandboxError::Cache { .. })));
    }

    #[test]
    fn code_that_others_can_write_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), u64::MAX).unwrap();
        let engine = engine();
        cache.component(&engine, "d1", &wat::parse_str("(component)").unwrap()).unwrap();
        fs::set_permissions(&files(folder.path())[0], fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(cache.component(&engine, "d1", b"compiled anew"), Err(CompileError::Invalid(_))));
    }

    #[test]
    fn over_the_limit_what_nobody_uses_goes_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine();
        let one = wat::parse_str("(component)").unwrap();
        let cache = open(folder.path(), u64::MAX).unwrap();
        for digest in ["old", "used", "new"] {
            cache.component(&engine, digest, &one).unwrap();
        }
        let file = |digest: &str| files(folder.path()).into_iter().find(|f| f.file_name().unwrap().to_string_lossy().starts_with(digest));
        let size = fs::metadata(file("new").unwrap()).unwrap().len();
        let aged = |digest: &str, seconds| {
            let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            File::options().write(true).open(file(digest).unwrap()).unwrap().set_modified(at).unwrap();
        };
        for (digest, at) in [("used", 1), ("new", 2), ("old", 3)] {
            aged(digest, at);
        }
        // A use counts: now the one named new is the youngest.
        cache.component(&engine, "new", b"not read").unwrap();
        let used = HashSet::from(["used".to_owned()]);
        open(folder.path(), 2 * size).unwrap().trim(&used, i64::MIN).unwrap();
        assert_eq!(["old", "used", "new"].map(|digest| file(digest).is_some()), [false, true, true]);
        open(folder.path(), 0).unwrap().trim(&used, i64::MIN).unwrap();
        assert_eq!(["used", "new"].map(|digest| file(digest).is_some()), [true, false], "what is used stays, whatever the limit");
    }

    #[test]
    fn what_nobody_used_for_long_goes_whatever_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine();
        let one = wat::parse_str("(component)").unwrap();
        let cache = open(folder.path(), u64::MAX).unwrap();
        for digest in ["old", "used", "new"] {
            cache.component(&engine, digest, &one).unwrap();
        }
        for left in ["old.7.tmp", "new.7.tmp"] {
            fs::write(folder.path().join(left), "half").unwrap();
        }
        for file in files(folder.path()).iter().filter(|file| !file.file_name().unwrap().to_string_lossy().starts_with("new")) {
            let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(99);
            File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
        }
        cache.trim(&HashSet::from(["used".to_owned()]), 100).unwrap();
        let mut left: Vec<_> = files(folder.path()).iter().map(|f| f.file_name().unwrap().to_string_lossy()[..3].to_owned()).collect();
        left.sort();
        assert_eq!(left, ["new", "new", "use"]);
    }
}
