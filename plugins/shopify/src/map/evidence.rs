//! What the round trip says: the same words for what was expected and what was found, so that they
//! are equal where all is well.

use super::record::Order;

/// Each tracking number, how often it is on a fulfillment, and whether that has arrived.
pub(crate) fn parcels(order: &Order, wanted: &[&str], delivered: bool) -> (String, String) {
    let state = if delivered { "delivered" } else { "fulfilled" };
    let found = |tracking: &&str| {
        let on: Vec<_> = order.tracked(tracking).collect();
        match on.as_slice() {
            [] => format!("{tracking} nowhere"),
            [one] if delivered && one.delivered_at.is_none() => format!("{tracking} once, under way"),
            [_] => format!("{tracking} once, {state}"),
            several => format!("{tracking} {} times", several.len()),
        }
    };
    (list(wanted.iter().map(|tracking| format!("{tracking} once, {state}"))), list(wanted.iter().map(found)))
}

/// An order is cancelled.
pub(crate) fn cancelled(order: &Order) -> (String, String) {
    let state = if order.cancelled_at.is_some() { "cancelled" } else { "open" };
    (format!("{} cancelled", order.name), format!("{} {state}", order.name))
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
    use super::super::record::{Fulfillment, Tracking};
    use super::*;

    #[test]
    fn a_number_is_well_only_once_and_on_a_fulfillment_that_stands() {
        let fulfillment = |status: &str, delivered_at: Option<&str>| Fulfillment {
            status: status.into(),
            delivered_at: delivered_at.map(Into::into),
            tracking_info: vec![Tracking { number: Some("A".into()) }],
            ..Fulfillment::default()
        };
        let well = |fulfillments: Vec<Fulfillment>, delivered| {
            let (expected, found) = parcels(&Order { fulfillments, ..Order::default() }, &["A"], delivered);
            expected == found
        };
        assert!(well(vec![fulfillment("SUCCESS", None)], false));
        assert!(well(vec![fulfillment("CANCELLED", None), fulfillment("SUCCESS", Some("then"))], true));
        assert!(!well(vec![fulfillment("SUCCESS", None)], true));
        assert!(!well(vec![fulfillment("SUCCESS", None), fulfillment("SUCCESS", None)], false));
        assert!(!well(vec![fulfillment("CANCELLED", None)], false));
    }
}
