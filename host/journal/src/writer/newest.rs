//! Where the newest count wins: what a delivery's time means for the others of its line.

use mortar_core::delivery::{PluginNo, State};
use rusqlite::OptionalExtension;

use super::batch::{Batch, Change};
use super::finish::stored_state;
use crate::key::DeliveryKey;
use crate::queue::{Count, Open};

/// Why a delivery is superseded.
pub(super) const REASON: &str = "a newer count took its place";

/// Why a delivery that was never tried waits.
const IN_PLACE: &str = "an older count was to be tried again then, and this one takes its place";

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
    /// one that runs may end. Answers when the newer one may run, if that is later than now: when
    /// the one whose place it takes was to be tried again. Until then the ERP may still be at the
    /// request of that one, which would then be the last to arrive, or it does not want to be asked.
    pub(super) fn supersede(&mut self, line: u64, at: i64) -> rusqlite::Result<Option<i64>> {
        let older: Vec<_> = self.counts(line).extract_if(.., |count| !count.running).collect();
        let due = older.iter().filter(|count| count.waiting && count.due > at).map(|count| count.due).max();
        for count in older {
            self.store_superseded(count.key, at)?;
            self.staged.tally.moves(Some(stored_state(count.waiting)), Some(State::Superseded));
            self.change(Change::Close { key: count.key, line });
        }
        Ok(due)
    }

    /// Lets the open counts of a line wait until then, since the one whose place they take does.
    pub(super) fn let_wait(&mut self, line: u64, due: i64) -> rusqlite::Result<()> {
        let sooner: Vec<_> = self.counts(line).iter_mut().filter(|count| !count.running && count.due < due).collect();
        let mut delayed = Vec::new();
        for count in sooner {
            delayed.push((count.key, count.waiting));
            (count.due, count.waiting) = (due, true);
        }
        for (key, waited) in delayed {
            let mut update = self.conn.prepare_cached("UPDATE deliveries SET state = ?, at = ?, reason = ? WHERE id = ?")?;
            update.execute((State::Waiting as u8, due, IN_PLACE, key))?;
            self.staged.tally.moves(Some(stored_state(waited)), Some(State::Waiting));
            self.change(Change::Delay { key, line, due });
        }
        Ok(())
    }

    /// Where a count that comes now stands: with whether it waits, and why.
    pub(super) fn place_of(&mut self, open: &mut Open, line: u64) -> rusqlite::Result<Option<&'static str>> {
        let due = self.supersede(line, open.due)?;
        open.waiting |= due.is_some();
        open.due = due.unwrap_or(open.due);
        Ok(due.map(|_| IN_PLACE))
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
