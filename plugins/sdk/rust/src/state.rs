//! What the plugin remembers between events: small JSON values under keys of its own.
//!
//! Writes are committed together with the delivery, and only where the handler ends with an
//! outcome.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::bindings::mortar::plugin::state::{self, Entry, PutError};

/// Tries of a write, each after reading the key again.
const TRIES: usize = 8;

/// Reads a key.
///
/// # Errors
/// A rejection where the value is not a `T`.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Failure> {
    read(key, state::get(key).as_ref())
}

/// Writes what `change` makes of the key's value, and answers it. `change` may run more than once.
///
/// # Errors
/// A rejection where the stored value is not a `T` or the new one is too large; a retry where other
/// deliveries keep changing the key.
pub fn update<T: Serialize + DeserializeOwned>(key: &str, change: impl FnMut(Option<T>) -> T) -> Result<T, Failure> {
    compare_and_set(key, || state::get(key), |value, expected| state::put(key, &value, expected), change)
}

/// Deletes a key, whatever its value.
///
/// # Errors
/// A retry where other deliveries keep changing the key.
pub fn remove(key: &str) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let Some(entry) = state::get(key) else { return Ok(()) };
        if state::delete(key, entry.version).is_ok() {
            return Ok(());
        }
    }
    Err(contended(key))
}

fn compare_and_set<T: Serialize + DeserializeOwned>(
    key: &str,
    mut get: impl FnMut() -> Option<Entry>,
    mut put: impl FnMut(Vec<u8>, u64) -> Result<(), PutError>,
    mut change: impl FnMut(Option<T>) -> T,
) -> Result<T, Failure> {
    for _ in 0..TRIES {
        let entry = get();
        let value = change(read(key, entry.as_ref())?);
        match put(serde_json::to_vec(&value)?, entry.map_or(0, |entry| entry.version)) {
            Ok(()) => return Ok(value),
            Err(PutError::Conflict(_)) => {}
            Err(PutError::TooLarge(why)) => return Err(Failure::reject(format!("state `{key}`: {why}"))),
        }
    }
    Err(contended(key))
}

fn read<T: DeserializeOwned>(key: &str, entry: Option<&Entry>) -> Result<Option<T>, Failure> {
    let read = entry.map(|entry| serde_json::from_slice(&entry.value)).transpose();
    read.map_err(|error| Failure::reject(format!("state `{key}` is not what was expected: {error}")))
}

fn contended(key: &str) -> Failure {
    Failure::retry(format!("other deliveries keep changing the state `{key}`"))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn entry(value: &str, version: u64) -> Option<Entry> {
        Some(Entry { value: value.into(), version })
    }

    #[test]
    fn a_conflict_reads_again_and_changes_the_newer_value() {
        let stored = RefCell::new(vec![entry("41", 8), entry("7", 7)]);
        let put = |value: Vec<u8>, expected| {
            if expected == 8 {
                assert_eq!(value, b"42");
                Ok(())
            } else {
                Err(PutError::Conflict(8))
            }
        };
        let get = || stored.borrow_mut().pop().flatten();
        assert_eq!(compare_and_set("n", get, put, |n: Option<u64>| n.unwrap_or(0) + 1), Ok(42));
    }

    #[test]
    fn an_absent_key_is_written_at_version_0() {
        let put = |_, expected| if expected == 0 { Ok(()) } else { Err(PutError::Conflict(0)) };
        assert_eq!(compare_and_set("n", || None, put, |n: Option<u64>| n.unwrap_or(0) + 1), Ok(1));
    }

    #[test]
    fn endless_conflicts_end_in_a_retry_and_a_large_value_in_a_rejection() {
        let conflict = compare_and_set("n", || None, |_, _| Err(PutError::Conflict(1)), |_: Option<u64>| 1);
        assert!(matches!(conflict, Err(Failure::Retry(_))));
        let large = compare_and_set("n", || None, |_, _| Err(PutError::TooLarge("65 KiB".into())), |_: Option<u64>| 1);
        assert_eq!(large, Err(Failure::reject("state `n`: 65 KiB")));
    }

    #[test]
    fn a_value_of_another_shape_is_named() {
        assert!(matches!(read::<u64>("n", entry("[]", 1).as_ref()), Err(Failure::Reject(why)) if why.starts_with("state `n`")));
    }
}
