//! MasonHub's callbacks, one sample per event type: what is read in each.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use mortar_core::event::{Family, InboundShipment, Inventory, Order, Receipt, Return, Short, TypedEvent};
use mortar_core::masonhub::{read, typed};

fn samples() -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/masonhub");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())).collect()
}

fn typed_sample(event_type: &str) -> TypedEvent {
    let body = &samples()[event_type];
    let event = &read(body).events[0];
    typed(event_type, &body[event.record.clone()]).unwrap().unwrap()
}

#[test]
fn every_sample_is_one_event_of_the_type_that_its_file_is_named_after() {
    let samples = samples();
    assert!(samples.len() >= 21, "the samples are there");
    for (name, body) in samples {
        let read = read(&body);
        assert_eq!((read.unreadable, read.derived_ids, read.events.len()), (None, false, 1), "{name}");
        let event = &read.events[0];
        assert_eq!(event.event_type, name);

        let envelope: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&body[event.record.clone()]).unwrap();
        let data = &envelope["data"];
        assert_eq!(&record, if data.is_array() { &data[0] } else { data }, "{name}");
        assert_eq!(event.id, format!("{}:0", envelope["message_id"].as_str().unwrap()));

        let subject = event.subject.to_string();
        match name.split_once('.').unwrap() {
            ("order", _) => assert_eq!(subject, "order:SO-100482", "{name}"),
            ("inbound_shipment", _) => assert_eq!(subject, "inbound-shipment:ASN-7781"),
            ("return", _) => assert_eq!(subject, "return:RMA-31"),
            (_, "updated") => assert_eq!(subject, "sku:TEE-BLU-M"),
            _ => assert_eq!(subject, "snapshot:2fb2b299-eaac-4f92-870d-a8418aa12c4c"),
        }
        let without_time = record.get("updated_at").is_none() && name.starts_with("order");
        assert_eq!(event.as_of.is_none(), without_time, "{name}");

        let family = match typed(&name, record.to_string().as_bytes()).unwrap().unwrap() {
            TypedEvent::Order(_) => Family::OrderEvents,
            TypedEvent::Resolution(_) => Family::OrderResolutions,
            TypedEvent::InboundShipment(_) => Family::InboundShipmentEvents,
            TypedEvent::Inventory(_) => Family::InventoryEvents,
            TypedEvent::Return(_) => Family::ReturnEvents,
        };
        assert_eq!(Some(family), Family::of(&name), "{name}");
    }
}

#[test]
fn an_order_shows_its_parcels_and_what_is_short() {
    let TypedEvent::Order(order) = typed_sample("order.fulfilled") else { panic!("not an order") };
    let Order { number, masonhub_id, status, updated_at, line_items, parcels, shorts, partial } = order;
    assert_eq!(number, "SO-100482");
    assert_eq!(masonhub_id.as_deref(), Some("5b0f6b1e-7c2d-4f0e-9d55-2f4b2f0f7a01"));
    assert_eq!((status.as_str(), updated_at.as_deref(), partial), ("fulfilled", Some("2026-01-05T18:21:00Z"), true));
    assert_eq!(line_items.iter().map(|l| (l.sku.as_str(), l.quantity)).collect::<Vec<_>>(), [("TEE-BLU-M", 3), ("PANT-NVY-L", 2)]);
    assert_eq!(shorts, [Short { sku: "PANT-NVY-L".into(), quantity: 1, reason: Some("damage".into()) }]);

    let names: Vec<_> = parcels.iter().map(|p| p.shipment_id.as_str()).collect();
    assert_eq!(names, ["shp_001", "shp_002"]);
    let parcel = &parcels[1];
    assert_eq!(parcel.tracking_number.as_deref(), Some("9400111899223100001234"));
    assert_eq!(parcel.tracking_url.as_deref(), Some("https://track.example.com/9400111899223100001234"));
    assert_eq!((parcel.carrier.as_deref(), parcel.service.as_deref()), (Some("USPS"), Some("ground")));
    assert_eq!(parcel.shipped_at.as_deref(), Some("2026-01-05T18:20:00Z"));
    assert_eq!((parcel.line_items[0].sku.as_str(), parcel.line_items[0].quantity), ("PANT-NVY-L", 1));
    assert_eq!((parcel.weight, parcel.weight_unit.as_deref()), (Some(2.4), Some("LB")));
    assert_eq!((parcel.carton_id.as_deref(), parcel.location.as_deref()), (Some("000000003002"), Some("FN1")));
}

#[test]
fn a_decision_says_whether_the_warehouse_did_it() {
    let TypedEvent::Resolution(refused) = typed_sample("order.cancel_resolved") else { panic!("not a resolution") };
    assert_eq!((refused.order.as_str(), refused.cancel, refused.succeeded), ("SO-100482", true, false));
    assert_eq!((refused.status.as_str(), refused.reason.as_deref()), ("failure", Some("Order already packed")));
    assert_eq!(refused.updated_at.as_deref(), Some("2026-01-05T15:30:00Z"));

    let TypedEvent::Resolution(done) = typed_sample("order.update_resolved") else { panic!("not a resolution") };
    assert_eq!((done.cancel, done.succeeded, done.reason), (false, true, None));
}

#[test]
fn an_inbound_shipment_shows_what_came_and_what_was_damaged() {
    let TypedEvent::InboundShipment(shipment) = typed_sample("inbound_shipment.received") else { panic!("not a shipment") };
    let InboundShipment { number, purchase_order, arrived_at, receiving_started_at, receiving_finished_at, exceptions, lines, .. } =
        shipment;
    assert_eq!((number.as_str(), purchase_order.as_deref()), ("ASN-7781", Some("PO-5512")));
    assert_eq!(arrived_at.as_deref(), Some("2026-01-11T09:15:00Z"));
    assert_eq!(receiving_started_at.as_deref(), Some("2026-01-11T11:01:24Z"));
    assert_eq!(receiving_finished_at.as_deref(), Some("2026-01-11T15:53:23Z"));
    assert_eq!(exceptions.as_deref(), Some("1 carton crushed"));

    assert_eq!(lines[0].sku, "TEE-BLU-M");
    assert_eq!((lines[0].expected, lines[0].received, lines[0].damaged, lines[0].unexpected), (100, 90, 5, false));
    let receipt = |status: &str, quantity, notes: Option<&str>| Receipt { status: status.into(), quantity, notes: notes.map(Into::into) };
    assert_eq!(lines[0].receipts, [receipt("available", 85, None), receipt("damaged", 5, Some("holes in sleeves"))]);
    assert_eq!((lines[1].expected, lines[1].received, lines[1].damaged, lines[1].unexpected), (0, 25, 0, true));
}

#[test]
fn stock_is_counted_by_status_and_location() {
    let TypedEvent::Inventory(Inventory::Stock(stock)) = typed_sample("inventory.updated") else { panic!("not stock") };
    assert_eq!((stock.sku.as_str(), stock.total, stock.available), ("TEE-BLU-M", Some(305), Some(200)));
    assert_eq!(stock.as_of.as_deref(), Some("2026-01-05T18:21:05.929256Z"));
    let counts: Vec<_> = stock.counts.iter().map(|c| (c.status.as_str(), c.quantity)).collect();
    assert_eq!(counts, [("available", 200), ("allocated", 100), ("damaged", 5)]);
    assert_eq!(stock.counts[0].location.as_deref(), Some("MasonHub - Rancho Cucamonga"));
    let movement = &stock.movements[0];
    assert_eq!((movement.kind.as_str(), movement.quantity), ("damaged", 5));
    assert_eq!(movement.occurred_at.as_deref(), Some("2026-01-05T18:21:05Z"));
    assert_eq!(movement.reference.as_deref(), Some("masonhub.co/acme/purchaseOrder/1234"));

    let TypedEvent::Inventory(Inventory::Snapshot(snapshot)) = typed_sample("inventory.snapshot_ready") else { panic!("not a snapshot") };
    assert_eq!((snapshot.id.as_str(), snapshot.kind.as_deref()), ("2fb2b299-eaac-4f92-870d-a8418aa12c4c", Some("full")));
    assert!(snapshot.download_url.unwrap().ends_with("/snapshot_download/x.json"));
}

#[test]
fn a_return_shows_what_came_back() {
    let TypedEvent::Return(returned) = typed_sample("return.received") else { panic!("not a return") };
    let Return { number, package_id, kind, lines, status, .. } = returned;
    assert_eq!((number.as_str(), status.as_str()), ("RMA-31", "received"));
    assert_eq!((package_id.as_deref(), kind.as_deref()), (Some("1z3"), Some("rma_submitted_by_customer")));
    let line = &lines[0];
    assert_eq!((line.order.as_deref(), line.sku.as_str()), (Some("SO-100482"), "TEE-BLU-M"));
    assert_eq!((line.expected, line.received, line.damaged, line.unexpected), (1, 1, 1, false));
    assert_eq!((line.reason.as_deref(), line.inventory_status.as_deref()), (Some("tooBig"), Some("qc")));

    let TypedEvent::Return(tendered) = typed_sample("return.tendered") else { panic!("not a return") };
    assert_eq!((tendered.status.as_str(), tendered.lines.len()), ("tendered", 0), "api 2.0 names the status `event_type`");
}
