//! Events: what a callback says, in the vocabulary of the whole project.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of an event type, for example `order.fulfilled`.
pub type EventType = Cow<'static, str>;

/// The type of events that count a SKU's whole stock: of each SKU only the newest matters.
pub const COUNT: &str = "inventory.updated";

/// A group of event types that one WIT interface handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// `order.created` to `order.cancelled`
    OrderEvents,
    /// `order.update_resolved`, `order.cancel_resolved`
    OrderResolutions,
    /// `inbound_shipment.*`
    InboundShipmentEvents,
    /// `inventory.*`
    InventoryEvents,
    /// `return.*`
    ReturnEvents,
}

impl Family {
    /// Every family, in the order of the contract.
    pub const ALL: [Self; 5] =
        [Self::OrderEvents, Self::OrderResolutions, Self::InboundShipmentEvents, Self::InventoryEvents, Self::ReturnEvents];

    /// The family of an event type; none for a type that only raw handlers can take.
    #[must_use]
    pub fn of(event_type: &str) -> Option<Self> {
        match event_type.split_once('.')? {
            ("order", "update_resolved" | "cancel_resolved") => Some(Self::OrderResolutions),
            ("order", _) => Some(Self::OrderEvents),
            ("inbound_shipment", _) => Some(Self::InboundShipmentEvents),
            ("inventory", _) => Some(Self::InventoryEvents),
            ("return", _) => Some(Self::ReturnEvents),
            _ => None,
        }
    }

    /// The name of the WIT interface that handles the family.
    #[must_use]
    pub fn interface(self) -> &'static str {
        match self {
            Self::OrderEvents => "order-events",
            Self::OrderResolutions => "order-resolutions",
            Self::InboundShipmentEvents => "inbound-shipment-events",
            Self::InventoryEvents => "inventory-events",
            Self::ReturnEvents => "return-events",
        }
    }
}

/// What orders events among each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// The merchant's identifier of it.
    pub id: String,
}

/// The kinds of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// An order.
    Order,
    /// An inbound shipment.
    InboundShipment,
    /// A return.
    Return,
    /// A stock keeping unit: its counts are absolute, so the newest event wins.
    Sku,
    /// A stock snapshot.
    Snapshot,
    /// Anything else; such an event is its own subject.
    Other,
}

impl SubjectKind {
    /// The prefix in the written form of a subject.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::InboundShipment => "inbound-shipment",
            Self::Return => "return",
            Self::Sku => "sku",
            Self::Snapshot => "snapshot",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}

/// One record of a genuine callback.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `<message_id>:<index>`, or what the sender names instead.
    pub id: String,
    /// What happened.
    pub event_type: EventType,
    /// What it happened to.
    pub subject: Subject,
    /// When it happened, by the sender's clock; orders absolute counts.
    pub as_of: Option<Timestamp>,
    /// Where the record stands in the callback's body, in bytes.
    pub record: Range<usize>,
}

/// An event's record with the fields of its family read and normalised.
///
/// Times are kept as the sender wrote them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TypedEvent {
    /// For `order-events`.
    Order(Order),
    /// For `order-resolutions`.
    Resolution(Resolution),
    /// For `inbound-shipment-events`.
    InboundShipment(InboundShipment),
    /// For `inventory-events`.
    Inventory(Inventory),
    /// For `return-events`.
    Return(Return),
}

/// A number of units of a SKU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineItem {
    /// The merchant's SKU.
    pub sku: String,
    /// Units.
    pub quantity: i64,
}

/// An order as the event shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Order {
    /// The merchant's order number.
    pub number: String,
    /// The warehouse's identifier.
    pub masonhub_id: Option<String>,
    /// The status as sent.
    pub status: String,
    /// When the order reached the status.
    pub updated_at: Option<String>,
    /// What was ordered; empty where the event does not repeat it.
    pub line_items: Vec<LineItem>,
    /// The parcels that the event names.
    pub parcels: Vec<Parcel>,
    /// What will not be shipped.
    pub shorts: Vec<Short>,
    /// True where units are short or fewer were shipped than ordered.
    pub partial: bool,
}

/// A physical package.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parcel {
    /// Stable name of the parcel between events.
    pub shipment_id: String,
    /// Absent until a label is printed.
    pub tracking_number: Option<String>,
    /// Where the customer can follow it.
    pub tracking_url: Option<String>,
    /// The carrier.
    pub carrier: Option<String>,
    /// The service level.
    pub service: Option<String>,
    /// When it was shipped.
    pub shipped_at: Option<String>,
    /// What is in it.
    pub line_items: Vec<LineItem>,
    /// In `weight_unit`.
    pub weight: Option<f64>,
    /// As sent.
    pub weight_unit: Option<String>,
    /// The carton's number.
    pub carton_id: Option<String>,
    /// Short code of the warehouse.
    pub location: Option<String>,
}

/// Units that were ordered and will not be shipped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Short {
    /// The merchant's SKU.
    pub sku: String,
    /// Units.
    pub quantity: i64,
    /// Why.
    pub reason: Option<String>,
}

/// A decision on a requested change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Resolution {
    /// The merchant's order number.
    pub order: String,
    /// True for a cancellation, false for an update.
    pub cancel: bool,
    /// True where the warehouse did what was asked.
    pub succeeded: bool,
    /// The status as sent.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it was asked.
    pub created_at: Option<String>,
    /// When it was decided.
    pub updated_at: Option<String>,
}

/// Units that were put into one inventory status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// The inventory status.
    pub status: String,
    /// Units.
    pub quantity: i64,
    /// The warehouse's remark.
    pub notes: Option<String>,
}

/// An inbound shipment as the event shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InboundShipment {
    /// The merchant's number (ASN).
    pub number: String,
    /// The warehouse's identifier.
    pub masonhub_id: Option<String>,
    /// The status as sent.
    pub status: String,
    /// When it reached the status.
    pub as_of: Option<String>,
    /// The merchant's purchase order number.
    pub purchase_order: Option<String>,
    /// The warehouse's location identifier.
    pub location_id: Option<String>,
    /// When it arrived.
    pub arrived_at: Option<String>,
    /// When receiving started.
    pub receiving_started_at: Option<String>,
    /// When receiving was complete.
    pub receiving_finished_at: Option<String>,
    /// What was wrong.
    pub exceptions: Option<String>,
    /// Its lines.
    pub lines: Vec<InboundLine>,
}

/// One line of an inbound shipment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InboundLine {
    /// The merchant's SKU.
    pub sku: String,
    /// Units announced.
    pub expected: i64,
    /// Units that came, damaged ones included.
    pub received: i64,
    /// Units that came damaged.
    pub damaged: i64,
    /// True where the SKU was not announced.
    pub unexpected: bool,
    /// Why received and expected differ.
    pub discrepancy_reason: Option<String>,
    /// The received units by inventory status.
    pub receipts: Vec<Receipt>,
}

/// What an inventory event brings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inventory {
    /// `inventory.updated`
    Stock(Stock),
    /// `inventory.snapshot_ready`
    Snapshot(Snapshot),
}

/// The whole stock of one SKU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stock {
    /// The merchant's SKU.
    pub sku: String,
    /// The warehouse's identifier.
    pub masonhub_id: Option<String>,
    /// Units in any status.
    pub total: Option<i64>,
    /// Units that can be sold.
    pub available: Option<i64>,
    /// When it was counted.
    pub as_of: Option<String>,
    /// Absolute counts by status and location.
    pub counts: Vec<StatusCount>,
    /// The movements that led to it.
    pub movements: Vec<Movement>,
}

/// How many units are in one status at one location.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusCount {
    /// The warehouse's location identifier.
    pub location_id: Option<String>,
    /// The location's address or name.
    pub location: Option<String>,
    /// The inventory status.
    pub status: String,
    /// Units, absolute.
    pub quantity: i64,
    /// When it was counted.
    pub as_of: Option<String>,
}

/// A movement that led to a count.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Movement {
    /// The warehouse's identifier.
    pub id: Option<String>,
    /// What happened.
    pub kind: String,
    /// Units.
    pub quantity: i64,
    /// The warehouse's location identifier.
    pub location_id: Option<String>,
    /// When it happened.
    pub occurred_at: Option<String>,
    /// What caused it.
    pub reference: Option<String>,
}

/// A snapshot that can be downloaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// Its identifier.
    pub id: String,
    /// For example `full`.
    pub kind: Option<String>,
    /// Where it can be downloaded.
    pub download_url: Option<String>,
    /// When it was asked for.
    pub requested_at: Option<String>,
}

/// A return as the event shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Return {
    /// The merchant's number (RMA).
    pub number: String,
    /// The warehouse's identifier.
    pub masonhub_id: Option<String>,
    /// The status as sent.
    pub status: String,
    /// When it reached the status.
    pub as_of: Option<String>,
    /// The parcel it came in.
    pub package_id: Option<String>,
    /// Who announced it.
    pub kind: Option<String>,
    /// Its lines.
    pub lines: Vec<ReturnLine>,
}

/// One line of a return.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReturnLine {
    /// The merchant's number of the order it came from.
    pub order: Option<String>,
    /// The merchant's SKU.
    pub sku: String,
    /// Units announced.
    pub expected: i64,
    /// Units that came, damaged ones included.
    pub received: i64,
    /// Units that came damaged.
    pub damaged: i64,
    /// The customer's reason.
    pub reason: Option<String>,
    /// The inventory status the units were put into.
    pub inventory_status: Option<String>,
    /// True where the line was not announced.
    pub unexpected: bool,
    /// The received units by inventory status.
    pub receipts: Vec<Receipt>,
}
