//! Carries MasonHub's events into Shopify, over its GraphQL Admin API.
//!
//! A handler reads the order with its fulfillments, lets the mapping decide what is missing, and does
//! that: so it does not matter whether an earlier attempt, a redelivery or an operator has done part of
//! it before.
//!
//! | module | what is in it |
//! |---|---|
//! | `orders` | parcels, their arrival, cancellations |
//! | `stock` | absolute counts |
//! | `confirm` | the round trip: reading all of it back |
//! | `shop` | Shopify's Admin API: reads, mutations, what becomes of a refusal |
//! | `map` | what to do about what was found: pure, and tested without a host |

mod confirm;
mod map;
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

struct Shopify;

mortar_sdk::export!(Shopify: order_events, order_resolutions, inventory_events, return_events, round_trip);

impl OrderEvents for Shopify {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        match delivery.event_type.as_str() {
            "order.fulfilled" | "order.partially_shipped" | "order.shipped" => orders::fulfil(&Shop::new(&delivery)?, &order),
            "order.delivered" => orders::deliver(&Shop::new(&delivery)?, &order),
            "order.cancelled" => orders::cancel(&Shop::new(&delivery)?, &order.number),
            other => ignored(format!("nothing changes in Shopify with {other}")),
        }
    }
}

impl OrderResolutions for Shopify {
    fn handle(delivery: Delivery, resolution: Resolution) -> Result<Outcome, Failure> {
        if resolution.request == RequestKind::Cancel && resolution.succeeded {
            return orders::cancel(&Shop::new(&delivery)?, &resolution.order);
        }
        ignored("Shopify has no place for the warehouse's decision on a change, or for a refusal")
    }
}

impl InventoryEvents for Shopify {
    fn handle(delivery: Delivery, inventory: Inventory) -> Result<Outcome, Failure> {
        match inventory {
            Inventory::Stock(counted) => stock::count(&Shop::new(&delivery)?, &counted),
            Inventory::Snapshot(_) => ignored("a snapshot names a download, no counts"),
        }
    }
}

impl ReturnEvents for Shopify {
    fn handle(_: Delivery, _: ReturnShipment) -> Result<Outcome, Failure> {
        ignored("a return is opened, restocked and refunded in Shopify by people; its stock comes with the counts")
    }
}

impl RoundTrip for Shopify {
    fn confirm(delivery: Delivery) -> Result<Confirmation, Failure> {
        confirm::confirm(&Shop::new(&delivery)?, &delivery)
    }
}
