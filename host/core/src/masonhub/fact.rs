//! Facts: what of a polled record no callback has told, and which callback a poll has told before.
//!
//! A callback and a polled record have no id in common, and what they say differs: a callback tells
//! one step of an order, a poll where the order stands now, with all its parcels. So the same fact is
//! known by what a plugin would do with it:
//!
//! - **A parcel** is told once. Its name is the tracking number, and it is told where an
//!   `order.fulfilled` of its order names it. A polled order makes an `order.fulfilled` of exactly
//!   the parcels that were not told, whatever its status is now.
//! - **A count** is told where the newest count of its SKU says the same units; what time it says
//!   does not matter, since a poll is always of now.
//! - **Any other step** is told where an event of its type and subject is known; a status that nobody
//!   knows, where one with this status is. That a subject came to the same status twice and the second
//!   time was lost, no poll finds. That an inbound shipment or a return is open, no callback tells.
//!
//! A callback that comes after the poll that told its fact is known by the same rules, where the
//! poll saw the subject as it was then or later.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{derived, read, typed};
use crate::event::{Inventory, Stock, TypedEvent};

/// How the ids of events begin that polls make.
const POLLED: &str = "poll-";

/// True of the id of an event that a poll made, since no callback brought it.
#[must_use]
pub fn is_polled(event_id: &str) -> bool {
    event_id.starts_with(POLLED)
}

/// True of a subject of which only the newest known event counts: a SKU, whose counts are absolute.
#[must_use]
pub fn only_newest_counts(subject: &str) -> bool {
    subject.starts_with("sku:")
}

/// The event type whose parcels are told.
const FULFILLED: &str = "order.fulfilled";

/// What can be polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Orders, with their parcels.
    Orders,
    /// Inbound shipments.
    InboundShipments,
    /// Returns.
    Returns,
    /// The stock of each SKU.
    Stock,
}

impl Resource {
    /// Its path below the API's base URL, without the `/`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::InboundShipments => "inbound_shipments",
            Self::Returns => "rmas",
            Self::Stock => "sku_snapshots",
        }
    }

    /// The message type of the callbacks that tell of it.
    fn message_type(self) -> &'static str {
        match self {
            Self::Orders => "orderEvent",
            Self::InboundShipments => "inboundShipmentEvent",
            Self::Returns => "rmaEvent",
            Self::Stock => "skuInventoryChange",
        }
    }
}

/// A record that a poll brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// Of which list.
    pub resource: Resource,
    /// As it was listed.
    pub record: Value,
}

/// An event of a subject that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its type.
    pub event_type: String,
    /// When it happened, by the sender's clock.
    pub as_of: Option<Timestamp>,
    /// Its record.
    pub payload: Bytes,
}

impl Polled {
    /// The subject that it is about, as text.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn subject(&self) -> Result<String, String> {
        Ok(self.told(self.as_callback())?.subject)
    }

    /// When the subject was last changed; none where the record does not say, as a count.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.record["updated_at"].as_str()?.parse().ok()
    }

    /// The body of a callback that tells what is not among the known events of the subject; none
    /// where all of it is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn missing(&self, known: &[Known]) -> Result<Option<String>, String> {
        let mut envelopes = Vec::new();
        let now = self.told(self.as_callback())?;
        let step = now.as_known();
        if matches!(self.resource, Resource::InboundShipments | Resource::Returns) && status(&step) == "open" {
            return Ok(None);
        }
        if self.resource == Resource::Orders && !parcels(&now.event_type, &now.record).is_empty() {
            envelopes.extend(self.untold_parcels(known)?);
        }
        let is_told = match &now.event_type[..] {
            // Its parcels are seen to above.
            FULFILLED => !envelopes.is_empty() || known.iter().any(|known| known.event_type == FULFILLED),
            "inventory.updated" => known.iter().max_by_key(|known| known.as_of).is_some_and(|newest| newest.has_count_of(&step)),
            _ => known.iter().any(|known| known.is_step_of(&step)),
        };
        if !is_told {
            let what = if self.resource == Resource::Stock { now.record.clone() } else { json!(unknown_status(&step)) };
            envelopes.push(self.envelope(&now, &what)?);
        }
        Ok((!envelopes.is_empty()).then(|| Value::Array(envelopes).to_string()))
    }

    /// An `order.fulfilled` of the parcels that none has told.
    fn untold_parcels(&self, known: &[Known]) -> Result<Option<Value>, String> {
        let mut record = self.record.clone();
        let status = std::mem::replace(&mut record["status"], json!("fulfilled"));
        record["polled_status"] = status;
        let told: BTreeSet<String> = known.iter().flat_map(Known::parcels).collect();
        let names = parcels(FULFILLED, &record);
        let mut untold = Vec::new();
        if let Some(shipments) = record["shipments"].as_array_mut() {
            let mut places = names.iter();
            shipments.retain(|_| {
                // The parcels of the typed form stand in the order of the record.
                let new = places.next().is_some_and(|name| !told.contains(name));
                untold.extend(new.then_some(()));
                new
            });
        }
        if untold.is_empty() {
            return Ok(None);
        }
        let fulfilled = self.told(record)?;
        let names = json!(parcels(FULFILLED, &fulfilled.record));
        self.envelope(&fulfilled, &names).map(Some)
    }

    /// The record as a callback would have it.
    fn as_callback(&self) -> Value {
        match self.resource {
            Resource::Orders | Resource::Stock => self.record.clone(),
            // What a list calls an inbound shipment or a return, a callback calls its `details`.
            Resource::InboundShipments | Resource::Returns => json!({
                "id": self.record["id"],
                "customer_identifier": self.record["customer_identifier"],
                "status": self.record["status"],
                "as_of": self.record["updated_at"],
                "details": self.record,
            }),
        }
    }

    fn told(&self, record: Value) -> Result<Told, String> {
        let body = json!({"message_type": self.resource.message_type(), "message_id": "polled", "data": [record]}).to_string();
        let read = read(body.as_bytes());
        let event = read.events.into_iter().next().ok_or_else(|| read.unreadable.unwrap_or_default())?;
        Ok(Told { event_type: event.event_type.into_owned(), subject: event.subject.to_string(), as_of: event.as_of, record })
    }

    /// An envelope whose id is that of the fact, so that a poll that sees it again makes a duplicate.
    fn envelope(&self, told: &Told, what: &Value) -> Result<Value, String> {
        let fact = json!([told.event_type, told.subject, what]).to_string();
        let id = derived::content_hash("poll", &fact)?;
        Ok(json!({"message_type": self.resource.message_type(), "message_id": format!("{POLLED}{id}"), "data": [told.record]}))
    }
}

/// What a record says.
struct Told {
    event_type: String,
    subject: String,
    as_of: Option<Timestamp>,
    record: Value,
}

impl Told {
    fn as_known(&self) -> Known {
        Known { event_type: self.event_type.clone(), as_of: self.as_of, payload: self.record.to_string().into() }
    }
}

impl Known {
    /// The parcels that it tells.
    fn parcels(&self) -> Vec<String> {
        if self.event_type == FULFILLED { names(&self.event_type, &self.payload) } else { Vec::new() }
    }

    /// True where the newest count says what a polled one says, or is newer.
    fn has_count_of(&self, polled: &Self) -> bool {
        self.as_of.zip(polled.as_of).is_some_and(|(known, polled)| known >= polled) || counts(self) == counts(polled)
    }

    /// True where both tell the same step of their subject.
    fn is_step_of(&self, other: &Self) -> bool {
        self.event_type == other.event_type && unknown_status(self) == unknown_status(other)
    }

    /// True where one of these events, which polls made of the same subject, has told all of it.
    #[must_use]
    pub fn is_told_by(&self, polled: &[Self]) -> bool {
        let mut of_step = polled.iter().filter(|polled| polled.is_step_of(self)).peekable();
        if of_step.peek().is_none() || self.event_type.starts_with("inventory.") {
            // Of counts the newest wins anyway.
            return false;
        }
        let parcels = self.parcels();
        if parcels.is_empty() {
            return of_step.any(|polled| self.as_of.is_none() || polled.as_of.is_none() || self.as_of <= polled.as_of);
        }
        let told: BTreeSet<String> = of_step.flat_map(Self::parcels).collect();
        parcels.iter().all(|name| told.contains(name))
    }
}

fn parcels(event_type: &str, record: &Value) -> Vec<String> {
    names(event_type, record.to_string().as_bytes())
}

/// The names of an order's parcels: their tracking numbers, or what stands for them before there is
/// a label.
fn names(event_type: &str, payload: &[u8]) -> Vec<String> {
    match typed(event_type, payload) {
        Ok(Some(TypedEvent::Order(order))) => {
            order.parcels.into_iter().map(|parcel| parcel.tracking_number.unwrap_or(parcel.shipment_id)).collect()
        }
        _ => Vec::new(),
    }
}

/// The status of an order, an inbound shipment or a return, in one of its spellings.
fn status(known: &Known) -> String {
    let status = match typed(&known.event_type, &known.payload) {
        Ok(Some(TypedEvent::Order(order))) => order.status,
        Ok(Some(TypedEvent::InboundShipment(shipment))) => shipment.status,
        Ok(Some(TypedEvent::Return(back))) => back.status,
        _ => String::new(),
    };
    status.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The status of an update, whose type does not say what was updated.
fn unknown_status(known: &Known) -> Option<String> {
    let unknown = known.event_type.ends_with(".updated") && known.event_type != "inventory.updated";
    unknown.then(|| status(known))
}

/// What a count says, whatever its time: totals, and units by location and status.
type Counts = (Option<i64>, Option<i64>, Vec<(Option<String>, String, i64)>);

fn counts(known: &Known) -> Option<Counts> {
    let Ok(Some(TypedEvent::Inventory(Inventory::Stock(stock)))) = typed(&known.event_type, &known.payload) else { return None };
    let Stock { total, available, counts, .. } = stock;
    let mut counts: Vec<_> = counts.into_iter().map(|count| (count.location_id, count.status, count.quantity)).collect();
    counts.sort_unstable();
    Some((total, available, counts))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn known(event_type: &str, record: Value) -> Known {
        let as_of = record["updated_at"].as_str().and_then(|at| at.parse().ok());
        Known { event_type: event_type.into(), as_of, payload: record.to_string().into() }
    }

    fn order(status: &str, at: &str, tracking: &[&str]) -> Value {
        let parcel = |t: &&str| json!({"shipment_id": format!("s-{t}"), "tracking_number": t});
        json!({"customer_identifier": "SO-1", "status": status, "updated_at": at, "shipments": tracking.iter().map(parcel).collect::<Vec<_>>()})
    }

    fn polled(record: Value) -> Polled {
        Polled { resource: Resource::Orders, record }
    }

    /// Type and parcels of each event that is missing.
    fn missing(polled: &Polled, known: &[Known]) -> Vec<(String, Vec<String>)> {
        let Some(body) = polled.missing(known).unwrap() else { return Vec::new() };
        let read = read(body.as_bytes());
        assert_eq!(read.unreadable, None);
        let told = |event: crate::event::Event| {
            assert!(event.id.starts_with("poll-"), "{}", event.id);
            let names = names(&event.event_type, &body.as_bytes()[event.record]);
            (event.event_type.into_owned(), names)
        };
        read.events.into_iter().map(told).collect()
    }

    fn expected(events: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        events.iter().map(|(t, parcels)| ((*t).to_owned(), parcels.iter().map(|p| (*p).to_owned()).collect())).collect()
    }

    #[test]
    fn only_parcels_that_nobody_told_are_told() {
        let now = polled(order("completed", "2026-01-02T00:00:00Z", &["A", "B", "C"]));
        let first = known(FULFILLED, order("fulfilled", "2026-01-01T00:00:00Z", &["A", "B"]));
        assert_eq!(missing(&now, std::slice::from_ref(&first)), expected(&[(FULFILLED, &["C"])]));
        let rest = known(FULFILLED, order("completed", "2026-01-02T00:00:00Z", &["C"]));
        assert_eq!(missing(&now, &[first, rest]), []);
        assert_eq!(missing(&now, &[]), expected(&[(FULFILLED, &["A", "B", "C"])]));
    }

    #[test]
    fn an_order_that_is_already_on_its_way_still_tells_its_parcels() {
        let now = polled(order("inTransit", "2026-01-02T00:00:00Z", &["A"]));
        assert_eq!(missing(&now, &[]), expected(&[(FULFILLED, &["A"]), ("order.in_transit", &["A"])]));
        let told = known(FULFILLED, order("fulfilled", "2026-01-01T00:00:00Z", &["A"]));
        assert_eq!(missing(&now, std::slice::from_ref(&told)), expected(&[("order.in_transit", &["A"])]));
        let moving = known("order.in_transit", order("in_transit", "2026-01-02T00:00:00Z", &[]));
        assert_eq!(missing(&now, &[told, moving]), []);
    }

    #[test]
    fn a_poll_that_sees_the_same_again_names_it_the_same() {
        let body = |at: &str| polled(order("open", at, &[])).missing(&[]).unwrap().unwrap();
        let id = |body: &str| read(body.as_bytes()).events[0].id.clone();
        assert_eq!(id(&body("2026-01-01T00:00:00Z")), id(&body("2026-01-02T00:00:00Z")));
    }

    #[test]
    fn an_update_is_told_by_its_status() {
        let now = polled(order("onHold", "2026-01-02T00:00:00Z", &[]));
        let other = known("order.updated", order("backordered", "2026-01-01T00:00:00Z", &[]));
        assert_eq!(missing(&now, std::slice::from_ref(&other)), expected(&[("order.updated", &[])]));
        assert_eq!(missing(&now, &[other, known("order.updated", order("on_hold", "2026-01-01T00:00:00Z", &[]))]), []);
    }

    #[test]
    fn a_late_callback_is_known_by_the_poll_that_told_it() {
        let told = [known(FULFILLED, order("fulfilled", "2026-01-02T00:00:00Z", &["A", "B"]))];
        let late = |tracking: &[&str]| known(FULFILLED, order("fulfilled", "2026-01-01T00:00:00Z", tracking)).is_told_by(&told);
        assert!(late(&["A"]) && late(&["B", "A"]) && !late(&["B", "C"]));

        let told = [known("order.updated", order("onHold", "2026-01-02T00:00:00Z", &[]))];
        let at = |at: &str| known("order.updated", order("onHold", at, &[])).is_told_by(&told);
        assert!(at("2026-01-01T00:00:00Z") && at("2026-01-02T00:00:00Z"));
        assert!(!at("2026-01-03T00:00:00Z"), "it came to this status again after the poll");
        assert!(!known("order.packed", order("packed", "2026-01-01T00:00:00Z", &[])).is_told_by(&told));
    }

    #[test]
    fn a_count_is_told_where_the_newest_says_the_same() {
        let stock = |units: i64, at: &str| json!({"customer_identifier": "CAP", "total_units": units, "as_of": at});
        let known = |units, at: &str| Known {
            event_type: "inventory.updated".into(),
            as_of: at.parse().ok(),
            payload: stock(units, at).to_string().into(),
        };
        let polled = Polled { resource: Resource::Stock, record: stock(5, "2026-01-09T00:00:00Z") };
        assert_eq!(polled.missing(&[known(5, "2026-01-01T00:00:00Z")]).unwrap(), None);
        let newer = [known(5, "2026-01-01T00:00:00Z"), known(7, "2026-01-02T00:00:00Z")];
        assert!(polled.missing(&newer).unwrap().is_some());
        assert_eq!(polled.missing(&[known(7, "2026-02-01T00:00:00Z")]).unwrap(), None, "a newer one came meanwhile");
    }

    #[test]
    fn inbound_shipments_and_returns_are_told_with_their_lines() {
        let record = json!({"id": "i", "customer_identifier": "ASN-1", "status": "receivingCompleted", "updated_at": "2026-01-01T00:00:00Z",
            "line_items": [{"customer_sku_id": "CAP", "quantity": 5, "total_quantity_received": 4}]});
        let polled = Polled { resource: Resource::InboundShipments, record };
        let body = polled.missing(&[]).unwrap().unwrap();
        let event = read(body.as_bytes()).events.remove(0);
        let typed = typed(&event.event_type, &body.as_bytes()[event.record]).unwrap();
        let Some(TypedEvent::InboundShipment(shipment)) = typed else { panic!("{typed:?}") };
        assert_eq!((shipment.lines[0].expected, shipment.lines[0].received), (5, 4));
        assert_eq!(polled.subject().unwrap(), "inbound-shipment:ASN-1");
        let open = |resource| Polled { resource, record: json!({"customer_identifier": "A", "status": "open"}) };
        assert_eq!(open(Resource::InboundShipments).missing(&[]).unwrap(), None, "no callback tells that it is announced");
        assert_eq!(open(Resource::Returns).missing(&[]).unwrap(), None);
        assert!(Polled { resource: Resource::Returns, record: json!({"status": "open"}) }.subject().is_err());
    }
}
