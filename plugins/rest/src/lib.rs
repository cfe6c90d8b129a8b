//! Maps every event to a REST ERP by the rules in `plugin.toml`, without a developer.
//!
//! This file talks to the host; `map` decides what to say, with the values that `template` finds, and
//! `compare` whether the ERP says the same.

mod compare;
mod map;
mod template;

use map::{Call, Plan, Settings};
use mortar_sdk::inbound_shipment_events::{InboundShipment, InboundShipmentEvents};
use mortar_sdk::inventory_events::{Inventory, InventoryEvents};
use mortar_sdk::order_events::{Order, OrderEvents};
use mortar_sdk::order_resolutions::{OrderResolutions, Resolution};
use mortar_sdk::return_events::{ReturnEvents, ReturnShipment};
use mortar_sdk::round_trip::{Confirmation, Mismatch, RoundTrip};
use mortar_sdk::{
    CallError, Delivery, Failure, Outcome, Request, Response, Settlement, call, call_or_settle, config, done, fresh, ignored, log,
};
use serde::Serialize;

struct Rest;

mortar_sdk::export!(Rest: order_events, order_resolutions, inbound_shipment_events, inventory_events, return_events, round_trip);

impl OrderEvents for Rest {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        handle(&delivery, "order", &order)
    }
}

impl OrderResolutions for Rest {
    fn handle(delivery: Delivery, resolution: Resolution) -> Result<Outcome, Failure> {
        handle(&delivery, "resolution", &resolution)
    }
}

impl InboundShipmentEvents for Rest {
    fn handle(delivery: Delivery, shipment: InboundShipment) -> Result<Outcome, Failure> {
        handle(&delivery, "shipment", &shipment)
    }
}

impl InventoryEvents for Rest {
    fn handle(delivery: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        match inventory {
            Inventory::Stock(stock) => handle(&delivery, "stock", &stock),
            Inventory::Snapshot(snapshot) => handle(&delivery, "snapshot", &snapshot),
        }
    }
}

impl ReturnEvents for Rest {
    fn handle(delivery: Delivery, shipment: ReturnShipment) -> Result<Outcome, Failure> {
        handle(&delivery, "return", &shipment)
    }
}

impl RoundTrip for Rest {
    fn confirm(delivery: Delivery) -> Result<Confirmation, Failure> {
        let settings: Settings = config()?;
        let checks = settings.checks(&delivery).map_err(Failure::reject)?.map(|plan| plan.calls).unwrap_or_default();
        let mut evidence = Vec::new();
        for Call { step, rule, body } in &checks {
            let expected = body.clone().unwrap_or_default();
            let Some(answer) = look(step, &rule.connection, &rule.path)? else {
                return Ok(mismatch(&rule.path, &expected.to_string(), "nothing"));
            };
            if let Some((expected, found)) = compare::difference(&expected, &answer.json().unwrap_or_default()) {
                return Ok(mismatch(&rule.path, &expected, &found));
            }
            evidence.push(format!("{} has {expected}", rule.path));
        }
        Ok(if evidence.is_empty() { Confirmation::NotApplicable } else { Confirmation::Confirmed(evidence.join("; ")) })
    }
}

fn mismatch(path: &str, expected: &str, found: &str) -> Confirmation {
    Confirmation::Mismatch(Mismatch { expected: format!("{path}: {expected}"), found: found.into() })
}

fn handle(delivery: &Delivery, kind: &str, record: &impl Serialize) -> Result<Outcome, Failure> {
    let settings: Settings = config()?;
    let Some(Plan { calls, skipped }) = settings.plan(delivery, kind, record).map_err(Failure::reject)? else {
        return ignored(format!("no rule for {}", delivery.event_type));
    };
    if calls.is_empty() {
        return ignored(if skipped.is_empty() { "nothing to send".into() } else { format!("nothing to send: {}", skipped.join("; ")) });
    }
    for reason in skipped {
        log::info!("skipped: {reason}");
    }
    for call in calls {
        carry_out(delivery, &call)?;
    }
    done()
}

fn carry_out(delivery: &Delivery, Call { step, rule, body }: &Call) -> Result<(), Failure> {
    let look_step = format!("find {step}");
    if let Some(find) = &rule.find
        && look(&look_step, &rule.connection, find)?.is_some()
    {
        log::info!("{step} is in the ERP already");
        return Ok(());
    }
    let mut request = Request::new(&rule.method, &rule.connection, &rule.path);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = call_or_settle(step, &request, |doubt| match &rule.find {
        Some(find) => Ok(look(&fresh(delivery, &look_step), &rule.connection, find)?.map_or(Settlement::Resend, Settlement::Answered)),
        None if rule.repeatable => Ok(Settlement::Resend),
        None => Err(CallError::InDoubt(doubt).into()),
    })?;
    if answer.is_success() || rule.accept.contains(&answer.status) { Ok(()) } else { Err(answer.refusal(step)) }
}

/// Looks in the ERP for what a call would write; neither 404 nor an empty list is a find.
fn look(step: &str, connection: &str, path: &str) -> Result<Option<Response>, Failure> {
    let answer = call(step, &Request::get(connection, path))?;
    match answer.status {
        404 => Ok(None),
        200..=299 => Ok(Some(answer).filter(|found| found.body.trim_ascii() != b"[]")),
        _ => Err(answer.refusal(step)),
    }
}
