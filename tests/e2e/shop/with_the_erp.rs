//! One event reaches the ERP and the shop, each on its own.

use mortar_core::delivery::State;
use mortar_core::story::EventStory;
use mortar_tests::Host;
use mortar_tests::fixtures::event_id;
use mortar_tests::tryton::Tryton;
use mortar_tests::vendure::Vendure;
use serde_json::Value;

use super::audit::arrived;
use crate::audit::arrived as arrived_in_the_erp;
use crate::callbacks::fulfilled;

fn state(story: &EventStory, plugin: &str) -> State {
    story.deliveries.iter().find(|d| d.delivery.plugin == plugin).map(|d| d.delivery.state).unwrap()
}

/// An order that a customer has placed in the shop, and that the ERP knows by the same number.
async fn order(tryton: &Tryton, vendure: &Vendure) -> String {
    let lines = [("TEE-BLU-M", 2), ("HAT-GRN-U", 1)];
    let order = vendure.order(&lines).await;
    tryton.sale(&order, &lines).await;
    order
}

fn parcel(order: &str, tracking: &str) -> Value {
    fulfilled(order, &[("shp_1", tracking, "UPS", &[("TEE-BLU-M", 2), ("HAT-GRN-U", 1)])], &[])
}

async fn arrived_in_both(tryton: &Tryton, vendure: &Vendure, host: &Host, test: &str, order: &str, tracking: &str, callback: &Value) {
    host.until(&event_id(callback), State::Done).await;
    arrived_in_the_erp(tryton, host, test, order, &[tracking], &[callback]).await;
    arrived(vendure, host, test, order, &[tracking], &[callback]).await;
}

#[tokio::test]
#[ignore = "needs a real ERP and a real shop: cargo xtask e2e"]
async fn one_event_reaches_both_and_none_waits_for_the_other() {
    let mut tryton = Tryton::start().await;
    let mut vendure = Vendure::start().await;
    let host = vendure.join(tryton.host(tryton.port()), vendure.port(), "").start().await;
    let first = order(&tryton, &vendure).await;
    let callback = parcel(&first, "1Z01");
    host.send(&callback).await;
    arrived_in_both(&tryton, &vendure, &host, "ERP and shop", &first, "1Z01", &callback).await;

    let second = order(&tryton, &vendure).await;
    let third = order(&tryton, &vendure).await;
    tryton.kill().await;
    let callback = parcel(&second, "1Z02");
    host.send(&callback).await;
    let story = host.when(&event_id(&callback), |s| state(s, "vendure") == State::Done).await;
    assert_ne!(state(&story, "tryton"), State::Done);
    arrived(&vendure, &host, "ERP down", &second, &["1Z02"], &[&callback]).await;
    tryton.start_again().await;
    arrived_in_both(&tryton, &vendure, &host, "ERP up again", &second, "1Z02", &callback).await;

    vendure.kill().await;
    let callback = parcel(&third, "1Z03");
    host.send(&callback).await;
    let story = host.when(&event_id(&callback), |s| state(s, "tryton") == State::Done).await;
    assert_ne!(state(&story, "vendure"), State::Done);
    arrived_in_the_erp(&tryton, &host, "shop down", &third, &["1Z03"], &[&callback]).await;
    vendure.start_again().await;
    arrived_in_both(&tryton, &vendure, &host, "shop up again", &third, "1Z03", &callback).await;
}
