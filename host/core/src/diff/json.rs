//! Values that differ, by JSON pointer.

use serde::Serialize;
use serde_json::Value;

use super::Change;

/// The longest text of a value that is shown, in bytes.
const SHOWN: usize = 200;

/// Compares two bodies or stored values: as JSON where both are that, else byte by byte.
pub(super) fn compare_bytes(at: &str, old: Option<&[u8]>, new: Option<&[u8]>, changes: &mut Vec<Change>) {
    if old == new {
        return;
    }
    let parsed = |bytes: Option<&[u8]>| bytes.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    match (parsed(old), parsed(new)) {
        (Some(old), Some(new)) => compare(at, &old, &new, changes),
        _ => changes.push(Change { at: at.into(), old: old.map(text), new: new.map(text) }),
    }
}

/// Compares two things by their JSON.
pub(super) fn compare_as_json<T: Serialize>(at: &str, old: Option<&T>, new: Option<&T>, changes: &mut Vec<Change>) {
    let json = |thing: Option<&T>| thing.and_then(|thing| serde_json::to_value(thing).ok());
    match (json(old), json(new)) {
        (Some(old), Some(new)) => compare(at, &old, &new, changes),
        (old, new) if old == new => {}
        (old, new) => changes.push(Change { at: at.into(), old: old.as_ref().map(shown), new: new.as_ref().map(shown) }),
    }
}

fn compare(at: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    let mut differ = |at: String, old: Option<&Value>, new: Option<&Value>| match (old, new) {
        (Some(old), Some(new)) => compare(&at, old, new, changes),
        (old, new) => changes.push(Change { at, old: old.map(shown), new: new.map(shown) }),
    };
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                differ(format!("{at}/{}", escaped(key)), old.get(key), new.get(key));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for place in 0..old.len().max(new.len()) {
                differ(format!("{at}/{place}"), old.get(place), new.get(place));
            }
        }
        (Value::Number(one), Value::Number(other)) if same_number(one, other) => {}
        (old, new) if old == new => {}
        (old, new) => changes.push(Change { at: at.into(), old: Some(shown(old)), new: Some(shown(new)) }),
    }
}

/// 1 and 1.0 are the same number; integers that a float cannot tell apart are not.
fn same_number(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
}

/// A part of a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn shown(value: &Value) -> String {
    shortened(&value.to_string())
}

/// Bytes as they are shown.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => shortened(text),
        Err(_) => format!("{} bytes that are no text", bytes.len()),
    }
}

pub(super) fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN);
    if end == text.len() { text.to_owned() } else { format!("{}…", &text[..end]) }
}
