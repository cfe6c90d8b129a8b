//! From MasonHub's message types and statuses to event types.

use std::borrow::Cow;

use crate::event::{COUNT, EventType, Family};

/// The kinds of record that are read, not only passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Order,
    UpdateResolution,
    CancelResolution,
    InboundShipment,
    Stock,
    Snapshot,
    Return,
}

impl Kind {
    pub(super) fn of_message_type(message_type: &str) -> Option<Self> {
        Some(match folded(message_type, &mut [0; LONGEST]) {
            b"orderevent" => Self::Order,
            b"orderupdateresolution" => Self::UpdateResolution,
            b"ordercancelresolution" => Self::CancelResolution,
            b"inboundshipmentevent" => Self::InboundShipment,
            b"skuinventorychange" => Self::Stock,
            b"snapshotready" => Self::Snapshot,
            b"rmaevent" => Self::Return,
            _ => return None,
        })
    }

    pub(super) fn of_event_type(event_type: &str) -> Option<Self> {
        Some(match Family::of(event_type)? {
            Family::OrderEvents => Self::Order,
            Family::OrderResolutions if event_type == "order.cancel_resolved" => Self::CancelResolution,
            Family::OrderResolutions => Self::UpdateResolution,
            Family::InboundShipmentEvents => Self::InboundShipment,
            Family::InventoryEvents if event_type == "inventory.snapshot_ready" => Self::Snapshot,
            Family::InventoryEvents => Self::Stock,
            Family::ReturnEvents => Self::Return,
        })
    }

    /// The event type of a record in this status. An unknown status is an update.
    pub(super) fn event_type(self, status: &str) -> &'static str {
        let mut buffer = [0; LONGEST];
        let status = folded(status, &mut buffer);
        match self {
            Self::Order => order(status),
            Self::UpdateResolution => "order.update_resolved",
            Self::CancelResolution => "order.cancel_resolved",
            Self::InboundShipment => inbound_shipment(status),
            Self::Stock => COUNT,
            Self::Snapshot => "inventory.snapshot_ready",
            Self::Return => returned(status),
        }
    }
}

/// The event type of a message type that is not known, which only raw handlers can take.
pub(super) fn unknown(message_type: &str) -> EventType {
    Cow::Owned(format!("masonhub.{message_type}"))
}

fn order(status: &[u8]) -> &'static str {
    match status {
        b"open" => "order.created",
        b"atwarehouse" => "order.acknowledged",
        b"inprocess" => "order.processing",
        b"packed" => "order.packed",
        b"fulfilled" | b"completed" => "order.fulfilled",
        b"partiallytendered" => "order.partially_shipped",
        b"tendered" => "order.shipped",
        b"partiallyintransit" => "order.partially_in_transit",
        b"intransit" => "order.in_transit",
        b"partiallydelivered" => "order.partially_delivered",
        b"delivered" => "order.delivered",
        b"undeliverable" => "order.undeliverable",
        b"canceled" | b"cancelled" => "order.cancelled",
        _ => "order.updated",
    }
}

fn inbound_shipment(status: &[u8]) -> &'static str {
    match status {
        b"ondock" | b"arrived" => "inbound_shipment.arrived",
        b"receivingstarted" => "inbound_shipment.receiving_started",
        b"receivingcompleted" | b"receivingcomplete" | b"received" => "inbound_shipment.received",
        _ => "inbound_shipment.updated",
    }
}

fn returned(status: &[u8]) -> &'static str {
    match status {
        b"tendered" => "return.tendered",
        b"intransit" => "return.in_transit",
        b"delivered" => "return.delivered",
        b"undeliverable" => "return.undeliverable",
        b"ondock" | b"arrived" => "return.arrived",
        b"receivingstarted" => "return.receiving_started",
        b"receivingcompleted" | b"receivingcomplete" | b"received" => "return.received",
        _ => "return.updated",
    }
}

/// Longer than any known name.
const LONGEST: usize = 32;

/// The name in small letters without `_` and `-`: `atWarehouse` and `at_warehouse` are one. Empty
/// for a name that is longer than any known one.
pub(super) fn folded<'b>(name: &str, buffer: &'b mut [u8; LONGEST]) -> &'b [u8] {
    let mut length = 0;
    for byte in name.bytes().filter(|b| !matches!(b, b'_' | b'-')) {
        let Some(place) = buffer.get_mut(length) else { return &[] };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    &buffer[..length]
}

/// True where both names are one when folded.
pub(super) fn same(name: &str, folded_name: &str) -> bool {
    folded(name, &mut [0; LONGEST]) == folded_name.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_status_has_its_event_type() {
        let documented = [
            (Kind::Order, "open", "order.created"),
            (Kind::Order, "atWarehouse", "order.acknowledged"),
            (Kind::Order, "inProcess", "order.processing"),
            (Kind::Order, "packed", "order.packed"),
            (Kind::Order, "fulfilled", "order.fulfilled"),
            (Kind::Order, "completed", "order.fulfilled"),
            (Kind::Order, "partiallyTendered", "order.partially_shipped"),
            (Kind::Order, "tendered", "order.shipped"),
            (Kind::Order, "partiallyInTransit", "order.partially_in_transit"),
            (Kind::Order, "inTransit", "order.in_transit"),
            (Kind::Order, "partiallyDelivered", "order.partially_delivered"),
            (Kind::Order, "delivered", "order.delivered"),
            (Kind::Order, "undeliverable", "order.undeliverable"),
            (Kind::Order, "canceled", "order.cancelled"),
            (Kind::Order, "aStatusOfTomorrow", "order.updated"),
            (Kind::UpdateResolution, "success", "order.update_resolved"),
            (Kind::CancelResolution, "failure", "order.cancel_resolved"),
            (Kind::InboundShipment, "onDock", "inbound_shipment.arrived"),
            (Kind::InboundShipment, "receivingStarted", "inbound_shipment.receiving_started"),
            (Kind::InboundShipment, "receivingCompleted", "inbound_shipment.received"),
            (Kind::InboundShipment, "receivingComplete", "inbound_shipment.received"),
            (Kind::InboundShipment, "lost", "inbound_shipment.updated"),
            (Kind::Return, "tendered", "return.tendered"),
            (Kind::Return, "inTransit", "return.in_transit"),
            (Kind::Return, "delivered", "return.delivered"),
            (Kind::Return, "undeliverable", "return.undeliverable"),
            (Kind::Return, "arrived", "return.arrived"),
            (Kind::Return, "receivingStarted", "return.receiving_started"),
            (Kind::Return, "received", "return.received"),
            (Kind::Return, "lost", "return.updated"),
        ];
        for (kind, status, event_type) in documented {
            assert_eq!(kind.event_type(status), event_type, "{status}");
            let mut snake = String::new();
            for letter in status.chars() {
                if letter.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            assert_eq!(kind.event_type(&snake), event_type, "{snake}");
            assert_eq!(kind.event_type(&snake.replace('_', "-").to_uppercase()), event_type);
        }
    }

    #[test]
    fn message_types_are_folded_too() {
        assert_eq!(Kind::of_message_type("orderEvent"), Some(Kind::Order));
        assert_eq!(Kind::of_message_type("sku_inventory_change"), Some(Kind::Stock));
        assert_eq!(Kind::of_message_type("orderEvents"), None);
        assert_eq!(Kind::of_message_type(&"_".repeat(1000)), None);
        assert_eq!(Kind::of_message_type(&"orderEvent".repeat(100)), None);
        assert_eq!(unknown("driverEvent"), "masonhub.driverEvent");
    }

    #[test]
    fn a_kind_is_found_again_by_its_event_type() {
        for kind in
            [Kind::Order, Kind::UpdateResolution, Kind::CancelResolution, Kind::InboundShipment, Kind::Stock, Kind::Snapshot, Kind::Return]
        {
            assert_eq!(Kind::of_event_type(kind.event_type("")), Some(kind));
        }
        assert_eq!(Kind::of_event_type("masonhub.driverEvent"), None);
    }
}
