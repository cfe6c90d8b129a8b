//! Absolute counts.

use mortar_tests::callbacks::counted;

use super::Erp;

#[tokio::test]
async fn a_location_holds_what_was_counted_and_only_what_differs_is_written() {
    let erp = Erp::start().await;
    let shopify = &erp.service.vendor;
    shopify.stock("TEE-BLU-M", "MasonHub", 1000);
    shopify.stock("HAT-GRN-U", "Elsewhere", 1000);
    erp.arrives(&counted("TEE-BLU-M", &[("available", 200), ("allocated", 100), ("damaged", 5)], 10)).await;
    assert_eq!((shopify.on_hand("TEE-BLU-M"), erp.writes()), (300, 1));
    erp.arrives(&counted("TEE-BLU-M", &[("available", 300)], 20)).await;
    assert_eq!(erp.writes(), 1);
    let elsewhere = erp.dies(&counted("HAT-GRN-U", &[("available", 1)], 10)).await;
    assert!(elsewhere.contains("HAT-GRN-U is not stocked at `MasonHub` in Shopify"), "{elsewhere}");
    let unknown = erp.dies(&counted("NO-SUCH-SKU", &[("available", 1)], 10)).await;
    assert!(unknown.contains("Shopify has no inventory item with the SKU NO-SUCH-SKU"), "{unknown}");
}

#[tokio::test]
async fn what_moved_between_reading_and_writing_is_read_again() {
    let erp = Erp::start().await;
    let shopify = &erp.service.vendor;
    shopify.stock("TEE-BLU-M", "MasonHub", 1000);
    shopify.sells_meanwhile(7);
    let story = erp.arrives(&counted("TEE-BLU-M", &[("available", 300)], 10)).await;
    let reasons: Vec<_> = story.deliveries[0].attempts.iter().filter_map(|a| a.reason.as_deref()).collect();
    assert!(reasons.len() == 1 && reasons[0].contains("CHANGE_FROM_QUANTITY_STALE"), "{reasons:?}");
    assert_eq!((shopify.on_hand("TEE-BLU-M"), erp.writes()), (300, 2));
}
