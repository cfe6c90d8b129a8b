//! What becomes of an order, from `open` to its end.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::assemble::Planned;
use super::records::{self, Dialect, OrderRecord};
use super::tracking::CARRIERS;
use super::truth::{Line, OrderTruth, Parcel, Step};
use super::uuid;

/// The ways that an order can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// One parcel.
    Plain,
    /// Two parcels first, a third one later, and units short.
    Split,
    /// Three parcels at once.
    Parcels,
    /// Three parcels, one by one, each with its own way to the customer.
    Staged,
    /// Cancelled as asked.
    Cancelled,
    /// A cancellation is asked for too late.
    CancelRefused,
    /// The address is changed as asked.
    Updated,
    /// The customer is not found.
    Undeliverable,
}

impl Journey {
    pub(super) const ALL: [Self; 8] =
        [Self::Plain, Self::Split, Self::Parcels, Self::Staged, Self::Cancelled, Self::CancelRefused, Self::Updated, Self::Undeliverable];

    /// How many parcels each `order.fulfilled` names.
    fn waves(self) -> &'static [usize] {
        match self {
            Self::Cancelled => &[],
            Self::Split => &[2, 1],
            Self::Parcels => &[3],
            Self::Staged => &[1, 1, 1],
            Self::Plain | Self::CancelRefused | Self::Updated | Self::Undeliverable => &[1],
        }
    }
}

/// What an order's events are drawn from.
pub(super) struct Draw<'a, R> {
    pub(super) rng: &'a mut R,
    pub(super) skus: &'a [String],
    /// Tracking numbers in use.
    pub(super) tracking_numbers: &'a mut HashSet<String>,
    /// A later `order.fulfilled` repeats the parcels of the earlier ones.
    pub(super) cumulative: bool,
}

/// An order being told.
struct Track<'a, 'd, R> {
    draw: &'a mut Draw<'d, R>,
    number: String,
    id: String,
    dialect: Dialect,
    at: Timestamp,
    events: Vec<Planned>,
    truth: OrderTruth,
}

/// All events of one order in their order. `peculiar` adds what a scenario has once: a status that
/// nobody knows ([`Journey::Updated`]) and a callback in the flat shape ([`Journey::Plain`]).
pub(super) fn order<R: RngExt>(
    draw: &mut Draw<'_, R>,
    number: String,
    journey: Journey,
    peculiar: bool,
    start: Timestamp,
) -> (Vec<Planned>, OrderTruth) {
    let dialect = *[Dialect::Silent, Dialect::V1, Dialect::V2].choose(draw.rng).expect("three dialects");
    let id = uuid(draw.rng);
    let mut track = Track { draw, number, id, dialect, at: start, events: Vec::new(), truth: OrderTruth::default() };
    track.tell(journey, peculiar);
    (track.events, track.truth)
}

impl<R: RngExt> Track<'_, '_, R> {
    fn tell(&mut self, journey: Journey, peculiar: bool) {
        self.step("order.created", "open", 0);
        self.step("order.acknowledged", "atWarehouse", 0);
        match journey {
            Journey::Cancelled => {
                self.resolution(true, None);
                return self.step("order.cancelled", "canceled", 0);
            }
            Journey::Updated => self.resolution(false, None),
            _ => {}
        }
        if journey == Journey::Updated && peculiar {
            self.step("order.updated", "onHold", 0);
        }
        self.step("order.processing", "inProcess", 0);
        self.step("order.packed", "packed", 0);
        if journey == Journey::CancelRefused {
            self.resolution(true, Some("Order already packed"));
        }
        self.pack(journey);
        self.fulfil(journey);
        self.ship(journey, peculiar);
    }

    /// Decides what is in which parcel and what is short.
    fn pack(&mut self, journey: Journey) {
        let parcels: usize = journey.waves().iter().sum();
        let mut skus: Vec<&String> = self.draw.skus.sample(self.draw.rng, 2).collect();
        skus.sort();
        let count = i64::try_from(parcels).unwrap_or(i64::MAX);
        let ordered = |sku: &&String, rng: &mut R| Line { sku: (*sku).clone(), quantity: count + rng.random_range(0..3) };
        self.truth.ordered = skus.iter().map(|sku| ordered(sku, self.draw.rng)).collect();
        let mut units: Vec<String> = self.truth.ordered.iter().flat_map(|l| (0..l.quantity).map(|_| l.sku.clone())).collect();
        if journey == Journey::Split {
            self.truth.shorts = units.pop().map(|sku| Line { sku, quantity: 1 }).into_iter().collect();
        }
        for parcel in 0..parcels {
            let lines = lines_of(units.iter().skip(parcel).step_by(parcels));
            let parcel = self.parcel(parcel, lines);
            self.truth.parcels.push(parcel);
        }
    }

    fn parcel(&mut self, index: usize, lines: Vec<Line>) -> Parcel {
        let carrier = CARRIERS.choose(self.draw.rng).expect("there are carriers");
        let tracking_number = loop {
            let number = carrier.tracking_number(self.draw.rng);
            if self.draw.tracking_numbers.insert(number.clone()) {
                break number;
            }
        };
        Parcel {
            shipment_id: format!("shp_{}_{}", self.number.to_lowercase(), index + 1),
            tracking_number,
            carrier: carrier.name.to_owned(),
            service: (*carrier.services.choose(self.draw.rng).expect("every carrier has services")).to_owned(),
            shipped_at: self.at,
            lines,
        }
    }

    /// One `order.fulfilled` for each wave of parcels.
    fn fulfil(&mut self, journey: Journey) {
        let waves = journey.waves();
        let mut first = 0;
        for (wave, size) in waves.iter().enumerate() {
            self.pass();
            let last = first + size;
            for parcel in &mut self.truth.parcels[first..last] {
                parcel.shipped_at = self.at;
            }
            let from = if self.draw.cumulative { 0 } else { first };
            let ended = wave + 1 == waves.len();
            let shorts = if ended { self.truth.shorts.clone() } else { Vec::new() };
            let status = if ended && waves.len() > 1 { "completed" } else { "fulfilled" };
            let record = OrderRecord {
                id: &self.id,
                number: &self.number,
                status,
                at: self.at,
                parcels: &self.truth.parcels[from..last],
                shorts: &shorts,
                ordered: &self.truth.ordered,
            };
            let record = record.write(self.dialect);
            self.push("orderEvent", "order.fulfilled", status, record);
            if journey == Journey::Staged && wave == 0 {
                self.step("order.partially_shipped", "partiallyTendered", last);
            }
            first = last;
        }
    }

    /// From the warehouse's door to the customer's.
    fn ship(&mut self, journey: Journey, peculiar: bool) {
        let all = self.truth.parcels.len();
        if journey == Journey::Plain && peculiar {
            self.flat("order.shipped", "tendered");
        } else {
            self.step("order.shipped", "tendered", all);
        }
        if journey == Journey::Staged {
            self.step("order.partially_in_transit", "partiallyInTransit", 1);
        }
        self.step("order.in_transit", "inTransit", all);
        match journey {
            Journey::Undeliverable => return self.step("order.undeliverable", "undeliverable", all),
            Journey::Staged => self.step("order.partially_delivered", "partiallyDelivered", 1),
            _ => {}
        }
        self.step("order.delivered", "delivered", all);
    }

    /// The next status, with the order's first parcels.
    fn step(&mut self, event_type: &str, status: &str, parcels: usize) {
        self.pass();
        let parcels = &self.truth.parcels[..parcels];
        let record = OrderRecord { id: &self.id, number: &self.number, status, at: self.at, parcels, shorts: &[], ordered: &[] };
        let record = record.write(self.dialect);
        self.push("orderEvent", event_type, status, record);
    }

    fn flat(&mut self, event_type: &'static str, status: &'static str) {
        self.pass();
        let parcels = &self.truth.parcels;
        let record = OrderRecord { id: &self.id, number: &self.number, status, at: self.at, parcels, shorts: &[], ordered: &[] };
        let record = record.write_flat(event_type);
        self.events.push(Planned::flat(self.at, self.subject(), event_type, record));
        self.truth.steps.push(Step::new(event_type, status));
    }

    fn resolution(&mut self, cancel: bool, refusal: Option<&str>) {
        let asked = self.at;
        self.pass();
        let record = records::resolution(&uuid(self.draw.rng), &self.number, refusal, asked, self.at, self.dialect);
        let (message_type, event_type) = match cancel {
            true => ("orderCancelResolution", "order.cancel_resolved"),
            false => ("orderUpdateResolution", "order.update_resolved"),
        };
        self.push(message_type, event_type, if refusal.is_some() { "failure" } else { "success" }, record);
    }

    fn push(&mut self, message_type: &'static str, event_type: &str, status: &str, record: serde_json::Value) {
        self.events.push(Planned::listed(self.at, self.subject(), message_type, self.dialect, record));
        self.truth.steps.push(Step::new(event_type, status));
    }

    fn subject(&self) -> String {
        format!("order:{}", self.number)
    }

    /// Time passes between two events.
    fn pass(&mut self) {
        self.at += SignedDuration::from_secs(self.draw.rng.random_range(300..2400));
    }
}

/// Units, summed up by SKU.
fn lines_of<'a>(units: impl Iterator<Item = &'a String>) -> Vec<Line> {
    units.fold(Vec::new(), |mut lines: Vec<Line>, sku| {
        match lines.iter_mut().find(|l| l.sku == *sku) {
            Some(line) => line.quantity += 1,
            None => lines.push(Line { sku: sku.clone(), quantity: 1 }),
        }
        lines
    })
}
