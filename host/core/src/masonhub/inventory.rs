//! Inventory records: absolute counts of a SKU, and snapshots.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::json::{List, Text, Whole};
use crate::event;

/// The stock of a SKU that has a name.
pub(super) struct Stock<'a> {
    pub(super) sku: Cow<'a, str>,
    pub(super) as_of: Text<'a>,
    masonhub_id: Text<'a>,
    total: Whole,
    available: Whole,
    counts: Vec<StatusCount<'a>>,
    movements: Vec<Movement<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StockFields<'a> {
    #[serde(borrow)]
    customer_identifier: Text<'a>,
    sku: Text<'a>,
    sku_id: Text<'a>,
    as_of: Text<'a>,
    timestamp: Text<'a>,
    total_units: Whole,
    total_available_to_sell: Whole,
    status_counts: List<StatusCount<'a>>,
    inventory_events: List<Movement<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Stock<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = StockFields::deserialize(deserializer)?;
        let sku = fields.customer_identifier.or(fields.sku).cow();
        Ok(Self {
            // The warehouse's `sku_id` would not do: no ERP knows it.
            sku: sku.ok_or_else(|| D::Error::custom("names no SKU (customer_identifier or sku)"))?,
            as_of: fields.as_of.or(fields.timestamp),
            masonhub_id: fields.sku_id,
            total: fields.total_units,
            available: fields.total_available_to_sell,
            counts: fields.status_counts.0,
            movements: fields.inventory_events.0,
        })
    }
}

impl From<Stock<'_>> for event::Stock {
    fn from(stock: Stock<'_>) -> Self {
        Self {
            sku: stock.sku.into_owned(),
            masonhub_id: stock.masonhub_id.owned(),
            total: stock.total.0,
            available: stock.available.0,
            as_of: stock.as_of.owned(),
            counts: stock.counts.into_iter().map(Into::into).collect(),
            movements: stock.movements.into_iter().map(Into::into).collect(),
        }
    }
}

struct StatusCount<'a> {
    status: Cow<'a, str>,
    quantity: i64,
    location_id: Text<'a>,
    location: Text<'a>,
    as_of: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusCountFields<'a> {
    #[serde(borrow)]
    inventory_status: Text<'a>,
    quantity: Whole,
    inventory_location_id: Text<'a>,
    inventory_location_address: Text<'a>,
    as_of: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for StatusCount<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = StatusCountFields::deserialize(deserializer)?;
        Ok(Self {
            status: fields.inventory_status.cow().ok_or_else(|| D::Error::missing_field("inventory_status"))?,
            quantity: fields.quantity.0.ok_or_else(|| D::Error::missing_field("quantity"))?,
            location_id: fields.inventory_location_id,
            location: fields.inventory_location_address,
            as_of: fields.as_of,
        })
    }
}

impl From<StatusCount<'_>> for event::StatusCount {
    fn from(count: StatusCount<'_>) -> Self {
        Self {
            location_id: count.location_id.owned(),
            location: count.location.owned(),
            status: count.status.into_owned(),
            quantity: count.quantity,
            as_of: count.as_of.owned(),
        }
    }
}

struct Movement<'a> {
    kind: Text<'a>,
    quantity: i64,
    id: Text<'a>,
    location_id: Text<'a>,
    occurred_at: Text<'a>,
    reference: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MovementFields<'a> {
    #[serde(borrow)]
    event_type: Text<'a>,
    quantity: Whole,
    id: Text<'a>,
    inventory_location_id: Text<'a>,
    occured_at: Text<'a>,
    occurred_at: Text<'a>,
    reference_uri: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Movement<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = MovementFields::deserialize(deserializer)?;
        Ok(Self {
            kind: fields.event_type,
            quantity: fields.quantity.0.ok_or_else(|| D::Error::missing_field("quantity"))?,
            id: fields.id,
            location_id: fields.inventory_location_id,
            occurred_at: fields.occured_at.or(fields.occurred_at),
            reference: fields.reference_uri,
        })
    }
}

impl From<Movement<'_>> for event::Movement {
    fn from(movement: Movement<'_>) -> Self {
        Self {
            id: movement.id.owned(),
            kind: movement.kind.owned().unwrap_or_default(),
            quantity: movement.quantity,
            location_id: movement.location_id.owned(),
            occurred_at: movement.occurred_at.owned(),
            reference: movement.reference.owned(),
        }
    }
}

/// A snapshot that has an identifier.
pub(super) struct Snapshot<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) requested_at: Text<'a>,
    kind: Text<'a>,
    download_url: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SnapshotFields<'a> {
    #[serde(borrow)]
    snapshot_id: Text<'a>,
    id: Text<'a>,
    snapshot_type: Text<'a>,
    download_url: Text<'a>,
    requested_at: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Snapshot<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = SnapshotFields::deserialize(deserializer)?;
        let id = fields.snapshot_id.or(fields.id).cow();
        Ok(Self {
            id: id.ok_or_else(|| D::Error::custom("names no snapshot (snapshot_id)"))?,
            requested_at: fields.requested_at,
            kind: fields.snapshot_type,
            download_url: fields.download_url,
        })
    }
}

impl From<Snapshot<'_>> for event::Snapshot {
    fn from(snapshot: Snapshot<'_>) -> Self {
        Self {
            id: snapshot.id.into_owned(),
            kind: snapshot.kind.owned(),
            download_url: snapshot.download_url.owned(),
            requested_at: snapshot.requested_at.owned(),
        }
    }
}
