//! Parcels, cancellations, and what goes wrong on the way.

use mortar_core::delivery::State;
use mortar_tests::callbacks::{cancelled, fulfilled, resolved};
use mortar_tests::fixtures::event_id;
use serde_json::json;

use super::Erp;
use super::double::refused;
use crate::service::{Reply, Wrong};

#[tokio::test]
async fn one_parcel_and_its_redelivery() {
    let erp = Erp::start().await;
    erp.service.vendor.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 3)]);
    let parcel = || fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let callback = parcel();
    let story = erp.arrives(&callback).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1);
    assert_eq!(erp.host.send(&callback).await.json()["duplicates"], 1);
    // The same under another message id.
    erp.arrives(&parcel()).await;
    let netsuite = &erp.service.vendor;
    assert_eq!((netsuite.shipped("1Z01"), netsuite.number("ItemShip"), netsuite.held("TEE-BLU-M", 6)), (1, 1, 97));
    assert_eq!(erp.writes().len(), 1);
    assert_eq!(netsuite.value("select externalid from txn where type = 'ItemShip'"), "masonhub.SO-1.shp_1");
}

#[tokio::test]
async fn parcels_of_several_events_each_take_their_part_and_what_is_short_stays_open() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    netsuite.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 5), ("PANT-NVY-L", 2)]);
    let first = fulfilled(
        "SO-1",
        &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)]), ("shp_2", "9402", "USPS", &[("TEE-BLU-M", 2), ("PANT-NVY-L", 1)])],
        &[],
    );
    let second = fulfilled("SO-1", &[("shp_3", "1Z03", "UPS", &[("TEE-BLU-M", 1)])], &[("PANT-NVY-L", 1)]);
    erp.host.send(&first).await;
    erp.host.send(&second).await;
    erp.confirmed(&first).await;
    erp.confirmed(&second).await;
    assert_eq!(["1Z01", "9402", "1Z03"].map(|tracking| netsuite.shipped(tracking)), [1, 1, 1]);
    assert_eq!((netsuite.held("TEE-BLU-M", 6), netsuite.held("PANT-NVY-L", 6)), (95, 99));
    assert_eq!(netsuite.value("select status from txn where tranid = 'SO-1'"), "D", "a unit that is short waits for people");
}

#[tokio::test]
async fn what_was_fulfilled_by_hand_gets_its_number() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    netsuite.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]);
    netsuite.make_by_hand("ItemShip", "SO-1", &[(1, 3)]);
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)]), ("shp_2", "1Z02", "UPS", &[("PANT-NVY-L", 1)])], &[]);
    erp.arrives(&callback).await;
    assert_eq!((netsuite.shipped("1Z01"), netsuite.shipped("1Z02"), netsuite.number("ItemShip")), (1, 1, 2));
    assert_eq!((netsuite.held("TEE-BLU-M", 6), netsuite.held("PANT-NVY-L", 6)), (97, 99));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_settled_by_looking() {
    for (wrong, requests) in [(Wrong::AnswerLost, 1), (Wrong::RequestLost, 2)] {
        let erp = Erp::start().await;
        erp.service.vendor.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 3)]);
        erp.service.next("POST", "!transform", wrong);
        let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
        erp.arrives(&callback).await;
        assert_eq!((erp.service.vendor.shipped("1Z01"), erp.service.vendor.held("TEE-BLU-M", 6)), (1, 98));
        assert_eq!(erp.writes().len(), requests, "{:?}", erp.writes());
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let erp = Erp::start().await;
    erp.service.vendor.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 3)]);
    erp.service.next("POST", "/query/", Wrong::Answer(refused(401, "INVALID_LOGIN", "Invalid login attempt.").0));
    let busy = refused(429, "CONCURRENCY_LIMIT_EXCEEDED", "Request limit exceeded.").0.header("retry-after", "1");
    erp.service.next("POST", "!transform", Wrong::Answer(busy));
    erp.service.next("POST", "!transform", Wrong::Answer(refused(400, "CONCURRENCY_LIMIT_EXCEEDED", "Request limit exceeded.").0));
    erp.service.next("POST", "!transform", Wrong::Answer(refused(500, "UNEXPECTED_ERROR", "An unexpected error occurred.").0));
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let story = erp.arrives(&callback).await;
    // How many attempts that takes depends on how often the host is asked while NetSuite wants a pause;
    // what is sent does not.
    assert_eq!(erp.writes().len(), 4, "three are refused, one is done: {:?}", erp.writes());
    assert_eq!((erp.service.vendor.shipped("1Z01"), erp.service.vendor.number("ItemShip")), (1, 1));
    let told = format!("{:?}", story.deliveries[0].attempts);
    assert!(told.contains("Mend the credentials of the connections `netsuite`"), "{told}");
}

#[tokio::test]
async fn what_netsuite_refuses_is_a_dead_letter_that_a_replay_brings_back() {
    let erp = Erp::start().await;
    erp.service.vendor.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 3)]);
    erp.service.next("POST", "!transform", Wrong::Answer(refused(400, "USER_ERROR", "The accounting period is closed.").0));
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let reason = erp.dies(&callback).await;
    for words in ["ship shp_1", "The accounting period is closed (USER_ERROR)", "then replay"] {
        assert!(reason.contains(words), "{reason}");
    }
    let story = erp.host.story(&event_id(&callback)).await.unwrap();
    let replayed = erp.host.mortar(&["dead", "replay", &story.deliveries[0].delivery.id.to_string()]).await;
    assert!(replayed.status.success(), "{replayed:?}");
    erp.confirmed(&callback).await;
    assert_eq!(erp.service.vendor.shipped("1Z01"), 1);
}

#[tokio::test]
async fn what_does_not_fit_the_order_is_a_dead_letter_that_says_what_to_do() {
    let erp = Erp::start().await;
    erp.service.vendor.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 1)]);
    erp.service.vendor.order("SalesOrd", "SO-2", "H", &[("TEE-BLU-M", 1)]);
    let parcel = |order| fulfilled(order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
    for (order, words) in [
        ("SO-1", "parcel shp_1 holds 2 TEE-BLU-M, but only 1 TEE-BLU-M of the order are left"),
        ("SO-2", "is closed in NetSuite"),
        ("SO-3", "NetSuite has no sales order whose tranid is SO-3"),
    ] {
        let reason = erp.dies(&parcel(order)).await;
        assert!(reason.contains(words) && reason.contains("then replay"), "{reason}");
    }
    assert!(erp.writes().is_empty());
}

#[tokio::test]
async fn an_order_that_waits_for_approval_is_waited_for() {
    let erp = Erp::start().await;
    erp.service.vendor.order("SalesOrd", "SO-1", "A", &[("TEE-BLU-M", 1)]);
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[]);
    erp.host.send(&callback).await;
    let waits = |story: &mortar_core::story::EventStory| !story.deliveries[0].attempts.is_empty();
    let story = erp.host.when(&event_id(&callback), waits).await;
    assert!(format!("{:?}", story.deliveries[0].attempts).contains("waits for approval"), "{story:#?}");
    erp.service.vendor.by_hand("update txn set status = 'B'");
    erp.confirmed(&callback).await;
}

#[tokio::test]
async fn a_cancellation_closes_what_has_not_left() {
    let erp = Erp::start().await;
    let netsuite = &erp.service.vendor;
    netsuite.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]);
    erp.arrives(&fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("PANT-NVY-L", 1)])], &[])).await;
    for callback in [cancelled("SO-1"), resolved("order.cancel_resolved", "SO-1", None)] {
        erp.host.send(&callback).await;
        erp.host.until(&event_id(&callback), State::Done).await;
    }
    let refusal = resolved("order.cancel_resolved", "SO-1", Some("packed"));
    erp.host.send(&refusal).await;
    erp.host.until(&event_id(&refusal), State::Ignored).await;
    assert_eq!(netsuite.value("select group_concat(id) from txnline where isclosed = 'T'"), json!("1"));
    assert_eq!(erp.writes().len(), 2, "one parcel, one cancellation");
    erp.service.kept_the_contract();
}

#[tokio::test]
async fn a_number_that_is_gone_is_a_mismatch() {
    let erp = Erp::start().await;
    erp.service.vendor.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 1)]);
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[]);
    let story = erp.arrives(&callback).await;
    erp.service.vendor.by_hand("delete from trackingnumbermap");
    let checked = erp.host.mortar(&["roundtrip", "check", &story.deliveries[0].delivery.id.to_string()]).await;
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("mismatch") && said.contains("1Z01 nowhere"), "{said}");
}

#[test]
fn the_double_fulfils_lines_that_are_not_named() {
    let double = super::Double::new(false);
    double.order("SalesOrd", "SO-1", "B", &[("TEE-BLU-M", 1), ("PANT-NVY-L", 1)]);
    let headers = [(
        "authorization",
        "OAuth realm=\"1234567_SB1\", oauth_token=\"tk\", oauth_signature_method=\"HMAC-SHA256\", oauth_signature=\"\"",
    )];
    let request = crate::service::Request {
        method: "POST".into(),
        path: "/services/rest/record/v1/salesOrder/1/!transform/itemFulfillment".into(),
        query: Vec::new(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: json!({ "item": { "items": [{ "orderLine": 1 }] } }),
    };
    let Reply { status, .. } = crate::service::Vendor::answer(&double, &request);
    assert_eq!((status, double.held("TEE-BLU-M", 6), double.held("PANT-NVY-L", 6)), (204, 99, 99));
}
