//! What can be asked for.

use jiff::Timestamp;
use serde_json::Value;

use super::query::Query;
use super::warehouse::Warehouse;
use super::{Answer, list, text};

/// More lines than this are not listed: a snapshot has to be requested.
const SNAPSHOT_LINES: usize = 3000;

/// The parameters of a resource, each with the fields that it is compared with.
struct Filters {
    /// Equal to one of the given.
    identifiers: &'static [(&'static str, &'static [&'static str])],
    /// `sdt` and `edt`: at or after, at or before. None: the resource knows no times.
    time: Option<&'static str>,
}

const ORDERS: Filters =
    Filters { identifiers: &[("id", &["id"]), ("cid", &["customer_identifier"]), ("status", &["status"])], time: Some("updated_at") };
const SHIPMENTS: Filters =
    Filters { identifiers: &[("id", &["id", "shipment_id"]), ("coid", &["customer_order_id"])], time: Some("shipment_date_time") };
const INBOUND: Filters = Filters {
    identifiers: &[("id", &["id"]), ("cid", &["customer_identifier"]), ("cpid", &["customer_purchase_order_id"]), ("status", &["status"])],
    time: Some("expected_arrival_date"),
};
const RETURNS: Filters =
    Filters { identifiers: &[("id", &["id"]), ("cid", &["customer_identifier"]), ("status", &["status"])], time: Some("updated_at") };
const STOCK: Filters = Filters { identifiers: &[("cid", &["customer_identifier"])], time: None };
const REQUESTS: Filters =
    Filters { identifiers: &[("id", &["id"]), ("cid", &["customer_identifier"]), ("status", &["status"])], time: None };

/// The answer to a `GET` of a list; none where there is no such list.
pub(super) fn answer(warehouse: &Warehouse, path: &str, query: &Query, wrapped: bool) -> Option<Result<Answer, Answer>> {
    let (found, filters) = match path {
        "/orders" => (warehouse.orders.clone(), &ORDERS),
        "/shipments" => (shipments(warehouse), &SHIPMENTS),
        "/inbound_shipments" => (warehouse.inbound.clone(), &INBOUND),
        "/sku_snapshots" => (warehouse.stock.clone(), &STOCK),
        "/rmas" => (warehouse.returns.clone(), &RETURNS),
        "/order_update_requests" => (warehouse.requests(false), &REQUESTS),
        "/order_cancel_requests" => (warehouse.requests(true), &REQUESTS),
        _ => return None,
    };
    let chosen = chosen(found, filters, query).and_then(|mut chosen| {
        if path == "/sku_snapshots" && lines(&chosen) > SNAPSHOT_LINES {
            return Err(Answer::bad("TOO_MANY_LINES", format!("over {SNAPSHOT_LINES} lines: POST /snapshot_request, or ask by `cid`")));
        }
        // The youngest first.
        chosen.reverse();
        query.page(chosen, wrapped)
    });
    Some(chosen)
}

fn lines(stock: &[Value]) -> usize {
    stock.iter().map(|sku| list(sku, "status_counts").len()).sum()
}

fn shipments(warehouse: &Warehouse) -> Vec<Value> {
    warehouse.orders.iter().flat_map(|order| list(order, "shipments")).cloned().collect()
}

fn chosen(mut found: Vec<Value>, filters: &Filters, query: &Query) -> Result<Vec<Value>, Answer> {
    for (parameter, fields) in filters.identifiers {
        if let Some(wanted) = query.identifiers(parameter)? {
            found.retain(|record| fields.iter().filter_map(|field| text(record, field)).any(|value| wanted.contains(&value)));
        }
    }
    if let Some(field) = filters.time {
        let (since, until) = (query.time("sdt")?, query.time("edt")?);
        if since.zip(until).is_some_and(|(since, until)| until < since) {
            return Err(Answer::bad("INVALID_DATE_RANGE", "end date must be after start date"));
        }
        let within = |at: Timestamp| since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until);
        let unbounded = since.is_none() && until.is_none();
        found.retain(|record| unbounded || text(record, field).and_then(|at| at.parse().ok()).is_some_and(within));
    }
    Ok(found)
}
