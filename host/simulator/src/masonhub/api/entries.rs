//! What a merchant enters: orders, inbound shipments, returns, and requests about them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::factory::Happened;
use super::warehouse::Warehouse;
use super::{Answer, batch, merge, records, text};

/// The answer to a `POST`, and what happened by it; none where nothing is entered at the path.
pub(super) fn answer(
    warehouse: &mut Warehouse,
    path: &str,
    body: &[u8],
    now: Timestamp,
    id: &mut dyn FnMut() -> String,
) -> Option<Result<(Answer, Vec<Happened>), Answer>> {
    let enter = match path {
        "/orders" => order,
        "/inbound_shipments" => inbound,
        "/rmas" => returned,
        "/order_update_requests" => update,
        "/order_cancel_requests" => cancel,
        _ => return None,
    };
    Some(records(body).map(|records| {
        let mut happened = Vec::new();
        let results = records.into_iter().map(|record| {
            let named = json!({"customer_identifier": record["customer_identifier"]});
            let number = text(&record, "customer_identifier").ok_or_else(|| "`customer_identifier` is missing".to_owned());
            let result = number.and_then(|number| enter(warehouse, number, &record, now, id()));
            (
                named,
                result.map(|(more, event)| {
                    happened.extend(event);
                    more
                }),
            )
        });
        let answer = batch(results.collect());
        (answer, happened)
    }))
}

/// What the result of a record says besides, and what happened by it.
type Entered = Result<(Value, Option<Happened>), String>;

fn order(warehouse: &mut Warehouse, number: &str, record: &Value, now: Timestamp, id: String) -> Entered {
    if record["line_items"].as_array().is_none_or(Vec::is_empty) {
        return Err("`line_items` is missing".to_owned());
    }
    entered(&mut warehouse.orders, number, record, now, &id)?;
    let told = json!({
        "id": id, "order_id": id, "customer_identifier": number, "status": "open", "updated_at": now.to_string(),
        "shipments": null, "shorts": null,
    });
    Ok((json!({"system_id": id}), Some(Happened { message_type: "orderEvent", record: told })))
}

fn inbound(warehouse: &mut Warehouse, number: &str, record: &Value, now: Timestamp, id: String) -> Entered {
    entered(&mut warehouse.inbound, number, record, now, &id).map(|()| (json!({"system_id": id}), None))
}

fn returned(warehouse: &mut Warehouse, number: &str, record: &Value, now: Timestamp, id: String) -> Entered {
    entered(&mut warehouse.returns, number, record, now, &id).map(|()| (json!({"system_id": id}), None))
}

fn entered(into: &mut Vec<Value>, number: &str, record: &Value, now: Timestamp, id: &str) -> Result<(), String> {
    if into.iter().any(|known| known["customer_identifier"] == number) {
        return Err(format!("{number} exists already"));
    }
    let mut entered = json!({"line_items": [], "shipments": [], "shorts": []});
    merge(&mut entered, record);
    let now = now.to_string();
    merge(&mut entered, &json!({"id": id, "status": "open", "created_at": now, "updated_at": now}));
    into.push(entered);
    Ok(())
}

fn update(warehouse: &mut Warehouse, number: &str, _: &Value, now: Timestamp, id: String) -> Entered {
    request(warehouse, number, false, now, &id)
}

fn cancel(warehouse: &mut Warehouse, number: &str, record: &Value, now: Timestamp, id: String) -> Entered {
    text(record, "reason").ok_or("`reason` is missing")?;
    request(warehouse, number, true, now, &id)
}

/// An update or a cancellation, which waits until the data factory resolves it.
fn request(warehouse: &mut Warehouse, number: &str, cancel: bool, now: Timestamp, id: &str) -> Entered {
    if !warehouse.orders.iter().any(|order| order["customer_identifier"] == number) {
        return Err("order not found".to_owned());
    }
    let now = now.to_string();
    warehouse.requests.push(json!({
        "id": id, "customer_identifier": number, "status": "pending", "cancel": cancel, "created_at": now, "updated_at": now,
    }));
    Ok((json!({"system_id": id}), None))
}

/// `POST /snapshot_request`: the counts as they are now, to be downloaded from an address below
/// `base`.
pub(super) fn snapshot(
    warehouse: &mut Warehouse,
    body: &[u8],
    base: &str,
    now: Timestamp,
    id: &str,
) -> Result<(Answer, Vec<Happened>), Answer> {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    if asked["snapshot_type"] != "full" {
        return Err(Answer::bad("INVALID_SNAPSHOT_TYPE", "`snapshot_type` must be \"full\""));
    }
    warehouse.snapshots.insert(id.to_owned(), Value::Array(warehouse.stock.clone()));
    let ready = json!({
        "snapshot_id": id,
        "snapshot_type": "full",
        "download_url": format!("{base}/snapshot_download/{id}.json"),
        "requested_at": now.to_string(),
    });
    let answer = Answer::ok(json!({"snapshot_request_id": id, "status": "processing"}));
    Ok((answer, vec![Happened { message_type: "snapshotReady", record: ready }]))
}

/// `GET /snapshot_download/{id}.json`
pub(super) fn download(warehouse: &Warehouse, file: &str) -> Answer {
    let found = file.strip_suffix(".json").and_then(|id| warehouse.snapshots.get(id));
    found.map_or_else(|| Answer::error(404, "NOT_FOUND", "there is no such snapshot"), |snapshot| Answer::ok(snapshot.clone()))
}
