//! Looks at the plugin directory: which plugins it holds, and whether their files are whole.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{Clock, Found, Listing};

use crate::discover::discover;
use crate::error::unreadable;

/// Looks at one directory, again and again.
pub(crate) struct Looker {
    directory: PathBuf,
    /// Files that were not written to for so long are whole.
    settle: SignedDuration,
    clock: Arc<dyn Clock>,
    /// What each plugin's files were like, and since when by the steady clock.
    seen: Mutex<HashMap<String, (u64, Timestamp)>>,
}

impl Looker {
    pub(crate) fn new(directory: &Path, settle: Duration, clock: Arc<dyn Clock>) -> Self {
        let settle = SignedDuration::try_from(settle).unwrap_or(SignedDuration::MAX);
        Self { directory: directory.to_owned(), settle, clock, seen: Mutex::default() }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the directory holds now.
    pub(crate) fn look(&self) -> Result<Listing, PluginProblem> {
        let mut look = discover(&self.directory).map_err(|error| {
            let message = format!("the plugin directory cannot be read: {error}; make it, or mend `plugins.directory`");
            PluginProblem::new("", &self.directory, code::UNREADABLE, message)
        })?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|name, _| look.found.iter().any(|found| found.name == *name));
        let (whole, unreadable): (Vec<_>, Vec<_>) =
            look.found.into_iter().map(|found| self.stamped(found, &mut seen)).partition(Result::is_ok);
        look.found = whole.into_iter().flatten().collect();
        look.problems.extend(unreadable.into_iter().filter_map(Result::err));
        Ok(look)
    }

    /// Gives the plugin its stamp, and says whether its files are whole.
    ///
    /// A file that was renamed into place was written before, so it counts at once; one that is
    /// written in place counts when it is left alone. Times of writing that lie in the future, as
    /// from another machine, say nothing: then it has to be seen unchanged for that long.
    fn stamped(&self, found: Found, seen: &mut HashMap<String, (u64, Timestamp)>) -> Result<Found, PluginProblem> {
        let files = [Some(&found.component), found.settings.as_ref()];
        let metadata: io::Result<Vec<Metadata>> = files.into_iter().flatten().map(fs::metadata).collect();
        let metadata = metadata.map_err(|error| unreadable(&found.name, &found.component, &error))?;
        let stamp = stamp(&found, &metadata);
        let steady = self.clock.steady();
        let (known, since) = seen.entry(found.name.clone()).or_insert((stamp, steady));
        if *known != stamp {
            (*known, *since) = (stamp, steady);
        }
        let left_alone = steady.duration_since(*since) >= self.settle;
        let whole = left_alone || metadata.iter().all(|file| self.is_old(file));
        Ok(Found { stamp, whole, ..found })
    }

    fn is_old(&self, file: &Metadata) -> bool {
        let written = Timestamp::new(file.mtime(), i32::try_from(file.mtime_nsec()).unwrap_or(0));
        written.is_ok_and(|written| self.clock.now().duration_since(written) >= self.settle)
    }
}

fn stamp(found: &Found, files: &[Metadata]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&found.component, &found.settings).hash(&mut hasher);
    for file in files {
        (file.dev(), file.ino(), file.size()).hash(&mut hasher);
        (file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    /// A clock that a test sets.
    struct Set(Mutex<Timestamp>);

    impl Set {
        fn forward(&self, by: Duration) {
            let mut now = self.0.lock().unwrap();
            *now += by;
        }
    }

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    const SETTLE: Duration = Duration::from_secs(1);

    /// Writes the file, as if at this time.
    fn write(path: &Path, text: &str, at: Timestamp) {
        fs::write(path, text).unwrap();
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH + Duration::try_from(at.duration_since(Timestamp::UNIX_EPOCH)).unwrap())
            .unwrap();
    }

    fn setup() -> (tempfile::TempDir, Arc<Set>, Looker) {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(Set(Mutex::new("2026-03-01T12:00:00Z".parse().unwrap())));
        let looker = Looker::new(directory.path(), SETTLE, clock.clone());
        (directory, clock, looker)
    }

    /// The stamp of files that are whole.
    fn stamp_of(looker: &Looker) -> Option<u64> {
        let look = looker.look().unwrap();
        assert_eq!((look.found.len(), look.problems.len()), (1, 0), "{look:?}");
        look.found[0].whole.then_some(look.found[0].stamp)
    }

    #[test]
    fn a_file_counts_once_it_is_left_alone() {
        let (directory, clock, looker) = setup();
        let file = directory.path().join("shop.wasm");
        write(&file, "half", clock.now());
        assert_eq!(stamp_of(&looker), None);
        clock.forward(SETTLE / 2);
        write(&file, "half and more", clock.now());
        assert_eq!(stamp_of(&looker), None);
        clock.forward(SETTLE);
        let first = stamp_of(&looker);
        assert!(first.is_some());
        assert_eq!(stamp_of(&looker), first, "untouched files keep their stamp");
        write(&directory.path().join("shop.toml"), "", clock.now());
        assert_eq!(stamp_of(&looker), None, "the settings count too");
        clock.forward(SETTLE);
        assert!(stamp_of(&looker).is_some_and(|second| Some(second) != first));
    }

    #[test]
    fn a_file_that_is_renamed_into_place_counts_at_once() {
        let (directory, clock, looker) = setup();
        let (new, file) = (directory.path().join(".new"), directory.path().join("shop.wasm"));
        write(&new, "whole", clock.now() - SETTLE);
        fs::rename(&new, &file).unwrap();
        let first = stamp_of(&looker);
        write(&new, "whole", clock.now() - SETTLE);
        fs::rename(&new, &file).unwrap();
        assert!(first.is_some() && stamp_of(&looker).is_some_and(|second| Some(second) != first), "another file, whatever is in it");
    }

    #[test]
    fn a_file_from_the_future_counts_when_it_was_seen_unchanged() {
        let (directory, clock, looker) = setup();
        write(&directory.path().join("shop.wasm"), "whole", clock.now() + Duration::from_secs(3600));
        assert_eq!(stamp_of(&looker), None);
        clock.forward(SETTLE);
        assert!(stamp_of(&looker).is_some());
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_problem() {
        let (directory, _, looker) = setup();
        directory.close().unwrap();
        let problem = looker.look().unwrap_err();
        assert!(problem.message.contains("plugins.directory"), "{problem}");
    }
}
