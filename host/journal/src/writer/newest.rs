//! Where the newest count wins: what a delivery's time means for the others of its line.

use mortar_core::delivery::{PluginNo, State};
use rusqlite::OptionalExtension;

use super::batch::{Batch, Change};
use crate::key::DeliveryKey;
use crate::queue::Count;

/// Why a delivery is superseded.
pub(crate) const REASON: &str = "a newer count took its place";

/// A subject's line at a plugin.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) plugin: PluginNo,
    pub(super) subject: i64,
    pub(super) line: u64,
}

impl Batch<'_> {
    /// True where a count that is open, or that the plugin is through with, is newer than this one.
    pub(super) fn is_outdated(&mut self, place: Place, key: DeliveryKey, as_of: i64) -> rusqlite::Result<bool> {
        if self.counts(place.line).iter().any(|count| (count.as_of, count.key) > (as_of, key)) {
            return Ok(true);
        }
        let mut newest = self.conn.prepare_cached("SELECT as_of, delivery FROM newest WHERE plugin = ? AND subject = ?")?;
        let newest = newest.query_row((place.plugin.0, place.subject), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(newest.is_some_and(|newest: (i64, DeliveryKey)| newest > (as_of, key)))
    }

    /// Supersedes the open counts of a line, all of which are older than one that comes now. The
    /// one that runs may end.
    pub(super) fn supersede(&mut self, line: u64, at: i64) -> rusqlite::Result<()> {
        let older: Vec<_> = self.counts(line).extract_if(.., |count| !count.running).collect();
        for count in older {
            self.store_superseded(count.key, at)?;
            let from = if count.waiting { State::Waiting } else { State::Pending };
            self.staged.tally.moves(Some(from), Some(State::Superseded));
            self.change(Change::Close { key: count.key, line });
        }
        Ok(())
    }

    /// Adds an open count to its line.
    pub(super) fn add_count(&mut self, line: u64, count: Count) {
        self.counts(line).push(count);
    }

    /// The plugin is through with a count, or the count is a dead letter.
    pub(super) fn through_with(&mut self, place: Place, key: DeliveryKey, as_of: i64) -> rusqlite::Result<()> {
        self.counts(place.line).retain(|count| count.key != key);
        let mut keep = self.conn.prepare_cached(
            "INSERT INTO newest (plugin, subject, as_of, delivery) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET as_of = excluded.as_of, delivery = excluded.delivery
             WHERE (excluded.as_of, excluded.delivery) > (as_of, delivery)",
        )?;
        keep.execute((place.plugin.0, place.subject, as_of, key)).map(drop)
    }

    fn store_superseded(&self, key: DeliveryKey, at: i64) -> rusqlite::Result<()> {
        let mut update = self.conn.prepare_cached("UPDATE deliveries SET state = ?, at = ?, code = NULL, reason = ? WHERE id = ?")?;
        update.execute((State::Superseded as u8, at, REASON, key)).map(drop)
    }
}
