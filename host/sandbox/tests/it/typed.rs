//! Typed events: each family reaches its own handler, and no other.

use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::event::{
    InboundLine, InboundShipment, Inventory, LineItem, Order, Parcel, Receipt, Resolution, Return, Snapshot, StatusCount, Stock, TypedEvent,
};

use crate::guest::Guest;
use crate::host::{Directory, run_on, said};

pub(crate) fn order(number: &str) -> TypedEvent {
    let items = || vec![LineItem { sku: "SKU-1".into(), quantity: 2 }];
    TypedEvent::Order(Order {
        number: number.into(),
        masonhub_id: None,
        status: "shipped".into(),
        updated_at: None,
        line_items: items(),
        parcels: vec![Parcel {
            shipment_id: "shp_1".into(),
            tracking_number: Some("1Z".into()),
            tracking_url: None,
            carrier: Some("UPS".into()),
            service: None,
            shipped_at: None,
            line_items: items(),
            weight: Some(1.5),
            weight_unit: Some("LB".into()),
            carton_id: None,
            location: None,
        }],
        shorts: Vec::new(),
        partial: false,
    })
}

fn events() -> [TypedEvent; 5] {
    let receipts = || vec![Receipt { status: "available".into(), quantity: 3, notes: None }];
    let line = InboundLine {
        sku: "SKU-1".into(),
        expected: 3,
        received: 3,
        damaged: 0,
        unexpected: false,
        discrepancy_reason: None,
        receipts: receipts(),
    };
    let count = StatusCount { location_id: None, location: None, status: "available".into(), quantity: 9, as_of: None };
    [
        order("SO-1"),
        TypedEvent::Resolution(Resolution {
            order: "SO-2".into(),
            cancel: true,
            succeeded: true,
            status: "success".into(),
            reason: None,
            created_at: None,
            updated_at: None,
        }),
        TypedEvent::InboundShipment(InboundShipment {
            number: "ASN-1".into(),
            masonhub_id: None,
            status: "received".into(),
            as_of: None,
            purchase_order: None,
            location_id: None,
            arrived_at: None,
            receiving_started_at: None,
            receiving_finished_at: None,
            exceptions: None,
            lines: vec![line],
        }),
        TypedEvent::Inventory(Inventory::Stock(Stock {
            sku: "SKU-9".into(),
            masonhub_id: None,
            total: Some(9),
            available: None,
            as_of: None,
            counts: vec![count],
            movements: Vec::new(),
        })),
        TypedEvent::Return(Return {
            number: "RMA-1".into(),
            masonhub_id: None,
            status: "received".into(),
            as_of: None,
            package_id: None,
            kind: None,
            lines: Vec::new(),
        }),
    ]
}

/// A plugin that says the first text of the record, `at` bytes after the delivery's beginning.
fn first_text(interface: &str, at: u32) -> Vec<u8> {
    Guest { exports: &[interface], ..Guest::default() }
        .build(&format!("(call $ignored (i32.load offset={at} (local.get 0)) (i32.load offset={} (local.get 0)))", at + 4))
}

#[tokio::test]
async fn each_family_reaches_its_handler_and_no_other() {
    let handlers = [
        ("order-events", 64, "SO-1"),
        ("order-resolutions", 64, "SO-2"),
        ("inbound-shipment-events", 64, "ASN-1"),
        // A variant: its case stands before the record.
        ("inventory-events", 72, "SKU-9"),
        ("return-events", 64, "RMA-1"),
    ];
    for (own, (interface, at, text)) in handlers.into_iter().enumerate() {
        let plugin = Directory::with(&first_text(interface, at), "").plugin().await;
        assert_eq!(plugin.families.len(), 1);
        for (index, event) in events().into_iter().enumerate() {
            let ran = run_on(&plugin, "m1:0", Some(event)).await;
            if index == own {
                assert_eq!(said(ran), text, "{interface}");
            } else {
                assert!(matches!(ran.ending, Ending::Retry { code: ErrorCode::PluginMissing, .. }), "{interface}: {ran:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_is_the_other_case_of_inventory() {
    let plugin = Directory::with(&first_text("inventory-events", 72), "").plugin().await;
    let snapshot = Snapshot { id: "snap_1".into(), kind: Some("full".into()), download_url: None, requested_at: None };
    assert_eq!(said(run_on(&plugin, "m1:0", Some(TypedEvent::Inventory(Inventory::Snapshot(snapshot)))).await), "snap_1");
}
