//! From which fulfillment orders a parcel is fulfilled.

use std::collections::BTreeSet;

use mortar_sdk::mapping::units::{Open, Units, spread, words};

use super::record::{FulfillmentOrder, Page};

/// Units of lines of a fulfillment order.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) fulfillment_order: String,
    pub(crate) lines: Vec<(String, i64)>,
}

/// What to do about a parcel that is not in Shopify.
#[derive(Debug, PartialEq)]
pub(crate) enum Plan {
    /// These are in it.
    Fulfil(Vec<Part>),
    /// An operator lets it go on.
    Later(String),
    /// An operator has to look.
    Refuse(String),
}

/// From which fulfillment orders, all of one location, a parcel with this in it is fulfilled.
pub(crate) fn plan(found: &Page<FulfillmentOrder>, location: Option<&str>, contents: &Units) -> Plan {
    if contents.is_empty() {
        return Plan::Refuse("MasonHub does not say what is in it".into());
    }
    if found.page_info.has_next_page || found.nodes.iter().any(|order| order.line_items.page_info.has_next_page) {
        return Plan::Refuse("the order has more than 10 fulfillment orders, or one of more than 50 lines: fulfil it in Shopify".into());
    }
    let here = |order: &&FulfillmentOrder| location.is_none_or(|location| order.assigned_location.name == location);
    let all: Vec<_> = found.nodes.iter().filter(here).collect();
    let of = |statuses: &[&str]| all.iter().copied().filter(|order| statuses.contains(&order.status.as_str())).collect::<Vec<_>>();
    match from_one_location(&of(&["OPEN", "IN_PROGRESS"]), contents) {
        Ok(parts) => Plan::Fulfil(parts),
        Err(missing) => match from_one_location(&of(&["OPEN", "IN_PROGRESS", "ON_HOLD", "SCHEDULED"]), contents) {
            Ok(_) => Plan::Later("the order is on hold in Shopify, or scheduled for later: release it there".into()),
            Err(_) => {
                let at = location.map_or_else(|| "no location".into(), |location| format!("not `{location}`"));
                Plan::Refuse(format!("{at} has {} left to fulfil; compare what was shipped", words(&missing)))
            }
        },
    }
}

/// The parts, or what is missing where most of it is there.
fn from_one_location(orders: &[&FulfillmentOrder], contents: &Units) -> Result<Vec<Part>, Units> {
    let mut least = contents.clone();
    let places: BTreeSet<_> = orders.iter().map(|order| place(order)).collect();
    for at in places {
        let lines =
            orders.iter().filter(|order| place(order) == at).flat_map(|order| order.line_items.nodes.iter().map(move |line| (order, line)));
        let open = lines.map(|(order, line)| Open {
            id: (order.id.clone(), line.id.clone()),
            sku: line.sku.clone().unwrap_or_default(),
            left: line.remaining_quantity,
        });
        let (taken, missing) = spread(&open.collect::<Vec<_>>(), contents);
        if missing.is_empty() {
            return Ok(parts(taken));
        }
        if missing.values().sum::<i64>() < least.values().sum() {
            least = missing;
        }
    }
    Err(least)
}

fn place(order: &FulfillmentOrder) -> &str {
    order.assigned_location.location.as_ref().map_or(&order.assigned_location.name, |location| &location.id)
}

fn parts(taken: Vec<((String, String), i64)>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for ((fulfillment_order, line), quantity) in taken {
        match parts.iter_mut().find(|part| part.fulfillment_order == fulfillment_order) {
            Some(part) => part.lines.push((line, quantity)),
            None => parts.push(Part { fulfillment_order, lines: vec![(line, quantity)] }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use mortar_sdk::mapping::units::sum;

    use super::super::record::{Assigned, Item, PageInfo};
    use super::*;

    fn units(lines: &[(&str, i64)]) -> Units {
        sum(lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)))
    }

    fn order(id: &str, status: &str, location: &str, lines: &[(&str, &str, i64)]) -> FulfillmentOrder {
        let item = |(id, sku, left): &(&str, &str, i64)| Item { id: (*id).into(), sku: Some((*sku).into()), remaining_quantity: *left };
        FulfillmentOrder {
            id: id.into(),
            status: status.into(),
            assigned_location: Assigned { name: location.into(), location: None },
            line_items: Page { nodes: lines.iter().map(item).collect(), page_info: PageInfo::default() },
        }
    }

    fn page(nodes: Vec<FulfillmentOrder>) -> Page<FulfillmentOrder> {
        Page { nodes, page_info: PageInfo::default() }
    }

    #[test]
    fn a_parcel_is_fulfilled_from_one_location() {
        let found = page(vec![
            order("F1", "OPEN", "East", &[("L1", "TEE", 1)]),
            order("F2", "CLOSED", "West", &[("L2", "TEE", 9)]),
            order("F3", "IN_PROGRESS", "West", &[("L3", "TEE", 2), ("L4", "HAT", 1)]),
            order("F4", "OPEN", "West", &[("L5", "TEE", 2)]),
        ]);
        let part = |order: &str, lines: &[(&str, i64)]| Part {
            fulfillment_order: order.into(),
            lines: lines.iter().map(|(line, quantity)| ((*line).into(), *quantity)).collect(),
        };
        let expected = Plan::Fulfil(vec![part("F3", &[("L3", 2), ("L4", 1)]), part("F4", &[("L5", 1)])]);
        assert_eq!(plan(&found, None, &units(&[("TEE", 3), ("HAT", 1)])), expected);
        assert_eq!(plan(&found, None, &units(&[("TEE", 1)])), Plan::Fulfil(vec![part("F1", &[("L1", 1)])]));
        assert_eq!(plan(&found, Some("West"), &units(&[("TEE", 1)])), Plan::Fulfil(vec![part("F3", &[("L3", 1)])]));
        let Plan::Refuse(why) = plan(&found, None, &units(&[("TEE", 5)])) else { panic!() };
        assert_eq!(why, "no location has 1 TEE left to fulfil; compare what was shipped");
    }

    #[test]
    fn what_is_on_hold_is_waited_for() {
        let found = page(vec![order("F1", "ON_HOLD", "East", &[("L1", "TEE", 1)])]);
        assert!(matches!(plan(&found, None, &units(&[("TEE", 1)])), Plan::Later(_)));
        assert!(matches!(plan(&found, None, &units(&[("TEE", 2)])), Plan::Refuse(_)));
    }

    #[test]
    fn what_is_not_wholly_seen_is_refused() {
        let mut found = page(vec![order("F1", "OPEN", "East", &[("L1", "TEE", 1)])]);
        found.nodes[0].line_items.page_info.has_next_page = true;
        assert!(matches!(plan(&found, None, &units(&[("TEE", 1)])), Plan::Refuse(_)));
        assert!(matches!(plan(&page(Vec::new()), None, &Units::new()), Plan::Refuse(_)));
    }
}
