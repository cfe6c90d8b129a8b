//! What has to hold when a world has come to rest.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, Gap, PluginNo, State};
use mortar_core::event::Family;
use mortar_core::masonhub;
use mortar_core::ports::StoredEvent;
use mortar_core::story::Fate;

use crate::erp::Applied;
use crate::journal::tables::{Delivery, Tables};
use crate::plugins::{self, COUNTER, Native, Write};
use crate::world::{SOURCE, World, lock};

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// A callback is acknowledged only when its events and their deliveries are on disk.
    AckedIsDurable,
    /// In the end all acknowledged events are there, with a delivery for each plugin.
    NothingIsMissing,
    /// Every callback is acknowledged some day, and every delivery comes to an end, unless a dead
    /// letter holds it.
    AllIsOver,
    /// The ERP applies each write at most once, with idempotency keys and without.
    WrittenOnce,
    /// What is done has arrived in the ERP, all of it.
    DoneIsWritten,
    /// Of every write that an ERP without idempotency keys has applied the journal says that it was
    /// answered or is in doubt.
    WritesAreJournaled,
    /// Writes about one subject are applied in the order of its events.
    OrderHolds,
    /// An older count is never applied after a newer one, whatever became of that.
    NewestWins,
    /// A plugin's state loses no update.
    StateIsCompared,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub property: Property,
    /// How.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.what)
    }
}

/// What of these events is not on the disk.
pub(crate) fn missing(tables: &Tables, events: &[String]) -> Option<String> {
    events.iter().find_map(|id| {
        let Some((seq, _)) = tables.ids.get(&(SOURCE.into(), id.clone())) else { return Some(format!("event {id} is not stored")) };
        let stored = &tables.events[seq].event;
        let family = Family::of(&stored.event_type);
        let wanted = plugins::ALL.iter().filter(|native| Some(native.family()) == family);
        let lacks =
            wanted.filter(|native| !tables.deliveries.contains_key(&DeliveryId { event: *seq, plugin: number(tables, native.name) }));
        lacks.map(|native| format!("event {id} has no delivery to {}", native.name)).next()
    })
}

fn number(tables: &Tables, plugin: &str) -> PluginNo {
    let place = tables.plugins.iter().position(|name| name == plugin);
    PluginNo(place.and_then(|place| u16::try_from(place + 1).ok()).unwrap_or(0))
}

/// Everything that does not hold.
pub(crate) fn check(world: &World) -> Vec<Failure> {
    let tables = lock(&world.disk).clone();
    let applied = world.erp.applied();
    let end = End { tables: &tables, applied: &applied };
    let mut failures = Vec::new();
    let mut broken = |property, what: Option<String>| failures.extend(what.map(|what| Failure { property, what }));
    broken(Property::NothingIsMissing, missing(&tables, &lock(&world.acked)));
    broken(Property::AllIsOver, end.open());
    broken(Property::WrittenOnce, end.written_twice());
    broken(Property::DoneIsWritten, end.done_unwritten());
    broken(Property::WritesAreJournaled, end.unjournaled());
    broken(Property::OrderHolds, end.out_of_order());
    broken(Property::NewestWins, end.older_after_newer());
    broken(Property::StateIsCompared, end.lost_update());
    failures
}

/// How a world ended.
struct End<'a> {
    tables: &'a Tables,
    applied: &'a [Applied],
}

impl End<'_> {
    fn deliveries(&self) -> impl Iterator<Item = (&Native, &StoredEvent, &Delivery)> {
        self.tables.deliveries.iter().filter_map(|(id, delivery)| {
            let name = &self.tables.plugins[usize::from(id.plugin.0) - 1];
            let native = plugins::ALL.iter().find(|native| native.name == name)?;
            Some((native, &*self.tables.events[&id.event].event, delivery))
        })
    }

    /// The delivery that a write belongs to.
    fn of(&self, write: &Write) -> Option<(&StoredEvent, &Delivery)> {
        let (seq, _) = self.tables.ids.get(&(SOURCE.into(), write.event.clone()))?;
        let plugin = number(self.tables, &write.plugin);
        Some((&*self.tables.events[seq].event, self.tables.deliveries.get(&DeliveryId { event: *seq, plugin })?))
    }

    fn open(&self) -> Option<String> {
        let (id, delivery) = self.tables.first_open()?;
        Some(format!("delivery {id} is {} until {}", delivery.state, delivery.at))
    }

    fn written_twice(&self) -> Option<String> {
        let mut times: BTreeMap<&Write, usize> = BTreeMap::new();
        self.applied.iter().for_each(|applied| *times.entry(&applied.write).or_default() += 1);
        times.into_iter().find(|(_, times)| *times > 1).map(|(write, times)| format!("{write:?} was applied {times} times"))
    }

    fn done_unwritten(&self) -> Option<String> {
        let done = self.deliveries().filter(|(_, _, delivery)| delivery.state == State::Done);
        let mut planned = done.flat_map(|(native, event, _)| {
            let typed = masonhub::typed(&event.event_type, &event.payload).ok().flatten();
            native.plan(&event.id, typed.as_ref())
        });
        let unwritten = planned.find(|write| !self.applied.iter().any(|applied| applied.write == *write));
        unwritten.map(|write| format!("{write:?} is done and was never applied"))
    }

    fn unjournaled(&self) -> Option<String> {
        self.applied.iter().filter(|applied| applied.connection == "plain").find_map(|Applied { write, .. }| {
            let (_, delivery) = self.of(write)?;
            match delivery.calls.values().find(|call| call.step == write.step).map(|call| &call.fate) {
                Some(Fate::Answered { .. } | Fate::Intended { .. }) => None,
                fate => Some(format!("{write:?} was applied, and the journal says {fate:?}")),
            }
        })
    }

    /// Writes whose order counts. Left out are those of a delivery that was a dead letter once, if
    /// later events do not wait for it; counts do neither, but outdate it. And those that the ERP
    /// applied when nobody waited for their answer any longer, if an attempt that knows of them
    /// comes before any later event, or can no longer come.
    fn in_order(&self, counts: bool) -> BTreeMap<(&str, &str), Vec<(&StoredEvent, &Write)>> {
        let mut by_subject: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for applied in self.applied {
            if let Some((event, delivery)) = self.of(&applied.write)
                && (!applied.late || counts && !delivery.died)
                && (counts
                    || !delivery.died
                    || plugins::ALL.iter().any(|native| native.name == applied.write.plugin && native.gap == Gap::Hold))
                && counts == (event.event_type == "inventory.updated")
            {
                by_subject.entry((&*applied.write.plugin, &*event.subject)).or_default().push((event, &applied.write));
            }
        }
        by_subject
    }

    fn out_of_order(&self) -> Option<String> {
        let by_subject = self.in_order(false);
        let mut neighbours = by_subject.values().flat_map(|writes| writes.windows(2));
        let wrong = neighbours.find(|pair| pair[0].0.seq > pair[1].0.seq);
        wrong.map(|pair| format!("{:?} was applied after {:?}", pair[1].1, pair[0].1))
    }

    fn older_after_newer(&self) -> Option<String> {
        let time = |event: &StoredEvent| -> Timestamp { event.as_of.unwrap_or(event.received_at) };
        self.in_order(true).values().find_map(|writes| {
            let mut newest: Option<(&StoredEvent, &Write)> = None;
            for (event, write) in writes {
                if let Some((newer, before)) = newest.filter(|(newest, _)| time(newest) > time(event)) {
                    return Some(format!("{write:?} was applied after {before:?}, whose count is of {}", time(newer)));
                }
                newest = Some((event, write));
            }
            None
        })
    }

    fn lost_update(&self) -> Option<String> {
        let done = self.deliveries().filter(|(native, _, delivery)| native.name == "counts" && delivery.state == State::Done).count();
        let entry = self.tables.state.iter().find(|((_, key), _)| key == COUNTER);
        let counted = entry.map_or(0, |(_, entry)| plugins::counted(&entry.value));
        (counted != done as u64).then(|| format!("{done} deliveries are done, {counted} were counted"))
    }
}
