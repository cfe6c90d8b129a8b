//! Genuine callbacks that cannot be read: quarantined, never lost, never a crash.

use mortar_tests::{Host, Setup, fixtures};
use serde_json::{Value, json};

async fn quarantined(host: &Host) -> Vec<Value> {
    host.ask("/api/quarantine").await.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_for_the_operator() {
    let host = Setup::new().start().await;
    let whole = serde_json::to_vec(&fixtures::fresh("order.fulfilled")).unwrap();
    let mut wrong = fixtures::fresh("order.fulfilled");
    wrong["data"][0]["shipments"] = json!(5);
    let bodies: Vec<Vec<u8>> = vec![
        whole[..whole.len() / 2].to_vec(),
        b"{\"message_id\":\"a\",\"message_id\":\"b\",\"message_type\":\"orderEvent\",\"data\":[{}]}".to_vec(),
        b"\xff\xfe not text".to_vec(),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
        b"5".to_vec(),
        b"".to_vec(),
        b"{}".to_vec(),
        serde_json::to_vec(&wrong).unwrap(),
        b"{\"message_type\":{},\"message_id\":\"x\",\"data\":[{}]}".to_vec(),
    ];
    for (nth, body) in bodies.iter().enumerate() {
        let answer = host.send_bytes(body.clone()).await;
        assert_eq!(answer.status, 200, "body {nth}");
        assert_eq!(answer.json()["status"], "quarantined", "body {nth}: {}", answer.json());
    }
    let kept = quarantined(&host).await;
    assert_eq!(kept.len(), bodies.len());
    assert!(kept.iter().all(|k| !k["reason"].as_str().unwrap().is_empty()));
    let id = kept[0]["id"].to_string();
    let shown = host.mortar(&["quarantine", "show", &id]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).contains("message_type"), "{shown:?}");
    let replayed = host.mortar(&["quarantine", "replay", &id]).await;
    assert!(!replayed.status.success(), "it is still unreadable");
}

#[tokio::test]
async fn one_bad_record_does_not_hold_up_the_others() {
    let host = Setup::new().start().await;
    let mut callback = fixtures::fresh("order.created");
    let good = callback["data"][0].clone();
    callback["data"] = json!([good.clone(), "not a record", good]);
    let answer = host.send(&callback).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "accepted");
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 2);
    assert!(answer.json()["quarantined"].is_string());
    assert_eq!(quarantined(&host).await.len(), 1);
}

#[tokio::test]
async fn unknown_types_and_statuses_are_stored() {
    let host = Setup::new().start().await;
    let mut odd = fixtures::fresh("order.created");
    odd["data"][0]["status"] = "teleported".into();
    assert_eq!(host.send(&odd).await.status, 200);
    assert_eq!(host.story(&fixtures::event_id(&odd)).await.unwrap().event.event_type, "order.updated");
    let mut unknown = fixtures::fresh("order.created");
    unknown["message_type"] = "droneEvent".into();
    assert_eq!(host.send(&unknown).await.status, 200);
    assert_eq!(host.story(&fixtures::event_id(&unknown)).await.unwrap().event.event_type, "masonhub.droneEvent");
}

#[tokio::test]
async fn the_flat_shape_has_an_id_of_its_content() {
    let host = Setup::new().start().await;
    let flat = json!({
        "event_type": "order.shipped", "order_id": "ORD-12345", "external_id": "SO-1",
        "shipments": [{ "tracking_number": "1Z1", "carrier": "UPS", "service_level": "ground" }],
        "timestamp": "2026-01-05T18:21:00Z"
    });
    let first = host.send(&flat).await.json();
    assert_eq!(first["derived_ids"], true);
    let second = host.send(&flat).await.json();
    assert_eq!((first["events"].clone(), second["duplicates"].clone()), (second["events"].clone(), json!(1)));
}
