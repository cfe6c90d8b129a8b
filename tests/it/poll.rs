//! What no callback brought is found in MasonHub's API and delivered, once.

use std::time::Duration;

use jiff::Timestamp;
use mortar_core::story::Origin;
use mortar_simulator::masonhub::api::{Api, ApiHandle, ApiOptions, Tell};
use mortar_simulator::masonhub::{Callback, Kind, Plan, Scenario};
use mortar_tests::{Setup, fixtures};
use serde_json::Value;

use super::{erp, rest_settings};

#[allow(clippy::disallowed_methods, reason = "tokens are good by the clock of the host, which is that of the machine")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// MasonHub, played, whose warehouse knows a scenario of which nobody has told.
pub(super) async fn masonhub() -> (String, ApiHandle, Plan) {
    let api = Api::bind(ApiOptions::new("open sesame", mortar_tests::SECRET, now)).await.unwrap();
    let (url, handle) = (api.url(), api.handle());
    let plan = Scenario { orders: 8, skus: 2, inbound_shipments: 0, returns: 0, ..Scenario::default() }.plan();
    handle.tell(&plan.callbacks, Tell::Nobody);
    tokio::spawn(api.run(std::future::pending()));
    (url, handle, plan)
}

/// Polled as often as can be, and far enough back: the scenario is of another year.
const OFTEN: &str = "[sources.masonhub.poll]\ninterval = \"100ms\"\noverlap = \"9000d\"\nsettle = \"1ms\"\nkinds = [\"orders\"]\n";

fn with_api(setup: Setup, api: &str, poll: &str) -> Setup {
    let auth = format!("{{ kind = \"secret-phrase\", token_url = \"{api}/secrets\", secret_phrase = {{ file = \"phrase\" }} }}");
    setup
        .config(&format!("[sources.masonhub.api]\nurl = \"{api}\"\nprivate_addresses = true\nauth = {auth}\n{poll}"))
        .file("phrase", "open sesame")
}

/// A host that polls the API, too.
pub(super) fn polled(setup: Setup, api: &str) -> Setup {
    with_api(setup, api, OFTEN)
}

fn setup(erp: &str, api: &str, poll: &str) -> Setup {
    with_api(Setup::new(), api, poll).connection("erp", erp, "idempotency_header = \"Idempotency-Key\"\n").plugin(
        "rest",
        "rest",
        &rest_settings(),
    )
}

/// The callbacks that name this.
fn about<'a>(plan: &'a Plan, text: &'a str) -> impl Iterator<Item = &'a Callback> {
    let names = move |callback: &&Callback| String::from_utf8_lossy(&callback.body).contains(text);
    plan.callbacks.iter().filter(|callback| callback.kind == Kind::Genuine).filter(names)
}

#[tokio::test]
async fn every_tracking_number_arrives_once_whether_a_callback_or_a_poll_brought_it() {
    let (erp_url, ledger) = erp(Some("Idempotency-Key")).await;
    let (api, _handle, plan) = masonhub().await;
    let host = setup(&erp_url, &api, "").start().await;
    let parcels: Vec<_> = plan.truth.parcels().map(|(order, parcel)| (order.to_owned(), parcel.tracking_number.clone())).collect();
    let (first, last) = (&parcels[0].0, &parcels[parcels.len() - 1].0);
    assert_ne!(first, last);
    // The callbacks of one order come, those of the others are lost.
    for callback in about(&plan, &format!("\"{first}\"")) {
        host.send_bytes(callback.body.to_vec()).await;
    }
    let told = host.mortar(&["reconcile", "--since", "2026-01-01T00:00:00Z", "--dry-run", "--json"]).await;
    let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"));
    let missing = told[0]["missing"].as_array().unwrap();
    assert!(!missing.is_empty() && missing.iter().all(|event| event["subject"] != format!("order:{first}").as_str()), "{told}");

    let stored = host.mortar(&["reconcile", "--since", "2026-01-01T00:00:00Z"]).await;
    let said = String::from_utf8(stored.stdout).unwrap();
    assert!(said.contains("stored and on the way to the plugins"), "{said}");
    let id = missing[0]["id"].as_str().unwrap();
    let story = host.when(id, |story| story.deliveries.iter().all(|delivery| !delivery.delivery.state.is_open())).await;
    assert_eq!(story.callback.origin, Origin::Poll);
    let shown = String::from_utf8(host.mortar(&["event", "show", id]).await.stdout).unwrap();
    assert!(shown.contains("none brought it: a poll of the sender's API found that it was missing"), "{shown}");
    let again = String::from_utf8(host.mortar(&["reconcile", "--since", "2026-01-01T00:00:00Z"]).await.stdout).unwrap();
    assert!(again.contains("no callback is missing"), "{again}");

    // The lost callbacks come late after all.
    for callback in about(&plan, &format!("\"{last}\"")) {
        host.send_bytes(callback.body.to_vec()).await;
    }
    let quiet = async {
        loop {
            let open = host.mortar(&["status", "--json"]).await;
            let status: Value = serde_json::from_slice(&open.stdout).unwrap();
            let of = |state: &str| status["counts"]["deliveries"][state].as_u64().unwrap_or(0);
            if of("pending") + of("running") + of("waiting") == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), quiet).await.expect("all is delivered");
    let ledger = ledger.ledger();
    for (order, tracking) in &parcels {
        let arrived = ledger.writes.iter().filter(|write| write.path.contains("/shipments") && write.body.to_string().contains(tracking));
        assert_eq!(arrived.count(), 1, "{tracking} of {order}");
    }
    let metrics = host.ask("/metrics").await;
    let page = String::from_utf8_lossy(&metrics.body);
    assert!(page.contains("mortar_events_missed_total{source=\"masonhub\"}"), "{page}");
}

#[tokio::test]
async fn a_source_that_polls_finds_what_is_held() {
    let (erp_url, ledger) = erp(Some("Idempotency-Key")).await;
    let (api, _handle, plan) = masonhub().await;
    let _host = setup(&erp_url, &api, OFTEN).start().await;
    let tracking = plan.truth.parcels().next().unwrap().1.tracking_number.clone();
    let arrived = async {
        while !ledger.ledger().writes.iter().any(|write| write.body.to_string().contains(&tracking)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), arrived).await.expect("the poll finds it");
}

/// The stock that the warehouse has, by SKU.
fn skus(plan: &Plan) -> Vec<String> {
    plan.truth.stock.keys().cloned().collect()
}

#[tokio::test]
async fn a_snapshot_makes_events_of_the_counts_that_no_callback_told() {
    let (erp_url, ledger) = erp(Some("Idempotency-Key")).await;
    let (api, _handle, plan) = masonhub().await;
    let host = setup(&erp_url, &api, "").start().await;
    let registered = host.mortar(&["masonhub", "register", "--to", &host.url(), "--type", "snapshotReady"]).await;
    assert!(registered.status.success(), "{registered:?}");

    let missing = async |arguments: &[&str]| {
        let told = host.mortar(&[&["reconcile", "--snapshot", "--json"], arguments].concat()).await;
        let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"));
        let events = told[0]["missing"].as_array().unwrap();
        let mut subjects: Vec<_> = events.iter().map(|event| event["subject"].as_str().unwrap().to_owned()).collect();
        subjects.sort_unstable();
        subjects
    };
    let all: Vec<_> = skus(&plan).iter().map(|sku| format!("sku:{sku}")).collect();
    assert!(all.len() >= 2);
    assert_eq!(missing(&["--dry-run"]).await, all);
    // What a callback tells, the snapshot does not tell again.
    let mut newer = fixtures::fresh("inventory.updated");
    newer["data"][0]["customer_identifier"] = skus(&plan)[0].as_str().into();
    newer["data"][0]["as_of"] = "2100-01-01T00:00:00Z".into();
    host.send(&newer).await;
    assert_eq!(missing(&[]).await, all[1..]);
    assert_eq!(missing(&[]).await, [""; 0]);
    let arrived = async {
        let told = |sku: &String| ledger.ledger().writes.iter().any(|write| write.path.contains(&format!("/stock/{sku}")));
        while !skus(&plan).iter().all(told) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), arrived).await.expect("every count is delivered");
}

#[tokio::test]
async fn a_snapshot_that_is_too_large_or_never_announced_says_so() {
    let (erp_url, _ledger) = erp(None).await;
    let (api, _handle, _plan) = masonhub().await;
    let poll = "[sources.masonhub.poll]\ninterval = \"1h\"\n[sources.masonhub.poll.snapshot]\nwait = \"1s\"\nlimit = \"100 B\"\n";
    let host = setup(&erp_url, &api, poll).start().await;
    let said = async || String::from_utf8(host.mortar(&["reconcile", "--snapshot"]).await.stderr).unwrap();
    let unheard = said().await;
    assert!(unheard.contains("is snapshotReady registered?"), "{unheard}");
    host.mortar(&["masonhub", "register", "--to", &host.url()]).await;
    let large = said().await;
    assert!(large.contains("the file is over 100 bytes"), "{large}");
}
