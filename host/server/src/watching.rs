//! Says when the files of a plugin were changed by its author.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mortar_kits::Language;
use mortar_kits::build::{COMPONENT, MADE};
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Changes that come in so short a time belong together: an editor writes a file in several steps.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// What builds write beside what they make: pins of what was fetched.
const WRITTEN: [&str; 2] = ["Cargo.lock", "go.sum"];

/// Watches the folders that are there when it starts. Whoever looks at the files starts it first: then no
/// change is missed.
pub struct Watching {
    changed: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl Watching {
    /// Watches a plugin's folder and the folder of its cases.
    ///
    /// # Errors
    /// The system does not tell of changes.
    pub fn start(plugin: &Path, cases: &Path) -> notify::Result<Self> {
        let changed = Arc::new(Notify::new());
        let told = changed.clone();
        let root = plugin.canonicalize().unwrap_or_else(|_| plugin.to_owned());
        let project = Language::of(&root).is_some();
        let below = root.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // A fault of the watch may have hidden a change.
            if event.is_err()
                || event.is_ok_and(|event| writes(&event.kind) && event.paths.iter().any(|path| counts(path, &below, project)))
            {
                told.notify_one();
            }
        })?;
        let mut folders = Vec::new();
        collect(&root, &root, project, &mut folders);
        if let Ok(cases) = cases.canonicalize()
            && !folders.contains(&cases)
        {
            folders.push(cases);
        }
        folders.iter().try_for_each(|folder| watcher.watch(folder, RecursiveMode::NonRecursive))?;
        Ok(Self { changed, _watcher: watcher })
    }

    /// Resolves after a change.
    pub async fn changed(&self) {
        self.changed.notified().await;
        // Until nothing came for a moment.
        while tokio::time::timeout(DEBOUNCE, self.changed.notified()).await.is_ok() {}
    }
}

/// The files of a project that its component is made of, and its settings.
#[must_use]
pub fn sources(project: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    collect(project, project, true, &mut folders);
    let files = folders.iter().filter(|folder| !folder.ends_with("cases")).filter_map(|folder| fs::read_dir(folder).ok());
    let files = files.flat_map(|entries| entries.flatten().map(|entry| entry.path()));
    files.filter(|file| file.is_file() && counts(file, project, true) && file.extension().is_none_or(|ending| ending != "md")).collect()
}

fn writes(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// Whether a change of this file is one of the author's. What is built changes no project, and of a folder
/// without a project the component is all that changes.
fn counts(path: &Path, root: &Path, project: bool) -> bool {
    let Ok(relative) = path.strip_prefix(root) else { return true };
    let mut names = relative.iter().map(|name| name.to_string_lossy());
    let made = |name: &str| MADE.contains(&name) || WRITTEN.contains(&name) || name == COMPONENT;
    !names.any(|name| name.starts_with('.') || name.ends_with('~') || project && made(&name))
}

fn collect(folder: &Path, root: &Path, project: bool, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Links may lead in circles.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && counts(&path, root, project) {
            collect(&path, root, project, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_makes_is_no_change_of_a_project() {
        let root = Path::new("/p");
        let counts = |file: &str, project| counts(&root.join(file), root, project);
        for file in ["src/lib.rs", "plugin.toml", "cases/order.toml", "wit/world.wit"] {
            assert!(counts(file, true), "{file}");
        }
        for file in
            ["plugin.wasm", "build/module.wasm", "node_modules/x/y.js", "Cargo.lock", ".git/index", "src/.lib.rs.swp", "src/lib.rs~"]
        {
            assert!(!counts(file, true), "{file}");
        }
        assert!(counts("plugin.wasm", false), "of a folder without a project the component counts");
        assert!(super::counts(Path::new("/elsewhere/cases/a.toml"), root, true));
    }

    #[tokio::test]
    async fn a_change_is_told_also_where_it_came_before_anybody_waited() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let watching = Watching::start(folder.path(), &folder.path().join("cases")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), "changed").unwrap();
        watching.changed().await;
    }

    #[test]
    fn a_component_is_made_of_its_sources() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["Cargo.toml", "plugin.wasm", "README.md", "src/lib.rs", "cases/a.toml", "target/x"] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let mut found: Vec<_> =
            sources(folder.path()).into_iter().map(|file| file.strip_prefix(folder.path()).unwrap().to_owned()).collect();
        found.sort();
        assert_eq!(found, [Path::new("Cargo.toml"), Path::new("src/lib.rs")]);
    }
}
