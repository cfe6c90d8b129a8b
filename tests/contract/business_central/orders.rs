//! Parcels, cancellations, and what goes wrong on the way.

use mortar_core::delivery::State;
use mortar_tests::callbacks::{cancelled, fulfilled};
use mortar_tests::fixtures::event_id;

use super::Erp;
use super::double::failed;
use crate::service::Wrong;

#[tokio::test]
async fn one_parcel_and_its_redelivery() {
    let erp = Erp::start().await;
    let central = &erp.service.vendor;
    central.sale("SO-1", &[("TEE-BLU-M", 3)]);
    let parcel = || fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let callback = parcel();
    let story = erp.arrives(&callback).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1);
    assert_eq!(erp.host.send(&callback).await.json()["duplicates"], 1);
    // The same under another message id; the order is shipped and invoiced, and so there no more.
    erp.arrives(&parcel()).await;
    assert_eq!((central.shipped("1Z01"), central.all("salesShipments").len(), central.inventory("TEE-BLU-M")), (1, 1, 97));
    assert!(central.all("salesOrders").is_empty());
    assert_eq!((erp.postings(), central.all("salesShipments")[0]["shippingAgentCode"].as_str()), (1, Some("UPS")));
}

#[tokio::test]
async fn parcels_of_several_events_each_take_their_part_and_what_is_short_stays_open() {
    for invoice in ["true", "false"] {
        let erp = Erp::with(|settings| settings.replace("invoice_shipments = true", &format!("invoice_shipments = {invoice}"))).await;
        let central = &erp.service.vendor;
        central.sale("SO-1", &[("TEE-BLU-M", 5), ("PANT-NVY-L", 2)]);
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
        assert_eq!(["1Z01", "9402", "1Z03"].map(|tracking| central.shipped(tracking)), [1, 1, 1], "invoiced: {invoice}");
        assert_eq!((central.inventory("TEE-BLU-M"), central.inventory("PANT-NVY-L")), (95, 99));
        assert_eq!((central.all("salesOrders").len(), erp.postings()), (1, 3), "a unit that is short waits for people");
    }
}

#[tokio::test]
async fn what_was_shipped_by_hand_gets_its_number() {
    let erp = Erp::start().await;
    let central = &erp.service.vendor;
    central.sale("SO-1", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]);
    central.post_by_hand("SO-1", &[3, 0]);
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)]), ("shp_2", "1Z02", "UPS", &[("PANT-NVY-L", 1)])], &[]);
    erp.arrives(&callback).await;
    assert_eq!((central.shipped("1Z01"), central.shipped("1Z02"), central.inventory("TEE-BLU-M"), erp.postings()), (1, 1, 97, 1));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_settled_by_looking() {
    let gateway = || failed(504, "Gateway_Timeout", "It took too long.");
    for (wrong, postings) in [(Wrong::AnswerLost, 1), (Wrong::RequestLost, 2), (Wrong::Answer(gateway()), 2)] {
        let erp = Erp::start().await;
        erp.service.vendor.sale("SO-1", &[("TEE-BLU-M", 3)]);
        erp.service.next("POST", "Microsoft.NAV.shipAndInvoice", wrong);
        let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
        erp.arrives(&callback).await;
        assert_eq!((erp.service.vendor.shipped("1Z01"), erp.service.vendor.inventory("TEE-BLU-M")), (1, 98));
        assert_eq!(erp.postings(), postings);
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let erp = Erp::start().await;
    erp.service.vendor.sale("SO-1", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]);
    let changed = failed(412, "Request_EntityChanged", "Another user has already changed the record.");
    erp.service.next("PATCH", "salesOrderLines", Wrong::Answer(changed));
    erp.service.next("PATCH", "shipmentTrackings", Wrong::AnswerLost);
    let busy = failed(429, "Application_TooManyRequests", "Too many requests.").header("retry-after", "1");
    erp.service.next("GET", "salesOrders", Wrong::Answer(busy));
    erp.service.next("POST", "shipAndInvoice", Wrong::Answer(failed(500, "Internal_ServerError", "It is broken.")));
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    erp.arrives(&callback).await;
    assert_eq!((erp.service.vendor.shipped("1Z01"), erp.service.vendor.all("salesShipments").len()), (1, 1));
}

#[tokio::test]
async fn refused_credentials_are_waited_for() {
    let erp = Erp::start().await;
    erp.service.vendor.sale("SO-1", &[("TEE-BLU-M", 3)]);
    // The host asks for another token once; then it is the operator's turn.
    for _ in 0..3 {
        erp.service.next("GET", "salesShipments", Wrong::Answer(failed(401, "Authentication_InvalidCredentials", "No.")));
    }
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let story = erp.arrives(&callback).await;
    let told = format!("{:?}", story.deliveries[0].attempts);
    assert!(told.contains("Mend the credentials of the connection `business-central`"), "{told}");
}

#[tokio::test]
async fn what_is_refused_is_a_dead_letter_that_a_replay_brings_back() {
    let erp = Erp::start().await;
    erp.service.vendor.sale("SO-1", &[("TEE-BLU-M", 3)]);
    let closed = failed(400, "Application_DialogException", "Posting Date is not within your range of allowed posting dates.");
    erp.service.next("POST", "shipAndInvoice", Wrong::Answer(closed));
    let callback = fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[]);
    let reason = erp.dies(&callback).await;
    for words in ["ship shp_1", "allowed posting dates (Application_DialogException)", "then replay"] {
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
    erp.service.vendor.sale("SO-1", &[("TEE-BLU-M", 1)]);
    let parcel = |order| fulfilled(order, &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 2)])], &[]);
    for (order, words) in [
        ("SO-1", "parcel shp_1: 2 TEE-BLU-M to ship, but only 1 TEE-BLU-M of order SO-1 are left"),
        ("SO-2", "Business Central has no open order SO-2"),
    ] {
        let reason = erp.dies(&parcel(order)).await;
        assert!(reason.contains(words) && reason.contains("1Z01, then replay"), "{reason}");
    }
    assert_eq!(erp.postings(), 0);
}

#[tokio::test]
async fn a_cancellation_takes_off_what_has_not_left() {
    let erp = Erp::start().await;
    let central = &erp.service.vendor;
    central.sale("SO-1", &[("TEE-BLU-M", 3), ("PANT-NVY-L", 1)]);
    erp.arrives(&fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 1)])], &[])).await;
    let callback = cancelled("SO-1");
    erp.host.send(&callback).await;
    erp.host.until(&event_id(&callback), State::Done).await;
    let quantities: Vec<_> =
        central.all("salesOrders")[0]["salesOrderLines"].as_array().unwrap().iter().map(|l| l["quantity"].clone()).collect();
    assert_eq!(quantities, [1, 0, 0]);
    erp.service.kept_the_contract();
}
