//! What Vendure has no place for, in words. The same words each time: a note is known by them.

use std::collections::BTreeMap;

use mortar_sdk::order_resolutions::{RequestKind, Resolution};
use mortar_sdk::return_events::ReturnShipment;

/// What the warehouse decided.
pub(crate) fn decision(resolution: &Resolution) -> String {
    let did = if resolution.succeeded { "made" } else { "refused" };
    let what = match resolution.request {
        RequestKind::Update => "change",
        RequestKind::Cancel => "cancellation",
    };
    let asked = resolution.created_at.as_deref().map_or_else(String::new, |at| format!(" of {at}"));
    let why = resolution.reason.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    format!("MasonHub {did} the requested {what}{asked}{why}")
}

/// What came back, by order.
pub(crate) fn returned(shipment: &ReturnShipment) -> BTreeMap<&str, String> {
    let mut orders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in shipment.lines.iter().filter(|line| line.received > 0) {
        let Some(order) = line.order.as_deref() else { continue };
        let damaged = if line.damaged > 0 { format!(" ({} damaged)", line.damaged) } else { String::new() };
        orders.entry(order).or_default().push(format!("{} {}{damaged}", line.received, line.sku));
    }
    let note = |lines: Vec<String>| format!("MasonHub received return {}: {}", shipment.number, lines.join(", "));
    orders.into_iter().map(|(order, lines)| (order, note(lines))).collect()
}

#[cfg(test)]
mod tests {
    use mortar_sdk::return_events::ReturnLine;

    use super::*;

    #[test]
    fn a_decision_is_told_with_its_reason() {
        let refused = Resolution {
            request: RequestKind::Cancel,
            order: "ABC".into(),
            succeeded: false,
            status: "failure".into(),
            reason: Some("packed".into()),
            created_at: Some("2026-01-05".into()),
            updated_at: None,
        };
        assert_eq!(decision(&refused), "MasonHub refused the requested cancellation of 2026-01-05: packed");
        let made = Resolution { request: RequestKind::Update, succeeded: true, reason: None, ..refused };
        assert_eq!(decision(&made), "MasonHub made the requested change of 2026-01-05");
    }

    #[test]
    fn a_return_is_told_to_each_order_that_it_came_from() {
        let line = |order: Option<&str>, sku: &str, received, damaged| ReturnLine {
            order: order.map(Into::into),
            sku: sku.into(),
            received,
            damaged,
            ..ReturnLine::default()
        };
        let lines =
            vec![line(Some("A"), "TEE", 2, 1), line(Some("B"), "HAT", 1, 0), line(None, "SOCK", 1, 0), line(Some("B"), "TEE", 0, 0)];
        let shipment = ReturnShipment { number: "RMA-1".into(), lines, ..ReturnShipment::default() };
        let notes = [("A", "MasonHub received return RMA-1: 2 TEE (1 damaged)"), ("B", "MasonHub received return RMA-1: 1 HAT")];
        assert_eq!(returned(&shipment), notes.map(|(order, note)| (order, note.to_owned())).into());
    }
}
