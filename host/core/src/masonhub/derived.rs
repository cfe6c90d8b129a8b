//! Ids for what its sender gave none: a hash of the content, so that a redelivery has the same.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The first 32 hex digits of the SHA-256 of the JSON, whose keys are sorted and whose whitespace
/// is gone.
///
/// # Errors
/// The JSON cannot be read, for example for a number beyond all bounds.
pub(super) fn content_hash(scope: &str, json: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let mut canonical = String::with_capacity(json.len());
    write(&value, &mut canonical);
    let mut hash = Sha256::new();
    hash.update(scope.as_bytes());
    hash.update([0]);
    hash.update(canonical.as_bytes());
    let mut text = hex::encode(hash.finalize());
    text.truncate(32);
    Ok(text)
}

/// Sorts by itself: whether `serde_json` does hangs on a feature that any crate can switch on.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(element, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_content_counts() {
        let hash = |json| content_hash("", json).unwrap();
        let one = hash(r#"{"b":[1,{"y":null,"x":"\u0041"}],"a":true}"#);
        assert_eq!(one, hash("{ \"a\" : true,\n \"b\" : [ 1, { \"x\": \"A\", \"y\": null } ] }"));
        assert_eq!(one.len(), 32);
        for other in [r#"{"b":[1,{"y":null,"x":"B"}],"a":true}"#, r#"{"b":[{"y":null,"x":"A"},1],"a":true}"#, r#"{"a":true}"#] {
            assert_ne!(one, hash(other));
        }
        assert_ne!(hash("1"), content_hash("orderEvent", "1").unwrap());
    }

    #[test]
    fn the_hash_never_changes() {
        // What journals remember rests on it.
        assert_eq!(content_hash("", r#"{"event_type":"order.shipped","order_id":"ORD-1"}"#).unwrap(), "29142d0e728bbf2b49d81b946c7d8b49");
    }
}
