//! What the round trip says: the same words for what was expected and what was found, so that they
//! are equal where all is well.

use super::record::{Package, State};

/// Each tracking number, how often it is on a package, and the state of that package's shipment.
pub(crate) fn parcels(wanted: &[&str], packages: &[Package], shipments: &[State]) -> (String, String) {
    let found = |tracking: &&str| {
        let on: Vec<_> = packages.iter().filter(|package| package.shipping_reference.as_deref() == Some(*tracking)).collect();
        match on.as_slice() {
            [] => format!("{tracking} nowhere"),
            [package] => {
                let shipment = shipments.iter().find(|shipment| package.shipment_id() == Some(shipment.id));
                format!("{tracking} once, {}", shipment.map_or("on no shipment", |shipment| &shipment.state))
            }
            several => format!("{tracking} {} times", several.len()),
        }
    };
    (list(wanted.iter().map(|tracking| format!("{tracking} once, done"))), list(wanted.iter().map(found)))
}

/// The receipt or return of a number, and its state.
pub(crate) fn receipt(number: &str, found: &[State]) -> (String, String) {
    let states = if found.is_empty() { "nowhere".to_owned() } else { list(found.iter().map(|receipt| receipt.state.clone())) };
    (format!("{number} done"), format!("{number} {states}"))
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

    fn package(tracking: &str, shipment: Option<i64>) -> Package {
        let shipment = shipment.map(|id| format!("stock.shipment.out,{id}"));
        Package { id: 1, shipping_reference: Some(tracking.into()), shipment }
    }

    fn state(id: i64, state: &str) -> State {
        State { id, state: state.into() }
    }

    #[test]
    fn a_number_is_well_only_once_and_on_a_shipment_that_is_done() {
        let shipments = [state(1, "done"), state(2, "packed")];
        let (expected, found) = parcels(&["A"], &[package("A", Some(1)), package("B", Some(2))], &shipments);
        assert_eq!((expected.as_str(), found.as_str()), ("A once, done", "A once, done"));
        let found = |packages: &[Package]| parcels(&["A"], packages, &shipments).1;
        assert_eq!(found(&[]), "A nowhere");
        assert_eq!(found(&[package("A", None)]), "A once, on no shipment");
        assert_eq!(found(&[package("A", Some(2))]), "A once, packed");
        assert_eq!(found(&[package("A", Some(1)), package("A", Some(2))]), "A 2 times");
    }

    #[test]
    fn a_receipt_is_well_once_and_done() {
        assert_eq!(receipt("R", &[state(1, "done")]), ("R done".into(), "R done".into()));
        assert_eq!(receipt("R", &[]).1, "R nowhere");
        assert_eq!(receipt("R", &[state(1, "done"), state(2, "draft")]).1, "R done, draft");
    }

    #[test]
    fn a_place_is_well_with_what_was_counted() {
        let (expected, found) = places("TEE", [("STOCK", 5, 5), ("DAMAGED", 1, 0)].into_iter());
        assert_eq!((expected.as_str(), found.as_str()), ("5 TEE in STOCK, 1 TEE in DAMAGED", "5 TEE in STOCK, 0 TEE in DAMAGED"));
    }
}
