//! Says when another look at the plugin directory is worth it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Changes that come in so short a time are looked at together: those of one upload, as a rule.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// Watches one directory.
pub(crate) struct Watch {
    directory: PathBuf,
    changed: Arc<Notify>,
    watcher: Mutex<Option<Watching>>,
}

struct Watching {
    /// Device and inode: a directory that was made anew is another one.
    of: (u64, u64),
    /// None where the system does not tell of changes.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), changed: Arc::default(), watcher: Mutex::default() }
    }

    /// Resolves after a change, at the latest after `most`: network file systems tell of none.
    pub(crate) async fn changed(&self, most: Duration) {
        self.start();
        if tokio::time::timeout(most, self.changed.notified()).await.is_ok() {
            tokio::time::sleep(DEBOUNCE).await;
        }
    }

    /// Watches the directory that is there now.
    fn start(&self) {
        let Ok(metadata) = fs::metadata(&self.directory) else { return };
        let of = (metadata.dev(), metadata.ino());
        let mut watching = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if watching.as_ref().is_some_and(|watching| watching.of == of) {
            return;
        }
        let watcher = self.watcher().inspect_err(|error| {
            tracing::warn!(%error, directory = %self.directory.display(), "no notice of changes to plugins; they are looked for now and then");
        });
        *watching = Some(Watching { of, _watcher: watcher.ok() });
        // What came between the last look and now.
        self.changed.notify_one();
    }

    fn watcher(&self) -> notify::Result<RecommendedWatcher> {
        let changed = self.changed.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the files is no change. A fault of the watch may have hidden one.
            let read = |event: &notify::Event| match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
                EventKind::Access(_) => true,
                _ => false,
            };
            if !event.as_ref().is_ok_and(read) {
                changed.notify_one();
            }
        })?;
        watcher.watch(&self.directory, RecursiveMode::Recursive)?;
        Ok(watcher)
    }
}
