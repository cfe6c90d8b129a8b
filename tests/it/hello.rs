//! The first plugin behaves the same in every language: the same callbacks make the same calls, in the
//! same order, under the same names, and end in the same words.

use std::io::Write;

use mortar_core::delivery::State;
use mortar_core::story::{EventStory, Fate};
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Host, Setup, fixtures, paths};
use serde_json::{Value, json};

use super::{QUICK, erp};

#[tokio::test]
async fn in_rust() {
    behaves("rust").await;
}

#[tokio::test]
async fn in_javascript() {
    behaves("javascript").await;
}

#[tokio::test]
async fn in_typescript() {
    behaves("typescript").await;
}

#[tokio::test]
async fn in_python() {
    behaves("python").await;
}

#[tokio::test]
async fn in_c() {
    behaves("c").await;
}

#[tokio::test]
async fn in_go() {
    behaves("go").await;
}

/// What goes in, and what must come of it.
struct Case {
    callback: Value,
    fault: Option<Fault>,
    state: State,
    /// How each attempt ends, with its code and the first of its words.
    attempts: Vec<(&'static str, Option<&'static str>, &'static str)>,
    /// Step, method, path, body and status of each call.
    calls: Vec<(&'static str, &'static str, &'static str, Value, Option<u16>)>,
}

fn cases() -> Vec<Case> {
    let case = |callback, state| Case { callback, fault: None, state, attempts: vec![("done", None, "")], calls: Vec::new() };
    let parcel = |step, path, tracking: Value, carrier: Value, status| {
        (step, "PUT", path, json!({ "tracking_number": tracking, "carrier": carrier }), Some(status))
    };
    let (first, second) = (json!("1Z999AA10123456784"), json!("9400111899223100001234"));
    let ignored = |callback, why| Case { attempts: vec![("ignored", None, why)], ..case(callback, State::Ignored) };

    // A name that has to be encoded, a parcel that has no label yet, and what is not ASCII.
    let mut odd = fixtures::about("order.fulfilled", "SO 1/2?é€😀");
    let parcels = odd["data"][0]["shipments"].as_array_mut().unwrap();
    parcels[0]["tracking_number"] = Value::Null;
    parcels[1]["shipping_provider"] = "Überland \"Öst\" 😀".into();
    let mut uncounted = fixtures::about("inventory.updated", "TEE 1");
    uncounted["data"][0]["total_available_to_sell"] = Value::Null;
    let stock = json!({ "available": 200, "as_of": "2026-01-05T18:21:05.929256Z" });
    let lines = json!([{ "sku": "TEE-BLU-M", "good": 85, "damaged": 5 }, { "sku": "SOCK-RED-S", "good": 25, "damaged": 0 }]);
    vec![
        Case {
            calls: vec![
                parcel("ship/shp_001", "/orders/SO-1/shipments/shp_001", first.clone(), json!("UPS"), 201),
                parcel("ship/shp_002", "/orders/SO-1/shipments/shp_002", second.clone(), json!("USPS"), 201),
            ],
            ..case(fixtures::about("order.fulfilled", "SO-1"), State::Done)
        },
        Case {
            calls: vec![
                parcel(
                    "ship/shp_001",
                    "/orders/SO%201%2F2%3F%C3%A9%E2%82%AC%F0%9F%98%80/shipments/shp_001",
                    Value::Null,
                    json!("UPS"),
                    201,
                ),
                parcel(
                    "ship/shp_002",
                    "/orders/SO%201%2F2%3F%C3%A9%E2%82%AC%F0%9F%98%80/shipments/shp_002",
                    second.clone(),
                    json!("Überland \"Öst\" 😀"),
                    201,
                ),
            ],
            ..case(odd, State::Done)
        },
        Case {
            calls: vec![("stock", "PUT", "/stock/TEE-BLU-M", stock.clone(), Some(201))],
            ..case(fixtures::about("inventory.updated", "TEE-BLU-M"), State::Done)
        },
        Case {
            calls: vec![("stock", "PUT", "/stock/TEE%201", json!({ "available": null, "as_of": stock["as_of"] }), Some(201))],
            ..case(uncounted, State::Done)
        },
        Case {
            calls: vec![(
                "receipt",
                "POST",
                "/inbound-shipments/ASN-1/receipt",
                json!({ "purchase_order": "PO-5512", "lines": lines }),
                Some(201),
            )],
            ..case(fixtures::about("inbound_shipment.received", "ASN-1"), State::Done)
        },
        ignored(fixtures::about("order.created", "SO-2"), "only fulfilled orders have tracking numbers"),
        ignored(fixtures::about("inbound_shipment.arrived", "ASN-2"), "it is not received yet"),
        ignored(fixtures::fresh("inventory.snapshot_ready"), "snapshots are not needed"),
        // The ERP is down for the second parcel: the first is not written again.
        Case {
            fault: Some(Fault::new(What::Unavailable { retry_after: Some(0) }).on("/orders/SO-3/shipments/shp_002").next(2)),
            attempts: vec![("retry", Some("erp.unavailable"), ""), ("retry", Some("erp.unavailable"), ""), ("done", None, "")],
            calls: vec![
                parcel("ship/shp_001", "/orders/SO-3/shipments/shp_001", first.clone(), json!("UPS"), 201),
                parcel("ship/shp_002", "/orders/SO-3/shipments/shp_002", second, json!("USPS"), 201),
            ],
            ..case(fixtures::about("order.fulfilled", "SO-3"), State::Done)
        },
        // The ERP refuses the first parcel: an operator is told what it said, and nothing else is sent.
        Case {
            fault: Some(Fault::new(What::Status(422)).on("/orders/SO-4").next(1)),
            attempts: vec![("refused", Some("plugin.rejected"), "a call failed: the ERP answered 422: ")],
            calls: vec![parcel("ship/shp_001", "/orders/SO-4/shipments/shp_001", first, json!("UPS"), 422)],
            ..case(fixtures::about("order.fulfilled", "SO-4"), State::Dead)
        },
    ]
}

async fn behaves(language: &str) {
    let name = format!("hello-{language}");
    let built = paths::built(&name);
    if !built.exists() && language != "rust" {
        // Not by `eprintln!`, which nobody sees of a test that passes.
        let _ =
            writeln!(std::io::stderr(), "skipped {name}: it is not built (cargo xtask hello {language} builds it, or says what it needs)");
        return;
    }
    // As it is shipped, but for events that it would not get.
    let settings = std::fs::read_to_string(built.with_file_name("plugin.toml")).unwrap();
    let settings: String = settings.lines().filter(|line| !line.starts_with("events = ")).map(|line| format!("{line}\n")).collect();
    let (url, handle) = erp(None).await;
    let host = Setup::new().config(QUICK).connection("erp", &url, "").plugin(&name, &name, &settings).start().await;
    for case in cases() {
        case.fault.iter().for_each(|fault| handle.fault(fault.clone()));
        case.holds(&host).await;
        handle.clear_faults();
    }
}

impl Case {
    async fn holds(&self, host: &Host) {
        assert_eq!(host.send(&self.callback).await.status, 200);
        let story = host.until(&fixtures::event_id(&self.callback), self.state).await;
        let delivery = &story.deliveries[0];
        assert_eq!(delivery.attempts.len(), self.attempts.len(), "{:#?}", delivery.attempts);
        for (attempt, (ending, code, words)) in delivery.attempts.iter().zip(&self.attempts) {
            assert_eq!((attempt.ending.as_str(), attempt.code.as_deref()), (*ending, *code), "{attempt:#?}");
            let said = attempt.reason.as_deref().unwrap_or_default();
            assert!(said.starts_with(words), "`{said}` does not begin with `{words}`");
        }
        assert_eq!(calls(&story), self.calls.iter().map(|(s, m, p, b, status)| json!([s, m, p, b, status])).collect::<Vec<_>>());
    }
}

fn calls(story: &EventStory) -> Vec<Value> {
    let calls = story.deliveries[0].calls.iter().map(|call| {
        let Fate::Answered { response, .. } = &call.fate else { panic!("{call:?} has no answer") };
        let request = &call.request;
        assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        json!([call.step, request.method, request.path, body, response.status])
    });
    calls.collect()
}
