//! What operators read.

use std::collections::BTreeMap;

use mortar_core::delivery::State;
use mortar_core::ports::Filter;
use mortar_core::story::{CallbackStory, Counts, DeliveryStory, DeliverySummary, EventStory, EventSummary};

use super::tables::{Delivery, Stored, Tables};
use super::work::Leases;
use mortar_core::delivery::{DeliveryId, EventSeq};

impl Tables {
    pub(super) fn list(&self, leases: &Leases, filter: &Filter) -> Vec<EventSummary> {
        let range = filter.after.map_or(0, |after| after + 1)..filter.before.unwrap_or(EventSeq::MAX);
        let named = self.events.range(range).filter(|(_, stored)| {
            let event = &stored.event;
            filter.takes_names(&event.id, &event.subject, &event.payload)
        });
        let events = named.map(|(_, stored)| self.summary(leases, stored)).filter(|event| matches(event, filter));
        if filter.after.is_some() { events.take(filter.limit).collect() } else { events.rev().take(filter.limit).collect() }
    }

    pub(super) fn tell(&self, leases: &Leases, event: &str) -> Option<EventStory> {
        let by_id = self.events.values().rev().find(|stored| stored.event.id == event);
        let stored = by_id.or_else(|| self.events.get(&event.parse().ok()?))?;
        let events = self.events.values().filter(|other| other.first == stored.first).map(|other| other.event.id.clone());
        let deliveries = self.deliveries_of(stored.event.seq).map(|(id, delivery)| DeliveryStory {
            delivery: self.delivery(leases, id, delivery),
            attempts: delivery.story.clone(),
            calls: delivery.calls.values().cloned().collect(),
            round_trip: None,
        });
        Some(EventStory {
            event: self.summary(leases, stored),
            as_of: stored.event.as_of,
            payload: String::from_utf8_lossy(&stored.event.payload).into_owned(),
            callback: CallbackStory { events: events.collect(), ..stored.callback.clone() },
            deliveries: deliveries.collect(),
        })
    }

    pub(super) fn count(&self, leases: &Leases) -> Counts {
        let states: Vec<_> = self.deliveries.iter().map(|(id, delivery)| self.delivery(leases, *id, delivery).state).collect();
        let of = |state| states.iter().filter(|other| **other == state).count() as u64;
        Counts {
            events: self.events.len() as u64,
            deliveries: State::ALL.into_iter().map(|state| (state, of(state))).collect(),
            held: self.deliveries.keys().filter(|id| self.held_by(**id).is_some()).count() as u64,
            unhandled: self.events.keys().filter(|seq| self.deliveries_of(**seq).next().is_none()).count() as u64,
            quarantined: self.quarantine.values().filter(|(about, _)| about.released_at.is_none()).count() as u64,
            rejected: self.rejected.len() as u64,
            open: self.open_by_plugin(),
            mismatches: 0,
        }
    }

    fn open_by_plugin(&self) -> BTreeMap<String, u64> {
        let mut open = BTreeMap::new();
        for (id, _) in self.deliveries.iter().filter(|(_, delivery)| delivery.state.is_open()) {
            *open.entry(self.plugins[usize::from(id.plugin.0) - 1].clone()).or_default() += 1;
        }
        open
    }

    /// The deliveries of an event.
    pub(super) fn deliveries_of(&self, event: EventSeq) -> impl Iterator<Item = (DeliveryId, &Delivery)> {
        let all = self.deliveries.range(first_of(event)..first_of(event + 1));
        all.map(|(id, delivery)| (*id, delivery))
    }

    fn summary(&self, leases: &Leases, stored: &Stored) -> EventSummary {
        let event = &stored.event;
        EventSummary {
            seq: event.seq,
            id: event.id.clone(),
            event_type: event.event_type.clone(),
            subject: event.subject.clone(),
            source: event.source.to_string(),
            received_at: event.received_at,
            deliveries: self.deliveries_of(event.seq).map(|(id, delivery)| self.delivery(leases, id, delivery)).collect(),
        }
    }

    fn delivery(&self, leases: &Leases, id: DeliveryId, delivery: &Delivery) -> DeliverySummary {
        let running = leases.since(id);
        DeliverySummary {
            id,
            plugin: self.plugins[usize::from(id.plugin.0) - 1].clone(),
            state: if running.is_some() { State::Running } else { delivery.state },
            attempts: delivery.attempts,
            at: running.unwrap_or(delivery.at),
            code: delivery.code.clone(),
            reason: delivery.reason.clone(),
            gap: delivery.gap,
            parked: false,
            in_doubt: if delivery.state == State::Dead { delivery.in_doubt() } else { 0 },
            outdated: delivery.state == State::Dead && delivery.as_of.is_some_and(|as_of| self.is_outdated(&self.line(id), id, as_of)),
            held_by: if running.is_some() { None } else { self.held_by(id) },
        }
    }
}

fn first_of(event: EventSeq) -> DeliveryId {
    DeliveryId { event, plugin: mortar_core::delivery::PluginNo(0) }
}

fn matches(event: &EventSummary, filter: &Filter) -> bool {
    let of_type = filter.event_type.as_ref().is_none_or(|wanted| match wanted.strip_suffix('*') {
        Some(beginning) => event.event_type.starts_with(beginning),
        None => event.event_type == *wanted,
    });
    let of_subject = filter.subject.as_ref().is_none_or(|wanted| {
        event.subject == *wanted || event.subject.strip_suffix(wanted.as_str()).is_some_and(|kind| kind.ends_with(':'))
    });
    of_type && of_subject && filter.takes_time(event.received_at) && filter.takes_one_of(&event.deliveries)
}
