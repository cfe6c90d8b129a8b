//! Absolute counts.

use mortar_tests::callbacks::counted;

use super::Erp;
use super::double::refused;
use crate::service::Wrong;

#[tokio::test]
async fn netsuite_holds_the_newest_count_and_other_locations_are_left_alone() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    erp.arrives(&counted("TEE-BLU-M", &[("available", 200), ("allocated", 100), ("damaged", 5)], 5)).await;
    assert_eq!([6, 7, 9].map(|location| netsuite.held("TEE-BLU-M", location)), [300, 5, 7]);
    erp.arrives(&counted("TEE-BLU-M", &[("available", 290), ("damaged", 5)], 6)).await;
    assert_eq!([6, 7].map(|location| netsuite.held("TEE-BLU-M", location)), [290, 5]);
    let writes = erp.writes().len();
    erp.arrives(&counted("TEE-BLU-M", &[("available", 290)], 7)).await;
    assert_eq!((writes, erp.writes().len()), (2, 2), "what is right already is not written");
}

#[tokio::test]
async fn a_lost_answer_adjusts_once() {
    for wrong in [Wrong::AnswerLost, Wrong::RequestLost, Wrong::Answer(refused(500, "UNEXPECTED_ERROR", "It is broken.").0)] {
        let erp = Erp::start().await;
        erp.service.next("POST", "inventoryAdjustment", wrong);
        erp.arrives(&counted("TEE-BLU-M", &[("available", 120)], 5)).await;
        assert_eq!((erp.service.vendor.held("TEE-BLU-M", 6), erp.service.vendor.number("InvAdjst")), (120, 1));
    }
}

#[tokio::test]
async fn what_moves_meanwhile_is_counted_again() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    // Three units are sold in NetSuite between the look and the adjustment.
    netsuite.by_hand(
        "create trigger sold after insert on txn when new.type = 'InvAdjst' and (select count(*) from txn) = 1 begin \
         update aggregateitemlocation set quantityonhand = quantityonhand - 3 where item = 40 and location = 6; end",
    );
    erp.arrives(&counted("TEE-BLU-M", &[("available", 120)], 5)).await;
    assert_eq!((netsuite.held("TEE-BLU-M", 6), netsuite.number("InvAdjst")), (120, 2));
}

#[tokio::test]
async fn an_unknown_product_is_a_dead_letter() {
    let erp = Erp::start().await;
    let reason = erp.dies(&counted("HAT", &[("available", 1)], 5)).await;
    assert!(reason.contains("NetSuite has no item whose name is HAT"), "{reason}");
}
