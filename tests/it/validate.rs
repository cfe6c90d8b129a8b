//! MasonHub's validation checklist against a running host.

use jiff::Timestamp;
use mortar_simulator::erp::{Fault, What};
use mortar_simulator::masonhub::api::{Api, ApiOptions, Tell};
use mortar_simulator::masonhub::{Callback, Kind};
use mortar_tests::{Host, Setup};
use serde_json::{Value, json};

use super::{AT_ONCE, QUICK, erp, rest_settings};

#[allow(clippy::disallowed_methods, reason = "tokens are good by the clock of the host, which is that of the machine")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A sandbox of MasonHub with two open orders and a SKU.
async fn sandbox() -> String {
    let api = Api::bind(ApiOptions::new("open sesame", mortar_tests::SECRET, now)).await.unwrap();
    let order = |number: &str| {
        json!({
            "id": number, "customer_identifier": number, "status": "open", "updated_at": "2026-01-01T00:00:00Z",
            "line_items": [{ "sku_customer_id": "TEE-BLU-M", "quantity": 2 }],
        })
    };
    let stock = json!({
        "sku_id": "s-1", "customer_identifier": "TEE-BLU-M", "total_units": 7, "total_available_to_sell": 7, "as_of": "2026-01-01T00:00:00Z",
    });
    let told = |message_type: &str, record: Value| Callback {
        message_type: message_type.into(),
        delivery: String::new(),
        body: json!({ "message_type": message_type, "data": [record] }).to_string().into(),
        kind: Kind::Genuine,
        after: Vec::new(),
    };
    api.handle()
        .tell(&[told("orderEvent", order("OPEN-1")), told("orderEvent", order("OPEN-2")), told("skuInventoryChange", stock)], Tell::Nobody);
    let url = api.url();
    tokio::spawn(api.run(std::future::pending()));
    url
}

fn setup(erp: &str) -> Setup {
    let connection = "idempotency_header = \"Idempotency-Key\"\nbreaker = { first_open = \"50ms\", longest_open = \"50ms\" }\n";
    Setup::new().config(QUICK).connection("erp", erp, connection).plugin("rest", "rest", &(rest_settings() + AT_ONCE))
}

/// What `mortar validate` says: its exit code and, of each point, the verdict and everything else.
async fn validate(host: &Host, arguments: &[&str]) -> (Option<i32>, Vec<(String, String)>) {
    let said = host.mortar(&[&["validate", "--json"], arguments].concat()).await;
    let page: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let points = page["points"].as_array().unwrap().iter();
    let points = points.map(|point| (point["verdict"].as_str().unwrap().to_owned(), point.to_string()));
    (said.status.code(), points.collect())
}

fn verdicts(points: &[(String, String)]) -> Vec<&str> {
    points.iter().map(|(verdict, _)| verdict.as_str()).collect()
}

#[tokio::test]
async fn on_a_sandbox_it_triggers_events_and_follows_them_to_the_round_trip() {
    let (erp, handle) = erp(Some("Idempotency-Key")).await;
    let api = sandbox().await;
    let auth = format!("{{ kind = \"secret-phrase\", token_url = \"{api}/secrets\", secret_phrase = {{ file = \"phrase\" }} }}");
    let setup = setup(&erp).config(&format!("[sources.masonhub.api]\nurl = \"{api}\"\nprivate_addresses = true\nauth = {auth}\n"));
    let host = setup.file("phrase", "open sesame").start().await;

    let (code, unregistered) = validate(&host, &["--trigger", "--wait", "300ms"]).await;
    assert_eq!(code, Some(1));
    assert_eq!(unregistered[0].0, "failed", "nothing is registered: {unregistered:#?}");
    assert!(unregistered[0].1.contains("mortar masonhub list"), "{unregistered:#?}");

    let registered = host.mortar(&["masonhub", "register", "--to", &host.url()]).await;
    assert!(registered.status.success(), "{registered:?}");
    handle.fault(Fault::new(What::Unavailable { retry_after: None }).next(1));
    let (code, points) = validate(&host, &["--trigger", "--wait", "60s"]).await;
    assert_eq!(verdicts(&points), ["holds"; 6], "{points:#?}");
    assert_eq!(code, Some(0));
    assert!(points[0].1.contains("order OPEN-1, shipped by the data factory: in "), "{points:#?}");
    assert!(points[1].1.contains("answered 401"), "{points:#?}");
    assert!(points[3].1.contains("order OPEN-1, shipped by the data factory: confirmed by rest in "), "{points:#?}");
    assert!(points[3].1.contains("a unit of TEE-BLU-M, added by the data factory: confirmed by rest in "), "{points:#?}");
}

#[tokio::test]
async fn without_a_sandbox_it_sends_what_is_asked_and_says_what_cannot_be_judged() {
    let (erp, _handle) = erp(Some("Idempotency-Key")).await;
    let host = setup(&erp).start().await;
    let (code, nothing) = validate(&host, &[]).await;
    assert_eq!((code, verdicts(&nothing)), (Some(1), vec!["not-judged"; 6]));

    let said = host.mortar(&["validate", "--send"]).await;
    assert_eq!(said.status.code(), Some(2), "it reaches the ERP, so the order has to be named: {said:?}");
    let (code, points) = validate(&host, &["--send", "--order", "SO-1"]).await;
    assert_eq!(verdicts(&points), ["holds", "holds", "holds", "holds", "holds", "not-judged"], "{points:#?}");
    assert_eq!(code, Some(1));
    assert!(points[5].1.contains("a callback that came twice was answered 200") && points[5].1.contains("stop the ERP"), "{points:#?}");
    let told = String::from_utf8(host.mortar(&["validate"]).await.stdout).unwrap();
    assert!(told.contains("  [ok] ERP is updated\n") && told.contains("  [not judged] error handling works\n"), "{told}");
}

#[tokio::test]
async fn a_dead_letter_and_an_erp_that_forgets_fail_their_points() {
    let (erp, handle) = erp(Some("Idempotency-Key")).await;
    let host = setup(&erp).start().await;
    let (_, points) = validate(&host, &["--send", "--order", "SO-1"]).await;
    assert_eq!(points[3].0, "holds", "{points:#?}");
    mortar_tests::http::send("PUT", &format!("{erp}/orders/SO-1/shipments/shp_001"), &[], "{}").await.unwrap();
    host.mortar(&["roundtrip", "check", "--since", "1h"]).await;
    let (code, points) = validate(&host, &[]).await;
    assert_eq!((code, points[3].0.as_str()), (Some(1), "failed"), "{points:#?}");

    handle.fault(Fault::new(What::Status(422)).next(1));
    let (_, points) = validate(&host, &["--send", "--order", "SO-2"]).await;
    assert_eq!(points[2].0, "failed", "{points:#?}");
    assert!(points[2].1.contains("order:SO-2"), "{points:#?}");
}
