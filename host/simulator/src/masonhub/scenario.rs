//! A seeded scenario: what happens in a warehouse, told as callbacks.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::assemble::{self, Planned, Registered, Shape};
use super::callback::Callback;
use super::inbound::{self, Deviation};
use super::orders::{self, Draw, Journey};
use super::records::Dialect;
use super::tracking::CARRIERS;
use super::truth::Truth;
use super::{returns, stock, uuid};

/// What a scenario holds. The same settings make the same bytes.
///
/// With the defaults or more, every event type occurs, and: partial shipments with several parcels
/// and with several `order.fulfilled`; short, over, damaged and unexpected receipts; stock counts
/// that arrive out of order; redeliveries; single objects, arrays and flat bodies; several records
/// in a callback; the spellings of both API versions; one forged signature, one unknown status, one
/// unknown message type.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Different seeds tell of different orders, shipments and returns, but of the same SKUs.
    pub seed: u64,
    /// Orders; 8 or more to have all kinds.
    pub orders: usize,
    /// SKUs, at least 1.
    pub skus: usize,
    /// Inbound shipments; 5 or more to have all kinds.
    pub inbound_shipments: usize,
    /// Returns; 2 or more to have all kinds.
    pub returns: usize,
    /// When the first order is placed. Scenarios that follow each other must not overlap, or the
    /// counts of the later one are the older ones.
    pub start: Timestamp,
    /// The `callback_url` of every envelope.
    pub callback_url: String,
    /// The `token` of every envelope, for a callback that was registered with one. The flat bodies
    /// have none.
    pub token: Option<String>,
    /// A later `order.fulfilled` repeats the parcels of the earlier ones.
    pub cumulative: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            seed: 1,
            orders: 24,
            skus: 8,
            inbound_shipments: 5,
            returns: 3,
            start: Timestamp::constant(1_767_600_000, 0),
            callback_url: "https://erp.example.com/webhooks/masonhub".to_owned(),
            token: None,
            cumulative: false,
        }
    }
}

/// Callbacks in sending order, and what they say.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order in which they are first sent, where nothing fails.
    pub callbacks: Vec<Callback>,
    /// What an ERP must hold in the end.
    pub truth: Truth,
}

impl Scenario {
    /// The callbacks, events of different subjects interleaved.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let skus: Vec<String> = (0..self.skus.max(1)).map(sku).collect();
        let mut truth = Truth::default();
        let mut events = self.orders(&mut rng, &skus, &mut truth);
        let span = events.iter().map(|e| e.at).max().map_or(SignedDuration::ZERO, |end| end.duration_since(self.start));
        let pause = (span / i32::try_from(stock::ROUNDS).unwrap_or(i32::MAX)).max(SignedDuration::from_mins(1));
        let (counts, newest) = stock::counts(&mut rng, &skus, self.start, pause);
        events.extend(counts);
        truth.stock = newest.into_iter().collect();
        events.extend(self.inbound(&mut rng, &skus, &mut truth));
        events.extend(self.returns(&mut rng, &skus, &mut truth));
        events.extend(self.oddities(&mut rng, pause));
        truth.events = events.len();
        events.extend(forgery(&mut rng, &events, &mut truth));

        events.sort_by_key(|e| e.at);
        let registered = Registered { callback_url: &self.callback_url, token: self.token.as_deref() };
        Plan { callbacks: assemble::callbacks(&mut rng, &events, &registered), truth }
    }

    fn orders(&self, rng: &mut ChaCha8Rng, skus: &[String], truth: &mut Truth) -> Vec<Planned> {
        let mut journeys = Journey::ALL;
        journeys.shuffle(rng);
        let mut tracking_numbers = HashSet::new();
        let mut draw = Draw { rng, skus, tracking_numbers: &mut tracking_numbers, cumulative: self.cumulative };
        let mut events = Vec::new();
        let mut at = self.start;
        for (index, journey) in journeys.into_iter().cycle().take(self.orders).enumerate() {
            let number = self.number("SO", index);
            let (order, told) = orders::order(&mut draw, number.clone(), journey, index < journeys.len(), at);
            events.extend(order);
            truth.orders.insert(number, told);
            at += SignedDuration::from_secs(draw.rng.random_range(30..600));
        }
        events
    }

    fn inbound(&self, rng: &mut ChaCha8Rng, skus: &[String], truth: &mut Truth) -> Vec<Planned> {
        let mut events = Vec::new();
        for (index, deviation) in Deviation::ALL.into_iter().cycle().take(self.inbound_shipments).enumerate() {
            let number = self.number("ASN", index);
            let at = self.start + SignedDuration::from_secs(rng.random_range(0..7200));
            let (shipment, told) = inbound::inbound_shipment(rng, skus, &number, deviation, at);
            events.extend(shipment);
            truth.inbound.insert(number, told);
        }
        events
    }

    fn returns(&self, rng: &mut ChaCha8Rng, skus: &[String], truth: &mut Truth) -> Vec<Planned> {
        let mut events = Vec::new();
        for index in 0..self.returns {
            let number = self.number("RMA", index);
            let order = self.number("SO", index % self.orders.max(1));
            let at = self.start + SignedDuration::from_secs(rng.random_range(0..7200));
            let sku = &skus[index % skus.len()];
            let (told, truth_of) = returns::customer_return(rng, sku, &order, &number, index % 2 == 1, at);
            events.extend(told);
            truth.returns.insert(number, truth_of);
        }
        events
    }

    /// What occurs once: a snapshot, and a message type that nobody knows.
    fn oddities(&self, rng: &mut ChaCha8Rng, pause: SignedDuration) -> [Planned; 2] {
        let (snapshot, invoice) = (uuid(rng), self.number("INV", 0));
        let at = self.start + pause;
        let ready = json!({
            "snapshot_id": snapshot,
            "snapshot_type": "full",
            "download_url": format!("https://app.masonhub.co/acme/api/v1/snapshot_download/{snapshot}.json"),
            "requested_at": self.start.to_string(),
        });
        let issued = json!({"id": uuid(rng), "customer_identifier": invoice, "status": "issued", "as_of": at.to_string()});
        let ready = Planned::listed(at, format!("snapshot:{snapshot}"), "snapshotReady", Dialect::Silent, ready);
        [Planned { shape: Shape::Single, ..ready }, Planned::listed(at, format!("other:{invoice}"), "billingEvent", Dialect::V1, issued)]
    }

    fn number(&self, prefix: &str, index: usize) -> String {
        format!("{prefix}-{:04}-{:04}", self.seed, index + 1)
    }
}

/// A copy of an `order.fulfilled` with parcels that were never shipped.
fn forgery(rng: &mut ChaCha8Rng, events: &[Planned], truth: &mut Truth) -> Option<Planned> {
    let mut forged = events.iter().find(|e| e.record["status"] == "fulfilled")?.clone();
    for parcel in forged.record["shipments"].as_array_mut().into_iter().flatten() {
        let number = CARRIERS[0].tracking_number(rng);
        parcel["shipment_id"] = json!(format!("shp_forged_{number}"));
        parcel["tracking_number"] = Value::String(number.clone());
        truth.forged_tracking_numbers.push(number);
    }
    forged.forged = true;
    Some(forged)
}

/// The merchant's name of the SKU at this place, the same in every scenario.
fn sku(index: usize) -> String {
    const GARMENTS: [&str; 5] = ["TEE", "PANT", "SOCK", "HOOD", "CAP"];
    const COLOURS: [&str; 4] = ["BLU", "NVY", "RED", "BLK"];
    const SIZES: [&str; 4] = ["M", "L", "S", "XL"];
    let series = index / (GARMENTS.len() * COLOURS.len() * SIZES.len());
    let colour = COLOURS[(index / GARMENTS.len()) % COLOURS.len()];
    let size = SIZES[(index / (GARMENTS.len() * COLOURS.len())) % SIZES.len()];
    let name = format!("{}-{colour}-{size}", GARMENTS[index % GARMENTS.len()]);
    if series == 0 { name } else { format!("{name}-{series}") }
}

#[cfg(test)]
mod tests;
