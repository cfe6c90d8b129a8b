//! What wit-bindgen makes of the contract: the imports once, and one module per event interface,
//! so that a plugin exports exactly those that it names.
#![allow(clippy::all, missing_docs, unreachable_pub, unsafe_code)]

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "package mortar:sdk; world sdk { include mortar:plugin/imports@0.1.0; import mortar:events/common@0.1.0; }",
    world: "mortar:sdk/sdk",
    generate_all,
    generate_unused_types: true,
    additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
    additional_type_attributes: {
        "mortar:plugin/types@0.1.0/delivery": [#[derive(Default)] #[serde(default)]],
        "mortar:plugin/mail@0.1.0/message": [#[derive(Default)] #[serde(default)]],
        "mortar:events/common@0.1.0/line-item": [#[derive(Default)] #[serde(default)]],
    },
});

/// What version 0.2 of `mortar:plugin` adds.
pub mod since_0_2 {
    wit_bindgen::generate!({
        path: "../../../wit/since/0.2",
        inline: "package mortar:sdk-since; world since { include mortar:plugin/imports@0.2.0; }",
        generate_all,
    });
}

/// One module per interface that a plugin can export. The types of `mortar:plugin` and
/// `mortar:events/common` are those generated above, so they are the same in every module.
macro_rules! interface {
    (
        $module:ident, $world:literal,
        with: { $($shared:literal: $path:path),* },
        records: [$($record:literal),*],
        types: { $($types:tt)* },
        members: { $($members:tt)* } $(,)?
    ) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../../wit",
                inline: $world,
                with: { "mortar:plugin/types@0.1.0": crate::bindings::mortar::plugin::types, $($shared: $path),* },
                generate_all,
                pub_export_macro: true,
                additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
                additional_type_attributes: { $($record: [#[derive(Default)] #[serde(default)]],)* $($types)* },
                additional_member_attributes: { $($members)* },
            });

            pub use self::exports::mortar::events::$module as interface;
        }
    };
}

interface! {
    order_events, "package mortar:sdk-order-events; world order-events { export mortar:events/order-events@0.1.0; }",
    with: { "mortar:events/common@0.1.0": crate::bindings::mortar::events::common },
    records: [
        "mortar:events/order-events@0.1.0/parcel",
        "mortar:events/order-events@0.1.0/short",
        "mortar:events/order-events@0.1.0/order"
    ],
    types: {},
    members: {},
}

interface! {
    order_resolutions, "package mortar:sdk-order-resolutions; world order-resolutions { export mortar:events/order-resolutions@0.1.0; }",
    with: {},
    records: ["mortar:events/order-resolutions@0.1.0/resolution"],
    types: { "mortar:events/order-resolutions@0.1.0/request-kind": [#[derive(Default)] #[serde(rename_all = "kebab-case")]] },
    members: { "mortar:events/order-resolutions@0.1.0/request-kind.update": [#[default]] },
}

interface! {
    inbound_shipment_events,
    "package mortar:sdk-inbound-shipment-events; world inbound-shipment-events { export mortar:events/inbound-shipment-events@0.1.0; }",
    with: {},
    records: [
        "mortar:events/inbound-shipment-events@0.1.0/receipt",
        "mortar:events/inbound-shipment-events@0.1.0/inbound-line",
        "mortar:events/inbound-shipment-events@0.1.0/inbound-shipment"
    ],
    types: {},
    members: {},
}

interface! {
    inventory_events, "package mortar:sdk-inventory-events; world inventory-events { export mortar:events/inventory-events@0.1.0; }",
    with: {},
    records: [
        "mortar:events/inventory-events@0.1.0/status-count",
        "mortar:events/inventory-events@0.1.0/movement",
        "mortar:events/inventory-events@0.1.0/stock",
        "mortar:events/inventory-events@0.1.0/snapshot"
    ],
    types: { "mortar:events/inventory-events@0.1.0/inventory": [#[serde(rename_all = "kebab-case")]] },
    members: {},
}

interface! {
    return_events, "package mortar:sdk-return-events; world return-events { export mortar:events/return-events@0.1.0; }",
    with: {},
    records: [
        "mortar:events/return-events@0.1.0/receipt",
        "mortar:events/return-events@0.1.0/return-line",
        "mortar:events/return-events@0.1.0/return-shipment"
    ],
    types: {},
    members: {},
}

interface! {
    any_event, "package mortar:sdk-any-event; world any-event { export mortar:events/any-event@0.1.0; }",
    with: {},
    records: [],
    types: {},
    members: {},
}

interface! {
    round_trip, "package mortar:sdk-round-trip; world round-trip { export mortar:events/round-trip@0.1.0; }",
    with: {},
    records: ["mortar:events/round-trip@0.1.0/mismatch"],
    types: {},
    members: {},
}
