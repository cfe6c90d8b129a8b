//! Core's records as the contract's, and back: field by field, nothing is decided here.

use mortar_bindings::imports::mortar::plugin::{connection, state, types};
use mortar_bindings::inbound_shipment_events::exports::mortar::events::inbound_shipment_events as inbound;
use mortar_bindings::inventory_events::exports::mortar::events::inventory_events as stock;
use mortar_bindings::order_events::exports::mortar::events::order_events as orders;
use mortar_bindings::order_events::mortar::events::common;
use mortar_bindings::order_resolutions::exports::mortar::events::order_resolutions as resolutions;
use mortar_bindings::return_events::exports::mortar::events::return_events as returns;
use mortar_bindings::round_trip::exports::mortar::events::round_trip;
use mortar_core::call;
use mortar_core::event;
use mortar_core::ports::{PutError, Run};
use mortar_core::round_trip::Confirmation;

use crate::ending::shortened;

pub(crate) fn delivery(run: &Run) -> types::Delivery {
    let event = &run.event;
    types::Delivery {
        event_id: event.id.clone(),
        event_type: event.event_type.clone(),
        source: event.source.to_string(),
        subject: event.subject.clone(),
        occurred_at: event.as_of.map(|time| time.to_string()),
        received_at: event.received_at.to_string(),
        attempt: run.attempt,
        payload: String::from_utf8_lossy(&event.payload).into_owned(),
    }
}

pub(crate) fn confirmation(confirmation: round_trip::Confirmation) -> Confirmation {
    match confirmation {
        round_trip::Confirmation::Confirmed(evidence) => Confirmation::Confirmed { evidence: shortened(evidence) },
        round_trip::Confirmation::Mismatch(round_trip::Mismatch { expected, found }) => {
            Confirmation::Mismatch { expected: shortened(expected), found: shortened(found) }
        }
        round_trip::Confirmation::NotApplicable => Confirmation::NotApplicable { reason: "the plugin has nothing to confirm".into() },
    }
}

pub(crate) fn request(request: connection::Request) -> call::Request {
    let connection::Request { connection, method, path, headers, body } = request;
    call::Request { connection, method, path, headers, body }
}

pub(crate) fn response(response: call::Response) -> connection::Response {
    let call::Response { status, headers, body } = response;
    connection::Response { status, headers, body }
}

pub(crate) fn settlement(settlement: connection::Settlement) -> call::Settlement {
    match settlement {
        connection::Settlement::Resend => call::Settlement::Resend,
        connection::Settlement::Answered(connection::Response { status, headers, body }) => {
            call::Settlement::Answered(call::Response { status, headers, body })
        }
    }
}

pub(crate) fn call_error(error: call::CallError) -> connection::CallError {
    match error {
        call::CallError::Denied(reason) => connection::CallError::Denied(reason),
        call::CallError::TooLarge(reason) => connection::CallError::TooLarge(reason),
        call::CallError::Diverged(reason) => connection::CallError::Diverged(reason),
        call::CallError::InDoubt(reason) => connection::CallError::InDoubt(reason),
        call::CallError::Unavailable { reason, after_ms } => {
            connection::CallError::Unavailable(connection::Unavailable { reason, after_ms })
        }
    }
}

pub(crate) fn put_error(error: PutError) -> state::PutError {
    match error {
        PutError::Conflict(version) => state::PutError::Conflict(version),
        PutError::TooLarge(reason) => state::PutError::TooLarge(reason),
    }
}

fn each<T, U>(values: Vec<T>, convert: impl FnMut(T) -> U) -> Vec<U> {
    values.into_iter().map(convert).collect()
}

pub(crate) fn order(order: event::Order) -> orders::Order {
    let event::Order { number, masonhub_id, status, updated_at, line_items, parcels, shorts, partial } = order;
    orders::Order {
        number,
        masonhub_id,
        status,
        updated_at,
        line_items: each(line_items, line_item),
        parcels: each(parcels, parcel),
        shorts: each(shorts, |event::Short { sku, quantity, reason }| orders::Short { sku, quantity, reason }),
        partial,
    }
}

fn line_item(item: event::LineItem) -> common::LineItem {
    common::LineItem { sku: item.sku, quantity: item.quantity }
}

fn parcel(parcel: event::Parcel) -> orders::Parcel {
    orders::Parcel {
        shipment_id: parcel.shipment_id,
        tracking_number: parcel.tracking_number,
        tracking_url: parcel.tracking_url,
        carrier: parcel.carrier,
        service: parcel.service,
        shipped_at: parcel.shipped_at,
        line_items: each(parcel.line_items, line_item),
        weight: parcel.weight,
        weight_unit: parcel.weight_unit,
        carton_id: parcel.carton_id,
        location: parcel.location,
    }
}

pub(crate) fn resolution(resolution: event::Resolution) -> resolutions::Resolution {
    let event::Resolution { order, cancel, succeeded, status, reason, created_at, updated_at } = resolution;
    let request = if cancel { resolutions::RequestKind::Cancel } else { resolutions::RequestKind::Update };
    resolutions::Resolution { order, request, succeeded, status, reason, created_at, updated_at }
}

pub(crate) fn inbound_shipment(shipment: event::InboundShipment) -> inbound::InboundShipment {
    inbound::InboundShipment {
        number: shipment.number,
        masonhub_id: shipment.masonhub_id,
        status: shipment.status,
        as_of: shipment.as_of,
        purchase_order: shipment.purchase_order,
        location_id: shipment.location_id,
        arrived_at: shipment.arrived_at,
        receiving_started_at: shipment.receiving_started_at,
        receiving_finished_at: shipment.receiving_finished_at,
        exceptions: shipment.exceptions,
        lines: each(shipment.lines, inbound_line),
    }
}

fn inbound_line(line: event::InboundLine) -> inbound::InboundLine {
    inbound::InboundLine {
        sku: line.sku,
        expected: line.expected,
        received: line.received,
        damaged: line.damaged,
        unexpected: line.unexpected,
        discrepancy_reason: line.discrepancy_reason,
        receipts: each(line.receipts, |event::Receipt { status, quantity, notes }| inbound::Receipt { status, quantity, notes }),
    }
}

pub(crate) fn inventory(inventory: event::Inventory) -> stock::Inventory {
    match inventory {
        event::Inventory::Stock(counted) => stock::Inventory::Stock(stock::Stock {
            sku: counted.sku,
            masonhub_id: counted.masonhub_id,
            total: counted.total,
            available: counted.available,
            as_of: counted.as_of,
            counts: each(counted.counts, status_count),
            movements: each(counted.movements, movement),
        }),
        event::Inventory::Snapshot(event::Snapshot { id, kind, download_url, requested_at }) => {
            stock::Inventory::Snapshot(stock::Snapshot { id, kind, download_url, requested_at })
        }
    }
}

fn status_count(count: event::StatusCount) -> stock::StatusCount {
    let event::StatusCount { location_id, location, status, quantity, as_of } = count;
    stock::StatusCount { location_id, location, status, quantity, as_of }
}

fn movement(movement: event::Movement) -> stock::Movement {
    let event::Movement { id, kind, quantity, location_id, occurred_at, reference } = movement;
    stock::Movement { id, kind, quantity, location_id, occurred_at, reference }
}

pub(crate) fn return_shipment(shipment: event::Return) -> returns::ReturnShipment {
    let event::Return { number, masonhub_id, status, as_of, package_id, kind, lines } = shipment;
    returns::ReturnShipment { number, masonhub_id, status, as_of, package_id, kind, lines: each(lines, return_line) }
}

fn return_line(line: event::ReturnLine) -> returns::ReturnLine {
    returns::ReturnLine {
        order: line.order,
        sku: line.sku,
        expected: line.expected,
        received: line.received,
        damaged: line.damaged,
        reason: line.reason,
        inventory_status: line.inventory_status,
        unexpected: line.unexpected,
        receipts: each(line.receipts, |event::Receipt { status, quantity, notes }| returns::Receipt { status, quantity, notes }),
    }
}
