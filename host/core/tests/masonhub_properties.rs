//! What holds for every body, whatever is in it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashSet;

use mortar_core::masonhub::{read, typed};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON, rich in the names that are read.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "message_type",
            "message_id",
            "event_type",
            "event_id",
            "data",
            "id",
            "order_id",
            "customer_identifier",
            "status",
            "updated_at",
            "shipments",
            "shipment_line_items",
            "line_items",
            "shorts",
            "quantity",
            "sku",
            "details",
            "receiving_details",
            "damaged",
            "status_counts",
            "as_of",
            "total_units",
            "received_items",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ];
    let text = prop_oneof![
        prop::sample::select(vec![
            "orderEvent",
            "rmaEvent",
            "skuInventoryChange",
            "inboundShipmentEvent",
            "order.shipped",
            "5",
            "open",
            ""
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            hash_map(name.clone(), inner, 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn message_type() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "orderEvent",
            "orderUpdateResolution",
            "orderCancelResolution",
            "inboundShipmentEvent",
            "skuInventoryChange",
            "snapshotReady",
            "rmaEvent",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z]{1,20}",
    ]
}

/// A record that has the names of its kind, and whatever else.
fn record() -> impl Strategy<Value = Value> {
    let whatever = hash_map("[a-z_]{1,8}", any_json(), 0..4);
    (whatever, "[A-Z]{2}-[0-9]{1,5}", prop::option::of("[a-zA-Z_]{1,12}")).prop_map(|(whatever, number, status)| {
        let mut record = Value::Object(whatever.into_iter().collect());
        for name in ["customer_identifier", "customer_order_id", "snapshot_id"] {
            record[name] = json!(number);
        }
        record["status"] = json!(status);
        record
    })
}

/// What holds of the events of any body.
fn check(body: &[u8]) -> Result<usize, TestCaseError> {
    let first = read(body);
    prop_assert_eq!(&first, &read(body), "reading again says the same");
    prop_assert!(first.unreadable.is_some() || !first.events.is_empty());
    for event in &first.events {
        prop_assert!(!event.id.is_empty() && event.id.len() <= 200);
        prop_assert!(!event.subject.id.is_empty() && event.subject.id.len() <= 500);
        let payload = &body[event.record.clone()];
        prop_assert!(serde_json::from_slice::<Value>(payload).is_ok_and(|record| record.is_object()));
        prop_assert!(typed(&event.event_type, payload).is_ok(), "what makes an event can be run");
    }
    Ok(first.events.len())
}

#[test]
fn a_record_with_a_number_that_no_plugin_can_hold_is_named_as_unreadable() {
    let body = r#"{"message_type":"orderEvent","message_id":"m","data":[
        {"customer_identifier":"SO-1","status":"open","weight":4.1929622445917976E889},
        {"customer_identifier":"SO-2","status":"open","note":"1e999"}]}"#;
    assert_eq!(check(body.as_bytes()).unwrap(), 1, "the other record is an event");
    assert_eq!(read(body.as_bytes()).unreadable.unwrap(), "data[0]: 4.1929622445917976E889 is too large a number");
}

proptest! {
    #[test]
    fn bytes_never_panic(body in vec(any::<u8>(), 0..300)) {
        check(&body)?;
    }

    #[test]
    fn json_never_panics(body in any_json(), event_type in "(order|return|inventory|inbound_shipment)\\.[a-z_]{1,16}") {
        check(body.to_string().as_bytes())?;
        let _ = typed(&event_type, body.to_string().as_bytes());
    }

    #[test]
    fn a_damaged_body_never_panics(records in vec(record(), 1..3), kind in message_type(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = json!({"message_type": kind, "message_id": "m", "data": records}).to_string().into_bytes();
        let at = at.index(body.len());
        check(&body[..at])?;
        body[at] = byte;
        check(&body)?;
    }

    #[test]
    fn every_record_is_an_event_or_named_as_unreadable(
        records in vec(prop_oneof![4 => record(), 1 => any_json()], 1..12),
        kind in message_type(),
        id in prop::option::of("[a-z0-9-]{1,36}"),
        pretty in any::<bool>(),
    ) {
        let body = json!({"message_type": kind, "message_id": id, "data": records});
        let body = if pretty { serde_json::to_string_pretty(&body).unwrap() } else { body.to_string() };
        let events = check(body.as_bytes())?;
        let read = read(body.as_bytes());
        let named = read.unreadable.as_deref().map_or(0, |reason| {
            let more = reason.rsplit_once("; and ").and_then(|(_, rest)| rest.strip_suffix(" more")?.parse::<usize>().ok()).unwrap_or(0);
            let named = (0..records.len()).filter(|index| reason.contains(&format!("data[{index}]: "))).count();
            named + more
        });
        prop_assert_eq!(events + named, records.len(), "{:?}", read.unreadable);
        let ids: HashSet<_> = read.events.iter().map(|event| &event.id).collect();
        prop_assert_eq!(ids.len(), events, "ids are distinct");
        prop_assert_eq!(read.derived_ids, id.is_none() && events > 0);
        for event in &read.events {
            let index: usize = event.id.rsplit_once(':').unwrap().1.parse().unwrap();
            let record: Value = serde_json::from_str(&body[event.record.clone()]).unwrap();
            prop_assert_eq!(&record, &serde_json::from_str::<Value>(&records[index].to_string()).unwrap());
        }
    }
}
