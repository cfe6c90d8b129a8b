use std::time::Duration;

use http_body_util::Full;
use serde_json::Value;

use super::*;
use crate::erp::{Client, What};
use crate::http::client;

/// A running ERP, seen over its socket.
struct Running {
    url: String,
    handle: Handle,
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn start(options: ErpOptions) -> Running {
    started(Erp::bind(options).await.unwrap())
}

fn started(erp: Erp) -> Running {
    let (url, handle, address) = (erp.url(), erp.handle(), erp.address());
    Running { url, handle, address, server: tokio::spawn(erp.run(std::future::pending())) }
}

impl Running {
    /// None: the connection was cut.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Option<Answered> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = client().request(request.body(Full::from(body)).unwrap()).await.ok()?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes().to_vec();
        Some(Answered { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn post(&self) -> Option<Answered> {
        self.send("POST", "/orders/SO-1/shipments", &[("idempotency-key", "k1")], &json!({"tracking_number": "1Z9"})).await
    }

    fn applied(&self) -> usize {
        self.handle.ledger().applied("POST", "/orders/SO-1/shipments")
    }
}

#[tokio::test]
async fn the_token_is_asked_of_all_but_the_control_paths() {
    let erp = start(ErpOptions { token: Some("t0k".into()), ..ErpOptions::default() }).await;
    for (headers, status) in [(&[][..], 401), (&[("authorization", "Bearer wrong")], 401), (&[("authorization", "Bearer t0k")], 201)] {
        let answer = erp.send("PUT", "/stock/CAP", headers, &json!({"available": 3})).await.unwrap();
        assert_eq!(answer.status, status);
    }
    assert_eq!(erp.send("GET", "/health", &[], &Value::Null).await.unwrap().status, 200);
    let ledger = erp.handle.ledger();
    assert_eq!((ledger.requests, ledger.unauthorized, ledger.writes.len()), (3, 2, 1));
}

#[tokio::test]
async fn a_repetition_gets_the_stored_answer() {
    let erp = start(ErpOptions::default()).await;
    let (first, again) = (erp.post().await.unwrap(), erp.post().await.unwrap());
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert!(again.headers["idempotent-replayed"] == "true" && !first.headers.contains_key("idempotent-replayed"));
    assert_eq!(erp.applied(), 1);

    let plain = start(ErpOptions { idempotency_header: None, ..ErpOptions::default() }).await;
    plain.post().await.unwrap();
    plain.post().await.unwrap();
    assert_eq!(plain.applied(), 2, "this ERP knows no keys");
}

#[tokio::test]
async fn a_read_answers_what_was_written() {
    let erp = start(ErpOptions::default()).await;
    erp.post().await.unwrap();
    let found = erp.send("GET", "/orders/SO-1/shipments/1Z9?expand=all", &[], &Value::Null).await.unwrap();
    assert_eq!((found.status, &found.json()["tracking_number"]), (200, &json!("1Z9")));
    assert_eq!(erp.send("GET", "/orders/SO-2", &[], &Value::Null).await.unwrap().status, 404);
}

#[tokio::test]
async fn unavailable_for_the_next_requests_of_a_path() {
    let erp = start(ErpOptions::default()).await;
    erp.handle.fault(Fault::new(What::Unavailable { retry_after: Some(2) }).next(2).on("/shipments"));
    let elsewhere = erp.send("PUT", "/stock/CAP", &[], &json!({"available": 3})).await.unwrap();
    assert_eq!(elsewhere.status, 201);
    for _ in 0..2 {
        let answer = erp.post().await.unwrap();
        assert!(answer.status == 503 && answer.headers["retry-after"] == "2");
    }
    assert_eq!(erp.applied(), 0);
    assert_eq!(erp.post().await.unwrap().status, 201);
    assert_eq!(erp.handle.ledger().faults["unavailable"], 2);
}

#[tokio::test]
async fn a_fault_can_end_with_time() {
    let erp = start(ErpOptions::default()).await;
    erp.handle.fault(Fault::new(What::Status(500)).lasting(Duration::ZERO));
    assert_eq!(erp.post().await.unwrap().status, 201);
    erp.handle.fault(Fault::new(What::Status(500)).lasting(Duration::from_secs(3600)));
    assert_eq!(erp.post().await.unwrap().status, 500);
    erp.handle.clear_faults();
    assert_eq!(erp.post().await.unwrap().status, 201);
}

#[tokio::test]
async fn a_cut_before_applying_leaves_nothing_and_one_after_it_leaves_the_write() {
    let erp = start(ErpOptions::default()).await;
    erp.handle.fault(Fault::new(What::Cut).next(1));
    assert!(erp.post().await.is_none());
    assert_eq!(erp.applied(), 0);
    erp.handle.fault(Fault::new(What::Cut).next(1).after_applying());
    assert!(erp.post().await.is_none());
    assert_eq!(erp.applied(), 1);
    assert_eq!(erp.post().await.unwrap().status, 201, "the key answers");
    assert_eq!(erp.applied(), 1);
}

#[tokio::test]
async fn a_hang_ends_when_the_client_goes_away() {
    let erp = start(ErpOptions::default()).await;
    erp.handle.fault(Fault::new(What::Hang).next(1));
    assert!(tokio::time::timeout(Duration::from_millis(50), erp.post()).await.is_err());
    assert_eq!((erp.post().await.unwrap().status, erp.applied()), (201, 1));
}

#[tokio::test]
async fn a_slow_answer_is_the_right_one() {
    let erp = start(ErpOptions::default()).await;
    erp.handle.fault(Fault::new(What::Slow(20)).next(1));
    let begun = tokio::time::Instant::now();
    assert_eq!(erp.post().await.unwrap().status, 201);
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn answers_can_be_nonsense() {
    let erp = start(ErpOptions::default()).await;
    erp.handle.fault(Fault::new(What::Garbage).next(1));
    let garbage = erp.post().await.unwrap();
    assert!(garbage.status == 200 && String::from_utf8(garbage.body).is_err());
    erp.handle.fault(Fault::new(What::Redirect("http://192.0.2.1/".into())).next(1));
    let redirect = erp.post().await.unwrap();
    assert!(redirect.status == 307 && redirect.headers["location"] == "http://192.0.2.1/");
    erp.handle.fault(Fault::new(What::Huge(3_000_001)).next(1));
    assert_eq!(erp.post().await.unwrap().body.len(), 3_000_001);
    assert_eq!(erp.applied(), 0);
}

#[tokio::test]
async fn faults_and_records_are_reached_over_http() {
    let erp = start(ErpOptions::default()).await;
    let control = Client::new(&erp.url);
    let fault = Fault::new(What::Unavailable { retry_after: None }).next(1);
    control.fault(&fault).await.unwrap();
    let set = erp.send("GET", "/faults", &[], &Value::Null).await.unwrap().json();
    assert_eq!(serde_json::from_value::<Vec<Fault>>(set["data"].clone()).unwrap(), [fault]);
    assert_eq!(erp.post().await.unwrap().status, 503);
    erp.send("POST", "/orders/SO-1/notifications", &[], &json!({"tracking_number": "1Z9"})).await.unwrap();

    let ledger = control.ledger().await.unwrap();
    assert_eq!(ledger, erp.handle.ledger());
    let told = erp.send("GET", "/notifications", &[], &Value::Null).await.unwrap().json();
    assert_eq!(told["data"], json!([{"order": "SO-1", "tracking_number": "1Z9"}]));

    erp.send("POST", "/faults", &[], &json!({"what": "hang"})).await.unwrap();
    control.clear_faults().await.unwrap();
    assert_eq!(erp.post().await.unwrap().status, 201);
    let wrong = erp.send("POST", "/faults", &[], &json!({"what": "explode"})).await.unwrap();
    assert!(wrong.status == 400 && wrong.json()["error"].as_str().unwrap().contains("unknown variant `explode`"));
}

#[tokio::test]
async fn a_restart_keeps_what_is_on_record() {
    let erp = start(ErpOptions::default()).await;
    erp.post().await.unwrap();
    let (handle, address) = (erp.handle.clone(), erp.address);
    erp.server.abort();
    while !erp.server.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(erp.post().await.is_none());
    let control = Client::new(&erp.url).ledger().await.unwrap_err();
    assert!(control.to_string().contains("is it running?"), "{control}");
    let again = started(handle.reopen(address).await.unwrap());
    assert_eq!(again.post().await.unwrap().headers["idempotent-replayed"], "true");
}

#[tokio::test]
async fn it_runs_until_it_is_told_to_end() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(run(ErpOptions::default(), |address| tell.send(address).unwrap(), async { drop(ended.await) }));
    let url = format!("http://{}", told.await.unwrap());
    assert_eq!(Client::new(&url).ledger().await.unwrap(), Ledger::default());
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(Client::new(&url).ledger().await.is_err());
}
