//! The raw record of a delivery, as far as a round trip compares it: `confirm` gets no typed one.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Delivery, Failure};

/// The fields of all event families that are compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record {
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

/// An absolute count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count<'a> {
    /// MasonHub's identifier of the location.
    pub location: Option<&'a str>,
    /// The inventory status.
    pub status: &'a str,
    /// Units.
    pub quantity: i64,
}

/// Which counts make up the stock of a place: a table of `[config]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The place, as the ERP names it.
    pub place: String,
    /// MasonHub's inventory statuses.
    pub statuses: Vec<String>,
    /// MasonHub's identifier of the location. Absent: any.
    pub masonhub_location: Option<String>,
}

impl Record {
    /// Reads the delivery's record.
    ///
    /// # Errors
    /// A rejection that says what does not fit.
    pub fn read(delivery: &Delivery) -> Result<Self, Failure> {
        serde_json::from_str(&delivery.payload).map_err(|error| Failure::reject(format!("the record cannot be read: {error}")))
    }

    /// The merchant's number of the order, inbound shipment or return, or the SKU.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        [&self.customer_identifier, &self.external_id, &self.customer_order_id].into_iter().find_map(Option::as_deref)
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
}

impl StatusCount {
    fn read(&self) -> Option<Count<'_>> {
        let status = self.inventory_status.as_deref()?;
        Some(Count { location: self.inventory_location_id.as_deref(), status, quantity: self.quantity? })
    }
}

/// Units by place, for each place that the counts say something about. What they do not say is left
/// as it is.
#[must_use]
pub fn by_place<'a>(counted: &'a [Counted], counts: &[Count<'_>]) -> BTreeMap<&'a str, i64> {
    let mut places = BTreeMap::new();
    for rule in counted {
        for count in counts {
            let here = rule.masonhub_location.is_none() || rule.masonhub_location.as_deref() == count.location;
            if here && rule.statuses.iter().any(|status| status.eq_ignore_ascii_case(count.status)) {
                *places.entry(rule.place.as_str()).or_default() += count.quantity;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sample: &str) -> Record {
        let callback: serde_json::Value = serde_json::from_str(sample).unwrap();
        Record::read(&Delivery { payload: callback["data"][0].to_string(), ..Delivery::default() }).unwrap()
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

    #[test]
    fn statuses_of_one_place_are_summed_and_unsaid_places_left_alone() {
        let rule = |place: &str, statuses: &[&str], location: Option<&str>| Counted {
            place: place.into(),
            statuses: statuses.iter().map(|&status| status.into()).collect(),
            masonhub_location: location.map(str::to_owned),
        };
        let count = |location, status, quantity| Count { location: Some(location), status, quantity };
        let counted = [rule("STOCK", &["available", "allocated"], None), rule("EAST", &["damaged"], Some("a"))];
        let counts = [count("a", "available", 200), count("b", "Allocated", 100), count("b", "damaged", 7), count("a", "expected", 7)];
        assert_eq!(by_place(&counted, &counts), [("STOCK", 300)].into());
        assert_eq!(by_place(&counted, &[count("a", "damaged", 0)]), [("EAST", 0)].into());
    }
}
