//! An ERP that fails is left alone, is tried again, and gets its requests back step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use futures::future::join_all;
use mortar_connect::{BreakerState, ConnectionStatus};
use mortar_core::call::{Request, Response};
use mortar_core::ports::SendError;
use tokio::net::TcpSocket;
use tokio::sync::{mpsc, oneshot};

use crate::support::{Log, Server, World, answer, answering, connect, jump, kind, serve, try_connect};

const HOUR: Duration = Duration::from_secs(3600);

/// So long that it ends only where the test jumps there.
const LONG: &str = "longest_open = \"12h\", first_open = \"1h\"";

/// Opens at the first failure.
fn at_once() -> String {
    format!("timeout = \"1m\"\nbreaker = {{ failures = 1, {LONG} }}\n")
}

/// An ERP that answers with a status that the test can change.
async fn erp(status: u16) -> (Server, Log, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let now = status.clone();
    let (server, log) = answering(move |_| answer(now.load(Ordering::SeqCst), "", "")).await;
    (server, log, status)
}

fn status(world: &World) -> ConnectionStatus {
    world.connections.status().remove(0)
}

/// How long who was turned away shall stay away.
fn held_back(result: Result<Response, SendError>) -> Duration {
    match result {
        Err(SendError::NotSent { after: Some(after), spent: false, .. }) => after,
        other => panic!("{other:?}"),
    }
}

/// An address that refuses connections for as long as this is kept.
fn nobody() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

#[tokio::test]
async fn an_outage_costs_the_failures_and_a_probe_now_and_then() {
    let (erp, seen, answers) = erp(503).await;
    let world = connect(erp.address, &format!("breaker = {{ {LONG} }}"));
    let requests = || seen.lock().unwrap().len();
    for _ in 0..10 {
        assert_eq!(kind(&world.post("/x", "{}").await), "not sent");
    }
    for _ in 0..20 {
        let after = held_back(world.post("/x", "{}").await);
        assert!(after > HOUR / 2 && after <= HOUR * 3 / 2, "{after:?}");
    }
    assert_eq!(requests(), 10, "as many as `failures`");
    let BreakerState::Open { until } = status(&world).breaker else { panic!("{:?}", status(&world)) };
    assert!(until > "2025-01-01T00:30:00Z".parse().unwrap() && until <= "2025-01-01T01:00:00Z".parse().unwrap(), "{until}");

    for (probes, hours) in [(11, 1), (12, 2), (13, 4), (14, 8), (15, 12), (16, 12)] {
        jump(HOUR * hours).await;
        assert_eq!(status(&world).breaker, BreakerState::HalfOpen, "the next one is a probe");
        assert_eq!(kind(&world.post("/x", "{}").await), "not sent");
        for _ in 0..20 {
            held_back(world.post("/x", "{}").await);
        }
        assert_eq!(requests(), probes, "one after {hours} h");
    }

    answers.store(200, Ordering::SeqCst);
    held_back(world.post("/x", "{}").await);
    jump(HOUR * 12).await;
    let mut allowed = Vec::new();
    for _ in 0..16 {
        assert_eq!(kind(&world.post("/x", "{}").await), "answered");
        allowed.push(status(&world).allowed);
    }
    assert_eq!(allowed, [1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 16]);
    assert_eq!((requests(), status(&world).breaker), (32, BreakerState::Closed));
    let observed = world.observed.1.lock().unwrap();
    assert_eq!(observed[..3], ["open", "half-open", "open"]);
    assert_eq!(observed[observed.len() - 3..], ["half-open", "ramping", "closed"]);
    assert_eq!(world.observed.0.lock().unwrap().len(), 32, "what was held back was no call");
}

#[tokio::test]
async fn every_way_to_be_down_opens_it_and_no_refusal_does() {
    let after_two = async |address, settings: &str| {
        let world = connect(address, &format!("breaker = {{ failures = 2, {LONG} }}\n{settings}"));
        let results = [world.post("/x", "{}").await, world.post("/x", "{}").await, world.post("/x", "{}").await];
        results.each_ref().map(kind)
    };
    for (answered, expected) in [(500, "answered"), (501, "answered"), (502, "lost"), (503, "not sent"), (504, "lost")] {
        let (server, seen, _) = erp(answered).await;
        assert_eq!(after_two(server.address, "").await, [expected, expected, "held back"], "{answered}");
        assert_eq!(seen.lock().unwrap().len(), 2);
    }
    for answered in [200, 302, 400, 401, 403, 404, 408, 409, 422, 425, 429] {
        let (server, seen, _) = erp(answered).await;
        assert!(!after_two(server.address, "").await.contains(&"held back"), "{answered}");
        assert_eq!(seen.lock().unwrap().len(), 3);
    }
    let nobody = nobody();
    assert_eq!(after_two(nobody.local_addr().unwrap(), "").await, ["not sent", "not sent", "held back"]);
    let silent = serve(|mut peer| async move { peer.until_closed().await }).await;
    let soon = "timeout = \"300ms\"\nconnect_timeout = \"300ms\"";
    assert_eq!(after_two(silent.address, soon).await, ["lost", "lost", "held back"]);
    let cut = serve(|mut peer| async move { drop(peer.request().await) }).await;
    assert_eq!(after_two(cut.address, "").await, ["lost", "lost", "held back"]);
}

#[tokio::test]
async fn a_mail_server_has_a_breaker_too() {
    let nobody = nobody();
    let address = nobody.local_addr().unwrap();
    let settings = format!("private_addresses = true\nfrom = \"shop@example.com\"\n{}", at_once());
    let world = try_connect(&format!("[erp]\nurl = \"smtp://{address}\"\n{settings}")).unwrap();
    let mail = Request {
        connection: "erp".into(),
        method: Request::MAIL.into(),
        path: String::new(),
        headers: Vec::new(),
        body: Some(br#"{"to":["a@example.com"],"reply_to":null,"subject":"s","text":"t","html":null}"#.to_vec()),
    };
    assert_eq!(kind(&world.send(&mail).await), "not sent");
    assert_eq!(kind(&world.send(&mail).await), "held back");
}

/// A request that has arrived: the number in its path, and where its status goes.
type Arrival = (usize, oneshot::Sender<u16>);

/// An ERP that holds each request until the test answers it.
async fn holding() -> (Server, mpsc::UnboundedReceiver<Arrival>) {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let server = serve(move |mut peer| {
        let arrived = arrived.clone();
        async move {
            while let Some(seen) = peer.request().await {
                let number = seen.line.split(['/', ' ']).find_map(|part| part.parse().ok()).unwrap();
                let (reply, status) = oneshot::channel();
                arrived.send((number, reply)).unwrap();
                let Ok(status) = status.await else { return };
                peer.write(answer(status, "", "")).await;
            }
        }
    })
    .await;
    (server, arrivals)
}

#[tokio::test]
async fn a_recovering_erp_gets_its_requests_back_in_order_and_step_by_step() {
    let (erp, mut arrivals) = holding().await;
    let world = Arc::new(connect(erp.address, &format!("concurrency = 4\n{}", at_once())));
    let send = |numbers: std::ops::Range<usize>| {
        let world = world.clone();
        tokio::spawn(async move { join_all(numbers.map(async |n| world.get(&format!("/{n}")).await)).await })
    };
    let outage = send(0..1);
    arrivals.recv().await.unwrap().1.send(503).unwrap();
    assert_eq!(kind(&outage.await.unwrap()[0]), "not sent");

    jump(HOUR).await;
    let probe = send(1..2);
    let (_, reply) = arrivals.recv().await.unwrap();
    assert_eq!(status(&world).breaker, BreakerState::HalfOpen);
    held_back(world.get("/2").await);
    reply.send(200).unwrap();
    assert_eq!(kind(&probe.await.unwrap()[0]), "answered");

    let crowd = send(10..30);
    let mut under_way: Vec<Arrival> = Vec::new();
    let mut next = 10;
    // After each answer so many follow: one alone, then two, of which the second opens up four.
    for more in [1, 2, 1, 3].into_iter().chain([1; 13]).chain([0; 4]) {
        if !under_way.is_empty() {
            under_way.remove(0).1.send(200).unwrap();
        }
        let mut arrived = Vec::new();
        for _ in 0..more {
            arrived.push(arrivals.recv().await.unwrap());
        }
        // Over several sockets they may overtake each other, but only within a step.
        arrived.sort_by_key(|(number, _)| *number);
        assert!(arrived.iter().map(|(number, _)| *number).eq(next..next + more), "{arrived:?}");
        next += more;
        under_way.extend(arrived);
        if more > 0 {
            let now = status(&world);
            assert_eq!((now.in_flight, now.waiting), (under_way.len(), 30 - next), "{now:?}");
        }
    }
    assert!(crowd.await.unwrap().iter().all(Result::is_ok));
    let now = status(&world);
    assert_eq!((next, now.in_flight, now.waiting, now.breaker), (30, 0, 0, BreakerState::Closed));
}

#[tokio::test]
async fn what_hung_since_before_the_outage_neither_closes_nor_opens_it() {
    let (erp, mut arrivals) = holding().await;
    let world = Arc::new(connect(erp.address, &at_once()));
    let get = |path: &'static str| {
        let world = world.clone();
        tokio::spawn(async move { world.get(path).await })
    };
    let slow = get("/1");
    let (_, slow_reply) = arrivals.recv().await.unwrap();
    let failing = get("/2");
    arrivals.recv().await.unwrap().1.send(500).unwrap();
    assert_eq!(kind(&failing.await.unwrap()), "answered");
    slow_reply.send(200).unwrap();
    assert_eq!(kind(&slow.await.unwrap()), "answered");
    assert!(matches!(status(&world).breaker, BreakerState::Open { .. }));
    held_back(world.get("/3").await);
}
