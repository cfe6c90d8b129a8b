//! What is on record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that the ERP has on record: the answer of `GET /audit`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Requests, the control paths left out.
    pub requests: u64,
    /// Reads that were answered.
    pub reads: u64,
    /// Requests without the right token.
    pub unauthorized: u64,
    /// Every write that was applied, in order of arrival. A repetition that was answered from its
    /// idempotency key is not among them.
    pub writes: Vec<Write>,
    /// Repetitions that were answered from their idempotency key, by key.
    pub repeated: BTreeMap<String, u32>,
    /// Faults that were met, by name.
    pub faults: BTreeMap<String, u32>,
    /// What customers were told, in order.
    pub notifications: Vec<Notification>,
    /// Documents and lists by path.
    pub documents: BTreeMap<String, Value>,
}

/// One write that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// In capitals.
    pub method: String,
    /// As sent, without the query.
    pub path: String,
    /// The idempotency key.
    pub key: Option<String>,
    /// Null where it was empty, a text where it was not JSON.
    pub body: Value,
}

/// A customer was told that a parcel is on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notification {
    /// The order's number; empty where neither path nor document says it.
    pub order: String,
    /// The parcel's tracking number.
    pub tracking_number: String,
}

impl Ledger {
    /// How often such a write was applied.
    #[must_use]
    pub fn applied(&self, method: &str, path: &str) -> usize {
        self.writes.iter().filter(|w| w.method == method && w.path == path).count()
    }

    /// Every document with its path; a list's members have the list's.
    pub fn each_document(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.documents.iter().flat_map(|(path, value)| {
            let members: &[Value] = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            members.iter().map(move |v| (path.as_str(), v))
        })
    }
}

/// The segments of a path, percent-decoded.
pub fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split('/').filter(|s| !s.is_empty()).map(decoded)
}

fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|hex| hex::decode(hex).ok());
        match code {
            Some(code) => {
                bytes.extend(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The order that a path is about: the segment after `orders`.
#[must_use]
pub fn order_of(path: &str) -> Option<String> {
    segments(path).skip_while(|s| !s.eq_ignore_ascii_case("orders")).nth(1)
}

/// True for a path where an order's shipped parcels are kept.
#[must_use]
pub fn shipment_path(path: &str) -> bool {
    has_part(path, &["shipment", "fulfil", "parcel", "package"])
}

/// True for a path where it is asked that a customer be told something about an order.
#[must_use]
pub fn notification_path(path: &str) -> bool {
    has_part(path, &["notification"])
}

/// True where what is right below an order begins so.
fn has_part(path: &str, beginnings: &[&str]) -> bool {
    let part = segments(path).skip_while(|s| !s.eq_ignore_ascii_case("orders")).nth(2);
    part.is_some_and(|part| beginnings.iter().any(|beginning| part.to_ascii_lowercase().starts_with(beginning)))
}

/// Every tracking number that a document names, however deep, each once.
#[must_use]
pub fn tracking_numbers(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect(document, &mut all);
    all
}

fn collect(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let tracking = matches!(name.as_str(), "tracking_number" | "trackingNumber" | "tracking");
                match value.as_str().filter(|number| tracking && !number.is_empty()) {
                    Some(number) if !all.iter().any(|known| known == number) => all.push(number.to_owned()),
                    _ => collect(value, all),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|v| collect(v, all)),
        _ => {}
    }
}
