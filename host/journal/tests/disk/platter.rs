//! A disk that fails: what is on it when the power is cut is what was synced, and of everything
//! else any part, sector by sector.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::vfs;

/// What a disk writes wholly or not at all, in bytes.
const SECTOR: usize = 512;

/// Which file of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The write-ahead log.
    Log,
    /// The database file.
    Database,
    /// The rollback journal: only while a file is made.
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            _ if name.ends_with("-wal") => Self::Log,
            _ if name.ends_with("-journal") => Self::Other,
            _ => Self::Database,
        }
    }
}

/// A disk with one directory.
pub struct Disk {
    directory: tempfile::TempDir,
    state: Mutex<State>,
}

struct State {
    chance: ChaCha8Rng,
    files: BTreeMap<String, Image>,
    /// Operations until the power is cut.
    left: Option<u64>,
    off: bool,
    /// Whose syncs fail, and how many still.
    failing: Option<(Kind, u32)>,
    /// Whose syncs do nothing and say that they did.
    lie: Option<Kind>,
    failed: u64,
}

/// What the disk holds of a file.
#[derive(Default)]
struct Image {
    lasting: Vec<u8>,
    /// What the system's cache has beyond that, in order.
    pending: Vec<Change>,
    /// Syncs that failed. Whoever had the file open then is told, each once.
    failed: u64,
}

enum Change {
    Write { start: usize, bytes: Vec<u8> },
    Size(usize),
}

/// The disks of this process, for SQLite to find.
static DISKS: Mutex<Vec<(PathBuf, Weak<Disk>)>> = Mutex::new(Vec::new());

impl Disk {
    /// An empty one. The seed decides what survives.
    pub fn new(seed: u64) -> Arc<Self> {
        vfs::register();
        let directory = tempfile::tempdir().unwrap();
        let chance = ChaCha8Rng::seed_from_u64(seed);
        let state = State { chance, files: BTreeMap::new(), left: None, off: false, failing: None, lie: None, failed: 0 };
        let disk = Arc::new(Self { directory, state: Mutex::new(state) });
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.retain(|(_, disk)| disk.strong_count() > 0);
        disks.push((disk.directory.path().to_owned(), Arc::downgrade(&disk)));
        disk
    }

    /// The disk that a file is on, and its name there.
    pub fn of(path: &Path) -> Option<(Arc<Self>, String)> {
        let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, disk) = disks.iter().find(|(directory, _)| path.parent() == Some(directory))?;
        Some((disk.upgrade()?, path.file_name()?.to_str()?.to_owned()))
    }

    /// The journal's path.
    pub fn journal(&self) -> PathBuf {
        self.directory.path().join("journal.db")
    }

    /// Cuts the power at the operation of this number from now, from 1.
    pub fn cut_power_after(&self, operations: u64) {
        self.state().left = Some(operations.max(1));
    }

    /// Cuts it now.
    pub fn cut_power(&self) {
        self.state().cut();
    }

    /// Lets the next syncs of a file fail. What they were to make lasting is lost, or is not; no later
    /// sync writes it, since the system believes it written.
    pub fn fail_syncs(&self, of: Kind, times: u32) {
        self.state().failing = Some((of, times));
    }

    /// From now on nothing fails.
    pub fn mend(&self) {
        let mut state = self.state();
        (state.left, state.failing) = (None, None);
    }

    /// True where something was written to a file that no sync has made lasting.
    pub fn has_pending(&self, of: Kind) -> bool {
        self.state().files.iter().any(|(name, image)| Kind::of(name) == of && !image.pending.is_empty())
    }

    /// How many syncs failed.
    pub fn failed_syncs(&self) -> u64 {
        self.state().failed
    }

    /// From now on the syncs of a file do nothing and say that they did.
    pub fn lie_about(&self, of: Kind) {
        self.state().lie = Some(of);
    }

    /// True after a cut: nothing can be written or opened.
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Gives back what survived. Nobody has a file open.
    pub fn power_on(&self) {
        let mut state = self.state();
        assert!(state.off, "it was not cut");
        state.off = false;
        for entry in std::fs::read_dir(self.directory.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, image) in &mut state.files {
            image.pending.clear();
            std::fs::write(self.directory.path().join(name), &image.lasting).unwrap();
        }
    }

    /// Opens a file. Answers how many of its syncs have failed, for [`sync`](Self::sync).
    pub fn opened(&self, name: &str) -> u64 {
        self.state().files.entry(name.to_owned()).or_default().failed
    }

    /// True where it is deleted, which lasts at once.
    pub fn deleted(&self, name: &str) -> bool {
        let mut state = self.state();
        if !state.off {
            state.files.remove(name);
        }
        !state.off
    }

    /// True where it is in the system's cache.
    pub fn write(&self, name: &str, start: usize, bytes: &[u8]) -> bool {
        self.change(name, Change::Write { start, bytes: bytes.to_owned() })
    }

    /// True where the system's cache says so.
    pub fn truncate(&self, name: &str, size: usize) -> bool {
        self.change(name, Change::Size(size))
    }

    fn change(&self, name: &str, change: Change) -> bool {
        let mut state = self.state();
        if !state.off {
            state.files.entry(name.to_owned()).or_default().pending.push(change);
            state.operation();
        }
        !state.off
    }

    /// True where all that was written to the file lasts, as far as whoever opened it can tell, who
    /// knows of so many failed syncs.
    pub fn sync(&self, name: &str, known: &AtomicU64) -> bool {
        let mut state = self.state();
        state.operation();
        if state.off {
            return false;
        }
        let State { chance, files, failing, lie, failed, .. } = &mut *state;
        let kind = Kind::of(name);
        let Some(image) = files.get_mut(name).filter(|_| *lie != Some(kind)) else { return true };
        if let Some((_, left)) = failing.as_mut().filter(|(of, left)| *of == kind && *left > 0) {
            *left -= 1;
            *failed += 1;
            image.failed += 1;
            image.tear(chance);
        } else {
            std::mem::take(&mut image.pending).iter().for_each(|change| image.apply(change, |_| true));
        }
        known.swap(image.failed, Ordering::Relaxed) == image.failed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn operation(&mut self) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        if !std::mem::replace(&mut self.off, true) {
            self.files.values_mut().for_each(|image| image.tear(&mut self.chance));
        }
    }
}

impl Image {
    /// Some of what is pending has reached the disk: nothing, all, the first of it, or any sectors.
    fn tear(&mut self, chance: &mut ChaCha8Rng) {
        let pending = std::mem::take(&mut self.pending);
        let whole = match chance.random_range(0..4) {
            0 => 0,
            1 => pending.len(),
            _ => chance.random_range(0..=pending.len()),
        };
        let scattered = chance.random_range(0..2) == 0;
        for (place, change) in pending.iter().enumerate() {
            match change {
                _ if place < whole => self.apply(change, |_| true),
                Change::Write { .. } if place == whole || scattered => self.apply(change, |_| chance.random_range(0..2) == 0),
                Change::Size(_) if scattered && chance.random_range(0..2) == 0 => self.apply(change, |_| true),
                _ => {}
            }
        }
    }

    /// Makes a change lasting, but for sectors that are not taken.
    fn apply(&mut self, change: &Change, mut takes: impl FnMut(usize) -> bool) {
        match change {
            Change::Size(size) => self.lasting.resize(*size, 0),
            Change::Write { start, bytes } => {
                let mut from = *start;
                while from < start + bytes.len() {
                    let to = ((from / SECTOR + 1) * SECTOR).min(start + bytes.len());
                    if takes(from / SECTOR) {
                        if self.lasting.len() < to {
                            self.lasting.resize(to, 0);
                        }
                        self.lasting[from..to].copy_from_slice(&bytes[from - start..to - start]);
                    }
                    from = to;
                }
            }
        }
    }
}
