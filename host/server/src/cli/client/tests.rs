//! The client against a small API that answers as the host does.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mortar_core::call::Settlement;
use mortar_core::delivery::DeliveryId;
use serde_json::{Value, json};

use super::*;
use crate::admin_types::{Discard, ReadAgain, Settle};

/// What was asked: method, path with query, and body.
type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

/// An API that knows one event, notes what it is asked, and refuses to discard.
async fn api() -> (Client, Asked) {
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (Client::new(&base, "the-token".into(), "mortar.toml".into()).unwrap(), asked)
}

async fn answer(State(asked): State<Asked>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
    let path = head.uri.to_string();
    asked.lock().unwrap().push((head.method.to_string(), path.clone(), serde_json::from_slice(&body).unwrap_or_default()));
    if head.headers.get("authorization").is_none_or(|value| value != "Bearer the-token") {
        return error(StatusCode::UNAUTHORIZED, "the admin token is missing or wrong");
    }
    match path.as_str() {
        "/api/events?limit=1000&state=dead" => axum::Json(json!({ "items": [event(9), event(7)] })).into_response(),
        "/api/events?before=7&limit=1000&state=dead" => axum::Json(json!({ "items": [] })).into_response(),
        "/api/quarantine/3/replay" => axum::Json(json!({ "stored": 2, "duplicates": 1, "unreadable": null })).into_response(),
        "/api/deliveries/9-1/replay" | "/api/deliveries/9-1/settle" => StatusCode::OK.into_response(),
        "/api/deliveries/9-1/discard" => error(StatusCode::CONFLICT, "9-1 is done, not dead"),
        "/api/status" => "not what was expected".into_response(),
        "/api/rejected/5/admit" => (StatusCode::BAD_GATEWAY, "a proxy's page").into_response(),
        _ => error(StatusCode::NOT_FOUND, "there is no such thing here"),
    }
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "error": text, "code": "test" }))).into_response()
}

fn event(seq: u64) -> Value {
    json!({
        "seq": seq, "id": format!("m:{seq}"), "event_type": "order.shipped", "subject": "order:SO-1", "source": "masonhub",
        "received_at": "2026-03-01T12:00:00Z", "deliveries": [],
    })
}

fn delivery() -> DeliveryId {
    "9-1".parse().unwrap()
}

#[tokio::test]
async fn all_dead_letters_are_read_page_by_page() {
    let (client, _) = api().await;
    let seqs: Vec<_> = client.dead().await.unwrap().into_iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [9, 7]);
}

#[tokio::test]
async fn an_event_id_cannot_lead_elsewhere() {
    let (client, asked) = api().await;
    let missing = client.story("m/../status?x#y%:0").await.unwrap_err();
    assert!(matches!(missing, Failure::NotFound(text) if text == "there is no such thing here"));
    assert_eq!(asked.lock().unwrap()[0].1, "/api/events/m%2F..%2Fstatus%3Fx%23y%25:0");
}

#[tokio::test]
async fn interventions_say_what_is_meant() {
    let (client, asked) = api().await;
    client.replay(delivery(), mortar_core::ports::Replay::KeepSteps).await.unwrap();
    client.settle(delivery(), &Settle { step: "ship".into(), settlement: Settlement::Resend }).await.unwrap();
    assert_eq!(client.replay_quarantined(3).await.unwrap(), ReadAgain { stored: 2, duplicates: 1, unreadable: None });
    let refused = client.discard(delivery(), &Discard { reason: "old".into() }).await.unwrap_err();
    assert!(matches!(refused, Failure::Refused(text) if text == "9-1 is done, not dead"));
    let bodies: Vec<_> = asked.lock().unwrap().iter().map(|(method, _, body)| (method.clone(), body.clone())).collect();
    let post = |body| ("POST".to_owned(), body);
    let settle = json!({ "step": "ship", "settlement": "resend" });
    assert_eq!(bodies, [post(json!({ "steps": "keep-steps" })), post(settle), post(Value::Null), post(json!({ "reason": "old" }))]);
}

#[tokio::test]
async fn what_goes_wrong_says_what_to_do_next() {
    let (client, _) = api().await;
    let odd = client.status().await.unwrap_err();
    assert!(matches!(&odd, Failure::Failed(text) if text.ends_with("update both")), "{odd}");
    let stranger = client.admit(5).await.unwrap_err();
    assert!(matches!(&stranger, Failure::Failed(text) if text.contains("does another program use that port?")), "{stranger}");

    let other = Client::new(client.base.as_str(), "another-token".into(), "mortar.toml".into()).unwrap();
    let refused = other.status().await.unwrap_err();
    assert!(matches!(&refused, Failure::Refused(text) if text.ends_with("is it the one that runs with mortar.toml?")), "{refused}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = Client::new(&format!("http://{}/", closed.local_addr().unwrap()), String::new(), "mortar.toml".into()).unwrap();
    drop(closed);
    let gone = nobody.status().await.unwrap_err();
    assert!(matches!(&gone, Failure::Unreachable(text) if text.ends_with("is `mortar serve` running with mortar.toml?")), "{gone}");
}

#[test]
fn a_host_that_never_ran_has_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mortar.toml");
    std::fs::write(&file, "").unwrap();
    let loaded = crate::config::read(&file).unwrap();
    let missing = Client::of(&loaded).err().unwrap();
    assert!(matches!(&missing, Failure::Unreachable(text) if text.ends_with("run `mortar serve`")), "{missing}");

    std::fs::write(folder.path().join("admin-token"), "s3cret\n").unwrap();
    assert_eq!(Client::of(&loaded).unwrap().token, "s3cret");
}
