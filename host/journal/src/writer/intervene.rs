//! An operator does something to a delivery, most often to a dead letter.

use jiff::Timestamp;
use mortar_core::call::Settlement;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{DeliveryId, State};
use mortar_core::ports::{Intervention, JournalError, Replay};
use mortar_core::story::Fate;
use rusqlite::OptionalExtension;

use super::Request;
use super::batch::{Batch, Change};
use super::call::set_fate;
use super::newest::Place;
use super::round_trip;
use crate::fault::Fault;
use crate::key::{DeliveryKey, all_in, delivery_key, micros, state};
use crate::queue::{Count, Open, line};

/// Does what an operator asks.
pub(crate) struct Intervene {
    pub(crate) delivery: DeliveryId,
    pub(crate) intervention: Intervention,
    pub(crate) now: Timestamp,
}

/// A delivery that does not run, as the file has it.
struct Over {
    key: DeliveryKey,
    state: State,
    subject: i64,
    as_of: Option<i64>,
    attempts: u32,
    keep_steps: bool,
}

impl Request for Intervene {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let over = self.delivery(batch)?;
        match &self.intervention {
            Intervention::Replay(replay) => self.replay(batch, &over, *replay),
            Intervention::Discard { reason } => self.discard(batch, &over, reason),
            Intervention::Settle { step, settlement } => {
                let call = self.call_in_doubt(batch, &over, step)?;
                self.check_newest(batch, &over)?;
                let fate = match settlement {
                    Settlement::Resend => Fate::Unsent,
                    Settlement::Answered(response) => {
                        Fate::Answered { at: self.now, response: response.clone(), settled_by: Some("operator".into()) }
                    }
                };
                set_fate(batch.conn, call, &fate)?;
                self.replay(batch, &over, if over.keep_steps { Replay::KeepSteps } else { Replay::Resume })
            }
        }
    }
}

impl Intervene {
    fn delivery(&self, batch: &Batch<'_>) -> Result<Over, Fault> {
        let unknown =
            || JournalError::NotFound(format!("there is no delivery {}; `mortar dead list` shows the dead letters", self.delivery));
        let key = delivery_key(self.delivery).ok_or_else(unknown)?;
        let mut row =
            batch.conn.prepare_cached("SELECT state, subject, as_of, attempts, keep_steps IS NOT NULL FROM deliveries WHERE id = ?")?;
        let found = row.query_row([key], |row| {
            let state = state(row.get(0)?).unwrap_or(State::Pending);
            Ok(Over { key, state, subject: row.get(1)?, as_of: row.get(2)?, attempts: row.get(3)?, keep_steps: row.get(4)? })
        });
        let over = found.optional()?.ok_or_else(unknown)?;
        let hint = match (over.state, &self.intervention) {
            (State::Dead, _) | (State::Ignored, Intervention::Replay(_)) | (State::Done, Intervention::Replay(Replay::FromScratch)) => {
                return Ok(over);
            }
            (state, Intervention::Discard { .. }) if state.is_open() && !batch.memory.queue.runs(over.key) => return Ok(over),
            (State::Done, Intervention::Replay(_)) => "its steps are answered; it can only be replayed from scratch",
            (state, _) if state.is_open() => "its next attempt comes by itself",
            _ => "it is over; only dead letters can be replayed, settled or discarded",
        };
        Err(JournalError::Refused(format!("delivery {} is {}: {hint}", self.delivery, over.state)).into())
    }

    /// A count that is outdated is never sent.
    fn check_newest(&self, batch: &mut Batch<'_>, over: &Over) -> Result<(), Fault> {
        let Some(as_of) = over.as_of else { return Ok(()) };
        if batch.is_outdated(self.place(over), over.key, as_of)? {
            let text = format!("delivery {} is an older count than one that came after it: discard it", self.delivery);
            return Err(JournalError::Refused(text).into());
        }
        Ok(())
    }

    fn replay(&self, batch: &mut Batch<'_>, over: &Over, replay: Replay) -> Result<(), Fault> {
        self.check_newest(batch, over)?;
        match replay {
            Replay::Resume | Replay::KeepSteps => ask_again(batch, over)?,
            Replay::FromScratch => {
                batch.conn.prepare_cached("DELETE FROM calls WHERE id BETWEEN ? AND ?")?.execute(all_in(over.key))?;
            }
        }
        let (reason, keep_steps) = match replay {
            Replay::Resume => ("replayed by an operator", None),
            Replay::KeepSteps => ("replayed by an operator with the answers of then", Some(true)),
            Replay::FromScratch => ("replayed by an operator from scratch", None),
        };
        round_trip::forget(batch, over.key)?;
        let (now, place) = (micros(self.now), self.place(over));
        let mut due = now;
        if let Some(as_of) = over.as_of {
            due = batch.supersede(place.line, now)?.unwrap_or(now);
            batch.add_count(place.line, Count { key: over.key, as_of, due, running: false, waiting: true });
        }
        let mut update = batch.conn.prepare_cached(
            "UPDATE deliveries SET state = ?, at = ?, spent = 0, since = ?, code = NULL, reason = ?, gap = NULL, keep_steps = ? WHERE id = ?",
        )?;
        // Waiting, not pending: it was tried before, and a start of the host finds it by its index.
        update.execute((State::Waiting as u8, due, now, reason, keep_steps, over.key))?;
        drop(update);
        batch.staged.tally.moves(Some(over.state), Some(State::Waiting));
        batch.change(Change::Insert(Open {
            key: over.key,
            line: place.line,
            due,
            attempts: over.attempts,
            spent: 0,
            waiting: true,
            called: true,
            as_of: over.as_of,
        }));
        batch.change(Change::LetGo { key: over.key, line: place.line });
        Ok(())
    }

    fn discard(&self, batch: &mut Batch<'_>, over: &Over, reason: &str) -> Result<(), Fault> {
        let mut update =
            batch.conn.prepare_cached("UPDATE deliveries SET state = ?, at = ?, code = ?, reason = ?, gap = NULL WHERE id = ?")?;
        update.execute((State::Ignored as u8, micros(self.now), ErrorCode::Discarded.as_str(), reason, over.key))?;
        batch.staged.tally.moves(Some(over.state), Some(State::Ignored));
        let (key, line) = (over.key, self.place(over).line);
        batch.change(if over.state.is_open() { Change::Close { key, line } } else { Change::LetGo { key, line } });
        Ok(())
    }

    /// The key of the call that made the step, which must be in doubt.
    fn call_in_doubt(&self, batch: &Batch<'_>, over: &Over, step: &str) -> Result<i64, Fault> {
        let (low, high) = all_in(over.key);
        let mut calls = batch.conn.prepare_cached("SELECT id, step, fate FROM calls WHERE id BETWEEN ? AND ? ORDER BY id")?;
        let calls = calls.query_map((low, high), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let calls: Vec<(i64, String, u8)> = calls.collect::<rusqlite::Result<_>>()?;
        match calls.iter().find(|(_, name, _)| name == step) {
            Some((key, _, 0)) => Ok(*key),
            Some(_) => Err(JournalError::Refused(format!("step {step} of delivery {} is not in doubt: replay it", self.delivery)).into()),
            None => {
                let steps: Vec<_> = calls.iter().filter(|(_, _, fate)| *fate == 0).map(|(_, step, _)| step.as_str()).collect();
                let known = if steps.is_empty() { "no step of it is in doubt".into() } else { format!("in doubt: {}", steps.join(", ")) };
                Err(JournalError::NotFound(format!("delivery {} has no step {step}; {known}", self.delivery)).into())
            }
        }
    }

    fn place(&self, over: &Over) -> Place {
        let plugin = self.delivery.plugin;
        Place { plugin, subject: over.subject, line: line(over.subject, plugin) }
    }
}

/// Steps that were answered with a refusal are asked again, or the replay would end as the attempt
/// before it did. After a 5xx nobody knows whether a write was applied: such a step is in doubt.
fn ask_again(batch: &Batch<'_>, over: &Over) -> Result<(), Fault> {
    let (low, high) = all_in(over.key);
    let mut refused = batch.conn.prepare_cached(
        "UPDATE calls SET fate = 1 WHERE id BETWEEN ? AND ? AND fate = 2 AND settled_by IS NULL
            AND (status BETWEEN 400 AND 499 OR status >= 500 AND method IN ('GET', 'HEAD', 'OPTIONS'))",
    )?;
    refused.execute((low, high))?;
    let mut unclear = batch.conn.prepare_cached(
        "UPDATE calls SET fate = 0, lost = 'it was answered with ' || status
            WHERE id BETWEEN ? AND ? AND fate = 2 AND settled_by IS NULL AND status >= 500",
    )?;
    unclear.execute((low, high))?;
    Ok(())
}
