//! One attempt and what becomes of its delivery.

#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Ending, Verdict};
use mortar_core::ports::{BoxFuture, Clock, Host, SendError};
use mortar_core::retry::RetryPolicy;
use mortar_pipeline::run::Runner;

const HOUR: Duration = Duration::from_secs(3600);

/// A policy that can be told by how long it waits when it is asked to wait for an hour.
fn waits(seconds: u64) -> RetryPolicy {
    RetryPolicy { longest_delay: Duration::from_secs(seconds), ..RetryPolicy::default() }
}

/// How long a delivery waits, in seconds, after an attempt that found these connections unavailable
/// and ended so. The connection `erp` waits for 20 s, the host for 30 s.
async fn wait(own: Option<RetryPolicy>, unavailable: &'static [&'static str], code: ErrorCode) -> i64 {
    let held = || Err(SendError::NotSent { reason: "held back".into(), after: Some(HOUR), spent: false });
    let mut world = World::answering(unavailable.iter().map(|_| held()));
    Arc::get_mut(&mut world.connector).unwrap().retry.insert("erp", waits(20));
    let handler = move |_, host: Arc<dyn Host>| -> BoxFuture<'static, Ending> {
        Box::pin(async move {
            for connection in unavailable {
                host.call((*connection).into(), request(connection, "GET", "")).await.unwrap_err();
            }
            Ending::Retry { code, reason: "told".into(), after: Some(HOUR), spent: true }
        })
    };
    let settings = mortar_core::plugin::PluginSettings { retry: own, ..settings() };
    let plugin = FakePlugin { settings, handler: Box::new(handler) }.plugin();
    let runner = Runner { ports: world.ports(), plugins: Arc::default(), retry: waits(30), up_since: tokio::time::Instant::now() };
    runner.run(claim(1, Vec::new()), plugin).await;
    let finishes = world.journal.finishes.lock().unwrap();
    let Verdict::Waiting { until, spent, .. } = finishes[0].verdict else { panic!("{:?}", finishes[0].verdict) };
    assert_eq!(spent, unavailable.is_empty() || code != ErrorCode::PluginRetry, "waiting for a connection spends no attempt");
    until.duration_since(Still.now()).as_secs()
}

#[tokio::test]
async fn the_plugins_policy_goes_before_the_connections_and_that_before_the_hosts() {
    use ErrorCode::{PluginRetry, PluginTrap};
    assert_eq!(wait(Some(waits(10)), &["erp"], PluginRetry).await, 10);
    assert_eq!(wait(None, &["erp"], PluginRetry).await, 20);
    assert_eq!(wait(None, &["keyed"], PluginRetry).await, 30, "it has none of its own");
    assert_eq!(wait(None, &["keyed", "erp"], PluginRetry).await, 20, "the last one was in the way");
    assert_eq!(wait(None, &["erp", "keyed"], PluginRetry).await, 30);
    assert_eq!(wait(None, &["erp"], PluginTrap).await, 30, "the connection was not what ended it");
    assert_eq!(wait(None, &[], PluginRetry).await, 30);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_journaled_is_journaled_as_soon_as_it_can() {
    let world = World::answering([]);
    *world.journal.full.lock().unwrap() = 3;
    let handler = |_, _| -> BoxFuture<'static, Ending> { Box::pin(std::future::ready(Ending::Done)) };
    let plugin = FakePlugin { settings: settings(), handler: Box::new(handler) }.plugin();
    let runner = Runner { ports: world.ports(), plugins: Arc::default(), retry: waits(30), up_since: tokio::time::Instant::now() };
    runner.run(claim(1, Vec::new()), plugin).await;
    let finishes = world.journal.finishes.lock().unwrap();
    assert_eq!(finishes.iter().map(|f| &f.verdict).collect::<Vec<_>>(), [&Verdict::Done]);
    assert_eq!(*world.journal.full.lock().unwrap(), 0);
}

/// How long a delivery of an event of this type waits, in seconds, after a call that was answered
/// so, in a host that is up for so long. The policy wants to wait a second at most, and the ERP may
/// be at a request for a minute.
async fn wait_after(event_type: &str, connection: &'static str, method: &'static str, lost: bool, uptime: Duration) -> i64 {
    let error = match lost {
        true => SendError::Lost("timeout".into()),
        false => SendError::NotSent { reason: "503".into(), after: None, spent: true },
    };
    let world = World::answering([Err(error)]);
    *world.connector.patience.lock().unwrap() = Duration::from_secs(60);
    let handler = move |_, host: Arc<dyn Host>| -> BoxFuture<'static, Ending> {
        Box::pin(async move {
            host.call("write".into(), request(connection, method, "1")).await.unwrap_err();
            Ending::Retry { code: ErrorCode::PluginRetry, reason: "told".into(), after: None, spent: true }
        })
    };
    let plugin = FakePlugin { settings: settings(), handler: Box::new(handler) }.plugin();
    let mut claim = claim(1, Vec::new());
    Arc::get_mut(&mut claim.event).unwrap().event_type = event_type.into();
    let runner = Runner { ports: world.ports(), plugins: Arc::default(), retry: waits(1), up_since: tokio::time::Instant::now() };
    tokio::time::advance(uptime).await;
    runner.run(claim, plugin).await;
    let finishes = world.journal.finishes.lock().unwrap();
    let Verdict::Waiting { until, .. } = finishes[0].verdict else { panic!("{:?}", finishes[0].verdict) };
    until.duration_since(Still.now()).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_lost_write_is_given_time_to_arrive() {
    let (order, count) = ("order.fulfilled", "inventory.updated");
    assert_eq!(wait_after(order, "erp", "POST", true, HOUR).await, 65, "until then it would only be told to wait");
    assert_eq!(wait_after(order, "keyed", "POST", true, HOUR).await, 0, "a repetition is harmless, and later events wait for it");
    assert_eq!(wait_after(count, "keyed", "PUT", true, HOUR).await, 65, "a newer count takes its place, and must not be overtaken");
    assert_eq!(wait_after(count, "erp", "PUT", true, HOUR).await, 65);
    assert_eq!(wait_after(count, "keyed", "PUT", false, HOUR).await, 0, "it was certainly not applied");
    assert_eq!(wait_after(count, "erp", "GET", true, HOUR).await, 0, "it changes nothing");
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_host_may_have_sent_is_given_time_too() {
    let young = Duration::from_secs(5);
    assert_eq!(wait_after("inventory.updated", "keyed", "PUT", false, young).await, 60);
    assert_eq!(wait_after("order.fulfilled", "keyed", "POST", false, young).await, 0, "it is the first of its subject that is sent again");
}
