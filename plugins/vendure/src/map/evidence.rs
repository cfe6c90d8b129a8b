//! What the round trip says: the same words for what was expected and what was found, so that they
//! are equal where all is well.

use super::record::Order;

/// Each tracking number, how often it is on a fulfilment, and whether that has left or arrived.
pub(crate) fn parcels(order: &Order, wanted: &[&str], delivered: bool) -> (String, String) {
    let state = if delivered { "delivered" } else { "shipped" };
    let found = |tracking: &&str| {
        let on: Vec<_> = order.tracked(tracking).collect();
        match on.as_slice() {
            [] => format!("{tracking} nowhere"),
            [one] if one.state == "Delivered" || (!delivered && one.has_left()) => format!("{tracking} once, {state}"),
            [one] => format!("{tracking} once, {}", one.state),
            several => format!("{tracking} {} times", several.len()),
        }
    };
    (list(wanted.iter().map(|tracking| format!("{tracking} once, {state}"))), list(wanted.iter().map(found)))
}

/// Locations, what they shall hold and what they hold.
pub(crate) fn places<'a>(sku: &str, places: impl Iterator<Item = (&'a str, i64, i64)> + Clone) -> (String, String) {
    let expected = places.clone().map(|(place, counted, _)| format!("{counted} {sku} in {place}"));
    (list(expected), list(places.map(|(place, _, found)| format!("{found} {sku} in {place}"))))
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::record::Fulfillment;
    use super::*;

    #[test]
    fn a_number_is_well_only_once_and_on_its_way() {
        let order = |states: &[&str]| Order {
            fulfillments: Some(
                states
                    .iter()
                    .map(|s| Fulfillment { state: (*s).into(), tracking_code: Some("A".into()), ..Fulfillment::default() })
                    .collect(),
            ),
            ..Order::default()
        };
        for (states, delivered, well) in [
            (&["Shipped"][..], false, true),
            (&["Delivered"], false, true),
            (&["Delivered"], true, true),
            (&["Cancelled", "Shipped"], false, true),
            (&["Shipped"], true, false),
            (&["Pending"], false, false),
            (&["Shipped", "Shipped"], false, false),
            (&["Cancelled"], false, false),
            (&[], false, false),
        ] {
            let (expected, found) = parcels(&order(states), &["A"], delivered);
            assert_eq!(expected == found, well, "{states:?}: {expected} / {found}");
        }
    }
}
