//! Killed and started again.

use mortar_core::delivery::State;
use mortar_simulator::erp::{Fault, What};
use mortar_tests::{Setup, fixtures};

use super::{QUICK, erp, rest_settings};

#[tokio::test]
async fn what_was_acked_arrives_after_kill_9() {
    let (url, handle) = erp(Some("Idempotency-Key")).await;
    let mut host = Setup::new()
        .config("[delivery.retry]\nfirst_delay = \"10ms\"\nlongest_delay = \"50ms\"\nattempts = 1000\n")
        .connection("erp", &url, "idempotency_header = \"Idempotency-Key\"")
        .plugin("rest", "rest", &rest_settings())
        .start()
        .await;
    handle.fault(Fault::new(What::Unavailable { retry_after: None }));
    let callbacks: Vec<_> = (0..50).map(|n| fixtures::about("order.fulfilled", &format!("SO-{n}"))).collect();
    for callback in &callbacks {
        assert_eq!(host.send(callback).await.status, 200);
    }
    host.kill().await;
    handle.clear_faults();
    host.restart().await;
    for callback in &callbacks {
        host.until(&fixtures::event_id(callback), State::Done).await;
        assert_eq!(host.send(callback).await.json()["duplicates"], 1, "it is still known");
    }
    let ledger = handle.ledger();
    for n in 0..50 {
        assert_eq!(ledger.applied("PUT", &format!("/orders/SO-{n}/shipments/shp_002")), 1);
    }
}

#[tokio::test]
async fn a_write_that_was_under_way_is_in_doubt_after_kill_9() {
    let (url, handle) = erp(None).await;
    let short = "connect_timeout = \"500ms\"\ntimeout = \"500ms\"";
    let mut host = Setup::new().config(QUICK).connection("erp", &url, short).misbehaving("call", "").start().await;
    handle.fault(Fault::new(What::Hang).after_applying());
    let callback = fixtures::about("order.created", "SO-1");
    host.send(&callback).await;
    let event = fixtures::event_id(&callback);
    host.when(&event, |s| s.deliveries[0].calls.len() == 1).await;
    host.kill().await;
    handle.clear_faults();
    host.restart().await;
    let story = host.until(&event, State::Dead).await;
    assert_eq!(story.deliveries[0].delivery.code.as_deref(), Some("step.in_doubt"));
}

#[tokio::test]
async fn sigterm_drains_and_exits_cleanly() {
    let (url, handle) = erp(None).await;
    let mut host = Setup::new().connection("erp", &url, "").plugin("rest", "rest", &rest_settings()).start().await;
    handle.fault(Fault::new(What::Slow(300)).next(1));
    let callback = fixtures::about("order.cancelled", "SO-1");
    host.send(&callback).await;
    host.when(&fixtures::event_id(&callback), |s| s.deliveries[0].calls.len() == 1).await;
    assert!(host.terminate().await.success());
    host.restart().await;
    let story = host.until(&fixtures::event_id(&callback), State::Done).await;
    assert_eq!(story.deliveries[0].attempts.len(), 1, "the attempt came to its end before the host stopped");
}

#[tokio::test]
async fn a_second_host_over_the_same_journal_is_refused() {
    let host = Setup::new().start().await;
    let second = host.mortar(&["serve"]).await;
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("journal"), "{said}");
}
