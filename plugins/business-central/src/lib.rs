//! Carries MasonHub's events into Dynamics 365 Business Central, over its API v2.0.
//!
//! A handler looks, lets the mapping decide what is missing, does one thing, and looks again: so it does
//! not matter whether an earlier attempt, a redelivery or an operator has done part of it before, nor
//! whether what Business Central answered to a posting is true.
//!
//! | module | what is in it |
//! |---|---|
//! | `orders` | parcels, and what will not be shipped |
//! | `receipts` | inbound shipments |
//! | `returns` | returns |
//! | `stock` | absolute counts |
//! | `confirm` | the round trip: reading all of it back |
//! | `erp` | the API: reads, changes, postings, what an answer means |
//! | `map` | what to do about what was found: pure, and tested without a host |

mod confirm;
mod erp;
mod map;
mod orders;
mod receipts;
mod returns;
mod stock;

use erp::Erp;
use mortar_sdk::inbound_shipment_events::{InboundShipment, InboundShipmentEvents};
use mortar_sdk::inventory_events::{Inventory, InventoryEvents};
use mortar_sdk::order_events::{Order, OrderEvents};
use mortar_sdk::order_resolutions::{OrderResolutions, RequestKind, Resolution};
use mortar_sdk::return_events::{ReturnEvents, ReturnShipment};
use mortar_sdk::round_trip::{Confirmation, RoundTrip};
use mortar_sdk::{Delivery, Failure, Outcome, ignored};

struct BusinessCentral;

mortar_sdk::export!(BusinessCentral: order_events, order_resolutions, inbound_shipment_events, inventory_events, return_events, round_trip);

impl OrderEvents for BusinessCentral {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "order.fulfilled" | "order.partially_shipped" | "order.shipped" => orders::fulfil(&Erp::new(&delivery)?, &order),
            "order.cancelled" => orders::cancel(&Erp::new(&delivery)?, &order.number),
            other => ignored(format!("nothing changes in Business Central with {other}")),
        }
    }
}

impl OrderResolutions for BusinessCentral {
    fn handle(delivery: Delivery, resolution: Resolution) -> Result<Outcome, Failure> {
        match (resolution.request, resolution.succeeded) {
            (RequestKind::Cancel, true) => orders::cancel(&Erp::new(&delivery)?, &resolution.order),
            (RequestKind::Cancel, false) => ignored("the cancellation was refused, so the order stays as it is"),
            (RequestKind::Update, _) => ignored("a change of the order is not carried into Business Central"),
        }
    }
}

impl InboundShipmentEvents for BusinessCentral {
    fn handle(delivery: Delivery, shipment: InboundShipment) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "inbound_shipment.received" => receipts::receive(&Erp::new(&delivery)?, &shipment),
            other => ignored(format!("nothing changes in Business Central with {other}")),
        }
    }
}

impl InventoryEvents for BusinessCentral {
    fn handle(delivery: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        match inventory {
            Inventory::Stock(counted) => stock::count(&Erp::new(&delivery)?, &counted),
            Inventory::Snapshot(_) => ignored("a snapshot names a download, no counts"),
        }
    }
}

impl ReturnEvents for BusinessCentral {
    fn handle(delivery: Delivery, shipment: ReturnShipment) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "return.received" => returns::take_back(&Erp::new(&delivery)?, &shipment),
            other => ignored(format!("nothing changes in Business Central with {other}")),
        }
    }
}

impl RoundTrip for BusinessCentral {
    fn confirm(delivery: Delivery) -> Result<Confirmation, Failure> {
        confirm::confirm(&Erp::new(&delivery)?, &delivery)
    }
}
