//! So many requests per second, and pauses that the ERP asks for.

use std::time::Duration;

use futures::future::join_all;
use mortar_connect::BreakerState;
use mortar_core::ports::SendError;
use tokio::time::Instant;

use crate::support::{answer, answering, connect, jump, kind};

#[tokio::test]
async fn a_burst_goes_at_once_and_who_would_wait_for_long_is_told() {
    let (erp, seen) = answering(|_| answer(200, "", "")).await;
    let world = connect(erp.address, "rate = 0.001\nburst = 3\ntimeout = \"2s\"");
    let results = join_all((0..6).map(|_| world.post("/x", "{}"))).await;
    assert_eq!(results.iter().map(kind).collect::<Vec<_>>(), ["answered", "answered", "answered", "held back", "held back", "held back"]);
    for result in &results[3..] {
        let Err(SendError::NotSent { reason, after: Some(after), .. }) = result else { panic!("{result:?}") };
        assert!(reason.contains("`rate` is used up"), "{reason}");
        assert!(*after > Duration::from_secs(900) && *after <= Duration::from_secs(1500), "{after:?}");
    }
    assert_eq!(seen.lock().unwrap().len(), 3);

    jump(Duration::from_secs(1000)).await;
    assert_eq!(kind(&world.post("/x", "{}").await), "answered");
    assert_eq!(kind(&world.post("/x", "{}").await), "held back");
    assert_eq!(seen.lock().unwrap().len(), 4);
    assert_eq!(world.connections.status()[0].breaker, BreakerState::Closed, "a used-up rate is no failure");
}

#[tokio::test]
async fn a_short_wait_is_waited_for() {
    let (erp, seen) = answering(|_| answer(200, "", "")).await;
    let world = connect(erp.address, "rate = 20");
    let start = Instant::now();
    let results = join_all((0..4).map(|_| world.post("/x", "{}"))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn an_erp_that_asks_for_a_pause_gets_it_from_all_requests() {
    let (erp, seen) = answering(|seen| match seen.line.contains("/busy") {
        true => answer(429, "Retry-After: 3000\r\n", ""),
        false => answer(200, "", ""),
    })
    .await;
    let world = connect(erp.address, "breaker = { failures = 1 }");
    match world.post("/busy", "{}").await {
        Err(SendError::NotSent { after, spent: true, .. }) => assert_eq!(after, Some(Duration::from_secs(3000))),
        other => panic!("{other:?}"),
    }
    for _ in 0..10 {
        match world.post("/x", "{}").await {
            Err(SendError::NotSent { reason, after: Some(after), spent: false }) => {
                assert!(reason.contains("asked for a pause"), "{reason}");
                assert!(after > Duration::from_secs(2900) && after <= Duration::from_secs(4500), "{after:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
    let status = world.connections.status().remove(0);
    assert_eq!(status.breaker, BreakerState::Closed, "a busy ERP is not a broken one");
    let until = status.paused_until.unwrap();
    assert!(until > "2025-01-01T00:48:00Z".parse().unwrap() && until <= "2025-01-01T00:50:00Z".parse().unwrap(), "{until}");

    jump(Duration::from_secs(3000)).await;
    assert_eq!(kind(&world.post("/x", "{}").await), "answered");
    assert_eq!((seen.lock().unwrap().len(), world.connections.status()[0].paused_until), (2, None));
}
