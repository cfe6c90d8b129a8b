//! Parcels of an order.

use crate::log;
use crate::order_events::{Order, Parcel};

/// The parcels that have a tracking number, with it. The others are noted in the log: a later event has
/// theirs.
#[must_use]
pub fn tracked(order: &Order) -> Vec<(&Parcel, &str)> {
    let mut ready = Vec::new();
    for parcel in &order.parcels {
        match parcel.tracking_number.as_deref().filter(|tracking| !tracking.is_empty()) {
            Some(tracking) => ready.push((parcel, tracking)),
            None => log::info!("parcel {} has no tracking number yet", parcel.shipment_id),
        }
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_without_a_tracking_number_waits_for_it() {
        let parcel = |id: &str, tracking: Option<&str>| Parcel {
            shipment_id: id.into(),
            tracking_number: tracking.map(Into::into),
            ..Parcel::default()
        };
        let order = Order { parcels: vec![parcel("a", None), parcel("b", Some("")), parcel("c", Some("1Z1"))], ..Order::default() };
        let tracked: Vec<_> = tracked(&order).into_iter().map(|(parcel, tracking)| (parcel.shipment_id.as_str(), tracking)).collect();
        assert_eq!(tracked, [("c", "1Z1")]);
    }
}
