//! The files of generations that can be gone back to, and what is remembered of each plugin:
//!
//! ```text
//! generations/NAME/record.json
//! generations/NAME/DIGEST/plugin.wasm
//! generations/NAME/DIGEST/plugin.toml
//! ```

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mortar_core::ports::{Found, Record};

use crate::load::Parts;

const COMPONENT: &str = "plugin.wasm";
const SETTINGS: &str = "plugin.toml";
const RECORD: &str = "record.json";

/// The folder of generations.
#[derive(Clone, Debug)]
pub(crate) struct Generations {
    folder: PathBuf,
    /// By plugin the generation that was put aside last. It may not be in a record yet.
    fresh: Arc<Mutex<HashMap<String, String>>>,
}

impl Generations {
    /// Opens the folder, and makes it where it is not there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned(), fresh: Arc::default() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the files of a generation down, unless they are there.
    pub(crate) fn put(&self, plugin: &str, digest: &str, parts: &Parts) -> io::Result<()> {
        self.fresh().insert(plugin.to_owned(), digest.to_owned());
        let place = self.place(plugin, digest);
        if place.is_dir() {
            return Ok(());
        }
        // Renamed when it is whole.
        let new = self.folder.join(plugin).join(format!(".{digest}"));
        DirBuilder::new().recursive(true).mode(0o700).create(&new)?;
        write(&new.join(COMPONENT), &parts.component)?;
        if let Some(settings) = &parts.settings {
            write(&new.join(SETTINGS), settings.as_bytes())?;
        }
        fs::rename(new, place)
    }

    /// The files of a generation, if they are kept.
    pub(crate) fn get(&self, plugin: &str, digest: &str) -> Option<Found> {
        let place = self.place(plugin, digest);
        let settings = Some(place.join(SETTINGS)).filter(|file| file.is_file());
        let component = Some(place.join(COMPONENT)).filter(|file| file.is_file())?;
        Some(Found { name: plugin.to_owned(), component, settings, stamp: 0, whole: true })
    }

    /// Every record that can be read. One that cannot is told, and that plugin starts anew.
    pub(crate) fn records(&self) -> Vec<Record> {
        let plugins = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let record = |file: PathBuf| -> io::Result<Option<Record>> {
            match fs::read(file) {
                Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        };
        let told = |plugin: fs::DirEntry| {
            let file = plugin.path().join(RECORD);
            record(file.clone()).unwrap_or_else(|error| {
                tracing::error!(file = %file.display(), %error, "what was remembered of a plugin cannot be read");
                None
            })
        };
        plugins.filter(|entry| entry.path().is_dir()).filter_map(told).collect()
    }

    /// Remembers a record, and drops the files of generations that it does not need. Those that
    /// were put aside last stay: they may be needed by the next record.
    pub(crate) fn remember(&self, record: &Record) -> io::Result<()> {
        let folder = self.folder.join(&record.plugin);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let new = folder.join(format!(".{RECORD}"));
        write(&new, &serde_json::to_vec_pretty(record)?)?;
        fs::rename(new, folder.join(RECORD))?;
        File::open(&folder)?.sync_all()?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let fresh = self.fresh().get(&record.plugin) == Some(&name);
            if path.is_dir() && !fresh && !record.needs(&name) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    /// Forgets a plugin.
    pub(crate) fn forget(&self, plugin: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.folder.join(plugin)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn fresh(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, plugin: &str, digest: &str) -> PathBuf {
        self.folder.join(plugin).join(digest)
    }
}

/// Writes a file whole, or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    write(&new, bytes)?;
    fs::rename(new, path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use mortar_core::ports::Kept;

    use super::*;

    fn record(kept: &[&str]) -> Record {
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        let kept = kept.iter().map(|digest| Kept { digest: (*digest).into(), component: "c".into(), at, gate: None }).collect();
        let in_force = "d1".into();
        Record { plugin: "shop".into(), in_force, since: at, before: None, pinned: false, held_back: None, shadow: None, kept }
    }

    #[test]
    fn what_is_in_the_record_is_kept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let generations = Generations::open(&folder.path().join("generations")).unwrap();
        for digest in ["d2", "d1"] {
            generations.put("shop", digest, &Parts { component: b"code".to_vec(), settings: (digest == "d2").then(String::new) }).unwrap();
        }
        generations.remember(&record(&["d2", "d1"])).unwrap();
        assert_eq!(generations.records(), [record(&["d2", "d1"])]);
        assert!(generations.get("shop", "d1").unwrap().settings.is_none() && generations.get("shop", "d2").unwrap().settings.is_some());
        generations.remember(&record(&["d1"])).unwrap();
        assert!(generations.get("shop", "d2").is_none() && generations.get("shop", "d1").is_some());
        generations.put("shop", "d3", &Parts { component: b"code".to_vec(), settings: None }).unwrap();
        let shadow = Some(mortar_core::ports::Shadow { digest: "d1".into(), since: "2026-03-01T12:00:00Z".parse().unwrap() });
        generations.remember(&Record { shadow, ..record(&[]) }).unwrap();
        assert!(generations.get("shop", "d1").is_some(), "a candidate is kept too");
        generations.remember(&record(&[])).unwrap();
        assert!(generations.get("shop", "d1").is_none() && generations.get("shop", "d3").is_some(), "it may be in the next record");
        generations.forget("shop").unwrap();
        assert_eq!((generations.records(), generations.get("shop", "d1")), (Vec::new(), None));
        generations.forget("shop").unwrap();
    }

    #[test]
    fn a_record_that_cannot_be_read_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let generations = Generations::open(folder.path()).unwrap();
        generations.remember(&record(&["d1"])).unwrap();
        fs::create_dir(folder.path().join("other")).unwrap();
        fs::write(folder.path().join("other").join(RECORD), "{").unwrap();
        assert_eq!(generations.records().len(), 1);
    }
}
