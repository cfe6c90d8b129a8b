//! Each event once, however often it comes.

use mortar_core::delivery::State;
use mortar_tests::{Setup, fixtures};
use serde_json::json;

use super::{erp, rest_settings};

#[tokio::test]
async fn redeliveries_make_one_call() {
    let (url, handle) = erp(None).await;
    let host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    let callback = fixtures::about("order.cancelled", "SO-7");
    let answers = futures_of(&host, &callback, 20).await;
    let duplicates: u64 = answers.iter().map(|a| a["duplicates"].as_u64().unwrap()).sum();
    assert_eq!(duplicates, 19);
    host.until(&fixtures::event_id(&callback), State::Done).await;
    assert_eq!(host.send(&callback).await.json()["duplicates"], 1);
    let ledger = handle.ledger();
    assert_eq!(ledger.applied("PATCH", "/orders/SO-7"), 1, "{ledger:#?}");
}

async fn futures_of(host: &mortar_tests::Host, callback: &serde_json::Value, count: usize) -> Vec<serde_json::Value> {
    let body = serde_json::to_vec(callback).unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (url, body) = (host.url(), body.clone());
        sending.spawn(async move {
            let (name, value) = mortar_tests::http::signature(mortar_tests::SECRET, &body);
            mortar_tests::http::send("POST", &url, &[(name, &value)], body).await.unwrap().json()
        });
    }
    sending.join_all().await
}

#[tokio::test]
async fn an_array_of_envelopes_is_many_events() {
    let host = Setup::new().start().await;
    let (one, two) = (fixtures::about("order.created", "SO-1"), fixtures::about("order.packed", "SO-2"));
    let answer = host.send(&json!([one, two])).await.json();
    assert_eq!(answer["events"], json!([fixtures::event_id(&one), fixtures::event_id(&two)]));
    assert_eq!(host.send(&one).await.json()["duplicates"], 1);
}
