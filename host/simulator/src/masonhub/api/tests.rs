//! The API's answers against what MasonHub's documents say.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use mortar_core::masonhub::read;
use serde_json::{Value, json};

use super::*;
use crate::erp::{Erp, ErpOptions, Fault, What};
use crate::http::client;
use crate::masonhub::{Plan, Scenario};

const NOW: Timestamp = Timestamp::constant(1_767_700_000, 0);

/// A running API, and an ERP that stands in for a receiver of callbacks: it answers 201 and keeps
/// what came.
struct Running {
    handle: ApiHandle,
    url: String,
    receiver: crate::erp::Handle,
    receiver_url: String,
    token: String,
    _servers: tokio::task::JoinSet<()>,
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

fn options() -> ApiOptions {
    ApiOptions::new("open sesame", "s3cret", || NOW)
}

async fn start(options: ApiOptions) -> Running {
    let api = Api::bind(options).await.unwrap();
    let erp = Erp::bind(ErpOptions::default()).await.unwrap();
    let (handle, url, receiver, receiver_url) = (api.handle(), api.url(), erp.handle(), erp.url());
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(api.run(std::future::pending()));
    servers.spawn(erp.run(std::future::pending()));
    let mut running = Running { handle, url, receiver, receiver_url, token: String::new(), _servers: servers };
    let answer = running.post("/secrets", &json!({"secret_phrase": "open sesame"})).await;
    answer.body["encrypted_token"].as_str().unwrap_or_default().clone_into(&mut running.token);
    running
}

impl Running {
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Option<Answered> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let request = Request::builder().method(method).uri(url).header("authorization", format!("Bearer {}", self.token));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = client().request(request.body(Full::from(body)).unwrap()).await.ok()?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answered { status: head.status.as_u16(), headers: head.headers, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, &Value::Null).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        self.ask("POST", path, body).await.unwrap()
    }

    /// What a list answers, wrapped or not, by one of its fields.
    async fn listed(&self, path: &str, field: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let data = answer.body.get("data").unwrap_or(&answer.body);
        data.as_array().unwrap().iter().map(|record| record[field].clone()).collect()
    }

    async fn register(&self, message_types: &[&str]) -> Answered {
        let callback = |name: &&str| json!({"url": format!("{}/{name}", self.receiver_url), "message_type": name, "token": "t0k"});
        self.post("/callbacks", &message_types.iter().map(callback).collect()).await
    }

    async fn trigger(&self, name: &str, asked: Value) -> Value {
        let answer = self.post(&format!("/data_factory/{name}"), &json!([asked])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["results"][0].clone()
    }

    /// The bodies that the receiver has got, once there are so many.
    async fn received(&self, count: usize) -> Vec<String> {
        let guard = async {
            loop {
                let writes = self.receiver.ledger().writes;
                if writes.len() >= count {
                    return writes.into_iter().map(|write| write.body.to_string()).collect();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), guard).await.expect("the callbacks come")
    }

    fn scenario(&self) -> Plan {
        let plan = Scenario::default().plan();
        self.handle.tell(&plan.callbacks, Tell::Nobody);
        plan
    }
}

fn order(number: &str) -> Value {
    json!({"customer_identifier": number, "line_items": [
        {"sku_customer_id": "TEE", "quantity": 2}, {"sku_customer_id": "CAP", "quantity": 1},
    ]})
}

#[tokio::test]
async fn a_token_is_a_jwt_that_a_phrase_makes_and_ends() {
    let mut api = start(options()).await;
    assert!(api.token.starts_with("eyJ") && api.token.split('.').count() == 3, "{}", api.token);
    assert_eq!(api.get("/orders").await.status, 200);
    let refused = api.post("/secrets", &json!({"secret_phrase": "open barley"})).await;
    assert_eq!((refused.status, &refused.body["error"]["code"]), (401, &json!("INVALID_SECRET_PHRASE")));

    let first = api.token.clone();
    let again = api.post("/secrets", &json!({"secret_phrase": "open sesame"})).await.body["encrypted_token"].clone();
    assert_ne!(again, json!(first));
    assert_eq!(api.get("/orders").await.status, 200, "a new token does not end the old one");

    api.token = format!("{first}x");
    assert_eq!(api.get("/orders").await.body["error"]["code"], "INVALID_TOKEN");
    api.token = first;
    assert_eq!(api.post("/delete_secrets", &json!({"secret_phrase": "open sesame"})).await.status, 200);
    assert_eq!(api.get("/orders").await.status, 401);

    let expired = start(ApiOptions { token_lifetime: Duration::ZERO, ..options() }).await;
    assert_eq!(expired.get("/orders").await.body["error"]["code"], "TOKEN_EXPIRED");
}

#[tokio::test]
async fn an_hour_has_so_many_requests() {
    let api = start(ApiOptions { rate: 3, ..options() }).await;
    for _ in 0..3 {
        assert_eq!(api.get("/callbacks").await.status, 200);
    }
    let refused = api.get("/callbacks").await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "3600"));
}

#[tokio::test]
async fn lists_come_in_pages_bare_or_wrapped() {
    let api = start(options()).await;
    for batch in 0..4 {
        let orders: Vec<_> = (0..30).map(|n| order(&format!("SO-{:03}", batch * 30 + n))).collect();
        assert_eq!(api.post("/orders", &json!(orders)).await.body["records_succeeded"], 30);
    }
    let page = api.get("/orders").await.body;
    let head = (&page["limit"], &page["offset"], &page["list_type"], page["data"].as_array().unwrap().len());
    assert_eq!(head, (&json!(30), &json!(0), &json!("detail"), 30));
    assert_eq!(page["data"][0]["customer_identifier"], "SO-119", "the youngest first");
    let last = api.listed("/orders?limit=100&offset=100", "customer_identifier").await;
    assert_eq!((last.len(), &last[19]), (20, &json!("SO-000")));
    for wrong in ["limit=0", "limit=101", "limit=x", "offset=-1", "list_type=long"] {
        assert_eq!(api.get(&format!("/orders?{wrong}")).await.status, 400, "{wrong}");
    }
    let summary = api.get("/orders?list_type=summary&cid=SO-007").await.body["data"][0].clone();
    assert!(summary["status"] == "open" && summary.get("line_items").is_none(), "{summary}");

    let bare = start(ApiOptions { wrapped: false, ..options() }).await;
    bare.post("/orders", &json!([order("SO-1")])).await;
    assert_eq!(bare.get("/orders").await.body[0]["customer_identifier"], "SO-1");
}

#[tokio::test]
async fn lists_are_searched() {
    let api = start(options()).await;
    let plan = api.scenario();
    let all = api.listed("/orders?limit=100", "customer_identifier").await;
    assert_eq!(all.len(), plan.truth.orders.len());
    let two = api.listed("/orders?cid=SO-0001-0002&cid=SO-0001-0001,SO-none", "customer_identifier").await;
    assert_eq!(two, ["SO-0001-0002", "SO-0001-0001"]);

    let mut updates: Vec<Timestamp> =
        api.listed("/orders?limit=100", "updated_at").await.iter().map(|at| at.as_str().unwrap().parse().unwrap()).collect();
    updates.sort_unstable();
    let since = updates[updates.len() / 2];
    let found = api.listed(&format!("/orders?limit=100&sdt={since}"), "customer_identifier").await.len();
    assert_eq!(found, updates.iter().filter(|at| **at >= since).count(), "sdt is that of the update");

    let number = &plan.truth.orders.iter().find(|(_, order)| order.parcels.len() == 3).unwrap().0;
    let mut tracking = api.listed(&format!("/shipments?coid={number}"), "tracking_number").await;
    tracking.sort_by_key(ToString::to_string);
    let mut truth: Vec<Value> = plan.truth.orders[*number].parcels.iter().map(|p| json!(p.tracking_number)).collect();
    truth.sort_by_key(ToString::to_string);
    assert_eq!(tracking, truth);
    assert_eq!(api.listed("/shipments?sdt=2099-01-01T00:00:00Z", "id").await.len(), 0);
    assert_eq!(api.get("/shipments?sdt=2026-02-01T00:00:00Z&edt=2026-01-01T00:00:00Z").await.status, 400);
    assert_eq!(api.get("/shipments?sdt=yesterday").await.status, 400);
    let many: Vec<_> = (0..31).map(|n| n.to_string()).collect();
    assert_eq!(api.get(&format!("/orders?cid={}", many.join(","))).await.status, 400);
    assert_eq!(api.listed("/rmas", "customer_identifier").await.len(), plan.truth.returns.len());
    assert_eq!(api.get("/nothing").await.status, 404);
    assert_eq!(api.ask("PUT", "/orders", &Value::Null).await.unwrap().status, 405);
}

#[tokio::test]
async fn inbound_shipments_are_searched_by_their_expected_arrival() {
    let api = start(options()).await;
    let shipment = |number: &str, day: u8| {
        json!({"customer_identifier": number, "customer_purchase_order_id": format!("PO-{number}"),
            "expected_arrival_date": format!("2026-03-{day:02}T10:00:00Z"), "line_items": [{"customer_sku_id": "TEE", "quantity": 80}]})
    };
    api.post("/inbound_shipments", &json!([shipment("A", 1), shipment("B", 9)])).await;
    assert_eq!(api.trigger("inboundShipmentEvent", json!({"customer_identifier": "A", "event": "onDock"})).await["status"], "success");
    let found = |query: &'static str| api.listed(query, "customer_identifier");
    assert_eq!(found("/inbound_shipments?sdt=2026-03-05T00:00:00Z").await, ["B"], "that A was updated since does not count");
    assert_eq!(found("/inbound_shipments?edt=2026-03-05T00:00:00Z").await, ["A"]);
    assert_eq!(found("/inbound_shipments?status=onDock").await, ["A"]);
    assert_eq!(found("/inbound_shipments?cpid=PO-B").await, ["B"]);
}

#[tokio::test]
async fn the_lists_say_what_the_callbacks_said() {
    let api = start(options()).await;
    let plan = api.scenario();
    for (number, truth) in &plan.truth.orders {
        let listed = api.get(&format!("/orders?cid={number}")).await.body["data"][0].clone();
        // As a callback would tell it, so that the host's reader reads it.
        let body = json!({"message_type": "orderEvent", "message_id": "m", "data": [listed]}).to_string();
        let events = read(body.as_bytes()).events;
        assert_eq!(events[0].event_type, truth.steps.iter().rfind(|s| !s.event_type.contains("_resolved")).unwrap().event_type);
        assert_eq!(listed["shipments"].as_array().unwrap().len(), truth.parcels.len(), "{number}");
    }
    for (sku, count) in &plan.truth.stock {
        let listed = api.get(&format!("/sku_snapshots?cid={sku}")).await.body["data"][0].clone();
        assert_eq!((listed["total_units"].as_i64(), listed["as_of"].as_str()), (Some(count.total), Some(count.as_of.to_string().as_str())));
    }
}

#[tokio::test]
async fn callbacks_are_registered_listed_and_unregistered() {
    let api = start(options()).await;
    let answer = api.register(&["orderEvent", "rmaEvent", "no such type"]).await;
    assert_eq!((&answer.body["records_succeeded"], &answer.body["records_failed"]), (&json!(2), &json!(1)));
    assert!(answer.body["results"][2]["error_message"].as_str().unwrap().contains("skuInventoryChange"));
    let again = api.register(&["orderEvent"]).await;
    assert_eq!(again.body["results"][0]["status"], "failure", "one URL, one message type, one callback");

    let listed = api.get("/callbacks?message_type=all").await.body;
    assert_eq!(listed[0]["api_version"], "1.0");
    assert_eq!(api.listed("/callbacks?message_type=rmaEvent", "message_type").await, ["rmaEvent"]);
    let gone = api.ask("DELETE", "/callbacks", &json!([listed[0]["id"], "no-such-id"])).await.unwrap();
    assert_eq!((&gone.body["records_succeeded"], &gone.body["records_failed"]), (&json!(1), &json!(1)));
    assert_eq!(api.listed("/callbacks", "message_type").await, ["rmaEvent"]);

    let many: Vec<_> = (0..31).map(|n| json!({"url": format!("https://{n}.example.com"), "message_type": "orderEvent"})).collect();
    assert_eq!(api.post("/callbacks", &json!(many)).await.status, 400);
    assert_eq!(api.post("/callbacks", &json!([])).await.status, 400);
}

#[tokio::test]
async fn what_happens_during_a_hold_is_never_sent() {
    let api = start(options()).await;
    api.register(&["orderEvent"]).await;
    assert_eq!(api.post("/callback_holds", &json!(["orderEvent"])).await.body, json!({"holds": ["orderEvent"]}));
    assert_eq!(api.post("/callback_holds", &json!(["nonsense"])).await.status, 400);
    api.post("/orders", &json!([order("SO-1")])).await;
    assert_eq!(api.get("/callback_holds").await.body["holds"], json!(["orderEvent"]));
    api.ask("DELETE", "/callback_holds", &json!(["orderEvent"])).await.unwrap();
    api.post("/orders", &json!([order("SO-2")])).await;
    let received = api.received(1).await;
    assert!(received.len() == 1 && received[0].contains("SO-2"), "{received:?}");
    assert_eq!(api.listed("/orders", "customer_identifier").await, ["SO-2", "SO-1"], "asked, the warehouse knows of both");
}

#[tokio::test]
async fn the_data_factory_makes_every_event_happen() {
    let api = start(options()).await;
    api.register(&MESSAGE_TYPES).await;
    api.post("/orders", &json!([order("SO-1"), order("SO-2")])).await;
    let shipped = api.trigger("shipOrder", json!({"order_customer_id": "SO-1", "shorts": ["CAP"], "number_of_shipments": 2})).await;
    let numbers: Vec<_> = shipped["shipments"].as_array().unwrap().iter().map(|s| s["tracking_number"].clone()).collect();
    assert_eq!(numbers.len(), 2);
    for (number, event) in [(0, "tendered"), (1, "tendered"), (0, "inTransit"), (0, "delivered"), (1, "undeliverable")] {
        let told = api.trigger("orderShipment", json!({"tracking_number": numbers[number], "event": event})).await;
        assert_eq!(told["status"], "success", "{told}");
    }
    for (path, trigger, field) in [
        ("/order_update_requests", "resolveOrderUpdate", "order_update_request_id"),
        ("/order_cancel_requests", "resolveOrderCancel", "order_cancel_request_id"),
    ] {
        let asked = api.post(path, &json!([{"customer_identifier": "SO-2", "reason": "customer_request"}])).await;
        let id = asked.body["results"][0]["system_id"].clone();
        assert_eq!(api.listed(&format!("{path}?status=pending"), "id").await, vec![id.clone()]);
        assert_eq!(api.trigger(trigger, json!({field: id, "resolution": "success"})).await["status"], "success");
    }
    api.post("/inbound_shipments", &json!([{"customer_identifier": "ASN-1", "line_items": [{"customer_sku_id": "TEE", "quantity": 9}]}]))
        .await;
    for event in ["onDock", "receivingStarted", "receivingCompleted"] {
        api.trigger("inboundShipmentEvent", json!({"customer_identifier": "ASN-1", "event": event, "randomize_receipt_qty": true})).await;
    }
    api.post("/rmas", &json!([{"customer_identifier": "RMA-1", "line_items": [{"customer_sku_id": "TEE", "quantity": 1}]}])).await;
    for event in ["tendered", "inTransit", "delivered", "receiveFull"] {
        api.trigger("rmaEvent", json!({"customer_identifier": "RMA-1", "event": event})).await;
    }
    let sku = api.listed("/sku_snapshots?cid=TEE", "sku_id").await.remove(0);
    api.trigger("createAvailable", json!({"sku_id": sku, "quantity": 10})).await;
    api.trigger("loseInventory", json!({"sku_id": sku, "quantity": 4})).await;
    assert_eq!(api.trigger("createAvailable", json!({"sku_id": "nobody's", "quantity": 1})).await["status"], "failure");
    assert_eq!(api.post("/data_factory/explode", &json!([{}])).await.status, 404);
    let ready = api.post("/snapshot_request", &json!({"snapshot_type": "full"})).await;
    assert_eq!((ready.status, &ready.body["status"]), (200, &json!("processing")));

    let mut types: Vec<String> = Vec::new();
    for body in api.received(22).await {
        let read = read(body.as_bytes());
        assert_eq!(read.unreadable, None, "{body}");
        assert!(body.contains(r#""token":"t0k""#) && body.contains(r#""callback_url":"http://"#), "{body}");
        types.extend(read.events.into_iter().map(|event| event.event_type.into_owned()));
    }
    types.sort_unstable();
    types.dedup();
    let expected = [
        "inbound_shipment.arrived",
        "inbound_shipment.received",
        "inbound_shipment.receiving_started",
        "inventory.snapshot_ready",
        "inventory.updated",
        "order.cancel_resolved",
        "order.cancelled",
        "order.created",
        "order.fulfilled",
        "order.partially_delivered",
        "order.partially_in_transit",
        "order.partially_shipped",
        "order.shipped",
        "order.undeliverable",
        "order.update_resolved",
        "return.delivered",
        "return.in_transit",
        "return.received",
        "return.tendered",
    ];
    assert_eq!(types, expected);

    let production = start(ApiOptions { sandbox: false, ..options() }).await;
    assert_eq!(production.post("/data_factory/shipOrder", &json!([{}])).await.status, 403);
}

#[tokio::test]
async fn a_snapshot_is_downloaded_from_where_the_callback_says() {
    let api = start(options()).await;
    let plan = api.scenario();
    api.register(&["snapshotReady"]).await;
    api.post("/snapshot_request", &json!({"snapshot_type": "full"})).await;
    let ready: Value = serde_json::from_str(&api.received(1).await[0]).unwrap();
    let snapshot = api.get(ready["data"]["download_url"].as_str().unwrap()).await.body;
    assert_eq!(snapshot.as_array().unwrap().len(), plan.truth.stock.len());
    assert_eq!(api.post("/snapshot_request", &json!({"snapshot_type": "half"})).await.status, 400);
    assert_eq!(api.get("/snapshot_download/other.json").await.status, 404);
}

#[tokio::test]
async fn large_stock_is_listed_by_a_snapshot_only() {
    let api = start(options()).await;
    // Three lines each.
    let plan = Scenario { skus: 1001, orders: 0, inbound_shipments: 0, returns: 0, ..Scenario::default() }.plan();
    api.handle.tell(&plan.callbacks, Tell::Nobody);
    let refused = api.get("/sku_snapshots").await;
    assert!(refused.status == 400 && refused.body.to_string().contains("snapshot_request"), "{}", refused.body);
    assert_eq!(api.listed("/sku_snapshots?cid=TEE-BLU-M", "customer_identifier").await, ["TEE-BLU-M"]);
}

#[tokio::test]
async fn what_is_sent_is_told_and_sent_again_until_it_is_taken() {
    let api = start(ApiOptions { schedule: crate::masonhub::Schedule::at_speed(0.0), ..options() }).await;
    api.receiver.fault(Fault::new(What::Unavailable { retry_after: None }).next(2));
    api.register(&["orderEvent"]).await;
    api.post("/orders", &json!([order("SO-1")])).await;
    api.received(1).await;
    let guard = async {
        loop {
            let sent = api.get(&format!("{}/sent", api.url.split("/acme").next().unwrap())).await.body["data"].clone();
            if !sent[0]["outcome"].is_null() {
                return sent;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let sent = tokio::time::timeout(Duration::from_secs(60), guard).await.expect("it is taken in the end");
    assert_eq!((&sent[0]["outcome"], &sent[0]["message_type"]), (&json!("acked"), &json!("orderEvent")));
    assert_eq!(api.receiver.ledger().faults["unavailable"], 2);
}

#[tokio::test]
async fn faults_come_before_the_answer_or_after_it() {
    let api = start(options()).await;
    api.handle.fault(Fault::new(What::Status(500)).next(1).on("/orders"));
    assert_eq!(api.post("/orders", &json!([order("SO-1")])).await.status, 500);
    assert_eq!(api.listed("/orders", "id").await.len(), 0);
    api.handle.fault(Fault::new(What::Cut).next(1).after_applying());
    assert!(api.ask("POST", "/orders", &json!([order("SO-1")])).await.is_none());
    assert_eq!(api.listed("/orders", "id").await.len(), 1);
    assert!(api.handle.requests() > 0);
    api.handle.fault(Fault::new(What::Garbage));
    api.handle.clear_faults();
    assert_eq!(api.get("/orders").await.status, 200);
}
