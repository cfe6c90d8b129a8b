//! Round trips: due when a delivery is done, and what looking at the ERP came to.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::delivery::{DeliveryId, State};
use mortar_core::ports::{JournalError, Look, LookAt, Looked, Marked};
use mortar_core::round_trip::{Confirmation, RoundTripState};
use rusqlite::OptionalExtension;

use super::batch::Batch;
use super::newest::{Place, REASON};
use super::{Request, json};
use crate::fault::Fault;
use crate::key::{DeliveryKey, delivery_id, delivery_key, micros, nested, plugin_of};
use crate::queue::line;
use crate::read;

/// Deliveries that one look through them takes.
const STEP: i64 = 1000;

/// The round trip of a delivery that is done falls due, whatever was known of it before.
pub(super) fn fall_due(batch: &mut Batch<'_>, key: DeliveryKey, at: i64, now: i64) -> rusqlite::Result<()> {
    forget(batch, key)?;
    let mut insert = batch.conn.prepare_cached("INSERT INTO round_trips (id, state, at, since, looks, spent) VALUES (?, 0, ?, ?, 0, 0)")?;
    insert.execute((key, at, now)).map(drop)
}

/// Nothing is known any more of what the ERP says.
pub(super) fn forget(batch: &mut Batch<'_>, key: DeliveryKey) -> rusqlite::Result<()> {
    let mut delete = batch.conn.prepare_cached("DELETE FROM round_trips WHERE id = ? RETURNING state = 2")?;
    let was_mismatch: Option<bool> = delete.query_row([key], |row| row.get(0)).optional()?;
    batch.staged.tally.mismatches -= i64::from(was_mismatch == Some(true));
    Ok(())
}

/// Takes round trips that are due.
pub(crate) struct TakeDue {
    pub(crate) now: Timestamp,
    pub(crate) max: usize,
    pub(crate) lease: Duration,
}

/// One that was taken.
pub(crate) struct TakenDue {
    pub(crate) key: DeliveryKey,
    pub(crate) spent: u32,
    pub(crate) since: i64,
}

impl Request for TakeDue {
    type Answer = Vec<TakenDue>;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<Vec<TakenDue>, Fault> {
        let mut due = batch.conn.prepare_cached(
            "SELECT r.id, r.spent, r.since, d.subject, d.as_of FROM round_trips r INDEXED BY unconfirmed JOIN deliveries d ON d.id = r.id
             WHERE r.state = 0 AND r.at <= ? ORDER BY r.at LIMIT ?",
        )?;
        let due = due.query_map((micros(self.now), i64::try_from(self.max).unwrap_or(i64::MAX)), |row| {
            Ok((TakenDue { key: row.get(0)?, spent: row.get(1)?, since: row.get(2)? }, row.get(3)?, row.get(4)?))
        })?;
        let due: Vec<(_, i64, Option<i64>)> = due.collect::<rusqlite::Result<_>>()?;
        let again = SignedDuration::try_from(self.lease).ok().and_then(|lease| self.now.checked_add(lease).ok()).unwrap_or(Timestamp::MAX);
        let mut taken = Vec::new();
        for (one, subject, as_of) in due {
            if is_overtaken(batch, one.key, subject, as_of)? {
                let end = Row { state: RoundTripState::NotApplicable, at: micros(self.now), reason: Some(REASON), ..Row::default() };
                end.store(batch, one.key)?;
                continue;
            }
            batch.conn.prepare_cached("UPDATE round_trips SET at = ? WHERE id = ?")?.execute((micros(again), one.key))?;
            taken.push(one);
        }
        Ok(taken)
    }
}

/// True where a newer count has taken the place of this one, so that the ERP says something else.
fn is_overtaken(batch: &mut Batch<'_>, key: DeliveryKey, subject: i64, as_of: Option<i64>) -> rusqlite::Result<bool> {
    let plugin = plugin_of(key);
    let Some(as_of) = as_of else { return Ok(false) };
    batch.is_outdated(Place { plugin, subject, line: line(subject, plugin) }, key, as_of)
}

/// What becomes of a round trip.
#[derive(Default)]
struct Row<'a> {
    state: RoundTripState,
    at: i64,
    /// Looks to add, and those of them that count.
    looks: (u32, u32),
    reason: Option<&'a str>,
    expected: Option<&'a str>,
    found: Option<&'a str>,
    log: Option<String>,
}

impl Row<'_> {
    fn store(self, batch: &mut Batch<'_>, key: DeliveryKey) -> rusqlite::Result<()> {
        let mut update = batch.conn.prepare_cached(
            "UPDATE round_trips SET state = ?, at = ?, looks = looks + ?, spent = spent + ?, reason = ?, expected = ?, found = ?, log = ?
             WHERE id = ?",
        )?;
        let Row { state, at, looks: (looks, spent), reason, expected, found, log } = self;
        update.execute((state as u8, at, looks, spent, reason, expected, found, log, key))?;
        batch.staged.tally.mismatches += i64::from(state == RoundTripState::Mismatch);
        Ok(())
    }
}

/// Records a look.
pub(crate) struct Record(pub(crate) Look);

impl Request for Record {
    type Answer = Option<RoundTripState>;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<Option<RoundTripState>, Fault> {
        let Look { delivery, at, looked, log } = &self.0;
        let Some(key) = delivery_key(*delivery) else { return Ok(None) };
        let mut due = batch.conn.prepare_cached(
            "SELECT d.subject, d.as_of FROM round_trips r JOIN deliveries d ON d.id = r.id WHERE r.id = ? AND r.state = 0",
        )?;
        let due = due.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((subject, as_of)) = due else { return Ok(None) };
        let now = micros(*at);
        let row = Row { at: now, looks: (1, 1), log: json(log), ..Row::default() };
        let row = match looked {
            Looked::Found(Confirmation::Confirmed { evidence }) => Row { state: RoundTripState::Confirmed, reason: Some(evidence), ..row },
            Looked::Found(Confirmation::NotApplicable { reason }) => {
                Row { state: RoundTripState::NotApplicable, reason: Some(reason), ..row }
            }
            // The newer one may have reached the ERP during the look.
            Looked::Found(Confirmation::Mismatch { .. }) if is_overtaken(batch, key, subject, as_of)? => {
                Row { state: RoundTripState::NotApplicable, reason: Some(REASON), ..row }
            }
            Looked::Found(Confirmation::Mismatch { expected, found }) => {
                Row { state: RoundTripState::Mismatch, expected: Some(expected), found: Some(found), ..row }
            }
            Looked::Again { at, reason, spent } => Row { at: micros(*at), looks: (1, u32::from(*spent)), reason: Some(reason), ..row },
            Looked::GivenUp { reason } => Row { state: RoundTripState::Unconfirmed, reason: Some(reason), ..row },
        };
        let state = row.state;
        row.store(batch, key)?;
        Ok(Some(state))
    }
}

/// Makes round trips due now.
pub(crate) struct LookAgain {
    pub(crate) at: LookAt,
    pub(crate) now: Timestamp,
}

impl Request for LookAgain {
    type Answer = Marked;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<Marked, Fault> {
        let now = micros(self.now);
        let (since, plugins, from) = match &self.at {
            LookAt::One(delivery) => {
                fall_due(batch, done(batch, *delivery)?, now, now)?;
                return Ok(Marked { marked: 1, next: None });
            }
            LookAt::Since { since, plugins, from } => (since, plugins, from),
        };
        let from = match from {
            Some(delivery) => delivery_key(*delivery),
            None => read::first_since(batch.conn, *since)?.map(|seq| nested(seq, 0)),
        };
        let Some(from) = from else { return Ok(Marked { marked: 0, next: None }) };
        let mut rows = batch.conn.prepare_cached("SELECT id, state FROM deliveries WHERE id >= ? ORDER BY id LIMIT ?")?;
        let rows = rows.query_map((from, STEP), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(DeliveryKey, u8)> = rows.collect::<rusqlite::Result<_>>()?;
        let next = (rows.len() as i64 == STEP).then(|| rows.last().map(|(last, _)| delivery_id(last + 1))).flatten();
        let mut marked = 0;
        for (key, state) in rows {
            if state == State::Done as u8 && plugins.contains(&plugin_of(key)) {
                fall_due(batch, key, now, now)?;
                marked += 1;
            }
        }
        Ok(Marked { marked, next })
    }
}

/// The key of a delivery that is done.
fn done(batch: &Batch<'_>, delivery: DeliveryId) -> Result<DeliveryKey, Fault> {
    let unknown = || JournalError::NotFound(format!("there is no delivery {delivery}; `mortar event show` names those of an event"));
    let key = delivery_key(delivery).ok_or_else(unknown)?;
    let mut state = batch.conn.prepare_cached("SELECT state FROM deliveries WHERE id = ?")?;
    let state: u8 = state.query_row([key], |row| row.get(0)).optional()?.ok_or_else(unknown)?;
    match crate::key::state(state) {
        Some(State::Done) => Ok(key),
        state => {
            let state = state.unwrap_or(State::Pending);
            Err(JournalError::Refused(format!("delivery {delivery} is {state}: only of what is done the ERP is read back")).into())
        }
    }
}
