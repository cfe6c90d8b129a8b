//! What the lines of an order have to say before it is posted.

use std::collections::BTreeMap;

use mortar_sdk::mapping::units::{Units, spread, sum, words};
use mortar_sdk::{Json, json};

use super::document::{Line, Order, whole};

/// The fields of lines that say what the next posting moves and invoices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) moves: &'static str,
    pub(crate) verb: &'static str,
}

pub(crate) const SHIP: Fields = Fields { moves: "shipQuantity", verb: "ship" };
pub(crate) const RECEIVE: Fields = Fields { moves: "receiveQuantity", verb: "receive" };

/// The lines that say something else than that these units, and no others, are moved; none where the
/// order can be posted. No units stand for all that is left.
pub(crate) fn changes<'a>(order: &'a Order, units: &Units, fields: Fields, invoice: bool) -> Result<Vec<(&'a Line, Json)>, String> {
    let open = order.open();
    let left = sum(open.iter().map(|line| (line.sku.clone(), line.left)));
    let (taken, rest) = spread(&open, if units.is_empty() { &left } else { units });
    if taken.is_empty() || !rest.is_empty() {
        return Err(format!(
            "{} to {}, but only {} of order {} are left in Business Central",
            if units.is_empty() { "units".to_owned() } else { words(units) },
            fields.verb,
            words(&left),
            order.number
        ));
    }
    let taken: BTreeMap<_, _> = taken.into_iter().collect();
    let change = |line: &'a Line| {
        let next = taken.get(&line.id).copied().unwrap_or(0);
        let invoiced = if invoice { next } else { 0 };
        let same = whole(line.next) == next && whole(line.invoice_quantity) == invoiced;
        (!same).then(|| (line, json!({ fields.moves: next, "invoiceQuantity": invoiced })))
    };
    Ok(order.lines.iter().filter(|line| line.is_item()).filter_map(change).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, sku: &str, quantity: f64, moved: f64, next: f64) -> Line {
        Line { id: id.into(), line_type: "Item".into(), sku: sku.into(), quantity, moved, next, invoice_quantity: next, ..Line::default() }
    }

    fn of(lines: &[(&str, i64)]) -> Units {
        sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)))
    }

    fn said(order: &Order, units: &Units, invoice: bool) -> Vec<(String, Json)> {
        changes(order, units, SHIP, invoice).unwrap().into_iter().map(|(line, body)| (line.id.clone(), body)).collect()
    }

    #[test]
    fn every_line_says_what_it_ships_and_the_others_that_they_ship_nothing() {
        let lines = vec![line("a", "TEE", 5.0, 2.0, 3.0), line("b", "PANT", 1.0, 0.0, 1.0), line("c", "TEE", 2.0, 0.0, 0.0)];
        let order = Order { number: "SO".into(), lines, ..Order::default() };
        let body = |ship: i64, invoice: i64| json!({ "shipQuantity": ship, "invoiceQuantity": invoice });
        assert_eq!(said(&order, &of(&[("TEE", 4)]), true), [("b".into(), body(0, 0)), ("c".into(), body(1, 1))]);
        assert_eq!(said(&order, &of(&[("TEE", 3), ("PANT", 1)]), true), [], "it can be posted");
        assert_eq!(said(&order, &Units::new(), true), [("c".into(), body(2, 2))], "no units are all that is left");
        assert_eq!(said(&order, &of(&[("PANT", 1)]), false), [("a".into(), body(0, 0)), ("b".into(), body(1, 0))]);
    }

    #[test]
    fn more_than_is_left_is_refused() {
        let order = Order { number: "SO".into(), lines: vec![line("a", "TEE", 5.0, 4.0, 1.0)], ..Order::default() };
        let why = changes(&order, &of(&[("TEE", 2)]), SHIP, true).unwrap_err();
        assert_eq!(why, "2 TEE to ship, but only 1 TEE of order SO are left in Business Central");
        assert!(changes(&Order::default(), &Units::new(), RECEIVE, true).is_err());
    }
}
