//! A project that is copied below `target`, where its tool chain may write as it likes, and that is
//! built again only where it changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::{root, target};

/// What tools make in a project's own folder; git knows none of it.
const MADE: [&str; 6] = ["node_modules", "build", "deps", "__pycache__", ".venv", "target"];

pub(super) struct Stage {
    /// Where the copy is.
    pub(super) place: PathBuf,
    project: PathBuf,
    stamp: PathBuf,
    digest: String,
}

impl Stage {
    /// A project, and the directories that it is made of beside its own.
    pub(super) fn new(project: &Path, name: &str, others: &[&Path]) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for directory in std::iter::once(&project).chain(others) {
            for file in files(directory, true)? {
                file.hash(&mut hasher);
                std::fs::read(&file).with_context(|| file.display().to_string())?.hash(&mut hasher);
            }
        }
        let place = target().join("hello").join(name);
        let stamp = place.with_extension("done");
        Ok(Self { place, project: project.into(), stamp, digest: format!("{:016x}", hasher.finish()) })
    }

    /// Whether something changed since it was last done.
    pub(super) fn changed(&self) -> Result<bool> {
        Ok(!std::fs::read_to_string(&self.stamp).is_ok_and(|done| done == self.digest))
    }

    /// Empties the place.
    pub(super) fn clear(&self) -> Result<()> {
        if self.place.exists() {
            std::fs::remove_dir_all(&self.place).with_context(|| self.place.display().to_string())?;
        }
        std::fs::create_dir_all(&self.place).with_context(|| self.place.display().to_string())
    }

    /// Copies the project as it is now.
    pub(super) fn fill(&self) -> Result<()> {
        self.clear()?;
        for file in files(&self.project, false)? {
            copy_file(&file, &self.place.join(file.strip_prefix(&self.project)?))?;
        }
        Ok(())
    }

    /// Puts the contract where tools look for it: beside the plugin's world.
    pub(super) fn lay_out_contract(&self) -> Result<()> {
        let wit = root().join("wit");
        for (package, folder) in [("mortar-events", wit.clone()), ("mortar-plugin", wit.join("deps/mortar-plugin"))] {
            for file in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let file = file?.path();
                if let Some(name) = file.file_name().filter(|_| file.is_file()) {
                    copy_file(&file, &self.place.join("wit/deps").join(package).join(name))?;
                }
            }
        }
        Ok(())
    }

    /// Remembers that it was done.
    pub(super) fn done(&self) -> Result<()> {
        std::fs::write(&self.stamp, &self.digest).with_context(|| self.stamp.display().to_string())
    }
}

/// Copies a file to a directory that may not be there yet.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(directory) = to.parent() {
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    std::fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The files of a project, sorted; with the contract's packages in `deps` where that is asked for.
fn files(directory: &Path, deps: bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries = std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>())
        .with_context(|| directory.display().to_string())?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default();
        if path.is_file() {
            found.push(path);
        } else if !MADE.iter().any(|made| name == *made && !(deps && name == "deps")) {
            found.extend(files(&path, deps)?);
        }
    }
    Ok(found)
}
