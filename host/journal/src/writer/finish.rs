//! An attempt ends.

use std::borrow::Cow;

use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Gap, PluginNo, State, Verdict};
use mortar_core::ports::{Finish, Finished, StateWrite};
use mortar_core::story::Attempt;
use rusqlite::OptionalExtension;

use super::batch::{Batch, Change};
use super::newest::{Place, REASON};
use super::round_trip;
use super::{Request, json};
use crate::fault::Fault;
use crate::key::{DeliveryKey, NEST, micros, nested};
use crate::names::Kind;
use crate::queue::{Open, subject_of};

/// Ends an attempt.
pub(crate) struct End(pub(crate) Finish);

impl Request for End {
    type Answer = Finished;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<Finished, Fault> {
        let Finish { lease, verdict, gap, attempt, state, confirm_at } = &self.0;
        let held = batch.held(*lease)?;
        let plugin = lease.delivery.plugin;
        if matches!(verdict, Verdict::Done | Verdict::Ignored { .. }) {
            if !agrees(batch, plugin, state)? {
                return Ok(Finished::StateConflict);
            }
            write_state(batch, plugin, state)?;
        }
        let mut end = Ending::of(verdict, &held, micros(attempt.ended_at));
        if let Some(as_of) = held.as_of {
            among_counts(batch, plugin, &held, as_of, micros(attempt.ended_at), &mut end)?;
        }
        match end.state {
            State::Done => {
                close_gaps(batch, plugin, &held, end.at)?;
                if let Some(at) = confirm_at {
                    round_trip::fall_due(batch, held.key, micros(*at), end.at)?;
                }
            }
            State::Dead => end.gap = if held.as_of.is_some() { gap.of_count() } else { *gap },
            _ => {}
        }
        store_attempt(batch, held.key, attempt)?;
        update(batch, &held, &end)?;
        batch.ends(held.key);
        batch.staged.tally.moves(Some(stored_state(held.waiting)), Some(end.state));
        if end.gap == Gap::Hold {
            batch.change(Change::Hold { key: held.key, line: held.line });
        }
        batch.change(match end.state {
            State::Waiting => Change::Wait { key: held.key, due: end.at, spent: end.spent },
            _ => Change::Close { key: held.key, line: held.line },
        });
        Ok(Finished::Recorded)
    }
}

/// What the file says of an open delivery.
pub(super) fn stored_state(waiting: bool) -> State {
    if waiting { State::Waiting } else { State::Pending }
}

/// What becomes of the delivery.
struct Ending<'a> {
    state: State,
    at: i64,
    spent: u32,
    code: Option<ErrorCode>,
    reason: Option<Cow<'a, str>>,
    gap: Gap,
}

impl<'a> Ending<'a> {
    fn of(verdict: &'a Verdict, held: &Open, now: i64) -> Self {
        let (state, at, code, reason, counts) = match verdict {
            Verdict::Done => (State::Done, now, None, None, true),
            Verdict::Ignored { reason } => (State::Ignored, now, None, Some(reason), true),
            Verdict::Waiting { until, code, reason, spent } => (State::Waiting, micros(*until), Some(*code), Some(reason), *spent),
            Verdict::Dead { code, reason } => (State::Dead, now, Some(*code), Some(reason), true),
        };
        let spent = held.spent.saturating_add(u32::from(counts));
        Self { state, at, spent, code, reason: reason.map(|reason| Cow::from(reason.as_str())), gap: Gap::Skip }
    }
}

/// Where the newest count wins: remembers what the plugin is through with, for no older one may be
/// sent after it; a dead letter too, since it can be replayed. And lets no older count be tried
/// again once a newer one is there, which then waits in its place.
fn among_counts(batch: &mut Batch<'_>, plugin: PluginNo, held: &Open, as_of: i64, now: i64, end: &mut Ending<'_>) -> rusqlite::Result<()> {
    let counts = batch.counts(held.line);
    match end.state {
        State::Done | State::Ignored | State::Dead => {
            let place = Place { plugin, subject: subject_of(held.line, plugin), line: held.line };
            return batch.through_with(place, held.key, as_of);
        }
        State::Waiting if counts.iter().any(|count| count.key != held.key) => {
            counts.retain(|count| count.key != held.key);
            if end.at > now {
                batch.let_wait(held.line, end.at)?;
            }
            (end.state, end.at, end.code, end.reason) = (State::Superseded, now, None, Some(REASON.into()));
        }
        State::Waiting => {
            let due = end.at;
            counts.iter_mut().for_each(|count| (count.due, count.running, count.waiting) = (due, false, true));
        }
        _ => counts.retain(|count| count.key != held.key),
    }
    Ok(())
}

fn update(batch: &Batch<'_>, held: &Open, end: &Ending<'_>) -> rusqlite::Result<()> {
    let mut update = batch
        .conn
        .prepare_cached("UPDATE deliveries SET state = ?, at = ?, attempts = ?, spent = ?, code = ?, reason = ?, gap = ? WHERE id = ?")?;
    let (code, gap) = (end.code.map(ErrorCode::as_str), (end.gap != Gap::Skip).then_some(end.gap as u8));
    update.execute((end.state as u8, end.at, held.attempts.saturating_add(1), end.spent, code, &end.reason, gap, held.key))?;
    Ok(())
}

/// Supersedes the dead letters that a later delivery of their line was to take the place of.
fn close_gaps(batch: &mut Batch<'_>, plugin: PluginNo, held: &Open, at: i64) -> rusqlite::Result<()> {
    let mut close = batch.conn.prepare_cached(
        "UPDATE deliveries INDEXED BY gaps SET state = ?, at = ?, code = NULL, reason = 'a later event took its place', gap = NULL
         WHERE gap = ? AND subject = ? AND id & 1023 = ? AND id < ?",
    )?;
    let subject = subject_of(held.line, plugin);
    let closed = close.execute((State::Superseded as u8, at, Gap::Supersede as u8, subject, plugin.0, held.key))?;
    (0..closed).for_each(|_| batch.staged.tally.moves(Some(State::Dead), Some(State::Superseded)));
    Ok(())
}

fn store_attempt(batch: &mut Batch<'_>, delivery: DeliveryKey, attempt: &Attempt) -> rusqlite::Result<()> {
    let component = batch.number(Kind::Component, &attempt.digest)?;
    let slot = i64::from(attempt.number).min(NEST - 1);
    let mut insert = batch.conn.prepare_cached(
        "INSERT OR REPLACE INTO attempts (id, number, started_at, ended_at, component, ending, code, reason, trace, log)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute((
        nested(delivery, slot),
        attempt.number,
        micros(attempt.started_at),
        micros(attempt.ended_at),
        component,
        &attempt.ending,
        &attempt.code,
        &attempt.reason,
        json(&attempt.trace),
        json(&attempt.log),
    ))?;
    Ok(())
}

/// True where every key of a plugin's state is still at the version that its write expects.
fn agrees(batch: &Batch<'_>, plugin: PluginNo, writes: &[StateWrite]) -> rusqlite::Result<bool> {
    for write in writes {
        let mut version = batch.conn.prepare_cached("SELECT version FROM state WHERE plugin = ? AND key = ?")?;
        let version: Option<i64> = version.query_row((plugin.0, &write.key), |row| row.get(0)).optional()?;
        if version.unwrap_or(0).cast_unsigned() != write.expected {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_state(batch: &mut Batch<'_>, plugin: PluginNo, writes: &[StateWrite]) -> rusqlite::Result<()> {
    for StateWrite { key, value, .. } in writes {
        let Some(value) = value else {
            batch.conn.prepare_cached("DELETE FROM state WHERE plugin = ? AND key = ?")?.execute((plugin.0, key))?;
            continue;
        };
        // One counter for all keys: a key that is deleted and written again has another version.
        let version = batch.staged.next_version;
        batch.staged.next_version += 1;
        let mut put = batch.conn.prepare_cached("INSERT OR REPLACE INTO state (plugin, key, value, version) VALUES (?, ?, ?, ?)")?;
        put.execute((plugin.0, key, value, version))?;
    }
    Ok(())
}
