//! Write a Mortar plugin in Rust.
//!
//! A plugin is ordinary code that turns one event into calls to an ERP. It implements a trait for
//! each event interface that it handles, and names them once in [`export!`]: what is exported is
//! what is subscribed to.
//!
//! ```
//! use mortar_sdk::order_events::{Order, OrderEvents};
//! use mortar_sdk::{Delivery, Failure, Outcome, Request, call, done, encode, ignored, json};
//!
//! struct Tracking;
//!
//! impl OrderEvents for Tracking {
//!     fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
//!         if delivery.event_type != "order.fulfilled" {
//!             return ignored("only fulfilled orders carry tracking numbers");
//!         }
//!         for parcel in &order.parcels {
//!             let path = format!("/orders/{}/shipments/{}", encode(&order.number), encode(&parcel.shipment_id));
//!             let request = Request::put("erp", path).json(&json!({ "tracking": parcel.tracking_number }));
//!             call(&format!("ship/{}", parcel.shipment_id), &request)?.ok()?;
//!         }
//!         done()
//!     }
//! }
//!
//! mortar_sdk::export!(Tracking: order_events);
//! # fn main() {}
//! ```
//!
//! Build it with `cargo build --release --target wasm32-wasip2` as a `cdylib`.
//!
//! # What to know
//!
//! * **A handler is durable.** When a delivery is retried, the handler runs again from the top, and
//!   each [`call`] that was answered answers from the journal. So name steps by what they do and to
//!   what (`ship/shp_001`), never by a counter, and build the same request on each attempt. A step
//!   that must be asked afresh takes its name from [`fresh`].
//! * **`?` does the right thing.** A call that could not be made ends the handler with a retry that
//!   honours the ERP's Retry-After; anything that no retry can mend ends it with a rejection whose
//!   text is for the operator. [`Response::ok`] does the same for a status that is not 2xx.
//! * **In doubt.** A write whose answer was lost on a connection without idempotency keys is never
//!   repeated blindly: look in the ERP and say what became of it ([`call_or_settle`]). A plugin that
//!   does not leaves the decision to an operator.
//! * **Nothing outlives a handler**: each attempt has a fresh instance. What must be remembered
//!   goes into [`state`].
//! * Keep the mapping in pure functions: they can be tested natively with `cargo test`. Records
//!   have `Default`, so a test names only what it needs. Host functions panic outside a host, except
//!   [`log`], which is silent there.
//!
//! | module or function | what is in it |
//! |---|---|
//! | [`order_events`], [`order_resolutions`], [`inbound_shipment_events`], [`inventory_events`], [`return_events`] | the trait and the records of each event family |
//! | [`any_event`] | every event, as raw JSON |
//! | [`round_trip`] | reading back from the ERP that an event has arrived |
//! | [`call()`], [`call_or_settle`], [`settle`], [`Request`], [`Response`], [`encode`] | calls to the ERP |
//! | [`Mends`] | what mends a refusal, and so how the attempt ends |
//! | [`Steps`] | names of steps: of one attempt alone, or for what must not be done twice |
//! | [`graphql`] | documents of GraphQL, and what their answers say |
//! | [`mail`] | e-mail |
//! | [`mapping`] | what mappings to ERPs have in common: units, goods, counts, raw records |
//! | [`config()`], [`state`], [`log`] | settings, memory, lines for the operator |
//! | [`done`], [`ignored`], [`Failure`] | how a handler ends |
//!
//! A plugin that reads its own types (settings, answers, state) depends on `serde` for their
//! `#[derive(Deserialize)]`; nothing else is needed beside this crate.

#[doc(hidden)]
pub mod bindings;
mod call;
mod failure;
pub mod grants;
pub mod graphql;
pub mod interfaces;
pub mod log;
pub mod mail;
pub mod mapping;
pub mod state;
mod steps;

pub use bindings::mortar::plugin::connection::{CallError, Request, Response, Settlement, Unavailable};
pub use bindings::mortar::plugin::types::{Delivery, Failure, Outcome, Retry};
pub use call::{call, call_or_settle, encode, fresh, settle};
pub use failure::Mends;
pub use interfaces::{any_event, inbound_shipment_events, inventory_events, order_events, order_resolutions, return_events, round_trip};
use serde::de::DeserializeOwned;
#[doc(no_inline)]
pub use serde_json::{Value as Json, json};
pub use steps::Steps;

/// Ends a handler: the ERP now says what the event said.
///
/// # Errors
/// None; it has the handler's return type so that it can be its last line.
pub fn done() -> Result<Outcome, Failure> {
    Ok(Outcome::Done)
}

/// Ends a handler: nothing had to be done. Operators can list the reason.
///
/// # Errors
/// None; it has the handler's return type so that it can be its last line.
pub fn ignored(reason: impl Into<String>) -> Result<Outcome, Failure> {
    Ok(Outcome::Ignored(reason.into()))
}

/// Reads the `[config]` table of `plugin.toml`.
///
/// # Errors
/// A rejection that says what does not fit.
pub fn config<T: DeserializeOwned>() -> Result<T, Failure> {
    read_config(&bindings::mortar::plugin::config::json())
}

fn read_config<T: DeserializeOwned>(json: &str) -> Result<T, Failure> {
    // By way of a value, because a line and column of the JSON would mislead whoever reads the TOML.
    serde_json::from_str(json)
        .and_then(serde_json::from_value::<T>)
        .map_err(|error| Failure::reject(format!("[config] in plugin.toml: {error}")))
}

/// Exports the plugin's handlers, and so subscribes to their events.
///
/// `export!(MyPlugin: order_events, inventory_events);` needs `MyPlugin` to implement
/// [`OrderEvents`](order_events::OrderEvents) and
/// [`InventoryEvents`](inventory_events::InventoryEvents). Once in a crate.
#[macro_export]
macro_rules! export {
    ($plugin:ident: $($interface:ident),+ $(,)?) => {
        $(
            // Outside WebAssembly nothing is exported, so that the crate can be tested natively.
            #[cfg(target_arch = "wasm32")]
            #[allow(unsafe_code)]
            const _: () = {
                $crate::bindings::$interface::export!($plugin with_types_in $crate::bindings::$interface);
            };
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn() = || {
                fn implements<T: $crate::bindings::$interface::interface::Guest>() {}
                implements::<$plugin>();
            };
        )+
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Settings {
        warehouse: String,
    }

    #[test]
    fn config_is_typed_and_a_misfit_names_the_field() {
        assert_eq!(read_config(r#"{"warehouse":"FN1"}"#), Ok(Settings { warehouse: "FN1".into() }));
        assert_eq!(read_config::<Settings>("{}"), Err(Failure::reject("[config] in plugin.toml: missing field `warehouse`")));
    }
}
