//! What is past its time is forgotten, a little at a time.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Request;
use super::batch::Batch;
use crate::fault::Fault;
use crate::key::{all_in, event_of, micros, state};
use crate::schema::set_meta;

/// Events that one purge looks at; all of a callback, though, however many it brought.
const EVENTS: usize = 256;

/// Forgets what is past its time, as of a time, or as far as [`Retention`](super::Retention) has come.
/// Answers whether more is left.
pub(crate) struct Purge(pub(crate) Timestamp);

/// The events of one callback: they follow each other.
struct Group {
    first: i64,
    last: i64,
    pack: i64,
}

impl Request for Purge {
    type Answer = bool;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<bool, Fault> {
        let now = batch.staged.retention.advance(batch.conn, micros(self.0), batch.shared.steady())?;
        let before = earlier(now, batch.options.keep_events);
        let found = oldest(batch, before)?;
        let sealed = sealed(batch, &found.groups)?;
        let groups = found.groups.iter().take_while(|group| group.last <= sealed);
        let mut over = Vec::new();
        let mut looked_at = 0;
        for group in groups {
            looked_at += 1;
            if is_over(batch, group)? {
                over.push(group);
            }
        }
        forget(batch, &over)?;
        let held_up = looked_at < found.groups.len();
        let next = found.groups.get(looked_at).map_or(found.next, |group| Some(group.first));
        batch.staged.purge_from = next.unwrap_or(0).cast_unsigned();
        if held_up || next.is_some() {
            return Ok(true);
        }
        sweep(batch, now, before)
    }
}

/// The end of a round: what is not an event.
fn sweep(batch: &mut Batch<'_>, now: i64, before: i64) -> Result<bool, Fault> {
    batch.conn.execute("DELETE FROM quarantine WHERE released_at < ?", [before])?;
    batch.conn.execute("DELETE FROM actions WHERE at < ?", [earlier(now, batch.options.keep_audit)])?;
    let sample = batch.staged.rejected.get_or_insert_with(|| batch.memory.rejected.clone());
    let mut old = batch.conn.prepare_cached("DELETE FROM rejected WHERE received_at < ? RETURNING id")?;
    let old: HashSet<i64> = old.query_map([before], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    sample.retain(|(id, _)| !old.contains(id));
    batch.staged.tally.rejected -= old.len() as i64;
    batch.memory.note_open_from(batch.conn)?;
    // An id is known at least as long as its event is kept.
    let window = batch.options.dedupe_window.max(batch.options.keep_events);
    let oldest = earlier(now, window);
    let mut gone = batch.shared.runs().into_iter().filter(|run| run.newest < oldest);
    let first = gone.next();
    if let Some(run) = first.filter(|run| batch.staged.gone.iter().all(|gone| gone.id != run.id)) {
        run.delete(batch.conn)?;
        batch.staged.gone.push(Arc::clone(&run));
    }
    Ok(gone.next().is_some())
}

fn earlier(now: i64, by: Duration) -> i64 {
    now.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX))
}

struct Found {
    groups: Vec<Group>,
    /// The first event that was not looked at, if it is old enough too.
    next: Option<i64>,
}

/// The oldest callbacks that this round has not looked at.
fn oldest(batch: &Batch<'_>, before: i64) -> rusqlite::Result<Found> {
    let mut rows = batch.conn.prepare_cached("SELECT seq, callback, pack, received_at FROM events WHERE seq >= ? ORDER BY seq")?;
    let mut rows = rows.query([batch.staged.purge_from.cast_signed()])?;
    let mut groups: Vec<Group> = Vec::new();
    let mut events = 0;
    while let Some(row) = rows.next()? {
        let (seq, callback, pack, received_at): (i64, i64, i64, i64) = row.try_into()?;
        match groups.last_mut().filter(|group| group.first == callback) {
            Some(group) => group.last = seq,
            None if received_at >= before => break,
            None if events >= EVENTS => return Ok(Found { groups, next: Some(seq) }),
            None => groups.push(Group { first: seq, last: seq, pack }),
        }
        events += 1;
    }
    Ok(Found { groups, next: None })
}

/// The last event whose id will be in a run. Ids of events that are forgotten must be, for the
/// others are read from their events when the host starts.
fn sealed(batch: &mut Batch<'_>, groups: &[Group]) -> rusqlite::Result<i64> {
    let sealed = batch.memory.sealed.cast_signed();
    let enough = groups.last().is_none_or(|group| group.last <= sealed);
    if enough || batch.memory.sealer.is_busy() || batch.staged.written.is_some() {
        return Ok(sealed);
    }
    batch.staged.written = Some(batch.memory.sealer.whole(batch.conn, batch.memory.newest)?);
    Ok(batch.memory.next_seq.cast_signed() - 1)
}

/// True where none of a callback's deliveries is open or dead.
fn is_over(batch: &Batch<'_>, group: &Group) -> rusqlite::Result<bool> {
    let mut open =
        batch.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM deliveries WHERE id BETWEEN ? AND ? AND state IN (0, 1, 2, 6))")?;
    open.query_row((all_in(group.first).0, all_in(group.last).1), |row| row.get(0)).map(|open: bool| !open)
}

fn forget(batch: &mut Batch<'_>, over: &[&Group]) -> rusqlite::Result<()> {
    let mut rest = over;
    while let Some(first) = rest.first() {
        let mut end = 1;
        while rest.get(end).is_some_and(|group| group.first == rest[end - 1].last + 1) {
            end += 1;
        }
        forget_range(batch, first.first, rest[end - 1].last)?;
        rest = &rest[end..];
    }
    let packs: BTreeSet<_> = over.iter().map(|group| group.pack).collect();
    for pack in packs {
        let mut delete = batch.conn.prepare_cached(
            "DELETE FROM packs WHERE id = ?1 AND (SELECT pack FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1) IS NOT ?1",
        )?;
        delete.execute([pack])?;
    }
    if over.is_empty() { Ok(()) } else { set_meta(batch.conn, "next_seq", batch.staged.next_seq.cast_signed()) }
}

/// Removes events that follow each other, and all that nests in them.
fn forget_range(batch: &mut Batch<'_>, first: i64, last: i64) -> rusqlite::Result<()> {
    let deliveries = (all_in(first).0, all_in(last).1);
    let parts = (all_in(deliveries.0).0, all_in(deliveries.1).1);
    let tally = &mut batch.staged.tally;
    let mut handled = HashSet::new();
    let mut rows = batch.conn.prepare_cached("SELECT id, state FROM deliveries WHERE id BETWEEN ? AND ?")?;
    let mut rows = rows.query(deliveries)?;
    while let Some(row) = rows.next()? {
        handled.insert(event_of(row.get(0)?));
        tally.moves(state(row.get(1)?), None);
    }
    let mut mismatches = batch.conn.prepare_cached("SELECT count(*) FROM round_trips WHERE id BETWEEN ? AND ? AND state = 2")?;
    tally.mismatches -= mismatches.query_row(deliveries, |row| row.get::<_, i64>(0))?;
    for (sql, range) in [
        ("DELETE FROM calls WHERE id BETWEEN ? AND ?", parts),
        ("DELETE FROM attempts WHERE id BETWEEN ? AND ?", parts),
        ("DELETE FROM round_trips WHERE id BETWEEN ? AND ?", deliveries),
        ("DELETE FROM deliveries WHERE id BETWEEN ? AND ?", deliveries),
    ] {
        batch.conn.prepare_cached(sql)?.execute(range)?;
    }
    let events = batch.conn.prepare_cached("DELETE FROM events WHERE seq BETWEEN ? AND ?")?.execute((first, last))? as i64;
    tally.events -= events;
    tally.unhandled -= events - handled.len() as i64;
    Ok(())
}
