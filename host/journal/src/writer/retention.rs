//! The time that retention goes by.

use rusqlite::Connection;

use crate::schema::{meta, set_meta};

/// How much faster than time itself the time of retention may go.
const PACE: i64 = 2;

/// It is written down when it has gone on by this, in microseconds.
const NOTE_EVERY: i64 = 3600 * 1_000_000;

/// Follows the system's clock, but at most twice as fast as time goes by. So a clock that is set a
/// year ahead does not take a year of events and ids with it: each day that it stays wrong costs a
/// day of them. What a host missed while it was down it makes good in as much time.
#[derive(Clone, Copy)]
pub(crate) struct Retention {
    /// How far it has come, as stored times are.
    reached: i64,
    /// When it had come so far, by the steady clock.
    steady: i64,
    noted: Option<i64>,
}

impl Retention {
    /// Goes on where the last host's note says, or begins now.
    pub(crate) fn load(conn: &Connection, now: i64, steady: i64) -> rusqlite::Result<Self> {
        let noted = meta(conn, "retention")?;
        Ok(Self { reached: noted.unwrap_or(now), steady, noted })
    }

    /// Goes on to `now`, or as far as it may. Answers what is the time for it.
    pub(super) fn advance(&mut self, conn: &Connection, now: i64, steady: i64) -> rusqlite::Result<i64> {
        let passed = steady.saturating_sub(self.steady).max(0);
        let time = now.min(self.reached.saturating_add(passed.saturating_mul(PACE)));
        (self.reached, self.steady) = (self.reached.max(time), steady);
        if self.noted.is_none_or(|noted| self.reached.saturating_sub(noted) >= NOTE_EVERY) {
            set_meta(conn, "retention", self.reached)?;
            self.noted = Some(self.reached);
        }
        Ok(time)
    }
}
