//! Claiming and running: bounds, verdicts, and stopping.

#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fakes::*;
use mortar_core::code::ErrorCode;
use mortar_core::config::DeliveryConfig;
use mortar_core::delivery::{Ending, PluginNo, Verdict};
use mortar_core::plugin::PluginSettings;
use mortar_core::ports::{BoxFuture, Claim, StateWrite};
use mortar_pipeline::dispatch::dispatch;
use mortar_pipeline::plugins::Plugins;
use tokio::sync::{Semaphore, watch};

async fn run(world: &World, plugin: FakePlugin, concurrency: usize, until: impl Future<Output = ()>) {
    let ports = world.ports();
    let plugins = Arc::new(Plugins::of(vec![plugin.plugin()], &*ports.journal).await.unwrap());
    let (stop, stopping) = watch::channel(false);
    let config = DeliveryConfig { concurrency, ..DeliveryConfig::default() };
    let dispatching = tokio::spawn(dispatch(ports, plugins, config, stopping));
    until.await;
    stop.send(true).unwrap();
    dispatching.await.unwrap();
}

async fn finished(world: &World, count: usize) {
    while world.journal.finishes.lock().unwrap().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_more_run_at_once_than_allowed() {
    let world = World::answering([]);
    world.journal.claims.lock().unwrap().extend((1..=10).map(|n| claim(n, Vec::new())));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (now.clone(), most.clone());
    let handler = move |_, _| -> mortar_core::ports::BoxFuture<'static, Ending> {
        let (now, most) = counts.clone();
        Box::pin(async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ending::Done
        })
    };
    run(&world, FakePlugin { settings: settings(), handler: Box::new(handler) }, 3, finished(&world, 10)).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert!(world.journal.finishes.lock().unwrap().iter().all(|f| f.verdict == Verdict::Done));
}

#[tokio::test]
async fn a_plugin_has_a_bound_of_its_own_and_zero_pauses_it() {
    let world = World::answering([]);
    world.journal.claims.lock().unwrap().push_back(claim(1, Vec::new()));
    let mut settings = settings();
    settings.concurrency = Some(0);
    let handler = |_, _| -> mortar_core::ports::BoxFuture<'static, Ending> { Box::pin(std::future::ready(Ending::Done)) };
    let paused = FakePlugin { settings, handler: Box::new(handler) };
    run(&world, paused, 8, async { tokio::task::yield_now().await }).await;
    assert_eq!(world.journal.claims.lock().unwrap().len(), 1, "it was not claimed");
}

/// Runs deliveries of a plugin with these connections for a minute, and counts those that ran.
async fn ran_in_a_minute(connections: &[&str], rooms: [(&'static str, Result<usize, Duration>); 2]) -> usize {
    let world = World::answering([]);
    world.connector.rooms.lock().unwrap().extend(rooms);
    world.journal.claims.lock().unwrap().extend((1..=10).map(|n| claim(n, Vec::new())));
    let settings = PluginSettings { connections: connections.iter().map(ToString::to_string).collect(), ..settings() };
    let handler = |_, _| -> BoxFuture<'static, Ending> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(40)).await;
            Ending::Done
        })
    };
    run(&world, FakePlugin { settings, handler: Box::new(handler) }, 8, tokio::time::sleep(Duration::from_secs(60))).await;
    world.journal.finishes.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn deliveries_stay_where_they_are_while_their_connections_are_shut() {
    let (shut, probe, open) = (Err(Duration::from_secs(3600)), Ok(1), Ok(usize::MAX));
    assert_eq!(ran_in_a_minute(&["erp"], [("erp", shut), ("keyed", open)]).await, 0);
    assert_eq!(ran_in_a_minute(&["erp"], [("erp", probe), ("keyed", open)]).await, 2, "one after the other");
    assert_eq!(ran_in_a_minute(&["erp", "keyed"], [("erp", shut), ("keyed", shut)]).await, 0);
    assert_eq!(ran_in_a_minute(&["erp", "keyed"], [("erp", shut), ("keyed", open)]).await, 10, "one that is open may do");
    assert_eq!(ran_in_a_minute(&[], [("erp", shut), ("keyed", shut)]).await, 10, "it needs none");
}

#[tokio::test(start_paused = true)]
async fn a_shut_connection_is_looked_at_again_when_its_time_is_up() {
    let world = World::answering([]);
    world.connector.rooms.lock().unwrap().insert("erp", Err(Duration::from_secs(60)));
    world.journal.claims.lock().unwrap().push_back(claim(1, Vec::new()));
    let connector = world.connector.clone();
    let handler = |_, _| -> BoxFuture<'static, Ending> { Box::pin(std::future::ready(Ending::Done)) };
    let settings = PluginSettings { connections: vec!["erp".into()], ..settings() };
    run(&world, FakePlugin { settings, handler: Box::new(handler) }, 8, async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        connector.rooms.lock().unwrap().clear();
        tokio::time::sleep(Duration::from_secs(31)).await;
    })
    .await;
    assert_eq!(world.journal.finishes.lock().unwrap().len(), 1);
}

/// How many deliveries of each plugin run in the end, where each has a hundred, one after the other,
/// and a bound of its own, and no handler ever ends.
async fn stuck(bounds: &[Option<usize>], concurrency: usize) -> Vec<usize> {
    let world = World::answering([]);
    let ports = world.ports();
    let plugin = |(n, concurrency): (usize, &Option<usize>)| {
        let settings = PluginSettings { concurrency: *concurrency, ..PluginSettings::default() };
        FakePlugin { settings, handler: Box::new(|_, _| Box::pin(std::future::pending())) }.named(&format!("p{n}"), "d1")
    };
    let plugins = Plugins::of(bounds.iter().enumerate().map(plugin).collect(), &*ports.journal).await.unwrap();
    let plugins = Arc::new(plugins);
    let (_stop, stopping) = watch::channel(false);
    let config = DeliveryConfig { concurrency, ..DeliveryConfig::default() };
    let dispatching = tokio::spawn(dispatch(ports, plugins, config, stopping));
    let mut running = Vec::new();
    for no in (1..).take(bounds.len()).map(PluginNo) {
        let claims = (1..=100).map(|n| {
            let mut claim = claim(n, Vec::new());
            claim.lease.delivery.plugin = no;
            claim
        });
        world.journal.claims.lock().unwrap().extend(claims.collect::<Vec<Claim>>());
        world.journal.woken.notify_one();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let left = world.journal.claims.lock().unwrap().iter().filter(|claim| claim.lease.delivery.plugin == no).count();
        running.push(100 - left);
    }
    dispatching.abort();
    running
}

#[tokio::test]
async fn a_stuck_plugin_leaves_room_for_the_others() {
    assert_eq!(stuck(&[None], 12).await, [12], "alone it has them all");
    assert_eq!(stuck(&[None, Some(0)], 12).await, [12, 0]);
    assert_eq!(stuck(&[None, None, None], 12).await, [8, 2, 1]);
    assert_eq!(stuck(&[Some(3), None, None], 12).await, [3, 6, 2]);
    assert_eq!(stuck(&[None, None], 2).await, [1, 1]);
    assert_eq!(stuck(&[None, None], 1).await, [1, 0]);
}

#[tokio::test]
async fn stopping_waits_for_what_runs() {
    let world = World::answering([]);
    world.journal.claims.lock().unwrap().push_back(claim(1, Vec::new()));
    let (started, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (started.clone(), go.clone());
    let handler = move |_, _| -> mortar_core::ports::BoxFuture<'static, Ending> {
        let (started, go) = gates.clone();
        Box::pin(async move {
            started.add_permits(1);
            go.acquire().await.unwrap().forget();
            Ending::Done
        })
    };
    let sandbox = FakePlugin { settings: settings(), handler: Box::new(handler) };
    run(&world, sandbox, 1, async {
        started.acquire().await.unwrap().forget();
        // The gate opens only now, when the stop is about to be said.
        go.add_permits(1);
    })
    .await;
    assert_eq!(world.journal.finishes.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_state_conflict_runs_the_handler_again_and_costs_no_attempt() {
    let world = World::answering([]);
    *world.journal.conflicts.lock().unwrap() = 1;
    world.journal.claims.lock().unwrap().push_back(claim(1, Vec::new()));
    let handler = |_, host: Arc<dyn mortar_core::ports::Host>| -> mortar_core::ports::BoxFuture<'static, Ending> {
        Box::pin(async move {
            host.state_put(StateWrite { key: "n".into(), expected: 0, value: Some(b"1".to_vec()) }).await.unwrap().unwrap();
            Ending::Done
        })
    };
    run(&world, FakePlugin { settings: settings(), handler: Box::new(handler) }, 1, finished(&world, 1)).await;
    let finishes = world.journal.finishes.lock().unwrap();
    assert!(matches!(finishes[0].verdict, Verdict::Waiting { code: ErrorCode::StateConflict, spent: false, .. }));
    assert!(finishes[0].state.is_empty());
    assert_eq!(finishes[0].attempt.code.as_deref(), Some("state.conflict"));
}

/// Twice the same delivery, as where the clock was set and its first lease ran out, and another one.
/// The first waits for the gate. Answers how many attempts of it ended, each of which ran alone.
async fn twice(gate: Arc<Semaphore>, finishes: usize, meanwhile: impl Future<Output = ()>) -> usize {
    let world = World::answering([]);
    world.journal.claims.lock().unwrap().extend([claim(1, Vec::new()), claim(1, Vec::new()), claim(2, Vec::new())]);
    let running = Arc::new(AtomicUsize::new(0));
    let handler = move |run: mortar_core::ports::Run, _| -> mortar_core::ports::BoxFuture<'static, Ending> {
        let (gate, running) = (gate.clone(), running.clone());
        Box::pin(async move {
            if run.event.seq == 1 {
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "an attempt ran beside another one");
                gate.acquire().await.unwrap().forget();
                running.fetch_sub(1, Ordering::SeqCst);
            }
            Ending::Done
        })
    };
    run(&world, FakePlugin { settings: settings(), handler: Box::new(handler) }, 3, async {
        finished(&world, 1).await;
        meanwhile.await;
        finished(&world, finishes).await;
    })
    .await;
    world.journal.finishes.lock().unwrap().len() - 1
}

#[tokio::test]
async fn a_delivery_runs_behind_its_own_attempt_that_is_not_over_yet() {
    let gate = Arc::new(Semaphore::new(0));
    let go = gate.clone();
    assert_eq!(twice(gate, 3, async move { go.add_permits(2) }).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_whose_attempt_does_not_end_is_left_to_the_next_lease() {
    let gate = Arc::new(Semaphore::new(0));
    let go = gate.clone();
    let meanwhile = async move {
        tokio::time::sleep(Duration::from_secs(31)).await;
        go.add_permits(1);
    };
    assert_eq!(twice(gate, 2, meanwhile).await, 1);
}

#[tokio::test]
async fn a_parked_plugin_is_left_alone_until_it_is_back_and_then_runs_its_new_generation() {
    let world = World::answering([]);
    let plugin = |digest| {
        let handler = |_, _| -> BoxFuture<'static, Ending> { Box::pin(std::future::ready(Ending::Done)) };
        FakePlugin { settings: settings(), handler: Box::new(handler) }.named("fake", digest)
    };
    let ports = world.ports();
    let plugins = Arc::new(Plugins::of(vec![plugin("old")], &*ports.journal).await.unwrap());
    plugins.park("fake");
    world.journal.claims.lock().unwrap().push_back(claim(1, Vec::new()));
    let (stop, stopping) = watch::channel(false);
    let dispatching = tokio::spawn(dispatch(ports.clone(), plugins.clone(), DeliveryConfig::default(), stopping));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.journal.claims.lock().unwrap().len(), 1, "it was not claimed");
    plugins.activate(plugin("new"), &*ports.journal).await.unwrap();
    finished(&world, 1).await;
    stop.send(true).unwrap();
    dispatching.await.unwrap();
    assert_eq!(world.journal.finishes.lock().unwrap()[0].attempt.digest, "new");
}
