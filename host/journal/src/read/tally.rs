//! Counting what is in the file, once at a start after a crash.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::rows::state;
use crate::key::event_of;
use crate::shared::Tally;

/// A view of the file as it is at the start; what is written later is not in it.
pub(crate) struct Tallying {
    conn: Connection,
}

impl Tallying {
    /// Takes the view.
    pub(crate) fn start(conn: Connection) -> rusqlite::Result<Self> {
        conn.execute_batch("BEGIN; SELECT count(*) FROM meta")?;
        Ok(Self { conn })
    }

    /// Counts, unless it is stopped.
    pub(crate) fn count(self, stop: &AtomicBool) -> rusqlite::Result<Option<Tally>> {
        let mut tally = Tally::default();
        let count = |sql| self.conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        tally.quarantined = count("SELECT count(*) FROM quarantine WHERE released_at IS NULL")?;
        tally.rejected = count("SELECT count(*) FROM rejected")?;
        tally.mismatches = count("SELECT count(*) FROM round_trips INDEXED BY unconfirmed WHERE state = 2")?;
        let mut handled = 0;
        let mut last = None;
        let mut deliveries = self.conn.prepare("SELECT id, state FROM deliveries ORDER BY id")?;
        let mut deliveries = deliveries.query([])?;
        while let Some(row) = deliveries.next()? {
            let event = event_of(row.get(0)?);
            handled += i64::from(last.replace(event) != Some(event));
            tally.moves(None, Some(state(row, 1)?));
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        tally.events = count("SELECT count(*) FROM events")?;
        tally.unhandled = tally.events - handled;
        Ok(Some(tally))
    }
}
