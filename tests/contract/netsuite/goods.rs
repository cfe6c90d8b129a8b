//! Goods that came in.

use mortar_tests::callbacks::{received, returned};

use super::Erp;
use crate::service::Wrong;

#[tokio::test]
async fn short_over_damaged_and_unexpected_units_are_put_where_they_belong_once() {
    for wrong in [None, Some("PurchaseOrder"), Some("inventoryAdjustment")] {
        let erp = Erp::start().await;
        let netsuite = &erp.service.vendor;
        netsuite.order("PurchOrd", "PO-1", "B", &[("TEE-BLU-M", 100), ("PANT-NVY-L", 50)]);
        if let Some(path) = wrong {
            let path = if path == "PurchaseOrder" { "!transform/itemReceipt" } else { path };
            erp.service.next("POST", path, Wrong::AnswerLost);
        }
        let came = || received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 90, 5), ("PANT-NVY-L", 50, 60, 0), ("SOCK-RED-S", 0, 25, 2)]);
        erp.arrives(&came()).await;
        erp.arrives(&came()).await;
        let held = |sku| (netsuite.held(sku, 6), netsuite.held(sku, 7));
        assert_eq!([held("TEE-BLU-M"), held("PANT-NVY-L"), held("SOCK-RED-S")], [(185, 5), (160, 0), (23, 2)], "{wrong:?}");
        assert_eq!((netsuite.number("ItemRcpt"), netsuite.number("InvAdjst")), (2, 1));
        assert_eq!(netsuite.value("select status from txn where tranid = 'PO-1'"), "D", "ten units are still to come");
    }
}

#[tokio::test]
async fn an_account_that_allows_it_receives_over_what_was_ordered() {
    let erp = Erp::with(true, |settings| settings.replace("over = false", "over = true")).await;
    let netsuite = &erp.service.vendor;
    netsuite.order("PurchOrd", "PO-1", "B", &[("TEE-BLU-M", 100)]);
    erp.arrives(&received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 110, 0)])).await;
    assert_eq!((netsuite.held("TEE-BLU-M", 6), netsuite.number("ItemRcpt"), netsuite.number("InvAdjst")), (210, 1, 0));
}

#[tokio::test]
async fn what_was_received_by_hand_is_not_received_again() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    netsuite.order("PurchOrd", "PO-1", "B", &[("TEE-BLU-M", 100)]);
    netsuite.make_by_hand("ItemRcpt", "PO-1", &[(1, 90)]);
    erp.arrives(&received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 90, 5)])).await;
    assert_eq!((netsuite.held("TEE-BLU-M", 6), netsuite.number("ItemRcpt")), (190, 1));
    // A part of the next one was received by hand as well, and nobody can say which.
    netsuite.order("PurchOrd", "PO-2", "B", &[("TEE-BLU-M", 10)]);
    netsuite.make_by_hand("ItemRcpt", "PO-2", &[(1, 4)]);
    let reason = erp.dies(&received("ASN-2", "PO-2", &[("TEE-BLU-M", 10, 10, 0)])).await;
    assert!(reason.contains("4 TEE-BLU-M are over, and the order was also received by hand"), "{reason}");
}

#[tokio::test]
async fn a_return_is_received_with_its_damaged_units_apart() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    netsuite.order("RtnAuth", "RMA-1", "B", &[("TEE-BLU-M", 3)]);
    erp.arrives(&returned("RMA-1", "SO-1", &[("TEE-BLU-M", 3, 2, 1)])).await;
    assert_eq!((netsuite.held("TEE-BLU-M", 6), netsuite.held("TEE-BLU-M", 7)), (101, 1));
    let reason = erp.dies(&returned("RMA-2", "SO-1", &[("TEE-BLU-M", 3, 2, 1)])).await;
    assert!(reason.contains("NetSuite has no return authorization whose tranid is RMA-2"), "{reason}");
}

#[tokio::test]
async fn damaged_units_without_a_place_are_a_dead_letter() {
    let erp = Erp::with(false, |settings| settings.replace("damaged = \"7\"", "")).await;
    erp.service.vendor.order("PurchOrd", "PO-1", "B", &[("TEE-BLU-M", 100)]);
    let reason = erp.dies(&received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 90, 5)])).await;
    assert!(reason.contains("[config.receipts]") && erp.writes().is_empty(), "{reason}");
}
