//! Absolute counts.

use mortar_tests::callbacks::counted;

use super::Erp;
use crate::service::Wrong;

#[tokio::test]
async fn the_inventory_is_the_newest_count() {
    let erp = Erp::start().await;
    let central = &erp.service.vendor;
    erp.arrives(&counted("TEE-BLU-M", &[("available", 200), ("allocated", 100), ("damaged", 5)], 5)).await;
    assert_eq!(central.inventory("TEE-BLU-M"), 300);
    central.touch("TEE-BLU-M");
    erp.arrives(&counted("TEE-BLU-M", &[("available", 290)], 6)).await;
    assert_eq!(central.inventory("TEE-BLU-M"), 290);
    let patches = || erp.service.writes().iter().filter(|write| write.starts_with("PATCH")).count();
    erp.arrives(&counted("TEE-BLU-M", &[("available", 290), ("damaged", 9)], 7)).await;
    assert_eq!(patches(), 2, "what is right already is not written");
}

#[tokio::test]
async fn a_lost_answer_and_a_change_meanwhile_leave_the_count() {
    for wrong in [
        Wrong::AnswerLost,
        Wrong::RequestLost,
        Wrong::Answer(super::double::failed(409, "Request_EntityChanged", "Another user has already changed the record.")),
    ] {
        let erp = Erp::start().await;
        erp.service.next("PATCH", "items", wrong);
        erp.arrives(&counted("TEE-BLU-M", &[("available", 120)], 5)).await;
        assert_eq!(erp.service.vendor.inventory("TEE-BLU-M"), 120);
    }
}

#[tokio::test]
async fn an_unknown_item_is_a_dead_letter() {
    let erp = Erp::start().await;
    let reason = erp.dies(&counted("HAT", &[("available", 1)], 5)).await;
    assert!(reason.contains("Business Central has no item HAT"), "{reason}");
}
