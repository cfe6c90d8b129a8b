//! Parcels, their arrival, cancellations, and what goes wrong on the way.

use mortar_core::delivery::State;
use mortar_tests::callbacks::{cancelled, fulfilled};
use mortar_tests::fixtures::{event_id, fresh};
use serde_json::json;

use super::{Erp, throttled};
use crate::service::{Reply, Wrong};

const WRITES: &str = "/admin/api/2026-10";
const READS: &str = "/reads/";

#[tokio::test]
async fn one_parcel_its_redelivery_and_its_arrival() {
    let erp = Erp::start().await;
    let shopify = &erp.service.vendor;
    shopify.order("#1001", "MasonHub", "OPEN", &[("TEE-BLU-M", 3)]);
    shopify.order("#10012", "MasonHub", "OPEN", &[("TEE-BLU-M", 3)]);
    let parcel = || fulfilled("1001", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let story = erp.arrives(&parcel()).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1);
    erp.arrives(&parcel()).await;
    assert_eq!((shopify.tracked("1Z01"), erp.writes()), (1, 1));
    assert_eq!(shopify.told(), ["1Z01"]);
    assert_eq!(shopify.find("#1001")["fulfillments"][0]["trackingInfo"][0]["company"], "UPS");

    let mut arrival = fresh("order.delivered");
    arrival["data"][0]["customer_identifier"] = "1001".into();
    arrival["data"][0]["shipments"] = parcel()["data"][0]["shipments"].take();
    erp.arrives(&arrival).await;
    assert!(shopify.find("#1001")["fulfillments"][0]["deliveredAt"].is_string());
}

#[tokio::test]
async fn parcels_of_several_events_each_take_their_part() {
    let erp = Erp::start().await;
    let shopify = &erp.service.vendor;
    shopify.order("#1001", "MasonHub", "OPEN", &[("TEE-BLU-M", 4), ("HAT-GRN-U", 1)]);
    let second: &[_] = &[("TEE-BLU-M", 1), ("HAT-GRN-U", 1)];
    let first = fulfilled("1001", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]), ("shp_2", "9402", "USPS", second)], &[]);
    erp.arrives(&first).await;
    erp.arrives(&fulfilled("1001", &[("shp_3", "1Z03", "UPS", &[("TEE-BLU-M", 1)])], &[])).await;
    assert_eq!(["1Z01", "9402", "1Z03"].map(|number| shopify.tracked(number)), [1, 1, 1]);
    assert_eq!(shopify.find("#1001")["fulfillmentOrders"]["nodes"][0]["status"], "CLOSED");
    let more = erp.dies(&fulfilled("1001", &[("shp_4", "1Z04", "UPS", &[("TEE-BLU-M", 1)])], &[])).await;
    assert!(more.contains("no location has 1 TEE-BLU-M left to fulfil"), "{more}");
    let unknown = erp.dies(&fulfilled("2002", &[("shp_1", "1Z05", "UPS", &[("TEE-BLU-M", 1)])], &[])).await;
    assert!(unknown.contains("Shopify has no order with the name #2002 or 2002"), "{unknown}");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_settled_by_looking() {
    for (wrong, requests) in [(Wrong::AnswerLost, 1), (Wrong::RequestLost, 2)] {
        let erp = Erp::start().await;
        erp.service.vendor.order("#1001", "MasonHub", "OPEN", &[("TEE-BLU-M", 3)]);
        erp.service.next("POST", WRITES, wrong);
        // A read that is lost is simply asked again.
        erp.service.next("POST", READS, Wrong::AnswerLost);
        erp.arrives(&fulfilled("1001", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[])).await;
        assert_eq!((erp.service.vendor.tracked("1Z01"), erp.writes()), (1, requests));
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let erp = Erp::start().await;
    let shopify = &erp.service.vendor;
    shopify.order("#1001", "MasonHub", "ON_HOLD", &[("TEE-BLU-M", 3)]);
    let callback = fulfilled("1001", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let denied = json!({ "errors": [{ "message": "Access denied", "extensions": { "code": "ACCESS_DENIED" } }] });
    let locked = json!({ "errors": "[API] This shop is unavailable" });
    let fault = json!({ "errors": [{ "message": "Internal error", "extensions": { "code": "INTERNAL_SERVER_ERROR" } }] });
    for (path, reply) in [
        (READS, throttled()),
        (READS, Reply::new(402, locked)),
        (WRITES, throttled()),
        (WRITES, Reply::new(200, denied)),
        (WRITES, Reply::new(200, fault)),
        (WRITES, Reply::new(401, json!({ "errors": "[API] Invalid API key or access token" }))),
    ] {
        erp.service.next("POST", path, Wrong::Answer(reply));
    }
    erp.host.send(&callback).await;
    let held = |reason: &Option<String>| reason.as_deref().is_some_and(|reason| reason.contains("release it there"));
    let story = erp.host.when(&event_id(&callback), |s| s.deliveries[0].attempts.iter().any(|a| held(&a.reason))).await;
    let reasons: Vec<_> = story.deliveries[0].attempts.iter().filter_map(|a| a.reason.as_deref()).collect();
    assert!(reasons[0].contains("THROTTLED"), "{reasons:?}");
    shopify.release("#1001");
    erp.host.until(&event_id(&callback), State::Done).await;
    erp.service.kept_the_contract();
    assert_eq!(shopify.tracked("1Z01"), 1);
}

#[tokio::test]
async fn what_shopify_refuses_is_a_dead_letter_with_its_words() {
    let erp = Erp::start().await;
    erp.service.vendor.order("#1001", "MasonHub", "OPEN", &[("TEE-BLU-M", 3)]);
    let refused = json!({ "data": { "fulfillmentCreate": { "fulfillment": null, "userErrors": [
        { "field": ["fulfillment", "trackingInfo"], "message": "Tracking company is too long" }
    ] } } });
    erp.service.next("POST", WRITES, Wrong::Answer(Reply::new(200, refused)));
    let reason = erp.dies(&fulfilled("1001", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[])).await;
    assert!(reason.contains("Tracking company is too long (fulfillment.trackingInfo)"), "{reason}");
    assert_eq!(erp.writes(), 1);
}

#[tokio::test]
async fn a_whole_order_is_cancelled_and_a_part_is_for_people() {
    let erp = Erp::start().await;
    let shopify = &erp.service.vendor;
    shopify.order("#1001", "MasonHub", "OPEN", &[("TEE-BLU-M", 3)]);
    shopify.order("#1002", "MasonHub", "OPEN", &[("TEE-BLU-M", 3)]);
    erp.service.next("POST", WRITES, Wrong::AnswerLost);
    erp.arrives(&cancelled("1001")).await;
    erp.arrives(&cancelled("1001")).await;
    assert!(shopify.find("#1001")["cancelledAt"].is_string());
    assert_eq!(erp.writes(), 1);
    erp.arrives(&fulfilled("1002", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[])).await;
    let reason = erp.dies(&cancelled("1002")).await;
    assert!(reason.contains("Shopify cancels whole orders only"), "{reason}");
}
