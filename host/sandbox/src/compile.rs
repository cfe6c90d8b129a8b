//! From a component's bytes to machine code, once: the code is kept in a cache folder.

use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine;
use crate::error::SandboxError;

/// A folder of compiled components that only this user can write: what is in it is run as machine
/// code.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the cache, and makes it where it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, SandboxError> {
        let unusable = |reason: String| SandboxError::Cache { path: folder.to_owned(), reason };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| unusable(error.to_string()))?;
        let metadata = fs::metadata(folder).map_err(|error| unusable(error.to_string()))?;
        if !is_ours(&metadata) {
            return Err(unusable("others can write to it, and what is in it is run as machine code (`chmod 700` it)".into()));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The component of these bytes, compiled now or earlier. `digest` is their SHA-256 in hex.
    pub(crate) fn component(&self, engine: &Engine, digest: &str, bytes: &[u8]) -> Result<Component, CompileError> {
        let path = self.folder.join(format!("{digest}-{}.cwasm", fingerprint(engine)));
        if let Some(component) = load(engine, &path).and_then(Result::ok) {
            return Ok(component);
        }
        let code = compile(bytes).map_err(CompileError::Invalid)?;
        store(&path, &code).map_err(|error| CompileError::Store { path: path.clone(), error })?;
        match load(engine, &path) {
            Some(loaded) => loaded.map_err(CompileError::Resources),
            None => {
                let error = io::Error::other("the file that was just written belongs to somebody else");
                Err(CompileError::Store { path, error })
            }
        }
    }
}

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum CompileError {
    /// The compiler refuses it.
    Invalid(wasmtime::Error),
    /// It does not fit into the pool.
    Resources(wasmtime::Error),
    /// The cache cannot take it.
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The seam behind which compilation happens: bytes to bytes, nothing shared.
///
/// wasmtime 48 keeps what the compiler used for as long as the engine lives, so it gets an engine
/// of its own that is dropped at once.
fn compile(bytes: &[u8]) -> wasmtime::Result<Vec<u8>> {
    Engine::new(&engine::config())?.precompile_component(bytes)
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

/// Loads compiled code; none where there is no file that is ours.
fn load(engine: &Engine, path: &Path) -> Option<wasmtime::Result<Component>> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || !is_ours(&metadata) {
        return None;
    }
    Some(deserialize(engine, path))
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `store` from wasmtime's own output: it lies in a folder and
    // has an owner and mode that nobody but this user can write to, and it is never changed in
    // place. wasmtime checks that its version, settings and processor features are this engine's.
    unsafe { Component::deserialize_file(engine, path) }
}

/// True where nobody but this user can write.
fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Writes the file so that it is there whole or not at all: it may be mapped while another one
/// takes its name.
fn store(path: &Path, code: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary).and_then(|mut file| {
        file.write_all(code)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sandbox::SandboxOptions;

    fn engine() -> Engine {
        engine::start(&SandboxOptions { instances: 1, ..SandboxOptions::default() }).unwrap()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_component_is_compiled_once_and_a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("a/cache")).unwrap();
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
        assert!(matches!(Cache::open(folder.path()), Err(SandboxError::Cache { .. })));
    }

    #[test]
    fn code_that_others_can_write_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let engine = engine();
        cache.component(&engine, "d1", &wat::parse_str("(component)").unwrap()).unwrap();
        fs::set_permissions(&files(folder.path())[0], fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(cache.component(&engine, "d1", b"compiled anew"), Err(CompileError::Invalid(_))));
    }
}
