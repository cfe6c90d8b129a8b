//! The simulated journal keeps the contract of the `Journal` port: the real one's suite says so.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, unreachable_pub, missing_docs)]

#[macro_use]
#[path = "../../../host/journal/tests/suite/mod.rs"]
mod suite;

use std::sync::Arc;

use mortar_core::ports::Journal;
use mortar_sim::chance::Chance;
use mortar_sim::faults::Faults;
use mortar_sim::journal::{self, Disk, SimJournal};
use mortar_sim::life::Life;
use suite::{Settings, Store, TestClock};

#[derive(Default)]
struct Simulated(Disk);

impl Store for Simulated {
    fn open(&self, settings: &Settings, clock: Arc<TestClock>) -> Arc<dyn Journal> {
        let settings = journal::Settings {
            dedupe_window: settings.dedupe_window,
            keep_events: settings.keep_events,
            rejected_sample: settings.rejected_sample as usize,
            open_deliveries: settings.open_deliveries,
            mutation: None,
        };
        let faults = Arc::new(Faults::none(Chance::new(0)));
        Arc::new(SimJournal::open(self.0.clone(), settings, faults, Life::new(u64::MAX), clock))
    }
}

contract!(crate::Simulated::default());
