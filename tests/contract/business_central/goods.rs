//! Goods that came in.

use mortar_core::delivery::State;
use mortar_tests::callbacks::{fulfilled, received, returned};
use mortar_tests::fixtures::event_id;

use super::Erp;
use crate::service::Wrong;

#[tokio::test]
async fn short_damaged_and_unexpected_units_are_received_once() {
    for wrong in [None, Some(Wrong::AnswerLost), Some(Wrong::RequestLost)] {
        let erp = Erp::start().await;
        let central = &erp.service.vendor;
        central.purchase("PO-1", &[("TEE-BLU-M", 100), ("PANT-NVY-L", 50)]);
        if let Some(wrong) = wrong {
            erp.service.next("POST", "receiveAndInvoice", wrong);
        }
        let came = || received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 90, 5), ("PANT-NVY-L", 50, 60, 0), ("SOCK-RED-S", 0, 25, 0)]);
        erp.arrives(&came()).await;
        erp.arrives(&came()).await;
        let held = ["TEE-BLU-M", "PANT-NVY-L", "SOCK-RED-S"].map(|sku| central.inventory(sku));
        assert_eq!((held, central.all("purchaseReceipts").len()), ([190, 150, 100], 1), "what is over is left to the counts");
    }
}

#[tokio::test]
async fn lines_are_added_for_what_is_over_where_that_is_wanted() {
    for lost in [false, true] {
        let erp = Erp::with(|settings| settings.replace("extras = \"count\"", "extras = \"add-line\"")).await;
        let central = &erp.service.vendor;
        central.purchase("PO-1", &[("TEE-BLU-M", 100)]);
        if lost {
            erp.service.next("POST", "/purchaseOrderLines", Wrong::AnswerLost);
        }
        erp.arrives(&received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 110, 0), ("SOCK-RED-S", 0, 25, 0)])).await;
        assert_eq!((central.inventory("TEE-BLU-M"), central.inventory("SOCK-RED-S")), (210, 125));
        assert_eq!(central.all("purchaseOrders")[0]["purchaseOrderLines"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn two_shipments_of_the_same_content_are_two_receipts() {
    let erp = Erp::start().await;
    let central = &erp.service.vendor;
    central.purchase("PO-1", &[("TEE-BLU-M", 100)]);
    erp.arrives(&received("ASN-1", "PO-1", &[("TEE-BLU-M", 10, 10, 0)])).await;
    erp.arrives(&received("ASN-2", "PO-1", &[("TEE-BLU-M", 10, 10, 0)])).await;
    assert_eq!((central.inventory("TEE-BLU-M"), central.all("purchaseReceipts").len()), (120, 2));
}

#[tokio::test]
async fn what_was_received_by_hand_is_not_received_again() {
    let erp = Erp::start().await;
    let central = &erp.service.vendor;
    central.purchase("PO-1", &[("TEE-BLU-M", 100)]);
    central.post_by_hand("PO-1", &[90]);
    erp.arrives(&received("ASN-1", "PO-1", &[("TEE-BLU-M", 100, 90, 5)])).await;
    assert_eq!((central.inventory("TEE-BLU-M"), erp.postings()), (190, 0));
    central.purchase("PO-2", &[("TEE-BLU-M", 10)]);
    central.post_by_hand("PO-2", &[4]);
    let reason = erp.dies(&received("ASN-2", "PO-2", &[("TEE-BLU-M", 10, 10, 0)])).await;
    assert!(reason.contains("4 TEE-BLU-M are over on PO-2") && reason.contains("posted by hand"), "{reason}");
}

#[tokio::test]
async fn a_return_becomes_a_credit_memo_once() {
    for (returns, status, units) in [("draft", "Draft", 97), ("post", "Open", 99)] {
        let erp = Erp::with(|settings| settings.replace("returns = \"draft\"", &format!("returns = \"{returns}\""))).await;
        let central = &erp.service.vendor;
        central.sale("SO-1", &[("TEE-BLU-M", 3)]);
        erp.arrives(&fulfilled("SO-1", &[("shp_1", "1Z01", "UPS", &[("TEE-BLU-M", 3)])], &[])).await;
        erp.service.next("POST", "salesCreditMemos", Wrong::AnswerLost);
        let came = || returned("RMA-1", "SO-1", &[("TEE-BLU-M", 3, 2, 1)]);
        erp.arrives(&came()).await;
        erp.arrives(&came()).await;
        let memos = central.all("salesCreditMemos");
        assert_eq!((memos.len(), memos[0]["status"].as_str(), memos[0]["customerNumber"].as_str()), (1, Some(status), Some("10000")));
        assert_eq!(central.inventory("TEE-BLU-M"), units, "{returns}");
    }
    let erp = Erp::with(|settings| settings.replace("returns = \"draft\"", "returns = \"ignore\"")).await;
    let callback = returned("RMA-1", "SO-1", &[("TEE-BLU-M", 3, 2, 1)]);
    erp.host.send(&callback).await;
    erp.host.until(&event_id(&callback), State::Ignored).await;
}
