//! Built-in callbacks: one of every event type and of every shape and spelling.

use bytes::Bytes;
use rand::RngExt;
use serde_json::Value;
use thiserror::Error;

use crate::masonhub::uuid;

macro_rules! samples {
    ($($name:literal),+ $(,)?) => {
        /// Name and body of every sample, by name.
        const SAMPLES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../samples/", $name, ".json")))),+];
    };
}

samples! {
    "inbound_shipment.arrived",
    "inbound_shipment.received",
    "inbound_shipment.received.exact",
    "inbound_shipment.received.flat",
    "inbound_shipment.receiving_started",
    "inventory.snapshot_ready",
    "inventory.updated",
    "inventory.updated.batch",
    "order.acknowledged",
    "order.acknowledged.v2",
    "order.cancel_resolved",
    "order.cancel_resolved.success",
    "order.cancelled",
    "order.created",
    "order.created.batch",
    "order.delivered",
    "order.fulfilled",
    "order.fulfilled.rest",
    "order.fulfilled.single",
    "order.fulfilled.v2",
    "order.in_transit",
    "order.packed",
    "order.packed.array",
    "order.partially_delivered",
    "order.partially_in_transit",
    "order.partially_shipped",
    "order.processing",
    "order.shipped",
    "order.shipped.flat",
    "order.undeliverable",
    "order.update_resolved",
    "order.update_resolved.failure",
    "order.updated",
    "return.arrived",
    "return.delivered",
    "return.in_transit",
    "return.received",
    "return.receiving_started",
    "return.tendered",
    "return.undeliverable",
    "unknown",
}

/// What is different from the sample as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Instead of the sample's first order, inbound shipment or return number.
    pub number: Option<String>,
    /// Instead of its first tracking number; further ones become `<this>-2`, `<this>-3` and so on.
    pub tracking_number: Option<String>,
    /// Instead of its first SKU.
    pub sku: Option<String>,
}

/// Why there is no such callback.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SampleError {
    /// There is no sample of this name.
    #[error("there is no sample `{name}`; near it are: {}", near.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Samples that begin alike, or all.
        near: Vec<&'static str>,
    },
    /// The sample has nothing that could be overridden so.
    #[error("the sample `{name}` has no {what} to override")]
    Without {
        /// The sample.
        name: String,
        /// What it has not.
        what: &'static str,
    },
}

/// The names of all samples: the event type, and after it what is special.
pub fn names() -> impl Iterator<Item = &'static str> {
    SAMPLES.iter().map(|(name, _)| *name)
}

/// The body of a sample as it is stored: the same each time, its message ids too.
///
/// # Errors
/// There is no such sample.
pub fn stored(name: &str) -> Result<&'static str, SampleError> {
    SAMPLES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text).ok_or_else(|| unknown(name))
}

/// The body of a sample with message ids that no other callback has.
///
/// # Errors
/// See [`SampleError`].
pub fn sample(name: &str, overrides: &Overrides, rng: &mut impl RngExt) -> Result<Bytes, SampleError> {
    let mut body: Value = serde_json::from_str(stored(name)?).expect("every sample is JSON: a test reads them all");
    let without = |what| SampleError::Without { name: name.to_owned(), what };

    if let Some(number) = &overrides.number {
        let first = found(&body, &is_number).into_iter().next().ok_or(without("number"))?;
        rename(&mut body, &first, number);
    }
    if let Some(tracking_number) = &overrides.tracking_number {
        let all = found(&body, &|_, key| key == "tracking_number");
        if all.is_empty() {
            return Err(without("tracking number"));
        }
        for (index, old) in all.iter().enumerate() {
            let new = if index == 0 { tracking_number.clone() } else { format!("{tracking_number}-{}", index + 1) };
            rename(&mut body, old, &new);
        }
    }
    if let Some(sku) = &overrides.sku {
        let first = found(&body, &is_sku).into_iter().next().ok_or(without("SKU"))?;
        rename(&mut body, &first, sku);
    }
    for message_id in found(&body, &|_, key| key == "message_id") {
        rename(&mut body, &message_id, &uuid(rng));
    }
    Ok(body.to_string().into())
}

fn unknown(name: &str) -> SampleError {
    let family = name.split('.').next().unwrap_or_default();
    let mut near: Vec<_> = names().filter(|n| !family.is_empty() && n.starts_with(family)).collect();
    if near.is_empty() {
        near = names().collect();
    }
    SampleError::Unknown { name: name.to_owned(), near }
}

/// The record of a stock count has its SKU where others have their number.
fn is_number(record: &Value, key: &str) -> bool {
    matches!(key, "customer_identifier" | "customer_order_id" | "external_id") && record.get("sku_id").is_none()
}

fn is_sku(record: &Value, key: &str) -> bool {
    matches!(key, "sku_customer_id" | "customer_sku_id" | "sku") || (key == "customer_identifier" && record.get("sku_id").is_some())
}

/// The distinct texts of fields that `wanted` (object, field name), outer ones first.
fn found(value: &Value, wanted: &dyn Fn(&Value, &str) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    if let Value::Object(fields) = value {
        all.extend(fields.iter().filter(|(key, _)| wanted(value, key)).filter_map(|(_, v)| v.as_str()).map(str::to_owned));
    }
    let inner: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    for text in inner.into_iter().flat_map(|v| found(v, wanted)) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// Replaces a text wherever it stands, at the end of an address too.
fn rename(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::String(text) => {
            if let Some(start) = text.strip_suffix(old).filter(|start| start.ends_with('/')) {
                *text = format!("{start}{new}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|v| rename(v, old, new)),
        Value::Object(fields) => fields.values_mut().for_each(|v| rename(v, old, new)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
