//! What the round trip says: the same words for what was expected and what was found, so that they
//! are equal where all is well.

use serde::Deserialize;

use super::suiteql::text;

/// A tracking number on a fulfilment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tracked {
    #[serde(deserialize_with = "text")]
    id: String,
    #[serde(default)]
    status: Option<String>,
    tracking: String,
}

/// Each tracking number, how many fulfilments it is on, and whether that one is shipped.
pub(crate) fn parcels(wanted: &[&str], found: &[Tracked]) -> (String, String) {
    let found = |tracking: &&str| {
        let mut on: Vec<_> = found.iter().filter(|row| row.tracking == **tracking).collect();
        on.dedup_by(|a, b| a.id == b.id);
        match on.as_slice() {
            [] => format!("{tracking} nowhere"),
            [one] => match one.status.as_deref().and_then(|status| status.chars().last()) {
                Some('A') => format!("{tracking} once, picked"),
                Some('B') => format!("{tracking} once, packed"),
                _ => format!("{tracking} once, shipped"),
            },
            several => format!("{tracking} on {} fulfilments", several.len()),
        }
    };
    (list(wanted.iter().map(|tracking| format!("{tracking} once, shipped"))), list(wanted.iter().map(found)))
}

/// Places, what they shall hold and what they hold.
pub(crate) fn places<'a>(sku: &str, places: impl Iterator<Item = (&'a str, i64, i64)> + Clone) -> (String, String) {
    let expected = places.clone().map(|(place, counted, _)| format!("{counted} {sku} in {place}"));
    (list(expected), list(places.map(|(place, _, found)| format!("{found} {sku} in {place}"))))
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(id: &str, status: &str) -> Tracked {
        Tracked { id: id.into(), status: Some(status.into()), tracking: "1Z".into() }
    }

    #[test]
    fn a_number_is_well_only_once_and_on_a_fulfilment_that_is_shipped() {
        let (expected, found) = parcels(&["1Z"], &[on("1", "C")]);
        assert_eq!((expected.as_str(), found.as_str()), ("1Z once, shipped", "1Z once, shipped"));
        let found = |rows: &[Tracked]| parcels(&["1Z"], rows).1;
        assert_eq!(found(&[]), "1Z nowhere");
        assert_eq!(found(&[on("1", "ItemShip:B")]), "1Z once, packed");
        assert_eq!(found(&[on("1", "C"), on("1", "C")]), "1Z once, shipped", "two packages of one fulfilment");
        assert_eq!(found(&[on("1", "C"), on("2", "C")]), "1Z on 2 fulfilments");
    }

    #[test]
    fn a_place_is_well_with_what_was_counted() {
        let (expected, found) = places("TEE", [("6", 5, 5), ("7", 1, 0)].into_iter());
        assert_eq!((expected.as_str(), found.as_str()), ("5 TEE in 6, 1 TEE in 7", "5 TEE in 6, 0 TEE in 7"));
    }
}
