//! Carries MasonHub's events into NetSuite, over SuiteTalk REST.
//!
//! A handler looks, lets the mapping decide what is missing, and writes that, each record under an
//! external id of its own: so it does not matter whether an earlier attempt, a redelivery or an
//! operator has done part of it before.
//!
//! | module | what is in it |
//! |---|---|
//! | `orders` | parcels, and what will not be shipped |
//! | `goods` | goods that came in: inbound shipments and returns |
//! | `stock` | absolute counts |
//! | `confirm` | the round trip: reading all of it back |
//! | `records` | the records of NetSuite that the others look at |
//! | `erp` | SuiteQL, writes, what an answer means |
//! | `map` | what to do about what was found: pure, and tested without a host |

mod confirm;
mod erp;
mod goods;
mod map;
mod orders;
mod records;
mod stock;

use erp::Erp;
use mortar_sdk::inbound_shipment_events::{InboundShipment, InboundShipmentEvents};
use mortar_sdk::inventory_events::{Inventory, InventoryEvents};
use mortar_sdk::order_events::{Order, OrderEvents};
use mortar_sdk::order_resolutions::{OrderResolutions, RequestKind, Resolution};
use mortar_sdk::return_events::{ReturnEvents, ReturnShipment};
use mortar_sdk::round_trip::{Confirmation, RoundTrip};
use mortar_sdk::{Delivery, Failure, Outcome, ignored};

struct NetSuite;

mortar_sdk::export!(NetSuite: order_events, order_resolutions, inbound_shipment_events, inventory_events, return_events, round_trip);

impl OrderEvents for NetSuite {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "order.fulfilled" | "order.partially_shipped" | "order.shipped" => orders::fulfil(&Erp::new(&delivery)?, &order),
            "order.cancelled" => orders::cancel(&Erp::new(&delivery)?, &order.number),
            other => ignored(format!("nothing changes in NetSuite with {other}")),
        }
    }
}

impl OrderResolutions for NetSuite {
    fn handle(delivery: Delivery, resolution: Resolution) -> Result<Outcome, Failure> {
        match (resolution.request, resolution.succeeded) {
            (RequestKind::Cancel, true) => orders::cancel(&Erp::new(&delivery)?, &resolution.order),
            (RequestKind::Cancel, false) => ignored("the cancellation was refused, so the order stays as it is"),
            (RequestKind::Update, _) => ignored("a change of the order is not carried into NetSuite"),
        }
    }
}

impl InboundShipmentEvents for NetSuite {
    fn handle(delivery: Delivery, shipment: InboundShipment) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "inbound_shipment.received" => goods::receive(&Erp::new(&delivery)?, &shipment),
            other => ignored(format!("nothing changes in NetSuite with {other}")),
        }
    }
}

impl InventoryEvents for NetSuite {
    fn handle(delivery: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        match inventory {
            Inventory::Stock(counted) => stock::count(&Erp::new(&delivery)?, &counted),
            Inventory::Snapshot(_) => ignored("a snapshot names a download, no counts"),
        }
    }
}

impl ReturnEvents for NetSuite {
    fn handle(delivery: Delivery, shipment: ReturnShipment) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "return.received" => goods::take_back(&Erp::new(&delivery)?, &shipment),
            other => ignored(format!("nothing changes in NetSuite with {other}")),
        }
    }
}

impl RoundTrip for NetSuite {
    fn confirm(delivery: Delivery) -> Result<Confirmation, Failure> {
        confirm::confirm(&Erp::new(&delivery)?, &delivery)
    }
}
