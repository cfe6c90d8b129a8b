//! `mortar masonhub trigger`: the data factory of a sandbox.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::masonhub::{Api, ApiError};

/// What the data factory can make happen. The names are MasonHub's.
#[derive(Debug, Subcommand)]
pub(super) enum Trigger {
    /// Ship an order: order.fulfilled with parcels and tracking numbers
    ShipOrder {
        /// Its number
        order: String,
        /// A SKU that is not shipped; may be given several times
        #[arg(long, value_name = "SKU")]
        short: Vec<String>,
        /// Parcels that it goes in
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        parcels: u32,
    },
    /// Have the carrier report of a parcel
    OrderShipment {
        /// Its tracking number
        tracking_number: String,
        /// What is reported
        #[arg(value_parser = ["tendered", "inTransit", "delivered", "undeliverable"])]
        event: String,
    },
    /// Receive an inbound shipment
    InboundShipmentEvent {
        /// Its number
        number: String,
        /// How far it is
        #[arg(value_parser = ["onDock", "receivingStarted", "receivingCompleted"])]
        event: String,
        /// Receive other quantities than announced
        #[arg(long)]
        random_quantities: bool,
        /// Receive some as damaged, and so on
        #[arg(long)]
        random_statuses: bool,
    },
    /// Have a return come back
    RmaEvent {
        /// Its number
        number: String,
        /// How far it is
        #[arg(value_parser = ["tendered", "inTransit", "delivered", "receiveFull", "receivePartial"])]
        event: String,
        /// Receive some as damaged, and so on
        #[arg(long)]
        random_statuses: bool,
    },
    /// Add stock
    CreateAvailable(Stock),
    /// Lose stock
    LoseInventory(Stock),
    /// Decide on the pending update of an order
    ResolveOrderUpdate(Decision),
    /// Decide on the pending cancellation of an order
    ResolveOrderCancel(Decision),
}

/// Units of a SKU.
#[derive(Debug, Args)]
pub(super) struct Stock {
    /// The merchant's SKU
    sku: String,
    /// Units
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    quantity: u32,
}

/// A decision on what was asked for.
#[derive(Debug, Args)]
pub(super) struct Decision {
    /// The order's number
    order: String,
    /// Refuse it
    #[arg(long)]
    failure: bool,
}

pub(super) async fn run(trigger: &Trigger, api: &Api, dry_run: bool, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let (name, asked) = asked(trigger, api).await?;
    let answer = if dry_run { None } else { Some(api.trigger(name, &asked).await.map_err(of_sandbox)?) };
    if output.is_json() {
        output.json(&json!({"dry_run": dry_run, "trigger": name, "asked": asked, "answer": answer}))?;
    } else if dry_run {
        output.line(format_args!("would ask for {name}: {asked}"))?;
    } else {
        output.line(format_args!("{name}: done; the callbacks are on their way, see `mortar event list`"))?;
    }
    Ok(Exit::Done)
}

async fn asked(trigger: &Trigger, api: &Api) -> Result<(&'static str, Value), Failure> {
    Ok(match trigger {
        Trigger::ShipOrder { order, short, parcels } => {
            ("shipOrder", json!({"order_customer_id": order, "shorts": short, "number_of_shipments": parcels}))
        }
        Trigger::OrderShipment { tracking_number, event } => ("orderShipment", json!({"tracking_number": tracking_number, "event": event})),
        Trigger::InboundShipmentEvent { number, event, random_quantities, random_statuses } => {
            let asked = json!({
                "customer_identifier": number, "event": event,
                "randomize_receipt_qty": random_quantities, "randomize_inventory_statuses": random_statuses,
            });
            ("inboundShipmentEvent", asked)
        }
        Trigger::RmaEvent { number, event, random_statuses } => {
            ("rmaEvent", json!({"customer_identifier": number, "event": event, "randomize_inventory_statuses": random_statuses}))
        }
        Trigger::CreateAvailable(stock) => ("createAvailable", stock.asked(api).await?),
        Trigger::LoseInventory(stock) => ("loseInventory", stock.asked(api).await?),
        Trigger::ResolveOrderUpdate(decision) => {
            ("resolveOrderUpdate", decision.asked(api, "order_update_requests", "order_update_request_id").await?)
        }
        Trigger::ResolveOrderCancel(decision) => {
            ("resolveOrderCancel", decision.asked(api, "order_cancel_requests", "order_cancel_request_id").await?)
        }
    })
}

impl Stock {
    /// The data factory knows a SKU only by MasonHub's own identifier.
    async fn asked(&self, api: &Api) -> Result<Value, Failure> {
        let listed = api.list("sku_snapshots", &[("cid", &self.sku)]).await?;
        let id = listed.iter().find(|stock| stock["customer_identifier"] == self.sku.as_str()).and_then(|stock| stock["sku_id"].as_str());
        let id = id.ok_or_else(|| Failure::NotFound(format!("MasonHub knows no SKU {}", self.sku)))?;
        Ok(json!({"sku_id": id, "quantity": self.quantity}))
    }
}

impl Decision {
    async fn asked(&self, api: &Api, resource: &str, field: &str) -> Result<Value, Failure> {
        let requests = api.list(resource, &[("cid", &self.order)]).await?;
        let pending = requests.iter().find(|r| r["customer_identifier"] == self.order.as_str() && r["status"] == "pending");
        let id = pending.and_then(|request| request["id"].as_str().or(request["system_id"].as_str()));
        let id = id.ok_or_else(|| Failure::NotFound(format!("nothing is pending for the order {}", self.order)))?;
        Ok(json!({field: id, "resolution": if self.failure { "failure" } else { "success" }}))
    }
}

/// Production has no data factory.
pub(in crate::cli) fn of_sandbox(error: ApiError) -> Failure {
    match error {
        ApiError::Refused { asked, status: 403 | 404, reason } => {
            Failure::Refused(format!("MasonHub refuses {asked}: {reason}; only a sandbox has a data factory, is `url` that of one?"))
        }
        other => other.into(),
    }
}
