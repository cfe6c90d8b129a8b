//! Units that will not be shipped: those that the warehouse is short of, or all that is left of a
//! cancelled order.
//!
//! Tryton knows them as a shipment that is cancelled and whose moves the sale ignores. Its reference
//! says that it was Mortar that cancelled it, so what an operator cancels stays the operator's.

use mortar_sdk::{Json, json};

use super::record::{Line, Move, Sale, Shipment};
use super::{Units, less, parcel, sum, units};

/// What is dropped.
pub(crate) enum What {
    /// These units in all, those that were dropped before among them.
    Short(Units),
    /// Everything that has not left.
    All,
}

impl What {
    /// The reference of a shipment that was cancelled for this.
    pub(crate) fn mark(&self) -> &'static str {
        match self {
            Self::Short(_) => "MasonHub: short",
            Self::All => "MasonHub: cancelled",
        }
    }
}

/// What has to be done next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next<'a> {
    /// These fields of the sale, so that it does not wait for what was cancelled.
    Ignore(Json),
    /// This shipment has to be cancelled.
    Cancel(&'a Shipment),
    /// Tryton has to make shipments of what is in none yet.
    Process,
    /// Only these units shall stay in this shipment.
    Split(&'a Shipment, Units),
    /// Nothing; these units are in no shipment that could be cancelled.
    Done(Units),
}

/// Says what has to be done next; `processed` is true where Tryton has just made its shipments.
pub(crate) fn next<'a>(sale: &'a Sale, what: &What, processed: bool) -> Next<'a> {
    if let Some(lines) = unsettled(sale, what.mark()) {
        return Next::Ignore(json!({ "lines": lines }));
    }
    let open = || sale.shipments.iter().filter(|shipment| is_open(shipment, what));
    let missing = match what {
        What::All => return open().next().map_or(Next::Done(Units::new()), Next::Cancel),
        What::Short(short) => less(short, &dropped(sale, what.mark())),
    };
    if missing.is_empty() {
        return Next::Done(missing);
    }
    let taken = |shipment: &Shipment| {
        let held = units(&shipment.outgoing_moves);
        less(&held, &less(&held, &missing))
    };
    if let Some(shipment) = open().find(|s| !taken(s).is_empty() && taken(s) == units(&s.outgoing_moves)) {
        return Next::Cancel(shipment);
    }
    // A split may have been cut short before Tryton made a shipment of what it left.
    if !processed {
        return Next::Process;
    }
    match open().find(|shipment| !taken(shipment).is_empty()) {
        Some(shipment) => Next::Split(shipment, less(&units(&shipment.outgoing_moves), &missing)),
        None => Next::Done(missing),
    }
}

/// Commands that leave these units in the moves of a shipment that is a draft.
pub(crate) fn keep(shipment: &Shipment, contents: &Units) -> Json {
    let mut left = contents.clone();
    let command = |m: &Move| {
        let kept = left.get(m.sku()).copied().unwrap_or(0).min(m.units());
        left = less(&left, &sum([(m.sku().to_owned(), kept)]));
        match kept {
            0 => Some(json!(["delete", [m.id]])),
            kept if kept == m.units() => None,
            kept => Some(json!(["write", [m.id], { "quantity": kept }])),
        }
    };
    json!({ "outgoing_moves": shipment.outgoing_moves.iter().filter_map(command).collect::<Vec<_>>() })
}

fn is_open(shipment: &Shipment, what: &What) -> bool {
    match (what, shipment.state.as_str()) {
        (What::All, "draft" | "waiting" | "assigned" | "picked" | "packed") => true,
        (What::Short(_), "draft" | "waiting" | "assigned") => parcel::is_unclaimed(shipment),
        _ => false,
    }
}

/// The units of the shipments that were cancelled with this mark.
fn dropped(sale: &Sale, mark: &str) -> Units {
    let moves = cancelled(sale, mark).flat_map(|shipment| &shipment.outgoing_moves);
    sum(moves.map(|m| (m.sku().to_owned(), m.units())))
}

fn cancelled<'a>(sale: &'a Sale, mark: &str) -> impl Iterator<Item = &'a Shipment> {
    sale.shipments.iter().filter(move |shipment| shipment.state == "cancelled" && shipment.reference.as_deref() == Some(mark))
}

/// Writes of the sale's lines that still wait for moves which were cancelled with this mark.
fn unsettled(sale: &Sale, mark: &str) -> Option<Vec<Json>> {
    let gone: Vec<i64> = cancelled(sale, mark).flat_map(|shipment| &shipment.outgoing_moves).map(|m| m.id).collect();
    let write = |line: &Line| {
        let waits = |id: &&i64| gone.contains(id) && !line.moves_ignored.contains(id);
        let ids: Vec<_> = line.moves.iter().filter(waits).collect();
        (!ids.is_empty()).then(|| json!(["write", [line.id], { "moves_ignored": [["add", ids]] }]))
    };
    Some(sale.lines.iter().filter_map(write).collect::<Vec<_>>()).filter(|writes| !writes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::record::Product;
    use super::super::words;
    use super::*;

    fn shipment(id: i64, state: &str, lines: &[(&str, i32)]) -> Shipment {
        let one = |(index, (sku, quantity)): (usize, &(&str, i32))| Move {
            id: 10 * id + i64::try_from(index).unwrap(),
            state: if state == "cancelled" { "cancelled".into() } else { "draft".into() },
            quantity: f64::from(*quantity),
            product: Product { code: Some((*sku).into()), ..Product::default() },
            ..Move::default()
        };
        let outgoing_moves = lines.iter().enumerate().map(one).collect();
        Shipment { id, state: state.into(), outgoing_moves, ..Shipment::default() }
    }

    fn marked(mut shipment: Shipment, what: &What) -> Shipment {
        shipment.reference = Some(what.mark().into());
        shipment
    }

    fn sale(shipments: &[Shipment]) -> Sale {
        let moves = shipments.iter().flat_map(|s| &s.outgoing_moves).map(|m| m.id).collect();
        Sale { id: 1, shipments: shipments.to_vec(), lines: vec![Line { id: 4, moves, ..Line::default() }], ..Sale::default() }
    }

    fn short(lines: &[(&str, i64)]) -> What {
        What::Short(sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity))))
    }

    #[test]
    fn a_shipment_of_nothing_but_what_is_short_is_cancelled() {
        let what = short(&[("PANT", 2), ("TEE", 1)]);
        let sale = sale(&[shipment(1, "waiting", &[("PANT", 3)]), shipment(2, "waiting", &[("PANT", 1), ("TEE", 1)])]);
        assert_eq!(next(&sale, &what, false), Next::Cancel(&sale.shipments[1]));
    }

    #[test]
    fn the_rest_is_split_off_after_tryton_was_asked_for_what_an_earlier_split_left() {
        let what = short(&[("PANT", 1)]);
        let sale = sale(&[shipment(1, "assigned", &[("PANT", 3), ("TEE", 2)])]);
        assert_eq!(next(&sale, &what, false), Next::Process);
        let Next::Split(of, kept) = next(&sale, &what, true) else { panic!() };
        assert_eq!((of.id, words(&kept)), (1, "2 PANT, 2 TEE".to_owned()));
        assert_eq!(keep(of, &kept), json!({ "outgoing_moves": [["write", [10], { "quantity": 2 }]] }));
        let without = sum([("TEE".to_owned(), 2)]);
        assert_eq!(keep(of, &without), json!({ "outgoing_moves": [["delete", [10]]] }));
    }

    #[test]
    fn what_was_cancelled_is_ignored_by_the_sale_and_not_dropped_twice() {
        let what = short(&[("PANT", 1)]);
        let mut sale = sale(&[marked(shipment(1, "cancelled", &[("PANT", 1)]), &what), shipment(2, "waiting", &[("PANT", 1)])]);
        let ignore = json!({ "lines": [["write", [4], { "moves_ignored": [["add", [10]]] }]] });
        assert_eq!(next(&sale, &what, false), Next::Ignore(ignore));
        sale.lines[0].moves_ignored = vec![10];
        assert_eq!(next(&sale, &what, false), Next::Done(Units::new()));
    }

    #[test]
    fn what_an_operator_cancelled_stays_the_operators() {
        let what = short(&[("PANT", 1)]);
        let sale = sale(&[shipment(1, "cancelled", &[("PANT", 1)])]);
        let Next::Done(gone) = next(&sale, &what, true) else { panic!() };
        assert_eq!(words(&gone), "1 PANT");
    }

    #[test]
    fn a_parcel_that_is_under_way_is_not_short() {
        let what = short(&[("PANT", 1)]);
        let claimed = Shipment { shipping_reference: Some("T1".into()), ..shipment(1, "waiting", &[("PANT", 1)]) };
        assert!(matches!(next(&sale(&[claimed]), &what, true), Next::Done(_)));
    }

    #[test]
    fn a_cancelled_order_loses_all_that_has_not_left() {
        let sale = sale(&[shipment(1, "done", &[("TEE", 1)]), shipment(2, "picked", &[("TEE", 1)]), shipment(3, "draft", &[("TEE", 1)])]);
        assert_eq!(next(&sale, &What::All, false), Next::Cancel(&sale.shipments[1]));
        assert_eq!(next(&Sale::default(), &What::All, false), Next::Done(Units::new()));
    }
}
