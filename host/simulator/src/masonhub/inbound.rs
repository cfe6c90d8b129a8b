//! Goods that arrive at the warehouse, seldom as announced.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::assemble::Planned;
use super::records::{self, Dialect};
use super::truth::{InboundTruth, Received, Step};
use super::uuid;

/// What is different from the announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deviation {
    /// Too few units.
    Short,
    /// Too many.
    Over,
    /// Some are damaged.
    Damaged,
    /// A SKU that nobody announced.
    Unexpected,
    /// Nothing; told in the flat shape.
    None,
}

impl Deviation {
    pub(super) const ALL: [Self; 5] = [Self::Short, Self::Over, Self::Damaged, Self::Unexpected, Self::None];
}

/// All events of one inbound shipment in their order.
pub(super) fn inbound_shipment(
    rng: &mut impl RngExt,
    skus: &[String],
    number: &str,
    deviation: Deviation,
    start: Timestamp,
) -> (Vec<Planned>, InboundTruth) {
    let dialect = *[Dialect::Silent, Dialect::V1, Dialect::V2].choose(rng).expect("three dialects");
    let id = uuid(rng);
    let lines = received(rng, skus, deviation);
    let [arrived, started, finished] = [0, 90, 300].map(|minutes| start + SignedDuration::from_mins(minutes));
    let subject = format!("inbound-shipment:{number}");
    let listed = |at, record| Planned::listed(at, subject.clone(), "inboundShipmentEvent", dialect, record);
    // Both spellings are seen.
    let complete = if dialect == Dialect::V1 { "receivingComplete" } else { "receivingCompleted" };

    let last = if deviation == Deviation::None {
        let record = records::inbound_flat(&id, number, finished, &lines);
        Planned::flat(finished, subject.clone(), "inbound_shipment.received", record)
    } else {
        let mut record = records::inbound(&id, number, complete, finished, dialect);
        record["details"] = records::inbound_details(&record, [arrived, started], &lines, dialect);
        listed(finished, record)
    };
    let events = vec![
        listed(arrived, records::inbound(&id, number, "onDock", arrived, dialect)),
        listed(started, records::inbound(&id, number, "receivingStarted", started, dialect)),
        last,
    ];
    let steps = vec![
        Step::new("inbound_shipment.arrived", "onDock"),
        Step::new("inbound_shipment.receiving_started", "receivingStarted"),
        Step::new("inbound_shipment.received", complete),
    ];
    (events, InboundTruth { steps, lines })
}

fn received(rng: &mut impl RngExt, skus: &[String], deviation: Deviation) -> Vec<Received> {
    let mut lines: Vec<Received> =
        skus.sample(rng, 3).map(|sku| Received { sku: sku.clone(), expected: 100, received: 100, damaged: 0 }).collect();
    let Some(first) = lines.first_mut() else { return lines };
    let differ = rng.random_range(2..12);
    match deviation {
        Deviation::Short => first.received -= differ,
        Deviation::Over => first.received += differ,
        Deviation::Damaged => first.damaged = differ,
        Deviation::Unexpected => (first.expected, first.received) = (0, differ),
        Deviation::None => {}
    }
    lines
}
