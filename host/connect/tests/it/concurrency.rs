//! So many requests at once, and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::sync::{Notify, Semaphore};

use crate::support::{answer, connect, kind, serve};

#[tokio::test]
async fn a_request_beyond_the_limit_waits_and_is_then_held_back() {
    let (arrived, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_server, from_test) = (arrived.clone(), release.clone());
    let erp = serve(move |mut peer| {
        let (arrived, release) = (at_server.clone(), from_test.clone());
        async move {
            while peer.request().await.is_some() {
                arrived.notify_one();
                release.notified().await;
                peer.write(answer(200, "", "")).await;
            }
        }
    })
    .await;
    // The first request never times out before the second one gives up waiting for its place.
    let world = Arc::new(connect(erp.address, "concurrency = 1\ntimeout = \"500ms\"\nconnect_timeout = \"1h\""));
    let first = tokio::spawn({
        let world = world.clone();
        async move { world.post("/first", "x").await }
    });
    arrived.notified().await;
    let status = world.connections.status();
    assert_eq!((status[0].name.as_str(), status[0].in_flight, status[0].concurrency), ("erp", 1, 1));

    let second = world.post("/second", "x").await;
    assert_eq!(kind(&second), "held back");
    assert!(second.unwrap_err().to_string().contains("`concurrency`"));

    release.notify_one();
    assert_eq!(kind(&first.await.unwrap()), "answered");
    assert_eq!(world.connections.status()[0].in_flight, 0);
    release.notify_one();
    assert_eq!(kind(&world.post("/third", "x").await), "answered");
    assert_eq!(world.observed.0.lock().unwrap().len(), 2, "what was held back was no call");
}

#[tokio::test]
async fn as_many_as_allowed_run_at_once() {
    let (running, most, all_here) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (now, peak, gate) = (running.clone(), most.clone(), all_here.clone());
    let erp = serve(move |mut peer| {
        let (now, peak, gate) = (now.clone(), peak.clone(), gate.clone());
        async move {
            while peer.request().await.is_some() {
                let here = now.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(here, Ordering::SeqCst);
                // Nobody is answered until four are here at once.
                if here == 4 {
                    gate.add_permits(100);
                }
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                peer.write(answer(200, "", "")).await;
            }
        }
    })
    .await;
    let world = connect(erp.address, "concurrency = 4");
    let results = join_all((0..20).map(|_| world.post("/x", "y"))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(most.load(Ordering::SeqCst), 4);
}
