use serde_json::json;

use super::*;
use crate::erp::Notification;
use crate::masonhub::Scenario;

fn truth() -> Truth {
    Scenario::default().plan().truth
}

/// What an ERP holds when a good plugin has told it everything.
fn faithful(truth: &Truth) -> Ledger {
    let mut ledger = Ledger::default();
    for (number, order) in &truth.orders {
        for step in order.steps.iter().filter(|s| !s.event_type.ends_with("_resolved")) {
            write(&mut ledger, &format!("/orders/{number}"), json!({"status": step.status}));
        }
        for parcel in &order.parcels {
            let path = format!("/orders/{number}/shipments/{}", parcel.shipment_id);
            write(&mut ledger, &path, json!({"tracking_number": parcel.tracking_number, "carrier": parcel.carrier}));
            let tracking_number = parcel.tracking_number.clone();
            ledger.notifications.push(Notification { order: number.clone(), tracking_number });
        }
    }
    for (sku, count) in &truth.stock {
        write(&mut ledger, &format!("/stock/{sku}"), json!({"on_hand": count.total, "available": count.available}));
    }
    for (number, shipment) in &truth.inbound {
        for step in &shipment.steps {
            let lines: Vec<_> = shipment.lines.iter().map(|l| json!({"sku": l.sku, "received": l.received})).collect();
            write(&mut ledger, &format!("/inbound-shipments/{number}"), json!({"status": step.status, "lines": lines}));
        }
    }
    for (number, told) in &truth.returns {
        for step in &told.steps {
            let lines: Vec<_> = told.lines.iter().map(|l| json!({"sku": l.sku, "quantity": l.received})).collect();
            write(&mut ledger, &format!("/returns/{number}"), json!({"status": step.status, "lines": {"received": lines}}));
        }
    }
    ledger
}

fn write(ledger: &mut Ledger, path: &str, body: Value) {
    ledger.documents.insert(path.to_owned(), body.clone());
    ledger.writes.push(Write { method: "PUT".into(), path: path.to_owned(), key: None, body });
}

fn shipment(ledger: &Ledger) -> (String, Value) {
    let first = ledger.documents.iter().find(|(path, _)| path.contains("/shipments/")).unwrap();
    (first.0.clone(), first.1.clone())
}

#[test]
fn a_faithful_erp_passes() {
    let truth = truth();
    let report = audit(&truth, &faithful(&truth));
    assert!(report.passed(), "{report}");
    let parcels = truth.parcels().count();
    assert_eq!((report.parcels.found, report.notifications.found), (parcels, parcels));
    assert_eq!((report.stock.equal, report.receipts.equal), (8, 8));
    assert!(report.updates.event_types.contains("order.fulfilled") && report.updates.event_types.contains("return.received"));
}

#[test]
fn an_empty_erp_fails_in_everything() {
    let report = audit(&truth(), &Ledger::default());
    assert!(!report.parcels.passed() && !report.notifications.passed());
    assert!(!report.stock.passed() && !report.receipts.passed() && !report.passed());
}

#[test]
fn a_lost_parcel_is_missing() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    let (path, document) = shipment(&ledger);
    ledger.documents.remove(&path);
    let report = audit(&truth, &ledger);
    assert_eq!(report.parcels.missing, tracking_numbers(&document));
    assert!(!report.parcels.passed() && report.notifications.passed());
    assert!(report.to_string().contains("1 missing"), "{report}");
}

#[test]
fn a_parcel_that_was_written_twice_is_doubled() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    let (path, document) = shipment(&ledger);
    ledger.documents.insert(path, json!([document, document]));
    assert_eq!(audit(&truth, &ledger).parcels.doubled, tracking_numbers(&document));
}

#[test]
fn a_parcel_at_another_order_is_misplaced() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    let (path, document) = shipment(&ledger);
    ledger.documents.remove(&path);
    ledger.documents.insert("/orders/SO-other/shipments/1".into(), document.clone());
    let report = audit(&truth, &ledger);
    assert_eq!(report.parcels.misplaced, tracking_numbers(&document));
    assert!(!report.passed());
}

#[test]
fn what_was_forged_must_not_arrive() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    write(&mut ledger, "/orders/SO-1/shipments/x", json!({"tracking_number": truth.forged_tracking_numbers[0]}));
    assert_eq!(audit(&truth, &ledger).parcels.forged, truth.forged_tracking_numbers[..1]);
}

#[test]
fn a_customer_is_told_once() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    let first = ledger.notifications[0].clone();
    ledger.notifications.push(first.clone());
    let report = audit(&truth, &ledger);
    assert_eq!(report.notifications.doubled, [first.tracking_number]);
    assert!(!report.passed() && report.parcels.passed());
}

/// Places of the writes to the first order itself.
fn updates_of_the_first_order(truth: &Truth, ledger: &Ledger) -> Vec<usize> {
    let path = format!("/orders/{}", truth.orders.keys().next().unwrap());
    (0..ledger.writes.len()).filter(|place| ledger.writes[*place].path == path).collect()
}

#[test]
fn swapped_updates_are_out_of_order_and_a_last_one_that_lacks_is_behind() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    let places = updates_of_the_first_order(&truth, &ledger);
    ledger.writes.swap(places[1], places[2]);
    let report = audit(&truth, &ledger);
    assert_eq!(report.updates.out_of_order.len(), 1, "{report}");

    let mut ledger = faithful(&truth);
    ledger.writes.remove(*places.last().unwrap());
    let report = audit(&truth, &ledger);
    assert_eq!((report.updates.behind.len(), report.updates.sent - report.updates.found), (1, 1), "{report}");
    assert!(!report.passed());
}

#[test]
fn an_update_may_come_again_at_once_but_not_later() {
    let truth = truth();
    let places = updates_of_the_first_order(&truth, &faithful(&truth));
    let mut ledger = faithful(&truth);
    ledger.writes.insert(places[1], ledger.writes[places[1]].clone());
    let report = audit(&truth, &ledger);
    assert!(report.passed() && report.updates.repeated == 1, "{report}");
    let mut ledger = faithful(&truth);
    ledger.writes.insert(places[3], ledger.writes[places[1]].clone());
    assert!(!audit(&truth, &ledger).updates.passed());
}

#[test]
fn a_wrong_count_and_a_wrong_receipt_are_named() {
    let truth = truth();
    let mut ledger = faithful(&truth);
    let sku = truth.stock.keys().next().unwrap();
    ledger.documents.insert(format!("/stock/{sku}"), json!({"on_hand": -1}));
    let number = truth.inbound.keys().next().unwrap();
    ledger.documents.insert(format!("/inbound-shipments/{number}"), json!({"lines": []}));
    let report = audit(&truth, &ledger);
    assert!(report.stock.wrong[0].starts_with(sku.as_str()) && report.stock.wrong.len() == 1, "{report}");
    assert!(report.receipts.wrong[0].starts_with(number.as_str()) && report.receipts.wrong.len() == 1, "{report}");
}
