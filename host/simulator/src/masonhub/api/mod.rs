//! MasonHub's API, played: the same warehouse that sends callbacks answers questions about it.
//!
//! | file | what is in it |
//! |---|---|
//! | `warehouse.rs` | what the API knows: what callbacks and requests have told it |
//! | `token.rs` | JWTs: made from a secret phrase, expired, revoked |
//! | `query.rs` | parameters, pages, and the two shapes of a list |
//! | `lists.rs` | `GET` of orders, shipments, inbound shipments, SKU snapshots, returns, requests |
//! | `entries.rs` | `POST` of orders, inbound shipments, returns, requests; snapshots |
//! | `registry.rs` | registered callbacks and holds |
//! | `factory.rs` | the sandbox's data factory: what happens on demand |
//! | `server.rs` | HTTP: routes, rate limit, faults, and the callbacks that go out |
//!
//! MasonHub's pages differ. Where they do, this double takes the side that asks more of a client:
//! what happens during a hold is never sent, a batch is answered 200 with a result for each record,
//! `limit` ends at 100, inbound shipments cannot be asked for by their update.
//!
//! Beside the API, `GET`, `POST` and `DELETE /faults` make the next requests go wrong (the path as
//! the fault sees it begins behind `/api/v1`), and `GET /sent` tells what became of each callback.
//! None of the three needs a token.

mod entries;
mod factory;
mod lists;
mod query;
mod registry;
mod server;
mod token;
mod warehouse;

pub use registry::MESSAGE_TYPES;
pub use server::{Api, ApiHandle, ApiOptions, Tell};

use serde_json::{Value, json};

/// An answer of the API.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    fn error(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, body: json!({"error": {"code": code, "message": message.into()}}) }
    }

    fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::error(400, code, message)
    }
}

/// The most records of one request.
const BATCH: usize = 30;

/// What became of a batch: each record by itself, as every POST, PUT and DELETE answers.
fn batch(results: Vec<(Value, Result<Value, String>)>) -> Answer {
    let failed = results.iter().filter(|(_, result)| result.is_err()).count();
    let submitted = results.len();
    let result = |(mut named, result): (Value, Result<Value, String>)| {
        match result {
            Ok(more) => {
                named["status"] = json!("success");
                merge(&mut named, &more);
            }
            Err(message) => {
                named["status"] = json!("failure");
                named["error_message"] = json!(message);
            }
        }
        named
    };
    Answer::ok(json!({
        "records_submitted": submitted,
        "records_processed": submitted,
        "records_failed": failed,
        "records_succeeded": submitted - failed,
        "results": results.into_iter().map(result).collect::<Vec<_>>(),
    }))
}

/// The records of a request: an array of 1 to [`BATCH`].
fn records(body: &[u8]) -> Result<Vec<Value>, Answer> {
    match serde_json::from_slice(body) {
        Ok(Value::Array(records)) if (1..=BATCH).contains(&records.len()) => Ok(records),
        Ok(Value::Array(records)) => Err(Answer::bad("INVALID_REQUEST", format!("1 to {BATCH} records, not {}", records.len()))),
        Ok(_) => Err(Answer::bad("INVALID_REQUEST", "the body is an array of records")),
        Err(error) => Err(Answer::bad("INVALID_REQUEST", format!("the body is not JSON: {error}"))),
    }
}

/// Puts the fields of one object over those of another.
fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

fn text<'a>(record: &'a Value, field: &str) -> Option<&'a str> {
    record.get(field)?.as_str().filter(|text| !text.is_empty())
}

fn list<'a>(record: &'a Value, field: &str) -> &'a [Value] {
    record.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
