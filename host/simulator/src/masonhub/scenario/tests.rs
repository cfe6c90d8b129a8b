use std::collections::{BTreeMap, BTreeSet};

use super::super::Kind;
use super::*;

/// Every order event type that MasonHub has, and those of the other families.
const EVENT_TYPES: &[&str] = &[
    "inbound_shipment.arrived",
    "inbound_shipment.received",
    "inbound_shipment.receiving_started",
    "order.acknowledged",
    "order.cancel_resolved",
    "order.cancelled",
    "order.created",
    "order.delivered",
    "order.fulfilled",
    "order.in_transit",
    "order.packed",
    "order.partially_delivered",
    "order.partially_in_transit",
    "order.partially_shipped",
    "order.processing",
    "order.shipped",
    "order.undeliverable",
    "order.update_resolved",
    "order.updated",
    "return.arrived",
    "return.delivered",
    "return.in_transit",
    "return.received",
    "return.receiving_started",
    "return.tendered",
    "return.undeliverable",
];

/// Every plan that the properties are shown for.
fn plans() -> impl Iterator<Item = Plan> {
    (1..=15).map(|seed| Scenario { seed, ..Scenario::default() }.plan())
}

fn parsed(callback: &Callback) -> Value {
    serde_json::from_slice(&callback.body).unwrap()
}

/// The envelopes or flat bodies of the callbacks that are not repeated and not forged, with their
/// place.
fn envelopes(plan: &Plan) -> Vec<(usize, Value)> {
    let genuine = plan.callbacks.iter().enumerate().filter(|(_, c)| c.kind == Kind::Genuine);
    let split = genuine.flat_map(|(place, callback)| match parsed(callback) {
        Value::Array(envelopes) => envelopes.into_iter().map(|e| (place, e)).collect(),
        one => vec![(place, one)],
    });
    split.collect()
}

fn records(plan: &Plan) -> Vec<(String, Value)> {
    let all = envelopes(plan).into_iter().flat_map(|(_, envelope)| {
        let name = |field: &str| envelope[field].as_str().map(str::to_owned);
        let message_type = name("message_type").or(name("event_type")).unwrap();
        let records = match &envelope["data"] {
            Value::Array(records) => records.clone(),
            Value::Null => vec![envelope.clone()],
            one => vec![one.clone()],
        };
        records.into_iter().map(move |r| (message_type.clone(), r))
    });
    all.collect()
}

#[test]
fn the_seed_decides_everything() {
    let plan = |seed| Scenario { seed, ..Scenario::default() }.plan();
    assert_eq!(plan(3), plan(3));
    assert_ne!(plan(3).callbacks[0].body, plan(4).callbacks[0].body);
    let numbers = |plan: &Plan| plan.truth.orders.keys().cloned().collect::<BTreeSet<_>>();
    assert!(numbers(&plan(3)).is_disjoint(&numbers(&plan(4))));
}

#[test]
fn every_event_type_occurs_and_every_event_is_sent_once() {
    for plan in plans() {
        let Truth { orders, inbound, returns, .. } = &plan.truth;
        let steps = orders.values().map(|o| &o.steps).chain(inbound.values().map(|i| &i.steps)).chain(returns.values().map(|r| &r.steps));
        let types: BTreeSet<&str> = steps.flatten().map(|s| s.event_type.as_str()).collect();
        assert_eq!(types.into_iter().collect::<Vec<_>>(), EVENT_TYPES);
        assert_eq!(records(&plan).len(), plan.truth.events);
    }
}

#[test]
fn parcels_are_many_and_unlike() {
    for plan in plans() {
        let fulfilments = |o: &super::super::OrderTruth| o.steps.iter().filter(|s| s.event_type == "order.fulfilled").count();
        let orders = || plan.truth.orders.values();
        assert!(orders().any(|o| fulfilments(o) == 2 && o.parcels.len() == 3 && !o.shorts.is_empty()), "split and short");
        assert!(orders().any(|o| fulfilments(o) == 3), "one by one");
        assert!(orders().any(|o| fulfilments(o) == 1 && o.parcels.len() == 3), "several at once");
        let numbers: Vec<&str> = plan.truth.parcels().map(|(_, p)| p.tracking_number.as_str()).collect();
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
        let carriers: BTreeSet<&str> = plan.truth.parcels().map(|(_, p)| p.carrier.as_str()).collect();
        assert!(carriers.len() > 2, "{carriers:?}");
        for order in orders().filter(|o| !o.parcels.is_empty()) {
            let sum = |lines: &mut dyn Iterator<Item = i64>| lines.sum::<i64>();
            let shipped = sum(&mut order.parcels.iter().flat_map(|p| &p.lines).map(|l| l.quantity));
            let short = sum(&mut order.shorts.iter().map(|l| l.quantity));
            assert_eq!(shipped + short, sum(&mut order.ordered.iter().map(|l| l.quantity)));
            assert!(order.parcels.iter().all(|p| !p.lines.is_empty()));
        }
    }
}

#[test]
fn callbacks_come_in_every_shape() {
    for plan in plans() {
        let arrays = plan.callbacks.iter().map(parsed).filter_map(|b| b.as_array().map(Vec::len));
        assert!(arrays.clone().any(|envelopes| envelopes > 1) && plan.callbacks.iter().any(|c| c.body[0] == b'{'));
        let envelopes = envelopes(&plan);
        let count = |test: &dyn Fn(&Value) -> bool| envelopes.iter().filter(|(_, e)| test(e)).count();
        assert_eq!(count(&|e| e["event_type"] == "order.shipped"), 1);
        assert_eq!(count(&|e| e["event_type"] == "inbound_shipment.received"), 1);
        assert_eq!(count(&|e| e["data"].is_object()), 1, "snapshotReady");
        assert_eq!(count(&|e| e["message_type"] == "billingEvent"), 1);
        assert!(count(&|e| e["data"].as_array().is_some_and(|d| d.len() > 1)) > 0);
        for version in [json!("1.0"), json!("2.0"), Value::Null] {
            assert!(count(&|e| e["api_version"] == version) > 0, "{version}");
        }
        let records = records(&plan);
        let says = |field: &str, value: &str| records.iter().filter(|(_, r)| r[field] == value).count();
        let unknown = says("status", "onHold") + says("status", "on_hold");
        assert_eq!(unknown, 1);
        assert!(says("status", "at_warehouse") > 0 && says("status", "atWarehouse") > 0);
    }
}

#[test]
fn one_signature_is_forged_and_names_what_never_happened() {
    for plan in plans() {
        let forged: Vec<_> = plan.callbacks.iter().filter(|c| c.kind == Kind::Forged).collect();
        let [forged] = forged[..] else { panic!("{} forged", forged.len()) };
        let text = std::str::from_utf8(&forged.body).unwrap();
        assert!(!plan.truth.forged_tracking_numbers.is_empty());
        for number in &plan.truth.forged_tracking_numbers {
            assert!(text.contains(number.as_str()));
            assert!(plan.truth.parcels().all(|(_, p)| p.tracking_number != *number));
        }
    }
}

#[test]
fn redeliveries_repeat_an_earlier_body_and_wait_for_it() {
    for plan in plans() {
        let mut redeliveries = 0;
        for (place, callback) in plan.callbacks.iter().enumerate() {
            assert!(callback.after.iter().all(|earlier| *earlier < place));
            let Kind::Redelivery(original) = callback.kind else { continue };
            redeliveries += 1;
            assert_eq!(callback.body, plan.callbacks[original].body);
            assert_ne!(callback.delivery, plan.callbacks[original].delivery);
            assert_eq!(callback.after, [original]);
        }
        assert!(redeliveries > 0);
    }
}

#[test]
fn events_of_an_order_come_in_their_order_and_wait_for_each_other() {
    for plan in plans() {
        let mut told_by_callbacks = Vec::new();
        let mut statuses: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (place, envelope) in envelopes(&plan) {
            for record in envelope["data"].as_array().unwrap_or(&vec![envelope.clone()]) {
                let number = ["customer_order_id", "customer_identifier", "external_id"].iter().find_map(|f| record[f].as_str());
                let status = record["status"].as_str().or(record["event_type"].as_str()).unwrap_or_default();
                if let Some(number) = number.filter(|n| plan.truth.orders.contains_key(*n)) {
                    told_by_callbacks.push(number.to_owned());
                    statuses.entry(number.to_owned()).or_default().push(status.replace('_', "").to_lowercase());
                    let before = last.insert(number.to_owned(), place).filter(|before| *before != place);
                    assert!(before.is_none_or(|before| plan.callbacks[place].after.contains(&before)), "{number} at {place}");
                }
            }
        }
        for (number, order) in &plan.truth.orders {
            let told: Vec<String> = order.steps.iter().map(|s| s.status.to_lowercase()).collect();
            let sent: Vec<String> = statuses[number].iter().map(|s| s.replace("order.shipped", "tendered")).collect();
            assert_eq!(sent, told, "{number}");
        }
        let switches = told_by_callbacks.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(switches > told_by_callbacks.len() / 2, "orders are interleaved");
    }
}

#[test]
fn an_older_count_can_follow_a_newer_one_and_the_newest_is_the_truth() {
    for plan in plans() {
        let mut newest: BTreeMap<String, (String, i64)> = BTreeMap::new();
        let mut overtaken = 0;
        for (_, record) in records(&plan).iter().filter(|(t, _)| t == "skuInventoryChange") {
            let (sku, as_of) = (record["customer_identifier"].as_str().unwrap(), record["as_of"].as_str().unwrap());
            let counts = record["status_counts"].as_array().unwrap();
            let total = record["total_units"].as_i64().unwrap();
            assert_eq!(counts.iter().map(|c| c["quantity"].as_i64().unwrap()).sum::<i64>(), total);
            match newest.get(sku) {
                Some((known, _)) if known.as_str() > as_of => overtaken += 1,
                _ => drop(newest.insert(sku.to_owned(), (as_of.to_owned(), total))),
            }
        }
        assert!(overtaken > 0);
        let told = plan.truth.stock.iter().map(|(sku, c)| (sku.clone(), (c.as_of.to_string(), c.total)));
        assert_eq!(newest, told.collect());
    }
}

#[test]
fn receipts_differ_from_announcements_in_every_way() {
    for plan in plans() {
        let lines = || plan.truth.inbound.values().flat_map(|i| &i.lines);
        assert!(lines().any(|l| l.expected > 0 && l.received < l.expected), "short");
        assert!(lines().any(|l| l.expected > 0 && l.received > l.expected), "over");
        assert!(lines().any(|l| l.damaged > 0), "damaged");
        assert!(lines().any(|l| l.expected == 0 && l.received > 0), "unexpected");
        assert!(lines().any(|l| l.received == l.expected), "exact");
    }
}

#[test]
fn a_registered_token_is_in_every_envelope() {
    let plan = Scenario { token: Some("t0k".into()), ..Scenario::default() }.plan();
    let envelopes = envelopes(&plan);
    assert!(envelopes.iter().all(|(_, e)| e["token"] == "t0k" || e.get("message_id").is_none()));
    assert!(envelopes.len() > 100);
}

#[test]
fn any_size_can_be_planned() {
    let tiny = Scenario { orders: 0, skus: 0, inbound_shipments: 0, returns: 0, ..Scenario::default() }.plan();
    assert_eq!(tiny.truth.stock.len(), 1);
    let large = Scenario { orders: 200, skus: 300, ..Scenario::default() }.plan();
    assert_eq!((large.truth.orders.len(), large.truth.stock.len()), (200, 300));
}

#[test]
fn a_later_fulfilment_can_repeat_the_parcels_of_earlier_ones() {
    let parcels = |cumulative| {
        let plan = Scenario { cumulative, ..Scenario::default() }.plan();
        let of = |(_, r): &(String, Value)| (r["status"] == "completed").then(|| r["shipments"].as_array().unwrap().len());
        records(&plan).iter().filter_map(of).collect::<BTreeSet<_>>()
    };
    assert_eq!(parcels(false), BTreeSet::from([1]));
    assert_eq!(parcels(true), BTreeSet::from([3]));
}
