//! The journal's file, with values in it that no host wrote.
//!
//! A host either refuses such a file, or says of what it reads that it is damaged, or tells what the
//! file says. No thread of it panics.

mod edits;
mod oracle;
mod template;

use std::sync::Arc;

use jiff::Timestamp;
use mortar_core::delivery::{PluginNo, State};
use mortar_core::ports::{Filter, Journal, JournalError, Receipt, RoundTrips};
use mortar_core::round_trip::RoundTripState;
use mortar_journal::SqliteJournal;
use tokio::runtime::{Builder, Runtime};

pub use edits::{every_column, pages};

/// Opens a journal that has these edits, and asks it for everything.
pub fn check(data: &[u8]) {
    // In memory, where that can be: syncs are not what is looked at here.
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().join("journal.db");
    if !edits::apply(data, &path) {
        return;
    }
    let Ok(journal) = SqliteJournal::open(&path, template::options(), Arc::new(template::Still)) else { return };
    let asking = Asking { journal, runtime: Builder::new_current_thread().enable_time().build().unwrap() };
    let told = asking.everything();
    oracle::agrees(&path, &told);
    asking.run_what_is_open();
}

/// Somebody who takes every error but one: that a thread is gone.
struct Asking {
    journal: SqliteJournal,
    runtime: Runtime,
}

impl Asking {
    fn wait<T>(&self, receipt: Receipt<T>) -> Option<T> {
        match self.runtime.block_on(receipt) {
            Ok(answer) => Some(answer),
            Err(JournalError::Storage(what)) if what.contains("closed") => panic!("a thread of the journal has panicked"),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                None
            }
        }
    }

    fn everything(&self) -> oracle::Told {
        let list = |state| Filter { limit: 100, state, ..Filter::default() };
        let mut told = oracle::Told::default();
        for state in [None, Some(State::Waiting), Some(State::Dead), Some(State::Running)] {
            told.events.extend(self.wait(self.journal.events(list(state))).unwrap_or_default());
        }
        for event in template::EVENTS {
            told.stories.extend(self.wait(self.journal.story((*event).into())).flatten());
        }
        for event in &told.events {
            told.stories.extend(self.wait(self.journal.story(event.seq.to_string())).flatten());
        }
        told.quarantined = self.wait(self.journal.quarantined(true, None, 100)).unwrap_or_default();
        told.rejected = self.wait(self.journal.rejected(None, 100)).unwrap_or_default();
        let (quarantined, rejected) = (told.quarantined.iter().map(|one| one.id), told.rejected.iter().map(|one| one.id));
        for id in quarantined.chain(1..4) {
            told.set_aside
                .extend(self.wait(self.journal.quarantined_callback(id)).flatten().map(|(_, callback)| ("quarantine", id, callback)));
        }
        for id in rejected.chain(1..4) {
            told.set_aside.extend(self.wait(self.journal.rejected_callback(id)).flatten().map(|(_, callback)| ("rejected", id, callback)));
        }
        for state in RoundTripState::ALL {
            told.round_trips.extend(self.wait(self.journal.round_trips(state, None, 100)).unwrap_or_default());
        }
        self.wait(self.journal.report(Timestamp::UNIX_EPOCH));
        self.wait(self.journal.state(PluginNo(1), "cursor".into()));
        self.wait(self.journal.counts());
        told
    }

    /// Lets it do what a host does: claim and end what is open, take what comes in, and purge.
    fn run_what_is_open(&self) {
        self.wait(self.journal.register_plugins(vec!["erp".into(), "new".into()]));
        let plugins = [PluginNo(1), PluginNo(2)];
        for claim in self.wait(template::claim(&self.journal, &plugins)).unwrap_or_default() {
            self.wait(self.journal.finish(template::done(&claim)));
        }
        self.wait(template::look_again(&self.journal));
        for due in self.wait(template::due(&self.journal)).unwrap_or_default() {
            self.wait(template::look(&self.journal, due.delivery));
        }
        for callback in template::callbacks() {
            self.wait(self.journal.accept(callback));
        }
        self.wait(self.journal.purge(template::later()));
        let _ = self.runtime.block_on(self.journal.close());
    }
}
