//! Units that will not be shipped.

use mortar_sdk::mapping::units::Units;

use super::record::{Line, Order};

/// What will not be shipped.
#[derive(Debug)]
pub(crate) enum What {
    /// Whatever is in no parcel yet.
    All,
    /// So many units of the order, in all: those that are cancelled already count.
    Short(Units),
}

/// A line of which units have to be cancelled.
#[derive(Debug, PartialEq)]
pub(crate) struct Cut<'a> {
    pub(crate) line: &'a Line,
    pub(crate) units: i64,
}

/// The lines of which units have to be cancelled.
pub(crate) fn cuts<'a>(order: &'a Order, what: &What) -> Vec<Cut<'a>> {
    let cut = |line: &'a Line, units: i64| (units > 0).then_some(Cut { line, units });
    match what {
        What::All => order.lines.iter().filter_map(|line| cut(line, order.left(line))).collect(),
        What::Short(short) => short.iter().flat_map(|(sku, quantity)| cuts_of_sku(order, sku, *quantity)).collect(),
    }
}

fn cuts_of_sku<'a>(order: &'a Order, sku: &str, short: i64) -> Vec<Cut<'a>> {
    let lines = || order.lines.iter().filter(|line| line.product_variant.sku == sku);
    let mut rest = short - lines().map(|line| line.order_placed_quantity - line.quantity).sum::<i64>();
    let mut cuts = Vec::new();
    for line in lines() {
        let units = rest.min(order.left(line));
        if units > 0 {
            cuts.push(Cut { line, units });
            rest -= units;
        }
    }
    cuts
}

/// True where nothing is left of an order but what has left, and Vendure has not noticed: it looks at
/// that only when a parcel leaves.
pub(crate) fn has_all_left(order: &Order) -> bool {
    order.next_states.iter().any(|state| state == "Shipped")
        && order.live().next().is_some()
        && order.live().all(|fulfillment| fulfillment.has_left())
        && order.lines.iter().all(|line| order.left(line) == 0)
}

#[cfg(test)]
mod tests {
    use super::super::record::{Fulfillment, Held, Variant};
    use super::*;

    fn order(lines: &[(&str, &str, i64, i64)], shipped: &[(&str, i64)]) -> Order {
        let line = |(id, sku, placed, quantity): &(&str, &str, i64, i64)| Line {
            id: (*id).into(),
            quantity: *quantity,
            order_placed_quantity: *placed,
            product_variant: Variant { sku: (*sku).into() },
        };
        let held = |(line, quantity): &(&str, i64)| Held { order_line_id: (*line).into(), quantity: *quantity };
        let fulfillment = Fulfillment { state: "Shipped".into(), lines: shipped.iter().map(held).collect(), ..Fulfillment::default() };
        Order {
            lines: lines.iter().map(line).collect(),
            fulfillments: Some(vec![fulfillment]),
            next_states: vec!["Shipped".into()],
            ..Order::default()
        }
    }

    fn found(order: &Order, what: &What) -> Vec<(String, i64)> {
        cuts(order, what).iter().map(|cut| (cut.line.id.clone(), cut.units)).collect()
    }

    #[test]
    fn what_is_in_no_parcel_is_cancelled() {
        let order = order(&[("1", "TEE", 3, 3), ("2", "HAT", 1, 1), ("3", "SOCK", 1, 0)], &[("1", 2)]);
        assert_eq!(found(&order, &What::All), [("1".to_owned(), 1), ("2".to_owned(), 1)]);
    }

    #[test]
    fn what_is_short_is_cancelled_once_and_never_what_has_left() {
        let short = |quantity| What::Short([("TEE".to_owned(), quantity)].into());
        let fresh = order(&[("1", "TEE", 3, 3), ("2", "TEE", 2, 2)], &[("1", 2)]);
        assert_eq!(found(&fresh, &short(2)), [("1".to_owned(), 1), ("2".to_owned(), 1)]);
        assert_eq!(found(&fresh, &short(9)), [("1".to_owned(), 1), ("2".to_owned(), 2)]);
        let done = order(&[("1", "TEE", 3, 2), ("2", "TEE", 2, 1)], &[("1", 2)]);
        assert_eq!(found(&done, &short(2)), []);
        assert_eq!(found(&done, &short(3)), [("2".to_owned(), 1)]);
    }

    #[test]
    fn an_order_is_over_when_all_that_is_left_of_it_has_left() {
        assert!(has_all_left(&order(&[("1", "TEE", 3, 2)], &[("1", 2)])));
        assert!(!has_all_left(&order(&[("1", "TEE", 3, 3)], &[("1", 2)])));
        assert!(!has_all_left(&Order { next_states: vec!["Delivered".into()], ..order(&[("1", "TEE", 2, 2)], &[("1", 2)]) }));
    }
}
