//! Goods that came in: which moves of a receipt hold what, and where they are put.

use std::collections::BTreeMap;

pub(crate) use mortar_sdk::mapping::goods::{Came, came};
use mortar_sdk::{Json, json};

use super::record::{Move, Product, Receipt};
use super::{Units, sum};

/// The moves of a purchase that wait for these SKUs and belong to no receipt yet.
pub(crate) fn awaited<'a>(moves: &'a [Move], came: &BTreeMap<String, Came>) -> Vec<&'a Move> {
    moves.iter().filter(|m| m.state == "draft" && m.shipment.is_none() && came.contains_key(m.sku())).collect()
}

/// Commands that make a receipt which is a draft hold what came; none where it does. What was not
/// announced, or is over what was ordered and has no move, gets a move of its own.
pub(crate) fn adjust(
    receipt: &Receipt,
    came: &BTreeMap<String, Came>,
    products: &BTreeMap<String, Product>,
) -> Result<Option<Json>, String> {
    let mut commands = Vec::new();
    let mut seen = Units::new();
    let active = || receipt.incoming_moves.iter().filter(|m| m.state != "cancelled");
    for (at, m) in active().enumerate() {
        let wanted = came.get(m.sku()).map_or(0, |one| one.received);
        let left = wanted - seen.get(m.sku()).copied().unwrap_or(0);
        let last = !active().skip(at + 1).any(|later| later.sku() == m.sku());
        // The last move of a SKU takes what is over.
        let quantity = if last { left } else { left.min(m.units()) };
        *seen.entry(m.sku().to_owned()).or_default() += quantity;
        if quantity == 0 {
            // A move of a purchase goes on waiting there; any other is of no use to anybody.
            commands.push(json!([if m.origin.is_some() { "remove" } else { "delete" }, [m.id]]));
        } else if quantity != m.units() {
            commands.push(json!(["write", [m.id], { "quantity": quantity }]));
        }
    }
    let mut extra = Vec::new();
    for (sku, one) in came.iter().filter(|(sku, _)| !seen.contains_key(*sku)) {
        let product = products.get(sku).ok_or_else(|| format!("Tryton has no product with the code {sku}"))?;
        extra.push(json!({
            "company": receipt.company.id,
            "currency": receipt.company.currency,
            "from_location": receipt.from_location,
            "to_location": receipt.warehouse_input,
            "product": product.id,
            "unit": product.default_uom,
            "unit_price": product.cost_price,
            "quantity": one.received,
        }));
    }
    if !extra.is_empty() {
        commands.push(json!(["create", extra]));
    }
    Ok((!commands.is_empty()).then(|| json!({ "incoming_moves": commands })))
}

/// Commands that put a receipt's units where they belong; none where they are put there.
pub(crate) fn place(receipt: &Receipt, came: &BTreeMap<String, Came>, good: i64, damaged: Option<i64>) -> Result<Option<Json>, String> {
    let mut commands = Vec::new();
    let mut bad: Units = sum(came.iter().map(|(sku, one)| (sku.clone(), one.damaged)));
    let mut extra = Vec::new();
    // What lies with the damaged units already counts first, so that a second look changes nothing.
    let mut moves: Vec<&Move> = receipt.inventory_moves.iter().filter(|m| m.state != "cancelled").collect();
    moves.sort_by_key(|m| Some(m.to_location) != damaged);
    for m in moves {
        let left = bad.entry(m.sku().to_owned()).or_default();
        let here = (*left).min(m.units());
        *left -= here;
        let damaged = match (here, damaged) {
            (0, _) => good,
            (_, Some(damaged)) => damaged,
            (_, None) => return Err("units came damaged: say in [config.places] where damaged units are put".into()),
        };
        let (quantity, place) = if here == m.units() { (here, damaged) } else { (m.units() - here, good) };
        if quantity != m.units() || place != m.to_location {
            commands.push(json!(["write", [m.id], { "quantity": quantity, "to_location": place }]));
        }
        if quantity != m.units() {
            extra.push(json!({
                "company": receipt.company.id,
                "from_location": receipt.warehouse_input,
                "to_location": damaged,
                "product": m.product.id,
                "unit": m.unit,
                "quantity": here,
                "origin": m.origin,
            }));
        }
    }
    if !extra.is_empty() {
        commands.push(json!(["create", extra]));
    }
    Ok((!commands.is_empty()).then(|| json!({ "inventory_moves": commands })))
}

#[cfg(test)]
mod tests {
    use super::super::record::Company;
    use super::*;

    fn line(id: i64, sku: &str, quantity: i32) -> Move {
        let product = Product { id: 100 + id, code: Some(sku.into()), ..Product::default() };
        let origin = Some(format!("stock.move,{id}"));
        Move { id, state: "draft".into(), quantity: f64::from(quantity), product, unit: 1, to_location: 3, origin, ..Move::default() }
    }

    fn receipt(incoming: &[(&str, i32)], inventory: &[(&str, i32)]) -> Receipt {
        let moves = |first: i64, lines: &[(&str, i32)]| {
            lines.iter().enumerate().map(|(at, (sku, q))| line(first + i64::try_from(at).unwrap(), sku, *q)).collect()
        };
        let company = Company { id: 1, currency: 7 };
        Receipt {
            id: 5,
            company,
            warehouse_input: 2,
            from_location: 6,
            incoming_moves: moves(10, incoming),
            inventory_moves: moves(20, inventory),
            ..Receipt::default()
        }
    }

    fn products() -> BTreeMap<String, Product> {
        let cost_price = json!({ "__class__": "Decimal", "decimal": "8" });
        [("SOCK".to_owned(), Product { id: 33, default_uom: 1, cost_price, ..Product::default() })].into()
    }

    fn of(lines: &[(&str, i64, i64)]) -> BTreeMap<String, Came> {
        came(lines.iter().map(|(sku, received, damaged)| ((*sku).to_owned(), *received, *damaged)))
    }

    #[test]
    fn only_moves_that_wait_and_came_are_taken() {
        let mut moves = vec![line(1, "TEE", 5), line(2, "HAT", 5), line(3, "TEE", 5), line(4, "TEE", 5)];
        moves[2].state = "done".into();
        moves[3].shipment = Some("stock.shipment.in,1".into());
        assert_eq!(awaited(&moves, &of(&[("TEE", 1, 0)])).iter().map(|m| m.id).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn under_over_unexpected_and_missing_lines() {
        let draft = receipt(&[("TEE", 100), ("PANT", 50), ("HAT", 10)], &[]);
        let all = of(&[("TEE", 90, 5), ("PANT", 60, 0), ("SOCK", 25, 0)]);
        let commands = adjust(&draft, &all, &products()).unwrap().unwrap();
        let extra = json!({
            "company": 1, "currency": 7, "from_location": 6, "to_location": 2, "product": 33, "unit": 1,
            "unit_price": { "__class__": "Decimal", "decimal": "8" }, "quantity": 25,
        });
        assert_eq!(
            commands,
            json!({ "incoming_moves": [
                ["write", [10], { "quantity": 90 }], ["write", [11], { "quantity": 60 }], ["remove", [12]], ["create", [extra]],
            ] })
        );
        let adjusted = receipt(&[("TEE", 90), ("PANT", 60), ("SOCK", 25)], &[]);
        assert_eq!(adjust(&adjusted, &all, &products()), Ok(None), "a second look changes nothing");
        let unknown = adjust(&draft, &of(&[("CAP", 1, 0)]), &products());
        assert_eq!(unknown, Err("Tryton has no product with the code CAP".into()));
    }

    #[test]
    fn several_moves_of_one_sku_are_filled_one_after_the_other() {
        let draft = receipt(&[("TEE", 60), ("TEE", 40)], &[]);
        let set = |units| adjust(&draft, &of(&[("TEE", units, 0)]), &products()).unwrap();
        assert_eq!(set(100), None);
        assert_eq!(set(90), Some(json!({ "incoming_moves": [["write", [11], { "quantity": 30 }]] })));
        assert_eq!(set(110), Some(json!({ "incoming_moves": [["write", [11], { "quantity": 50 }]] })));
        assert_eq!(set(60), Some(json!({ "incoming_moves": [["remove", [11]]] })));
        let mut announced = receipt(&[("TEE", 1), ("HAT", 1)], &[]);
        announced.incoming_moves[1].origin = None;
        let commands = adjust(&announced, &of(&[("TEE", 1, 0)]), &products());
        assert_eq!(commands, Ok(Some(json!({ "incoming_moves": [["delete", [11]]] }))));
    }

    #[test]
    fn damaged_units_are_put_apart_once() {
        let all = of(&[("TEE", 90, 5), ("SOCK", 2, 2)]);
        let received = receipt(&[], &[("TEE", 90), ("SOCK", 2)]);
        let commands = place(&received, &all, 9, Some(8)).unwrap().unwrap();
        let extra = json!({
            "company": 1, "from_location": 2, "to_location": 8, "product": 120, "unit": 1, "quantity": 5, "origin": "stock.move,20",
        });
        assert_eq!(
            commands,
            json!({ "inventory_moves": [
                ["write", [20], { "quantity": 85, "to_location": 9 }], ["write", [21], { "quantity": 2, "to_location": 8 }],
                ["create", [extra]],
            ] })
        );
        let mut placed = receipt(&[], &[("TEE", 85), ("SOCK", 2), ("TEE", 5)]);
        for (m, to) in placed.inventory_moves.iter_mut().zip([9, 8, 8]) {
            m.to_location = to;
        }
        assert_eq!(place(&placed, &all, 9, Some(8)), Ok(None), "a second look changes nothing");
        assert!(place(&received, &all, 9, None).is_err());
    }
}
