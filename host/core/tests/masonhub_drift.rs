//! What MasonHub's documents disagree on, and what cannot be read at all.
#![allow(clippy::unwrap_used, missing_docs)]

use mortar_core::event::{Order, SubjectKind, TypedEvent};
use mortar_core::masonhub::{Read, read, typed};
use serde_json::{Value, json};

fn read_json(body: &Value) -> Read {
    read(body.to_string().as_bytes())
}

fn envelope(message_type: &str, records: &[Value]) -> Value {
    json!({ "message_type": message_type, "message_id": "m1", "data": records })
}

fn order(record: &Value) -> Order {
    match typed("order.fulfilled", record.to_string().as_bytes()) {
        Ok(Some(TypedEvent::Order(order))) => order,
        other => panic!("{record} is no order: {other:?}"),
    }
}

/// The reason why this one record goes into quarantine.
fn unreadable(message_type: &str, record: &Value) -> String {
    let read = read_json(&envelope(message_type, std::slice::from_ref(record)));
    assert!(read.events.is_empty(), "{record} made an event");
    read.unreadable.unwrap()
}

#[test]
fn a_body_is_one_envelope_or_an_array_of_them() {
    let one =
        envelope("orderEvent", &[json!({"customer_identifier": "A", "status": "open"}), json!({"order_id": "B", "status": "packed"})]);
    let mut two = envelope("rmaEvent", &[json!({"customer_identifier": "R", "event_type": "in_transit"})]);
    two["message_id"] = json!("m2");

    let ids = |body: &Value| read_json(body).events.into_iter().map(|e| (e.id, e.event_type, e.subject.to_string())).collect::<Vec<_>>();
    let expected = [
        ("m1:0".into(), "order.created".into(), "order:A".into()),
        ("m1:1".into(), "order.packed".into(), "order:B".into()),
        ("m2:0".into(), "return.in_transit".into(), "return:R".into()),
    ];
    assert_eq!(ids(&one), expected[..2]);
    assert_eq!(ids(&json!([one, two])), expected);
    assert_eq!(ids(&json!({"message_type": "snapshotReady", "message_id": "s", "data": {"snapshot_id": "9"}}))[0].0, "s:0");
}

#[test]
fn a_flat_order_is_read_and_known_by_its_content() {
    let flat = json!({
        "event_type": "order.shipped", "order_id": "ORD-12345", "external_id": "SO-1",
        "shipments": [{"tracking_number": "1Z1", "carrier": "UPS", "service_level": "ground"}, {"carrier": "DHL"}],
        "timestamp": "2026-01-05T14:20:00-04:00"
    });
    let read = read_json(&flat);
    assert!(read.derived_ids);
    let event = &read.events[0];
    assert_eq!((event.event_type.as_ref(), event.subject.to_string().as_str()), ("order.shipped", "order:SO-1"));
    assert_eq!(event.as_of.unwrap().to_string(), "2026-01-05T18:20:00Z");
    assert_eq!(event.id.len(), "flat-".len() + 32);
    let spaced = serde_json::to_string_pretty(&flat).unwrap();
    assert_eq!(mortar_core::masonhub::read(spaced.as_bytes()).events[0].id, event.id, "whitespace does not count");

    let order = order(&flat);
    assert_eq!((order.number.as_str(), order.masonhub_id.as_deref(), order.status.as_str()), ("SO-1", Some("ORD-12345"), "order.shipped"));
    assert_eq!(order.updated_at.as_deref(), Some("2026-01-05T14:20:00-04:00"));
    let first = &order.parcels[0];
    assert_eq!((first.shipment_id.as_str(), first.carrier.as_deref(), first.service.as_deref()), ("1Z1", Some("UPS"), Some("ground")));
    assert_eq!(order.parcels[1].shipment_id, "#1", "a parcel always has a name");
    assert!(!order.partial, "parcels that do not say what is in them prove nothing");

    let mut named = flat;
    named["event_id"] = json!("evt_7");
    let read = read_json(&named);
    assert_eq!((read.events[0].id.as_str(), read.derived_ids), ("evt_7", false));
}

#[test]
fn a_flat_inbound_shipment_keeps_its_discrepancies() {
    let flat = json!({
        "event_type": "inbound_shipment.received", "inbound_shipment_id": "in_1", "external_id": "ASN-1",
        "received_items": [
            {"sku": "A", "expected_quantity": 10, "received_quantity": 8, "discrepancy_reason": "short"},
            {"sku": "B", "expected_quantity": 0, "received_quantity": 2}
        ],
        "timestamp": "2026-01-11T15:53:23Z"
    });
    assert_eq!(read_json(&flat).events[0].subject.to_string(), "inbound-shipment:ASN-1");
    let Ok(Some(TypedEvent::InboundShipment(shipment))) = typed("inbound_shipment.received", flat.to_string().as_bytes()) else {
        panic!("not a shipment")
    };
    assert_eq!((shipment.number.as_str(), shipment.masonhub_id.as_deref()), ("ASN-1", Some("in_1")));
    let lines: Vec<_> = shipment.lines.iter().map(|l| (l.expected, l.received, l.unexpected, l.discrepancy_reason.as_deref())).collect();
    assert_eq!(lines, [(10, 8, false, Some("short")), (0, 2, true, None)]);
}

#[test]
fn an_unknown_type_or_status_is_an_event_all_the_same() {
    let driver = read_json(&envelope("driverEvent", &[json!({"anything": [1, {"goes": null}]})]));
    let event = &driver.events[0];
    assert_eq!(
        (event.event_type.as_ref(), event.subject.kind, event.subject.id.as_str()),
        ("masonhub.driverEvent", SubjectKind::Other, "m1:0")
    );
    assert_eq!(typed(&event.event_type, b"{}"), Ok(None));

    for (message_type, event_type) in
        [("orderEvent", "order.updated"), ("inboundShipmentEvent", "inbound_shipment.updated"), ("rma_event", "return.updated")]
    {
        for record in [json!({"customer_identifier": "X", "status": "abducted"}), json!({"customer_identifier": "X", "status": null})] {
            let read = read_json(&envelope(message_type, &[record]));
            assert_eq!((read.events[0].event_type.as_ref(), read.unreadable), (event_type, None));
        }
    }
    let flat = read_json(&json!({"event_type": "dock.opened", "event_id": "e"}));
    assert_eq!((flat.events[0].event_type.as_ref(), flat.events[0].subject.kind), ("dock.opened", SubjectKind::Other));
}

#[test]
fn without_a_message_id_the_content_is_the_id() {
    let body = |records: &[Value]| json!({"message_type": "orderEvent", "timestamp": records.len(), "data": records});
    let (a, b) = (json!({"customer_identifier": "A"}), json!({"customer_identifier": "B"}));
    let first = read_json(&body(std::slice::from_ref(&a)));
    let both = read_json(&body(&[a.clone(), b]));
    assert!(first.derived_ids);
    assert_eq!(first.events[0].id, both.events[0].id, "what is beside the record does not count");
    assert_ne!(both.events[0].id, both.events[1].id);
    let twice = read_json(&body(&[a.clone(), a]));
    assert_ne!(twice.events[0].id, twice.events[1].id, "two equal records of one callback are two events");
}

#[test]
fn spellings_are_read_either_way() {
    for (service, sku) in [("shipper_service_level", "sku_customer_id"), ("shipping_service_level", "customer_sku_id")] {
        let order = order(&json!({
            "id": 77, "customer_identifier": "", "status": "fulfilled", "shorts": null, "updated_at": null,
            "line_items": [{sku: "A", "quantity": "5"}, null],
            "shipments": [{
                "shipment_id": "s", service: "ground", "tracking_number": "", "shipment_weight": "2.4",
                "shipment_line_items": [{sku: "A", "quantity": 5.0}]
            }],
            "of_tomorrow": {"deep": [1, 2, 3]}
        }));
        assert_eq!((order.number.as_str(), order.partial, order.updated_at), ("77", false, None));
        assert_eq!((order.line_items[0].sku.as_str(), order.line_items[0].quantity, order.line_items.len()), ("A", 5, 1));
        let parcel = &order.parcels[0];
        assert_eq!((parcel.service.as_deref(), parcel.tracking_number.as_deref(), parcel.weight), (Some("ground"), None, Some(2.4)));
        assert_eq!(parcel.line_items, order.line_items);
    }
}

#[test]
fn partial_means_short_or_fewer_than_ordered() {
    let with = |shipped: Value, shorts: Value| {
        let shipments: Vec<Value> =
            shipped.as_array().unwrap().iter().map(|q| json!({"line_items": [{"sku": "A", "quantity": q}]})).collect();
        order(&json!({"id": "1", "line_items": [{"sku": "A", "quantity": 5}], "shipments": shipments, "shorts": shorts})).partial
    };
    assert!(with(json!([2, 2]), json!(null)));
    assert!(!with(json!([2, 3]), json!([])));
    assert!(with(json!([5]), json!([{"sku": "B", "quantity": 1}])));
    assert!(!with(json!([]), json!(null)), "nothing is shipped yet");
    assert!(!with(json!([i64::MAX, i64::MAX]), json!(null)), "sums do not overflow");
}

#[test]
fn received_units_are_taken_from_where_they_stand() {
    let received = |fields: Value| {
        let mut line = json!({"customer_sku_id": "A", "quantity": 9});
        line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let record = json!({"customer_identifier": "ASN", "status": "receivingComplete", "details": {"line_items": [line]}});
        match typed("inbound_shipment.received", record.to_string().as_bytes()) {
            Ok(Some(TypedEvent::InboundShipment(shipment))) => (shipment.lines[0].received, shipment.lines[0].damaged),
            other => panic!("{other:?}"),
        }
    };
    let receipts = json!({"available": [{"quantity": 4}], "damaged": [{"quantity": 1}, {"quantity": 2}], "lost": null});
    assert_eq!(received(json!({"total_quantity_received": 8, "quantity_received": 7, "receiving_details": receipts})), (8, 3));
    assert_eq!(received(json!({"quantity_received": 7})), (7, 0));
    assert_eq!(received(json!({"receiving_details": receipts})), (7, 3), "else the receipts are added up");
    assert_eq!(received(json!({"receiving_details": null})), (0, 0));
}

#[test]
fn a_record_that_cannot_be_read_leaves_the_others_alone() {
    let good = |n: usize| json!({"customer_identifier": format!("SO-{n}"), "status": "open"});
    let read = read_json(&json!([
        envelope("orderEvent", &[good(0), json!({"customer_identifier": "X", "shipments": 5}), good(2), json!(7)]),
        "nonsense",
        envelope("orderEvent", &[]),
        envelope("orderEvent", &[good(9), json!(null)]),
    ]));
    let ids: Vec<_> = read.events.iter().map(|e| (e.id.as_str(), e.subject.id.as_str())).collect();
    assert_eq!(ids, [("m1:0", "SO-0"), ("m1:2", "SO-2"), ("m1:0", "SO-9")]);
    assert_eq!(
        read.unreadable.as_deref(),
        Some(
            "[0].data[1]: shipments: invalid type: integer `5`, expected a list of objects; \
             [0].data[3]: invalid type: integer `7`, expected an object; \
             [1]: invalid type: string \"nonsense\", expected an object; and 2 more"
        )
    );
}

#[test]
fn the_reason_names_the_field() {
    let shipment = |line: Value| json!({"id": "1", "shipments": [{}, {"shipment_line_items": [line]}]});
    let cases = [
        (
            "orderEvent",
            shipment(json!({"sku": "A", "quantity": "abc"})),
            "shipments[1].shipment_line_items[0].quantity: invalid value: string \"abc\", expected a whole number",
        ),
        ("orderEvent", shipment(json!({"sku": "A"})), "shipments[1].shipment_line_items[0]: missing field `quantity`"),
        ("orderEvent", shipment(json!({"quantity": 1})), "names no SKU"),
        ("orderEvent", shipment(json!(["A", 1])), "expected an object"),
        ("orderEvent", json!({"status": "open"}), "data[0]: names no order"),
        ("orderEvent", json!({"id": "1", "updated_at": {}}), "updated_at: invalid type: map, expected a text"),
        ("orderEvent", json!(["SO-1"]), "invalid type: sequence, expected an object"),
        ("orderCancelResolution", json!({"id": "1", "status": "success"}), "names no order"),
        ("orderCancelResolution", json!({"customer_order_id": "1"}), "missing field `status`"),
        ("skuInventoryChange", json!({"sku_id": "1"}), "names no SKU"),
        ("skuInventoryChange", json!({"customer_identifier": "A", "total_units": 1.5}), "total_units: invalid value: floating point `1.5`"),
        (
            "skuInventoryChange",
            json!({"sku": "A", "status_counts": [{"quantity": 1}]}),
            "status_counts[0]: missing field `inventory_status`",
        ),
        ("snapshotReady", json!({}), "names no snapshot"),
        ("rmaEvent", json!({"status": "received"}), "has no number"),
        ("inboundShipmentEvent", json!({"id": "1", "details": []}), "details: invalid type: sequence, expected an object"),
        ("driverEvent", json!([]), "not an object"),
        ("orderEvent", json!({"customer_identifier": "a\u{0}b"}), "the subject holds a NUL character"),
        ("orderEvent", json!({"customer_identifier": "x".repeat(501)}), "the subject is 501 bytes long; at most 500"),
    ];
    for (message_type, record, expected) in cases {
        let reason = unreadable(message_type, &record);
        assert!(reason.contains(expected), "{record}: {reason}");
        assert!(reason.starts_with("data[0]: ") && !reason.contains(" at line "), "{reason}");
    }
}

#[test]
fn a_body_that_says_nothing_is_wholly_unreadable() {
    let deep = format!("{{\"message_type\":\"orderEvent\",\"data\":{}{}}}", "[".repeat(64), "]".repeat(64));
    let cases: &[(&[u8], &str)] = &[
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"{\"message_type\":\"orderEvent\",\"data\":[{\"id\":\"1\"", "not JSON: EOF while parsing"),
        (b"{\"message_type\":\"orderEvent\",\"data\":[{}]} {}", "trailing characters"),
        (b"\xff\xfe", "not UTF-8 from byte 0 on"),
        (b"{\"message_type\":\"\xff\"}", "not UTF-8 from byte 17 on"),
        (deep.as_bytes(), "nested deeper than 64 levels"),
        (b"[]", "no records"),
        (b"{}", "neither message_type nor event_type"),
        (b"5", "expected an object"),
        (b"{\"message_type\":\"orderEvent\",\"message_id\":\"m\"}", "no records"),
        (b"{\"message_type\":\"orderEvent\",\"message_id\":\"m\",\"data\":null}", "no records"),
        (b"{\"message_type\":\"orderEvent\",\"message_id\":\"m\",\"data\":[]}", "no records"),
        (
            b"{\"message_type\":\"orderEvent\",\"message_id\":\"m\",\"data\":5}",
            "data: invalid type: integer `5`, expected a list of records",
        ),
        (
            b"{\"message_type\":\"orderEvent\",\"message_id\":\"m\",\"message_id\":\"n\",\"data\":[{\"id\":\"1\"}]}",
            "duplicate field `message_id`",
        ),
        (b"{\"message_type\":\"orderEvent\",\"message_id\":\"m\",\"data\":[{\"id\":\"1\",\"id\":\"2\"}]}", "data[0]: duplicate field `id`"),
        (b"{\"message_type\":\"orderEvent\",\"message_id\":[],\"data\":[{\"id\":\"1\"}]}", "message_id: invalid type"),
        (b"{\"event_type\":\"order.shipped\",\"event_id\":\"e\"}", "the body: names no order"),
        (b"{\"message_type\":\"\\u0000\",\"message_id\":\"m\",\"data\":[{}]}", "the event type holds a NUL"),
    ];
    for (body, expected) in cases {
        let read = read(body);
        let reason = read.unreadable.unwrap();
        assert!(reason.contains(expected), "{}: {reason}", String::from_utf8_lossy(body));
        assert!(read.events.is_empty());
    }
    let long = json!({"message_type": "orderEvent", "message_id": "m".repeat(300), "data": [{"id": "1"}]});
    assert_eq!(read_json(&long).unreadable.as_deref(), Some("data[0]: the event's id is 302 bytes long; at most 200 are read"));
}

#[test]
fn a_receipt_status_that_comes_twice_is_not_guessed_at() {
    let body = br#"{"message_type":"inboundShipmentEvent","message_id":"m","data":[{"id":"1","details":{"line_items":[
        {"sku":"A","receiving_details":{"damaged":[{"quantity":1}],"damaged":[{"quantity":2}]}}]}}]}"#;
    assert_eq!(read(body).unreadable.as_deref(), Some("data[0]: details.line_items[0].receiving_details: duplicate field `damaged`"));
}

#[test]
fn many_records_and_many_brackets_are_no_depth() {
    let records: Vec<Value> =
        (0..2000).map(|n| json!({"customer_identifier": format!("SO-{n}"), "status": "open", "shipments": []})).collect();
    let read = read_json(&envelope("orderEvent", &records));
    assert_eq!((read.events.len(), read.unreadable), (2000, None));
    assert_eq!(read.events[1999].id, "m1:1999");
}
