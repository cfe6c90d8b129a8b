//! What the simulator sends is what the host reads: samples and scenarios go through
//! `mortar_core::masonhub`, and what comes out is the scenario's truth.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::event::{Inventory, SubjectKind, TypedEvent};
use mortar_core::masonhub::{read, typed};
use mortar_simulator::masonhub::{Callback, Kind, Plan, Received, Scenario};
use mortar_simulator::samples::{Overrides, names, sample};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// One event as the host reads it.
struct Seen {
    id: String,
    event_type: String,
    subject: (SubjectKind, String),
    as_of: Option<Timestamp>,
    typed: Option<TypedEvent>,
}

fn events(body: &Bytes) -> Vec<Seen> {
    let read = read(body);
    assert_eq!(read.unreadable, None, "{}", String::from_utf8_lossy(body));
    let seen = |event: mortar_core::event::Event| {
        let typed = typed(&event.event_type, &body[event.record.clone()]).expect("the record is that of its type");
        let subject = (event.subject.kind, event.subject.id);
        Seen { id: event.id, event_type: event.event_type.into_owned(), subject, as_of: event.as_of, typed }
    };
    read.events.into_iter().map(seen).collect()
}

fn plans() -> impl Iterator<Item = Plan> {
    (1..=10).map(|seed| Scenario { seed, ..Scenario::default() }.plan())
}

fn genuine(plan: &Plan) -> impl Iterator<Item = &Callback> {
    plan.callbacks.iter().filter(|c| c.kind == Kind::Genuine)
}

#[test]
fn every_sample_is_an_event_of_the_type_that_it_is_named_after() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for name in names() {
        let events = events(&sample(name, &Overrides::default(), &mut rng).unwrap());
        let last = events.last().unwrap();
        if name == "unknown" {
            assert_eq!(last.event_type, "masonhub.billingEvent");
            continue;
        }
        let event_type: Vec<&str> = name.split('.').take(2).collect();
        assert_eq!(last.event_type, event_type.join("."), "{name}");
        assert!(last.typed.is_some(), "{name}");
        assert_eq!(events.len(), if name.ends_with(".batch") || name.ends_with(".array") { 2 } else { 1 }, "{name}");
    }
}

#[test]
fn every_event_of_a_scenario_is_read_once_and_in_its_order() {
    for plan in plans() {
        let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut ids = HashSet::new();
        for event in genuine(&plan).flat_map(|c| events(&c.body)) {
            assert!(ids.insert(event.id), "two events have one id");
            types.entry(event.subject.1).or_default().push(event.event_type);
        }
        assert_eq!(ids.len(), plan.truth.events);
        let truth = &plan.truth;
        let orders = truth.orders.iter().map(|(number, o)| (number, &o.steps));
        let inbound = truth.inbound.iter().map(|(number, i)| (number, &i.steps));
        let returns = truth.returns.iter().map(|(number, r)| (number, &r.steps));
        for (number, steps) in orders.chain(inbound).chain(returns) {
            let told: Vec<&str> = steps.iter().map(|s| s.event_type.as_str()).collect();
            assert_eq!(types[number], told, "{number}");
        }
    }
}

#[test]
fn a_redelivery_has_the_ids_of_its_original() {
    for plan in plans() {
        for callback in &plan.callbacks {
            let Kind::Redelivery(original) = callback.kind else { continue };
            let ids = |body| events(body).into_iter().map(|e| e.id).collect::<Vec<_>>();
            assert_eq!(ids(&callback.body), ids(&plan.callbacks[original].body));
        }
    }
}

#[test]
fn parcels_are_read_as_they_were_shipped() {
    for plan in plans() {
        let mut read = BTreeMap::new();
        for event in genuine(&plan).flat_map(|c| events(&c.body)).filter(|e| e.event_type == "order.fulfilled") {
            let Some(TypedEvent::Order(order)) = event.typed else { panic!("{} is no order", event.id) };
            for parcel in order.parcels {
                let lines: Vec<_> = parcel.line_items.into_iter().map(|l| (l.sku, l.quantity)).collect();
                let shipped_at: Timestamp = parcel.shipped_at.unwrap().parse().unwrap();
                let rest = (order.number.clone(), parcel.shipment_id, parcel.carrier, parcel.service, shipped_at, lines);
                assert!(read.insert(parcel.tracking_number.unwrap(), rest).is_none());
            }
        }
        let told = plan.truth.parcels().map(|(order, p)| {
            let lines: Vec<_> = p.lines.iter().map(|l| (l.sku.clone(), l.quantity)).collect();
            let (carrier, service) = (Some(p.carrier.clone()), Some(p.service.clone()));
            (p.tracking_number.clone(), (order.to_owned(), p.shipment_id.clone(), carrier, service, p.shipped_at, lines))
        });
        assert_eq!(read, told.collect());
    }
}

#[test]
fn what_is_short_is_partial() {
    for plan in plans() {
        for event in genuine(&plan).flat_map(|c| events(&c.body)).filter(|e| e.event_type == "order.fulfilled") {
            let Some(TypedEvent::Order(order)) = event.typed else { panic!("{} is no order", event.id) };
            let truth = &plan.truth.orders[&order.number];
            assert_eq!(order.partial, !order.shorts.is_empty() || order.parcels.len() < truth.parcels.len(), "{}", event.id);
        }
    }
}

#[test]
fn the_newest_count_is_the_truth() {
    for plan in plans() {
        let mut newest = BTreeMap::new();
        for event in genuine(&plan).flat_map(|c| events(&c.body)) {
            let Some(TypedEvent::Inventory(Inventory::Stock(stock))) = event.typed else { continue };
            let count = (event.as_of.unwrap(), stock.total.unwrap(), stock.available.unwrap());
            let known = newest.entry(stock.sku).or_insert(count);
            *known = count.max(*known);
        }
        let told = plan.truth.stock.iter().map(|(sku, c)| (sku.clone(), (c.as_of, c.total, c.available)));
        assert_eq!(newest, told.collect());
    }
}

#[test]
fn receipts_are_read_as_they_were_counted() {
    for plan in plans() {
        for event in genuine(&plan).flat_map(|c| events(&c.body)) {
            let received = |sku, expected, received, damaged| Received { sku, expected, received, damaged };
            let (number, lines, truth): (String, Vec<Received>, _) = match event.typed {
                Some(TypedEvent::InboundShipment(shipment)) if !shipment.lines.is_empty() => {
                    let lines = shipment.lines.into_iter().map(|l| received(l.sku, l.expected, l.received, l.damaged));
                    let truth = &plan.truth.inbound[&shipment.number].lines;
                    (shipment.number, lines.collect(), truth)
                }
                Some(TypedEvent::Return(told)) if !told.lines.is_empty() => {
                    let lines = told.lines.into_iter().map(|l| received(l.sku, l.expected, l.received, l.damaged));
                    let truth = &plan.truth.returns[&told.number].lines;
                    (told.number, lines.collect(), truth)
                }
                _ => continue,
            };
            assert_eq!(&lines, truth, "{number}");
        }
    }
}
