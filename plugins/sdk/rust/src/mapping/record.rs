//! The record of an event as it was sent. `confirm` is given no typed record; this reads what a round
//! trip compares.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::counts::Count;
use super::goods::{Came, came};
use crate::{Delivery, Failure};

/// The fields of all families that a round trip compares.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record {
    customer_identifier: Option<String>,
    customer_order_id: Option<String>,
    external_id: Option<String>,
    shipments: Option<Vec<Parcel>>,
    status_counts: Option<Vec<StatusCount>>,
    details: Option<Details>,
    line_items: Option<Vec<Line>>,
    received_items: Option<Vec<Line>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Parcel {
    tracking_number: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct StatusCount {
    inventory_location_id: Option<String>,
    inventory_status: Option<String>,
    quantity: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    customer_purchase_order_id: Option<String>,
    line_items: Option<Vec<Line>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    #[serde(alias = "sku_customer_id", alias = "sku")]
    customer_sku_id: Option<String>,
    #[serde(alias = "quantity_received", alias = "received_quantity")]
    total_quantity_received: Option<i64>,
    receiving_details: Option<BTreeMap<String, Vec<Part>>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    quantity: Option<i64>,
}

impl Record {
    /// Reads the record of a delivery.
    ///
    /// # Errors
    /// A rejection where it is no such record.
    pub fn of(delivery: &Delivery) -> Result<Self, Failure> {
        serde_json::from_str(&delivery.payload).map_err(|error| Failure::reject(format!("the record cannot be read: {error}")))
    }

    /// The merchant's number of the order, inbound shipment or return, or the SKU.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        [&self.customer_identifier, &self.external_id, &self.customer_order_id].into_iter().find_map(Option::as_deref)
    }

    /// The merchant's number of the purchase order.
    #[must_use]
    pub fn purchase_order(&self) -> Option<&str> {
        self.details.as_ref()?.customer_purchase_order_id.as_deref()
    }

    /// The tracking numbers, each once.
    #[must_use]
    pub fn tracking_numbers(&self) -> Vec<&str> {
        let parcels = self.shipments.iter().flatten();
        let mut all: Vec<_> = parcels.filter_map(|parcel| parcel.tracking_number.as_deref()).filter(|t| !t.is_empty()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The counts.
    #[must_use]
    pub fn counts(&self) -> Vec<Count<'_>> {
        self.status_counts.iter().flatten().filter_map(StatusCount::read).collect()
    }

    /// What came in, by SKU.
    #[must_use]
    pub fn came(&self) -> BTreeMap<String, Came> {
        let details = self.details.as_ref().and_then(|details| details.line_items.as_ref());
        let lines = [details, self.line_items.as_ref(), self.received_items.as_ref()].into_iter().flatten().next();
        came(lines.into_iter().flatten().filter_map(Line::read))
    }
}

impl StatusCount {
    fn read(&self) -> Option<Count<'_>> {
        let status = self.inventory_status.as_deref()?;
        Some(Count { location: self.inventory_location_id.as_deref(), status, quantity: self.quantity? })
    }
}

impl Line {
    /// SKU, units that came, and those of them that came damaged.
    fn read(&self) -> Option<(String, i64, i64)> {
        let details = self.receiving_details.iter().flatten();
        let damaged = details.filter(|(status, _)| status.eq_ignore_ascii_case("damaged")).flat_map(|(_, parts)| parts);
        Some((self.customer_sku_id.clone()?, self.total_quantity_received?, damaged.filter_map(|part| part.quantity).sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sample: &str) -> Record {
        let callback: serde_json::Value = serde_json::from_str(sample).unwrap();
        serde_json::from_value(callback["data"][0].clone()).unwrap()
    }

    #[test]
    fn the_samples_are_read() {
        let order = record(include_str!("../../../../../tests/fixtures/masonhub/order.fulfilled.json"));
        assert_eq!(order.number(), Some("SO-100482"));
        assert_eq!(order.tracking_numbers(), ["1Z999AA10123456784", "9400111899223100001234"]);
        let stock = record(include_str!("../../../../../tests/fixtures/masonhub/inventory.updated.json"));
        let counts: Vec<_> = stock.counts().iter().map(|c| (c.status.to_owned(), c.quantity)).collect();
        assert_eq!(counts, [("available".into(), 200), ("allocated".into(), 100), ("damaged".into(), 5)]);
        let cancelled = record(include_str!("../../../../../tests/fixtures/masonhub/order.cancelled.json"));
        assert!(cancelled.tracking_numbers().is_empty(), "null lists are empty ones");
    }

    #[test]
    fn what_came_in_is_read_with_its_damaged_units() {
        let inbound = record(include_str!("../../../../../tests/fixtures/masonhub/inbound_shipment.received.json"));
        assert_eq!((inbound.number(), inbound.purchase_order()), (Some("ASN-7781"), Some("PO-5512")));
        let expected =
            [("SOCK-RED-S".to_owned(), Came { received: 25, damaged: 0 }), ("TEE-BLU-M".to_owned(), Came { received: 90, damaged: 5 })];
        assert_eq!(inbound.came(), expected.into());
        let returned = record(include_str!("../../../../../tests/fixtures/masonhub/return.received.json"));
        assert_eq!(returned.came(), [("TEE-BLU-M".to_owned(), Came { received: 1, damaged: 1 })].into());
    }
}
