//! The sample callbacks.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::paths::root;

/// A sample callback as it stands in `tests/fixtures/masonhub`.
pub fn sample(event_type: &str) -> Value {
    let file = root().join("tests/fixtures/masonhub").join(format!("{event_type}.json"));
    serde_json::from_slice(&std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))).unwrap()
}

/// A sample callback with a message id of its own.
pub fn fresh(event_type: &str) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut callback = sample(event_type);
    callback["message_id"] = format!("00000000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed)).into();
    callback
}

/// A fresh callback about another subject.
pub fn about(event_type: &str, subject: &str) -> Value {
    let mut callback = fresh(event_type);
    for record in callback["data"].as_array_mut().unwrap() {
        for field in ["customer_identifier", "customer_order_id"] {
            if record.get(field).is_some() {
                record[field] = subject.into();
            }
        }
    }
    callback
}

/// The id of a callback's first event.
pub fn event_id(callback: &Value) -> String {
    format!("{}:0", callback["message_id"].as_str().unwrap())
}
