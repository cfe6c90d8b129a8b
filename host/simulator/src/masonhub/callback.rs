//! One callback, ready to be signed and sent.

use bytes::Bytes;
use rand::RngExt;
use serde_json::Value;

/// One callback, ready to be signed and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    /// The value of `X-MasonHub-Event`.
    pub message_type: String,
    /// The value of `X-MasonHub-Delivery`; the same on every try.
    pub delivery: String,
    /// The body; a redelivery's is byte for byte that of its original.
    pub body: Bytes,
    /// What is special about it.
    pub kind: Kind,
    /// Places in the plan of the callbacks that must have ended before this one is sent; all are
    /// earlier.
    pub after: Vec<usize>,
}

/// What is special about a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Genuine,
    /// Sent before, at this place in the plan.
    Redelivery(usize),
    /// Signed with a wrong secret.
    Forged,
}

impl Callback {
    /// A genuine callback with the given body, which need not be readable; its message type is
    /// taken from the body where that says one.
    pub fn new(body: impl Into<Bytes>, rng: &mut impl RngExt) -> Self {
        let body = body.into();
        let message_type = message_type(&body);
        Self { message_type, delivery: super::uuid(rng), body, kind: Kind::Genuine, after: Vec::new() }
    }
}

fn message_type(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let envelope = value.get(0).unwrap_or(&value);
    let named = envelope.get("message_type").or_else(|| envelope.get("event_type"));
    named.and_then(Value::as_str).unwrap_or("unknown").to_owned()
}
