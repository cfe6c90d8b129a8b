//! Carries MasonHub's events into Vendure, over its GraphQL admin API.
//!
//! A handler reads the order with its fulfilments, lets the mapping decide what is missing, and does
//! that: so it does not matter whether an earlier attempt, a redelivery or an operator has done part of
//! it before.
//!
//! | module | what is in it |
//! |---|---|
//! | `orders` | parcels, units that are short, cancellations |
//! | `notes` | what Vendure has no place for, as notes on orders |
//! | `stock` | absolute counts |
//! | `confirm` | the round trip: reading all of it back |
//! | `shop` | Vendure's admin API: reads, mutations, what an answer means |
//! | `map` | what to do about what was found: pure, and tested without a host |

mod confirm;
mod map;
mod notes;
mod orders;
mod shop;
mod stock;

use mortar_sdk::inventory_events::{Inventory, InventoryEvents};
use mortar_sdk::order_events::{Order, OrderEvents};
use mortar_sdk::order_resolutions::{OrderResolutions, RequestKind, Resolution};
use mortar_sdk::return_events::{ReturnEvents, ReturnShipment};
use mortar_sdk::round_trip::{Confirmation, RoundTrip};
use mortar_sdk::{Delivery, Failure, Outcome, ignored};
use shop::Shop;

struct Vendure;

mortar_sdk::export!(Vendure: order_events, order_resolutions, inventory_events, return_events, round_trip);

impl OrderEvents for Vendure {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "order.fulfilled" | "order.partially_shipped" | "order.shipped" => orders::fulfil(&Shop::new(&delivery)?, &order),
            "order.delivered" => orders::deliver(&Shop::new(&delivery)?, &order),
            "order.cancelled" => orders::cancel(&Shop::new(&delivery)?, &order.number),
            other => ignored(format!("nothing changes in Vendure with {other}")),
        }
    }
}

impl OrderResolutions for Vendure {
    fn handle(delivery: Delivery, resolution: Resolution) -> Result<Outcome, Failure> {
        let shop = Shop::new(&delivery)?;
        if resolution.request == RequestKind::Cancel && resolution.succeeded {
            return orders::cancel(&shop, &resolution.order);
        }
        notes::decision(&shop, &resolution)
    }
}

impl InventoryEvents for Vendure {
    fn handle(delivery: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        match inventory {
            Inventory::Stock(counted) => stock::count(&Shop::new(&delivery)?, &counted),
            Inventory::Snapshot(_) => ignored("a snapshot names a download, no counts"),
        }
    }
}

impl ReturnEvents for Vendure {
    fn handle(delivery: Delivery, shipment: ReturnShipment) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "return.received" => notes::returned(&Shop::new(&delivery)?, &shipment),
            other => ignored(format!("nothing changes in Vendure with {other}")),
        }
    }
}

impl RoundTrip for Vendure {
    fn confirm(delivery: Delivery) -> Result<Confirmation, Failure> {
        confirm::confirm(&Shop::new(&delivery)?, &delivery)
    }
}
