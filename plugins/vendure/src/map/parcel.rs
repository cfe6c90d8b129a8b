//! What a parcel needs next.

use mortar_sdk::mapping::units::{Open, Units, spread, words};

use super::record::{Fulfillment, Held, Line, Order};

/// A parcel as the event names it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) tracking: String,
    pub(crate) contents: Units,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Next<'a> {
    /// It is in Vendure, and has left.
    Done,
    /// It is in Vendure, and has not left.
    Ship(&'a Fulfillment),
    /// It is not there; these lines are in it.
    Fulfil(Vec<Held>),
    /// Time mends it.
    Later(String),
    /// An operator has to look.
    Refuse(String),
}

/// What a parcel of an order needs next.
pub(crate) fn next<'a>(order: &'a Order, wanted: &Wanted) -> Next<'a> {
    if let Some(found) = order.tracked(&wanted.tracking).next() {
        return if found.has_left() { Next::Done } else { Next::Ship(found) };
    }
    if order.active {
        return Next::Later(format!("the order {} is not placed in Vendure yet", order.code));
    }
    if wanted.contents.is_empty() {
        return Next::Refuse("MasonHub does not say what is in it".into());
    }
    let open = |line: &Line| Open { id: line.id.clone(), sku: line.product_variant.sku.clone(), left: order.left(line) };
    let (taken, missing) = spread(&order.lines.iter().map(open).collect::<Vec<_>>(), &wanted.contents);
    if !missing.is_empty() {
        return Next::Refuse(why(order, &missing));
    }
    Next::Fulfil(taken.into_iter().map(|(order_line_id, quantity)| Held { order_line_id, quantity }).collect())
}

fn why(order: &Order, missing: &Units) -> String {
    let holds = |fulfillment: &Fulfillment| {
        let lines = order.lines.iter().filter(|line| missing.contains_key(&line.product_variant.sku));
        lines.into_iter().any(|line| fulfillment.lines.iter().any(|held| held.order_line_id == line.id))
    };
    let by_hand: Vec<_> = order.live().filter(|f| !f.has_code() && holds(f)).map(|f| f.id.as_str()).collect();
    let hint = match by_hand.as_slice() {
        [] => "compare what was shipped".to_owned(),
        ids => format!(
            "somebody made fulfilment {} without a tracking code, and Vendure takes none afterwards: cancel it there, then replay this",
            ids.join(" and ")
        ),
    };
    format!("the order {} in Vendure has no {} left that is in no other parcel; {hint}", order.code, words(missing))
}

#[cfg(test)]
mod tests {
    use super::super::record::Variant;
    use super::*;

    fn held(line: &str, quantity: i64) -> Held {
        Held { order_line_id: line.into(), quantity }
    }

    /// 3 TEE in two lines, 1 HAT.
    fn order(fulfillments: &[(&str, &str, Option<&str>, Held)]) -> Order {
        let line = |(id, sku, quantity): (&str, &str, i64)| Line {
            id: id.into(),
            quantity,
            order_placed_quantity: quantity,
            product_variant: Variant { sku: sku.into() },
        };
        let fulfillment = |(id, state, tracking, held): &(&str, &str, Option<&str>, Held)| Fulfillment {
            id: (*id).into(),
            state: (*state).into(),
            tracking_code: tracking.map(Into::into),
            lines: vec![held.clone()],
        };
        Order {
            code: "ABC".into(),
            lines: [("1", "TEE", 2), ("2", "HAT", 1), ("3", "TEE", 1)].map(line).into(),
            fulfillments: Some(fulfillments.iter().map(fulfillment).collect()),
            ..Order::default()
        }
    }

    fn wanted(contents: &[(&str, i64)]) -> Wanted {
        let contents = contents.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
        Wanted { name: "shp_1".into(), tracking: "1Z".into(), contents }
    }

    #[test]
    fn a_parcel_takes_what_is_left_of_the_lines_of_its_skus() {
        assert_eq!(next(&order(&[]), &wanted(&[("TEE", 3)])), Next::Fulfil(vec![held("1", 2), held("3", 1)]));
        let part = order(&[("7", "Shipped", Some("other"), held("1", 1))]);
        assert_eq!(next(&part, &wanted(&[("TEE", 2), ("HAT", 1)])), Next::Fulfil(vec![held("1", 1), held("2", 1), held("3", 1)]));
    }

    #[test]
    fn what_is_there_is_gone_on_with() {
        let there = |state| order(&[("7", state, Some("1Z"), held("1", 2))]);
        assert_eq!(next(&there("Shipped"), &wanted(&[("TEE", 2)])), Next::Done);
        assert_eq!(next(&there("Delivered"), &wanted(&[("TEE", 2)])), Next::Done);
        assert!(matches!(next(&there("Pending"), &wanted(&[("TEE", 2)])), Next::Ship(found) if found.id == "7"));
        assert_eq!(next(&there("Cancelled"), &wanted(&[("TEE", 2)])), Next::Fulfil(vec![held("1", 2)]));
    }

    #[test]
    fn what_cannot_be_is_told_with_what_to_do() {
        let refusal = |order: &Order, contents: &[(&str, i64)]| match next(order, &wanted(contents)) {
            Next::Refuse(why) => why,
            other => panic!("{other:?}"),
        };
        let words = refusal(&order(&[]), &[("TEE", 4), ("SOCK", 1)]);
        assert_eq!(words, "the order ABC in Vendure has no 1 SOCK, 1 TEE left that is in no other parcel; compare what was shipped");
        for no_code in [None, Some("")] {
            let by_hand = order(&[("7", "Shipped", no_code, held("1", 2))]);
            assert!(refusal(&by_hand, &[("TEE", 3)]).contains("somebody made fulfilment 7 without a tracking code"));
        }
        assert_eq!(refusal(&order(&[]), &[]), "MasonHub does not say what is in it");
        let cart = Order { active: true, ..order(&[]) };
        assert!(matches!(next(&cart, &wanted(&[("TEE", 1)])), Next::Later(_)));
    }
}
