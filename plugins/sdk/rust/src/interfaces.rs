//! The event interfaces: for each the trait that a plugin implements, and its records.

/// What happens to an order.
pub mod order_events {
    /// Handles order events; export it as `order_events`.
    pub use crate::bindings::order_events::interface::Guest as OrderEvents;
    pub use crate::bindings::order_events::interface::{LineItem, Order, Parcel, Short};
}

/// How the warehouse decided on a requested change of an order.
pub mod order_resolutions {
    /// Handles decisions; export it as `order_resolutions`.
    pub use crate::bindings::order_resolutions::interface::Guest as OrderResolutions;
    pub use crate::bindings::order_resolutions::interface::{RequestKind, Resolution};
}

/// Goods on their way into the warehouse.
pub mod inbound_shipment_events {
    /// Handles inbound shipment events; export it as `inbound_shipment_events`.
    pub use crate::bindings::inbound_shipment_events::interface::Guest as InboundShipmentEvents;
    pub use crate::bindings::inbound_shipment_events::interface::{InboundLine, InboundShipment, Receipt};
}

/// Stock.
pub mod inventory_events {
    /// Handles inventory events; export it as `inventory_events`.
    pub use crate::bindings::inventory_events::interface::Guest as InventoryEvents;
    pub use crate::bindings::inventory_events::interface::{Inventory, Movement, Snapshot, StatusCount, Stock};
}

/// What comes back from customers.
pub mod return_events {
    /// Handles return events; export it as `return_events`.
    pub use crate::bindings::return_events::interface::Guest as ReturnEvents;
    pub use crate::bindings::return_events::interface::{Receipt, ReturnLine, ReturnShipment};
}

/// Every event of every type, as raw JSON in `delivery.payload`.
pub mod any_event {
    /// Handles raw events; export it as `any_event`.
    pub use crate::bindings::any_event::interface::Guest as AnyEvent;
}

/// Reading back from the ERP that what the event said has arrived.
pub mod round_trip {
    /// Confirms deliveries that are done; export it as `round_trip`.
    pub use crate::bindings::round_trip::interface::Guest as RoundTrip;
    pub use crate::bindings::round_trip::interface::{Confirmation, Mismatch};
}
