//! A genuine callback comes in.

use std::sync::Arc;

use mortar_core::delivery::{EventSeq, PluginNo, State};
use mortar_core::masonhub::fact::Known;
use mortar_core::ports::{Accepted, JournalError, NewCallback, NewDelivery, NewEvent, Order};

use super::Request;
use super::batch::{Batch, Change};
use super::finish::stored_state;
use super::newest::{Place, REASON};
use crate::fault::Fault;
use crate::key::{IdKey, micros, nested};
use crate::names::Kind;
use crate::queue::{Count, Open, line};
use crate::recent::RecentEvent;

/// Stores a callback.
pub(crate) struct Accept {
    pub(crate) callback: Arc<NewCallback>,
    /// Of what a poll found missing: up to which place it looked. None: its sender told it.
    pub(crate) looked_to: Option<EventSeq>,
}

impl Request for Accept {
    type Answer = Accepted;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<Accepted, Fault> {
        let callback = &self.callback;
        check(callback, batch)?;
        let source = batch.number(Kind::Source, &callback.source)?;
        let mut accepted = Accepted { stored: 0, duplicates: 0 };
        let mut stored: Option<Body> = None;
        let mut kept = false;
        if self.is_overtaken(batch, source)? {
            return Ok(Accepted { stored: 0, duplicates: callback.events.len() });
        }
        for (index, new) in callback.events.iter().enumerate() {
            let key = batch.memory.hash_keys.id(&callback.source, &new.event.id);
            if batch.find(key)?.is_some() {
                accepted.duplicates += 1;
                continue;
            }
            if self.looked_to.is_none() && told_by_poll(callback, new, batch, source)? {
                accepted.duplicates += 1;
                continue;
            }
            let seq = batch.staged.next_seq;
            let body = match stored {
                Some(body) => body,
                None => {
                    let (pack, start) = batch.store_body(seq, &callback.body)?;
                    *stored.insert(Body { first: seq, pack, start })
                }
            };
            Storing { callback, new, source, seq, body, polled: self.looked_to.is_some() }.store(batch, key)?;
            if !new.deliveries.is_empty() {
                let first = !std::mem::replace(&mut kept, true);
                batch.staged.events.push(RecentEvent { seq, callback: callback.clone(), index, first });
            }
            accepted.stored += 1;
        }
        if let Some(reason) = &callback.unreadable {
            quarantine(callback, reason, batch)?;
        }
        Ok(accepted)
    }

    fn bytes(&self) -> usize {
        self.callback.body.len()
    }
}

impl Accept {
    /// True where a subject has events that the poll did not see.
    fn is_overtaken(&self, batch: &mut Batch<'_>, source: i64) -> rusqlite::Result<bool> {
        let Some(looked_to) = self.looked_to else { return Ok(false) };
        let mut later = batch.conn.prepare_cached("SELECT 1 FROM events WHERE seq >= ? AND source = ? AND subject = ? LIMIT 1")?;
        for new in &self.callback.events {
            if later.exists((looked_to.cast_signed(), source, new.event.subject.to_string()))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// True where a poll has told all that a callback tells now.
fn told_by_poll(callback: &NewCallback, new: &NewEvent, batch: &mut Batch<'_>, source: i64) -> rusqlite::Result<bool> {
    let event = &new.event;
    if !batch.has_polled()? {
        return Ok(false);
    }
    let polled = batch.polled(source, &event.subject.to_string())?;
    if polled.is_empty() {
        return Ok(false);
    }
    let payload = callback.body.slice(event.record.clone());
    let told = Known { event_type: event.event_type.to_string(), as_of: event.as_of, payload };
    Ok(told.is_told_by(&polled))
}

/// Refuses before anything is written.
fn check(callback: &NewCallback, batch: &Batch<'_>) -> Result<(), JournalError> {
    if let Some(refusal) = &batch.refusal {
        return Err(refusal.clone());
    }
    if let Some(new) = callback.events.iter().find(|new| callback.body.get(new.event.record.clone()).is_none()) {
        return Err(JournalError::Refused(format!("the record of event {} lies outside of its callback", new.event.id)));
    }
    let mut plugins = callback.events.iter().flat_map(|new| &new.deliveries).map(|delivery| delivery.plugin);
    if let Some(PluginNo(no)) = plugins.find(|plugin| plugin.0 >= PluginNo::LIMIT) {
        return Err(JournalError::Refused(format!("{no} is not the number of a plugin")));
    }
    let deliveries: usize = callback.events.iter().map(|new| new.deliveries.len()).sum();
    if deliveries > 0 && batch.open() + deliveries > batch.options.open_deliveries {
        return Err(JournalError::Busy);
    }
    Ok(())
}

/// Where a callback's body is.
#[derive(Clone, Copy)]
struct Body {
    /// The first event that came with it.
    first: EventSeq,
    pack: EventSeq,
    start: usize,
}

/// An event on its way into the file.
struct Storing<'a> {
    callback: &'a NewCallback,
    new: &'a NewEvent,
    source: i64,
    seq: EventSeq,
    body: Body,
    polled: bool,
}

impl Storing<'_> {
    fn store(&self, batch: &mut Batch<'_>, key: IdKey) -> Result<(), Fault> {
        let event = &self.new.event;
        let subject = event.subject.to_string();
        self.insert(batch, &subject)?;
        batch.staged.ids.insert(key, self.seq);
        batch.staged.next_seq = self.seq + 1;
        batch.staged.newest = batch.staged.newest.max(micros(self.callback.received_at));
        batch.staged.tally.events += 1;
        if self.new.deliveries.is_empty() {
            batch.staged.tally.unhandled += 1;
            return Ok(());
        }
        let subject_key = batch.memory.hash_keys.subject(&self.callback.source, &subject);
        for delivery in &self.new.deliveries {
            self.deliver(batch, subject_key, *delivery)?;
        }
        Ok(())
    }

    fn insert(&self, batch: &mut Batch<'_>, subject: &str) -> rusqlite::Result<()> {
        let Self { callback, new: NewEvent { event, .. }, source, seq, body, polled } = self;
        if *polled {
            batch.polls();
        }
        let event_type = batch.number(Kind::Type, &event.event_type)?;
        let first = (*seq == body.first).then_some(callback);
        batch.insert_event()?.execute(rusqlite::params![
            seq.cast_signed(),
            event.id,
            source,
            event_type,
            subject,
            event.as_of.map(micros),
            micros(callback.received_at),
            body.pack.cast_signed(),
            (body.start + event.record.start) as i64,
            event.record.len() as i64,
            body.first.cast_signed(),
            first.map(|_| body.start as i64),
            first.map(|callback| callback.body.len() as i64),
            first.and_then(|callback| callback.remote).map(|remote| remote.to_string()),
            first.and_then(|callback| callback.delivery_header.as_deref()),
            first.and_then(|callback| callback.secret),
            polled.then_some(1),
        ])?;
        Ok(())
    }

    fn deliver(&self, batch: &mut Batch<'_>, subject: i64, delivery: NewDelivery) -> rusqlite::Result<()> {
        let NewDelivery { plugin, order } = delivery;
        let place = Place { plugin, subject, line: line(subject, plugin) };
        let received_at = micros(self.callback.received_at);
        let as_of = match order {
            Order::Fifo => None,
            Order::Newest => Some(self.new.event.as_of.map_or(received_at, micros)),
        };
        let mut open = self.open(place, as_of, received_at);
        let (state, reason) = match as_of {
            Some(as_of) if batch.is_outdated(place, open.key, as_of)? => (State::Superseded, Some(REASON)),
            Some(_) => {
                let reason = batch.place_of(&mut open, place.line)?;
                (stored_state(open.waiting), reason)
            }
            None => (State::Pending, None),
        };
        batch.insert_delivery()?.execute((open.key, state as u8, open.due, subject, as_of, reason))?;
        batch.staged.tally.moves(None, Some(state));
        if state == State::Superseded {
            return Ok(());
        }
        if let Some(as_of) = as_of {
            batch.add_count(place.line, Count { key: open.key, as_of, due: open.due, running: false, waiting: open.waiting });
        }
        batch.change(Change::Insert(open));
        Ok(())
    }

    fn open(&self, place: Place, as_of: Option<i64>, received_at: i64) -> Open {
        Open {
            key: delivery_key(self.seq, place.plugin),
            line: place.line,
            due: received_at,
            attempts: 0,
            spent: 0,
            waiting: false,
            called: false,
            as_of,
        }
    }
}

fn delivery_key(seq: EventSeq, plugin: PluginNo) -> i64 {
    nested(seq.cast_signed(), i64::from(plugin.0))
}

fn quarantine(callback: &NewCallback, reason: &str, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
    let mut insert = batch.conn.prepare_cached(
        "INSERT INTO quarantine (source, received_at, remote, delivery_header, secret, reason, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute((
        &callback.source,
        micros(callback.received_at),
        callback.remote.map(|remote| remote.to_string()),
        &callback.delivery_header,
        callback.secret,
        reason,
        &callback.body[..],
    ))?;
    batch.staged.tally.quarantined += 1;
    Ok(())
}
