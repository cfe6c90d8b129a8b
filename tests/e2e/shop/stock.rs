//! Absolute counts.

use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_tests::Setup;
use mortar_tests::fixtures::event_id;
use mortar_tests::vendure::Vendure;

use crate::audit::round_trip_of;
use crate::callbacks::counted;

#[tokio::test]
#[ignore = "needs a real shop: cargo xtask e2e"]
async fn each_location_holds_what_was_last_counted_and_only_what_differs_is_written() {
    let vendure = Vendure::start().await;
    let outlet = "\n[[config.counts]]\nplace = \"Outlet\"\nstatuses = [\"refurbishing\"]\n";
    let host = vendure.join(Setup::new(), vendure.port(), outlet).start().await;
    let held = || async { (vendure.held("TEE-BLU-M", "Default Stock Location").await, vendure.held("TEE-BLU-M", "Outlet").await) };
    let first = counted("TEE-BLU-M", &[("available", 200), ("allocated", 100), ("refurbishing", 4), ("expected", 40)], 10);
    host.send(&first).await;
    host.until(&event_id(&first), State::Done).await;
    assert_eq!(held().await, (300, 4));
    assert_eq!(round_trip_of(&host, &first, "vendure").await.state, RoundTripState::Confirmed);

    let same = counted("TEE-BLU-M", &[("available", 300), ("refurbishing", 4)], 20);
    host.send(&same).await;
    let story = host.until(&event_id(&same), State::Done).await;
    assert!(story.deliveries[0].calls.iter().all(|call| call.request.method == "GET"), "{:#?}", story.deliveries[0].calls);
    let old = counted("TEE-BLU-M", &[("available", 1)], 5);
    host.send(&old).await;
    host.until(&event_id(&old), State::Superseded).await;
    assert_eq!(held().await, (300, 4));

    let unknown = counted("NO-SUCH-SKU", &[("available", 1)], 5);
    host.send(&unknown).await;
    let story = host.until(&event_id(&unknown), State::Dead).await;
    assert!(story.deliveries[0].delivery.reason.clone().unwrap().contains("Vendure has no variant with the SKU NO-SUCH-SKU"));
}
