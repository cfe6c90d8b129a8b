//! The room that is left on the journal's file system.
//!
//! New callbacks are refused before the disk is full, so that the calls and finishes of what is
//! stored can still be written.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mortar_core::ports::JournalError;
use rusqlite::Connection;
use tokio::time::Instant;

/// How old a look may be.
const EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Space {
    journal: PathBuf,
    /// Bytes that are kept free.
    reserve: u64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    at: Option<Instant>,
    /// Bytes of bodies that were written since.
    written: u64,
    /// Bytes in the file that were purged: they are written before the file grows.
    reusable: u64,
    /// What there is to say, where too little is left.
    low: Option<String>,
    #[cfg(test)]
    used: u64,
}

impl Space {
    pub(crate) fn new(journal: PathBuf, reserve: u64) -> Self {
        Self { journal, reserve, seen: Mutex::default() }
    }

    /// Bodies of so many bytes are about to be written.
    pub(crate) fn writes(&self, bytes: usize) {
        self.seen().written += bytes as u64;
    }

    /// Why no callback can be taken, if none can. Looks again once a second, or when a sixteenth of
    /// the reserve was written; the writer's connection says what can be reused in the file.
    pub(crate) fn refusal(&self, writer: Option<&Connection>) -> Option<JournalError> {
        let mut seen = self.seen();
        if seen.at.is_none_or(|at| at.elapsed() >= EVERY) || seen.written > self.reserve / 16 {
            if let Some(conn) = writer {
                seen.reusable = reusable(conn).unwrap_or(0);
            }
            self.look(&mut seen);
        }
        seen.low.clone().map(JournalError::Storage)
    }

    fn look(&self, seen: &mut Seen) {
        (seen.at, seen.written) = (Some(Instant::now()), 0);
        let Ok(free) = free(&self.journal) else { return };
        #[cfg(test)]
        let free = free.saturating_sub(seen.used);
        // The write-ahead log grows whatever can be reused in the file.
        let enough = free >= self.reserve / 4 && free.saturating_add(seen.reusable) >= self.reserve;
        let was_low = seen.low.is_some();
        seen.low = (!enough).then(|| self.say(free));
        match &seen.low {
            Some(low) if !was_low => tracing::error!("new callbacks are refused: {low}"),
            None if was_low => tracing::info!(free_mib = free >> 20, "new callbacks are taken again: the disk has room"),
            _ => {}
        }
    }

    fn say(&self, free: u64) -> String {
        format!(
            "{} MiB are free on the file system of {}, and journal.free_space keeps {} MiB for what is stored already: \
             free space there; it goes on by itself",
            free >> 20,
            self.journal.display(),
            self.reserve >> 20
        )
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As if so many bytes of the disk were used by others.
    #[cfg(test)]
    pub(crate) fn use_up(&self, bytes: u64) {
        let mut seen = self.seen();
        (seen.used, seen.at) = (bytes, None);
    }
}

/// Bytes that are free for us on the file system of a path.
pub(crate) fn free(path: &std::path::Path) -> std::io::Result<u64> {
    let system = rustix::fs::statvfs(path)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

fn reusable(conn: &Connection) -> rusqlite::Result<u64> {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::cast_unsigned);
    Ok(number("freelist_count")?.saturating_mul(number("page_size")?))
}
