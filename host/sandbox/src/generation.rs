//! One loaded version of a plugin, and the handlers that it exports.

use std::sync::Arc;

use mortar_bindings::imports::mortar::plugin::types::{Delivery, Failure, Outcome};
use mortar_bindings::round_trip::exports::mortar::events::round_trip::Confirmation;
use mortar_bindings::{any_event, inbound_shipment_events, inventory_events, order_events, order_resolutions, return_events, round_trip};
use mortar_core::event::{Family, TypedEvent};
use mortar_core::plugin::{PluginSettings, Provenance};
use mortar_core::ports::{BoxFuture, Confirmed, Handler, Host, Plugin, Ran, Run};
use wasmtime::component::InstancePre;
use wasmtime::{Engine, Result, Store};

use crate::config::PluginConfig;
use crate::context::Context;
use crate::convert;
use crate::run;

/// One loaded version of a plugin.
pub(crate) struct Generation {
    pub(crate) name: String,
    /// Of the component and the settings.
    pub(crate) digest: Arc<str>,
    /// The component's own.
    pub(crate) component: Arc<str>,
    pub(crate) provenance: Arc<Provenance>,
    pub(crate) settings: Arc<PluginSettings>,
    pub(crate) config: Arc<PluginConfig>,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) engine: Engine,
}

impl Generation {
    /// The generation as the pipeline knows it.
    pub(crate) fn plugin(self) -> Plugin {
        Plugin {
            name: self.name.clone(),
            digest: self.digest.clone(),
            component: self.component.clone(),
            provenance: self.provenance.clone(),
            families: self.handlers.families(),
            any_event: self.handlers.any_event(),
            round_trip: self.handlers.round_trip(),
            settings: self.settings.clone(),
            handler: Arc::new(self),
        }
    }
}

impl Handler for Generation {
    fn run(&self, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran> {
        Box::pin(run::run(self, run, typed, host))
    }

    fn confirm(&self, run: Run, host: Arc<dyn Host>) -> BoxFuture<'_, Confirmed> {
        Box::pin(run::confirm(self, run, host))
    }
}

/// Declares the handlers, one for each interface that an event can be delivered through.
macro_rules! handlers {
    ($($module:ident: $interface:literal,)+) => {
        /// The interfaces of `mortar:events` that a component exports, ready to be instantiated.
        pub(crate) struct Handlers {
            $($module: Option<$module::HandlerPre<Context>>,)+
            /// No handler: it runs after one.
            round_trip: Option<round_trip::HandlerPre<Context>>,
        }

        impl Handlers {
            /// The interfaces that make a component a plugin.
            pub(crate) const INTERFACES: &[&str] = &[$($interface),+];

            /// Finds the handlers of a component that exports these interfaces.
            pub(crate) fn new(component: &InstancePre<Context>, exports: impl Fn(&str) -> bool) -> Result<Self> {
                Ok(Self {
                    $($module: exports($interface).then(|| $module::HandlerPre::new(component.clone())).transpose()?,)+
                    round_trip: exports("round-trip").then(|| round_trip::HandlerPre::new(component.clone())).transpose()?,
                })
            }

            /// Instantiates the component for each handler, each time in a new store: only this
            /// shows whether the handlers have the shape that the contract gives them.
            pub(crate) async fn prove(&self, store: impl Fn() -> Store<Context>) -> Result<()> {
                $(if let Some(handler) = &self.$module {
                    handler.instantiate_async(&mut store()).await?;
                })+
                if let Some(round_trip) = &self.round_trip {
                    round_trip.instantiate_async(&mut store()).await?;
                }
                Ok(())
            }
        }
    };
}

handlers! {
    any_event: "any-event",
    order_events: "order-events",
    order_resolutions: "order-resolutions",
    inbound_shipment_events: "inbound-shipment-events",
    inventory_events: "inventory-events",
    return_events: "return-events",
}

impl Handlers {
    /// The typed families that are handled.
    pub(crate) fn families(&self) -> Vec<Family> {
        let handled = |family: &Family| match family {
            Family::OrderEvents => self.order_events.is_some(),
            Family::OrderResolutions => self.order_resolutions.is_some(),
            Family::InboundShipmentEvents => self.inbound_shipment_events.is_some(),
            Family::InventoryEvents => self.inventory_events.is_some(),
            Family::ReturnEvents => self.return_events.is_some(),
        };
        Family::ALL.into_iter().filter(handled).collect()
    }

    /// True where raw events are handled.
    pub(crate) fn any_event(&self) -> bool {
        self.any_event.is_some()
    }

    /// True where it reads back from the ERP.
    pub(crate) fn round_trip(&self) -> bool {
        self.round_trip.is_some()
    }

    /// Instantiates the component and calls its `confirm`. None where it has none.
    pub(crate) async fn confirm(
        &self,
        store: &mut Store<Context>,
        delivery: &Delivery,
    ) -> Result<Option<std::result::Result<Confirmation, Failure>>> {
        let Some(round_trip) = &self.round_trip else { return Ok(None) };
        let instance = round_trip.instantiate_async(&mut *store).await?;
        instance.mortar_events_round_trip().call_confirm(store, delivery).await.map(Some)
    }

    /// Instantiates the component and calls its handler: the typed one where it has it and the
    /// event could be read, else the raw one. None where there is neither.
    pub(crate) async fn handle(
        &self,
        store: &mut Store<Context>,
        delivery: &Delivery,
        typed: Option<TypedEvent>,
    ) -> Result<Option<std::result::Result<Outcome, Failure>>> {
        let answer = match (typed, self) {
            (Some(TypedEvent::Order(order)), Self { order_events: Some(handler), .. }) => {
                let instance = handler.instantiate_async(&mut *store).await?;
                instance.mortar_events_order_events().call_handle(store, delivery, &convert::order(order)).await?
            }
            (Some(TypedEvent::Resolution(resolution)), Self { order_resolutions: Some(handler), .. }) => {
                let instance = handler.instantiate_async(&mut *store).await?;
                instance.mortar_events_order_resolutions().call_handle(store, delivery, &convert::resolution(resolution)).await?
            }
            (Some(TypedEvent::InboundShipment(shipment)), Self { inbound_shipment_events: Some(handler), .. }) => {
                let instance = handler.instantiate_async(&mut *store).await?;
                instance.mortar_events_inbound_shipment_events().call_handle(store, delivery, &convert::inbound_shipment(shipment)).await?
            }
            (Some(TypedEvent::Inventory(inventory)), Self { inventory_events: Some(handler), .. }) => {
                let instance = handler.instantiate_async(&mut *store).await?;
                instance.mortar_events_inventory_events().call_handle(store, delivery, &convert::inventory(inventory)).await?
            }
            (Some(TypedEvent::Return(shipment)), Self { return_events: Some(handler), .. }) => {
                let instance = handler.instantiate_async(&mut *store).await?;
                instance.mortar_events_return_events().call_handle(store, delivery, &convert::return_shipment(shipment)).await?
            }
            (_, Self { any_event: Some(handler), .. }) => {
                let instance = handler.instantiate_async(&mut *store).await?;
                instance.mortar_events_any_event().call_handle(store, delivery).await?
            }
            _ => return Ok(None),
        };
        Ok(Some(answer))
    }
}
