//! What the round trip needs of an event, read from its record as it was sent: `confirm` is given no
//! typed record.

use serde::Deserialize;

use super::count::Count;

/// The fields of all families that the round trip compares.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    customer_identifier: Option<String>,
    customer_order_id: Option<String>,
    external_id: Option<String>,
    shipments: Option<Vec<Parcel>>,
    status_counts: Option<Vec<StatusCount>>,
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

impl Record {
    /// The merchant's number of the order, inbound shipment or return, or the SKU.
    pub(crate) fn number(&self) -> Option<&str> {
        [&self.customer_identifier, &self.external_id, &self.customer_order_id].into_iter().find_map(Option::as_deref)
    }

    /// The tracking numbers, each once.
    pub(crate) fn tracking_numbers(&self) -> Vec<&str> {
        let parcels = self.shipments.iter().flatten();
        let mut all: Vec<_> = parcels.filter_map(|parcel| parcel.tracking_number.as_deref()).filter(|t| !t.is_empty()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The counts.
    pub(crate) fn counts(&self) -> Vec<Count<'_>> {
        self.status_counts.iter().flatten().filter_map(StatusCount::read).collect()
    }
}

impl StatusCount {
    fn read(&self) -> Option<Count<'_>> {
        let status = self.inventory_status.as_deref()?;
        Some(Count { location: self.inventory_location_id.as_deref(), status, quantity: self.quantity? })
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
        let order = record(include_str!("../../../../tests/fixtures/masonhub/order.fulfilled.json"));
        assert_eq!(order.number(), Some("SO-100482"));
        assert_eq!(order.tracking_numbers(), ["1Z999AA10123456784", "9400111899223100001234"]);
        let stock = record(include_str!("../../../../tests/fixtures/masonhub/inventory.updated.json"));
        let counts: Vec<_> = stock.counts().iter().map(|c| (c.status.to_owned(), c.quantity)).collect();
        assert_eq!(counts, [("available".into(), 200), ("allocated".into(), 100), ("damaged".into(), 5)]);
        let cancelled = record(include_str!("../../../../tests/fixtures/masonhub/order.cancelled.json"));
        assert!(cancelled.tracking_numbers().is_empty(), "null lists are empty ones");
    }
}
