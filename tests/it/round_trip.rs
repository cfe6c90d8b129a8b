//! After a delivery the ERP is read back, and what it says is kept, shown and counted.

use mortar_core::delivery::State;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::EventStory;
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Setup, fixtures, http};
use serde_json::Value;

use super::{AT_ONCE, erp, rest_settings};

fn setup(url: &str) -> Setup {
    Setup::new().connection("erp", url, "").plugin("rest", "rest", &(rest_settings() + AT_ONCE))
}

fn stands(state: RoundTripState) -> impl Fn(&EventStory) -> bool {
    move |story| story.deliveries[0].round_trip.as_ref().is_some_and(|known| known.state == state)
}

#[tokio::test]
async fn what_the_erp_no_longer_says_is_a_mismatch_until_it_says_it_again() {
    let (url, _handle) = erp(None).await;
    let host = setup(&url).start().await;
    let callback = fixtures::fresh("order.fulfilled");
    host.send(&callback).await;
    let id = fixtures::event_id(&callback);
    let story = host.when(&id, stands(RoundTripState::Confirmed)).await;
    let evidence = story.deliveries[0].round_trip.clone().unwrap().reason.unwrap();
    assert!(evidence.contains("1Z999AA10123456784") && evidence.contains("9400111899223100001234"), "{evidence}");

    let order = story.event.subject.strip_prefix("order:").unwrap();
    let shipment = format!("{url}/orders/{order}/shipments/shp_001");
    http::send("PUT", &shipment, &[], r#"{"tracking_number":"wrong"}"#).await.unwrap();
    let delivery = story.deliveries[0].delivery.id.to_string();
    let checked = host.mortar(&["roundtrip", "check", &delivery]).await;
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("mismatch") && said.contains("1Z999AA10123456784") && said.contains("wrong"), "{said}");
    let shown = host.mortar(&["event", "show", &id]).await;
    assert!(String::from_utf8(shown.stdout).unwrap().contains("round trip: mismatch: expected"));
    let status = host.mortar(&["status"]).await;
    assert!(String::from_utf8(status.stdout).unwrap().contains("1 × round-trip mismatch"));

    http::send("PUT", &shipment, &[], r#"{"tracking_number":"1Z999AA10123456784"}"#).await.unwrap();
    let checked = host.mortar(&["roundtrip", "check", "--since", "1h"]).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let report = host.mortar(&["roundtrip", "report", "--json"]).await;
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let plugin = &report["plugins"][0];
    assert_eq!((&plugin["done"], &plugin["confirmed"], &plugin["mismatch"]), (&1.into(), &1.into(), &0.into()), "{report}");
}

#[tokio::test]
async fn an_erp_that_is_away_is_read_back_later() {
    let (url, handle) = erp(None).await;
    let host = setup(&url).start().await;
    let callback = fixtures::fresh("inventory.updated");
    // The write is answered, the look after it is not.
    let away = Fault::new(What::Unavailable { retry_after: None }).next(2);
    handle.fault(Fault { method: Some("GET".into()), path: Some("/stock/".into()), ..away });
    host.send(&callback).await;
    let story = host.when(&fixtures::event_id(&callback), stands(RoundTripState::Confirmed)).await;
    assert_eq!(story.deliveries[0].round_trip.as_ref().unwrap().looks, 3);
    assert_eq!(story.deliveries[0].attempts.len(), 1, "the delivery itself was done at once");
}

#[tokio::test]
async fn only_event_types_that_the_settings_name_are_read_back_and_one_without_a_rule_has_nothing_to_confirm() {
    let (url, _handle) = erp(None).await;
    let settings = (rest_settings() + AT_ONCE).replace(", \"inventory.updated\"]", ", \"order.created\"]");
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &settings).start().await;
    let count = fixtures::fresh("inventory.updated");
    host.send(&count).await;
    let story = host.until(&fixtures::event_id(&count), State::Done).await;
    assert!(story.deliveries[0].round_trip.is_none(), "{story:#?}");
    let created = fixtures::about("order.created", "SO-1");
    host.send(&created).await;
    host.when(&fixtures::event_id(&created), stands(RoundTripState::NotApplicable)).await;
}
