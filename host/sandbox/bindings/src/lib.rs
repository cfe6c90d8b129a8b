//! The contract (`wit/`) as Rust, generated, and nothing else: it is slow to compile.
//!
//! | module | what is in it |
//! |---|---|
//! | [`imports`] | what the host offers a plugin: the traits that the sandbox implements, and the shared types |
//! | [`imports_0_2`] | what it offers besides since version 0.2 |
//! | one per interface of `mortar:events` | `Handler` and `HandlerPre`, and the interface's records |
//!
//! Each interface has a world of its own, so that the host can ask a component for one at a time:
//! `HandlerPre::new` succeeds where the component exports it, and that is the subscription.

// Generated code is documented by the WIT that it comes from.
#![allow(missing_docs, clippy::all)]

pub mod imports {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        inline: "package mortar:host; world imports { include mortar:plugin/imports@0.1.0; }",
        world: "mortar:host/imports",
        imports: {
            "mortar:plugin/log": trappable,
            "mortar:plugin/config": trappable,
            default: async | trappable,
        },
    });
}

/// What version 0.2 of `mortar:plugin` adds to that.
pub mod imports_0_2 {
    wasmtime::component::bindgen!({
        path: "../../../wit/since/0.2",
        inline: "package mortar:host; world imports { include mortar:plugin/imports@0.2.0; }",
        world: "mortar:host/imports",
        imports: { default: trappable },
    });
}

/// Generates the module of one interface. Its shared types are those of [`imports`].
macro_rules! handler {
    ($module:ident, $inline:literal) => {
        pub mod $module {
            wasmtime::component::bindgen!({
                path: "../../../wit",
                inline: $inline,
                world: "mortar:host/handler",
                exports: { default: async },
                with: { "mortar:plugin/types": crate::imports::mortar::plugin::types },
            });
        }
    };
}

handler!(any_event, "package mortar:host; world handler { export mortar:events/any-event@0.1.0; }");
handler!(order_events, "package mortar:host; world handler { export mortar:events/order-events@0.1.0; }");
handler!(order_resolutions, "package mortar:host; world handler { export mortar:events/order-resolutions@0.1.0; }");
handler!(inbound_shipment_events, "package mortar:host; world handler { export mortar:events/inbound-shipment-events@0.1.0; }");
handler!(inventory_events, "package mortar:host; world handler { export mortar:events/inventory-events@0.1.0; }");
handler!(return_events, "package mortar:host; world handler { export mortar:events/return-events@0.1.0; }");
handler!(round_trip, "package mortar:host; world handler { export mortar:events/round-trip@0.1.0; }");
