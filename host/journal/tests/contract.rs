//! The SQLite journal keeps the contract of the `Journal` port, and those of `RoundTrips` and `Recordings`.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

#[macro_use]
mod suite;

use std::sync::Arc;

use mortar_core::ports::{Journal, Recordings, RoundTrips};
use mortar_journal::{Options, SqliteJournal};
use suite::{RecordingStore, RoundTripStore, Settings, Store, TestClock};

struct Sqlite {
    directory: tempfile::TempDir,
}

impl Sqlite {
    fn journal(&self, settings: &Settings, clock: Arc<TestClock>) -> Arc<SqliteJournal> {
        let options = Options {
            dedupe_window: settings.dedupe_window,
            keep_events: settings.keep_events,
            rejected_sample: settings.rejected_sample,
            open_deliveries: settings.open_deliveries,
            // Small enough that a few events cross every bound.
            ids_per_run: 8,
            terms: true,
            event_cache: if settings.cached { 1 << 20 } else { 0 },
            ..Options::default()
        };
        Arc::new(SqliteJournal::open(&self.directory.path().join("journal.db"), options, clock).unwrap())
    }
}

impl Store for Sqlite {
    fn open(&self, settings: &Settings, clock: Arc<TestClock>) -> Arc<dyn Journal> {
        self.journal(settings, clock)
    }
}

impl RoundTripStore for Sqlite {
    fn open_both(&self, settings: &Settings, clock: Arc<TestClock>) -> (Arc<dyn Journal>, Arc<dyn RoundTrips>) {
        let journal = self.journal(settings, clock);
        (journal.clone(), journal)
    }
}

impl RecordingStore for Sqlite {
    fn open_recordings(&self, settings: &Settings, clock: Arc<TestClock>) -> (Arc<dyn Journal>, Arc<dyn Recordings>) {
        let journal = self.journal(settings, clock);
        (journal.clone(), journal)
    }
}

contract!(crate::Sqlite { directory: tempfile::tempdir().unwrap() });
steady_contract!(crate::Sqlite { directory: tempfile::tempdir().unwrap() });
round_trip_contract!(crate::Sqlite { directory: tempfile::tempdir().unwrap() });
recording_contract!(crate::Sqlite { directory: tempfile::tempdir().unwrap() });
