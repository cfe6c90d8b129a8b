//! What a plan's genuine callbacks say, without the wire's accidents: what an ERP must hold in the
//! end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything that a plan's genuine callbacks say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Orders by number.
    pub orders: BTreeMap<String, OrderTruth>,
    /// The newest count of each SKU.
    pub stock: BTreeMap<String, Count>,
    /// Inbound shipments by number.
    pub inbound: BTreeMap<String, InboundTruth>,
    /// Returns by number.
    pub returns: BTreeMap<String, ReturnTruth>,
    /// Tracking numbers that only a forged callback named: they must arrive nowhere.
    pub forged_tracking_numbers: Vec<String>,
    /// Distinct genuine events, those of unknown types included.
    pub events: usize,
}

impl Truth {
    /// Every parcel with its order's number.
    pub fn parcels(&self) -> impl Iterator<Item = (&str, &Parcel)> {
        self.orders.iter().flat_map(|(number, order)| order.parcels.iter().map(move |p| (number.as_str(), p)))
    }
}

/// One order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderTruth {
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What was ordered.
    pub ordered: Vec<Line>,
    /// What was shipped. The flat callback shape names only tracking number, carrier and service.
    pub parcels: Vec<Parcel>,
    /// What will not be shipped.
    pub shorts: Vec<Line>,
}

/// One event of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// For example `order.fulfilled`.
    pub event_type: String,
    /// The status in camelCase; some callbacks spell it in snake_case.
    pub status: String,
}

impl Step {
    pub(super) fn new(event_type: impl Into<String>, status: impl Into<String>) -> Self {
        Self { event_type: event_type.into(), status: status.into() }
    }
}

/// Units of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The merchant's SKU.
    pub sku: String,
    /// Units.
    pub quantity: i64,
}

/// A physical package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// The warehouse's name of it.
    pub shipment_id: String,
    /// Unlike that of any other parcel.
    pub tracking_number: String,
    /// The carrier.
    pub carrier: String,
    /// The carrier's service level.
    pub service: String,
    /// When it was shipped.
    pub shipped_at: Timestamp,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// The newest count of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// When it was counted.
    pub as_of: Timestamp,
    /// Units in any status.
    pub total: i64,
    /// Units that can be sold.
    pub available: i64,
}

/// One inbound shipment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundTruth {
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What was received in the end.
    pub lines: Vec<Received>,
}

/// One return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTruth {
    /// The number of the order it came from.
    pub order: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What was received in the end; empty where it never came.
    pub lines: Vec<Received>,
}

/// What was received of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The merchant's SKU.
    pub sku: String,
    /// Units announced; 0 for an unexpected line.
    pub expected: i64,
    /// Units that came, damaged ones included.
    pub received: i64,
    /// Units of those that came damaged.
    pub damaged: i64,
}
