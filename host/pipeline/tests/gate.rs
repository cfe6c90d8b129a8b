//! New generations at the gate: they are tried on recorded deliveries before they are put in force.

#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::*;
use mortar_core::call::Response;
use mortar_core::config::PluginsConfig;
use mortar_core::delivery::{DeliveryId, Ending};
use mortar_core::plugin::{Gate, GatePolicy, PluginProblem, PluginSettings, code};
use mortar_core::ports::*;
use mortar_core::story::{Call, Fate};
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::swap::{Standing, Swaps};
use tokio::sync::watch;

/// A plugin directory with one plugin, and what is kept of it.
#[derive(Default)]
struct FakeSandbox {
    there: Mutex<Option<Plugin>>,
    stamp: Mutex<u64>,
    kept: Mutex<BTreeMap<String, Plugin>>,
    record: Mutex<Option<Record>>,
    changed: tokio::sync::Notify,
}

impl FakeSandbox {
    fn put(&self, plugin: Plugin) {
        self.kept.lock().unwrap().insert(plugin.digest.to_string(), plugin.clone());
        *self.there.lock().unwrap() = Some(plugin);
        *self.stamp.lock().unwrap() += 1;
        self.changed.notify_one();
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl Sandbox for FakeSandbox {
    fn look(&self) -> BoxFuture<'_, Result<Listing, PluginProblem>> {
        let found = Found {
            name: "fake".into(),
            component: PathBuf::from("plugins/fake.wasm"),
            settings: None,
            stamp: *self.stamp.lock().unwrap(),
            whole: true,
        };
        ready(Ok(Listing { found: vec![found], problems: Vec::new() }))
    }
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.changed.notified())
    }
    fn load<'a>(&'a self, _: &'a Found) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        ready(Ok(self.there.lock().unwrap().clone().unwrap()))
    }
    fn load_kept<'a>(&'a self, _: &'a str, digest: &'a str) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        ready(Ok(self.kept.lock().unwrap()[digest].clone()))
    }
    fn load_candidate<'a>(&'a self, _: &'a Candidate, _: bool) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        ready(Ok(self.kept.lock().unwrap()["candidate"].clone()))
    }
    fn install<'a>(&'a self, _: &'a str, digest: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>> {
        let plugin = self.kept.lock().unwrap()[digest].clone();
        self.put(plugin);
        ready(Ok(()))
    }
    fn records(&self) -> BoxFuture<'_, Vec<Record>> {
        ready(self.record.lock().unwrap().iter().cloned().collect())
    }
    fn remember<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), PluginProblem>> {
        *self.record.lock().unwrap() = Some(record.clone());
        ready(Ok(()))
    }
    fn forget<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>> {
        ready(Ok(()))
    }
}

/// Recordings of deliveries whose step `write` was answered; events `m1:0`, `m2:0`, … newest first.
struct FakeRecordings(Result<u64, JournalError>);

impl FakeRecordings {
    fn one(event: u64) -> Recording {
        let response = Response { status: 200, headers: Vec::new(), body: Vec::new() };
        let fate = Fate::Answered { at: Still.now(), response, settled_by: None };
        let request = request("erp", "POST", &event.to_string());
        let call = Call { ordinal: 0, step: "write".into(), attempt: 1, request, sent_at: Still.now(), fate };
        let claim = claim(event, Vec::new());
        Recording { delivery: claim.lease.delivery, event: claim.event, attempt: 1, calls: vec![call] }
    }
}

impl Recordings for FakeRecordings {
    fn last(&self, which: WhichRecordings) -> Receipt<Vec<Recording>> {
        ready(self.0.clone().map(|events| (1..=events).rev().take(which.last).map(Self::one).collect()))
    }
    fn recording(&self, delivery: DeliveryId) -> Receipt<Option<Recording>> {
        ready(self.0.clone().map(|events| (delivery.event <= events).then(|| Self::one(delivery.event))))
    }
}

/// What a generation does with an event.
#[derive(Clone, Copy)]
enum Does {
    /// Writes the number of the event.
    Writes,
    /// Writes something else of the events from this number on.
    OtherFrom(u64),
    /// Never ends.
    Hangs,
}

fn generation(digest: &str, gate: Gate, does: Does) -> Plugin {
    let handler = move |run: Run, host: Arc<dyn Host>| -> BoxFuture<'static, Ending> {
        Box::pin(async move {
            let body = match does {
                Does::Hangs => std::future::pending().await,
                Does::OtherFrom(first) if run.event.seq >= first => "\"other\"".to_owned(),
                Does::Writes | Does::OtherFrom(_) => run.event.seq.to_string(),
            };
            host.call("write".into(), request("erp", "POST", &body)).await.unwrap();
            Ending::Done
        })
    };
    FakePlugin { settings: PluginSettings { gate, ..settings() }, handler: Box::new(handler) }.named("fake", digest)
}

fn policy(policy: GatePolicy) -> Gate {
    Gate { policy, ..Gate::default() }
}

struct Scene {
    sandbox: Arc<FakeSandbox>,
    plugins: Arc<Plugins>,
    swaps: Arc<Swaps>,
    stop: watch::Sender<bool>,
}

impl Scene {
    /// A host with so many recorded deliveries, on which `old` is in force.
    async fn with(recordings: Result<u64, JournalError>) -> Self {
        let sandbox = Arc::new(FakeSandbox::default());
        sandbox.put(generation("old", Gate::default(), Does::Writes));
        Self::over(sandbox, recordings).await
    }

    async fn over(sandbox: Arc<FakeSandbox>, recordings: Result<u64, JournalError>) -> Self {
        let (ports, plugins) = (World::answering([]).ports(), Arc::new(Plugins::default()));
        let recordings = Arc::new(FakeRecordings(recordings));
        let swaps = Swaps::new(ports, sandbox.clone(), recordings, plugins.clone(), PluginsConfig::default());
        swaps.start().await.unwrap();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(swaps.clone().follow(stopping.clone()));
        tokio::spawn(swaps.clone().shadow(stopping));
        Self { sandbox, plugins, swaps, stop }
    }

    fn in_force(&self) -> String {
        self.plugins.get("fake").unwrap().plugin.digest.to_string()
    }

    fn standing(&self) -> Standing {
        self.swaps.standings()["fake"].clone()
    }

    /// Waits until this is so. Time is paused: whatever the host does by itself goes first.
    async fn until(&self, so: impl Fn(&Self) -> bool) {
        while !so(self) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Puts a generation into the directory, and waits until it is in force or held back.
    async fn swap(&self, plugin: Plugin) {
        let digest = plugin.digest.to_string();
        self.sandbox.put(plugin);
        self.until(|scene| scene.in_force() == digest || !scene.standing().problems.is_empty()).await;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_told_and_put_in_force_where_the_policy_is_to_report() {
    let scene = Scene::with(Ok(4)).await;
    scene.swap(generation("new", policy(GatePolicy::Report), Does::OtherFrom(3))).await;
    let record = scene.standing().record.unwrap();
    let gate = record.kept[0].gate.as_ref().unwrap();
    assert_eq!((scene.in_force().as_str(), record.kept[0].digest.as_str()), ("new", "new"));
    assert_eq!((gate.with.as_str(), gate.same, gate.differs, gate.skipped), ("old", 2, 2, 0));
    let events: Vec<_> = gate.samples.iter().map(|sample| sample.event.as_str()).collect();
    assert_eq!(events, ["m4:0", "m3:0"]);
    assert_eq!(gate.samples[0].diff.calls[0].changes[0].new.as_deref(), Some("\"other\""));
    assert_eq!(scene.sandbox.record.lock().unwrap().as_ref(), Some(&record), "it is remembered");
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_held_back_where_the_policy_is_to_block_until_an_operator_promotes_it() {
    let scene = Scene::with(Ok(4)).await;
    scene.swap(generation("same", policy(GatePolicy::Block), Does::Writes)).await;
    assert_eq!(scene.in_force(), "same");
    scene.swap(generation("new", policy(GatePolicy::Block), Does::OtherFrom(4))).await;
    assert_eq!(scene.in_force(), "same");
    let standing = scene.standing();
    let problem = &standing.problems[0];
    assert_eq!(problem.code, code::GATE);
    for words in ["3 of 4 recorded deliveries are the same, 1 differ", "mortar plugin promote fake"] {
        assert!(problem.message.contains(words), "{problem}");
    }
    assert_eq!(standing.record.unwrap().held_back.unwrap().gate.unwrap().differs, 1);
    assert_eq!(scene.swaps.promote("fake").await.unwrap(), "new");
    assert_eq!(scene.in_force(), "new");
    scene.until(|scene| scene.standing().problems.is_empty()).await;
    assert_eq!(scene.standing().record.unwrap().kept[0].gate.as_ref().unwrap().differs, 1);
    assert!(matches!(scene.swaps.promote("fake").await, Err(JournalError::Refused(_))), "nothing is held back now");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_stays_so_over_a_restart() {
    let scene = Scene::with(Ok(1)).await;
    scene.swap(generation("new", policy(GatePolicy::Block), Does::OtherFrom(0))).await;
    let sandbox = scene.sandbox.clone();
    drop(scene);
    // With no recorded delivery left the gate would let it through.
    let scene = Scene::over(sandbox, Ok(0)).await;
    assert_eq!((scene.in_force().as_str(), scene.standing().problems[0].code), ("old", code::GATE));
}

#[tokio::test(start_paused = true)]
async fn a_gate_ends_in_its_time() {
    let gate = |policy| Gate { policy, time: Duration::from_secs(5), ..Gate::default() };
    let scene = Scene::with(Ok(4)).await;
    let before = tokio::time::Instant::now();
    scene.swap(generation("new", gate(GatePolicy::Report), Does::Hangs)).await;
    assert!(before.elapsed() < Duration::from_secs(6), "{:?}", before.elapsed());
    assert_eq!((scene.in_force().as_str(), scene.standing().record.unwrap().kept[0].gate.as_ref().unwrap().skipped), ("new", 4));
    let scene = Scene::with(Ok(4)).await;
    scene.swap(generation("new", gate(GatePolicy::Block), Does::Hangs)).await;
    assert!(scene.standing().problems[0].message.contains("4 were not compared"), "{:?}", scene.standing().problems);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_off_or_has_nothing_to_compare_lets_everything_through() {
    let scene = Scene::with(Ok(4)).await;
    scene.swap(generation("new", policy(GatePolicy::Off), Does::Hangs)).await;
    assert_eq!((scene.in_force().as_str(), scene.standing().record.unwrap().kept[0].gate.as_ref()), ("new", None));
    let scene = Scene::with(Ok(0)).await;
    scene.swap(generation("new", policy(GatePolicy::Block), Does::OtherFrom(0))).await;
    assert_eq!(scene.in_force(), "new");
    let last = Gate { policy: GatePolicy::Block, last: 1, ..Gate::default() };
    let scene = Scene::with(Ok(2)).await;
    scene.swap(generation("new", last, Does::OtherFrom(3))).await;
    assert_eq!((scene.in_force().as_str(), scene.standing().record.unwrap().kept[0].gate.as_ref().unwrap().same), ("new", 1));
}

#[tokio::test(start_paused = true)]
async fn without_recordings_only_a_gate_that_blocks_holds_back() {
    let unreadable = || Err(JournalError::Storage("disk".into()));
    let scene = Scene::with(unreadable()).await;
    scene.swap(generation("new", policy(GatePolicy::Report), Does::Writes)).await;
    assert_eq!(scene.in_force(), "new");
    let scene = Scene::with(unreadable()).await;
    scene.swap(generation("new", policy(GatePolicy::Block), Does::Writes)).await;
    assert_eq!((scene.in_force().as_str(), scene.standing().problems[0].code), ("old", code::UNREADABLE));
}

fn delivery(event: u64) -> DeliveryId {
    claim(event, Vec::new()).lease.delivery
}

/// A host with a candidate that does something else from the second event on.
async fn shadowed() -> Scene {
    let scene = Scene::with(Ok(9)).await;
    let candidate = generation("candidate", Gate::default(), Does::OtherFrom(2));
    scene.sandbox.kept.lock().unwrap().insert("candidate".into(), candidate);
    assert_eq!(scene.swaps.start_shadow("fake", &PathBuf::from("candidate.wasm")).await.unwrap(), "candidate");
    scene
}

#[tokio::test(start_paused = true)]
async fn a_candidate_is_compared_on_each_delivery_that_is_over() {
    let scene = shadowed().await;
    let active = scene.plugins.get("fake").unwrap().plugin;
    // Of the last one nothing is recorded.
    for event in [1, 2, 3, 10] {
        scene.plugins.shadows.ended(&active, delivery(event));
    }
    let counted = |scene: &Scene| scene.plugins.shadows.of("fake").unwrap();
    scene.until(|scene| counted(scene).compared() + counted(scene).skipped == 4).await;
    let counted = counted(&scene);
    assert_eq!((counted.same, counted.differs, counted.skipped), (1, 2, 1));
    let events: Vec<_> = counted.samples.iter().map(|sample| sample.event.as_str()).collect();
    assert_eq!((events, scene.in_force().as_str()), (vec!["m2:0", "m3:0"], "old"));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_room_to_wait_is_skipped_and_counted() {
    let scene = shadowed().await;
    let active = scene.plugins.get("fake").unwrap().plugin;
    // Nothing is compared meanwhile: this does not wait for anything.
    let more = 5;
    (0..mortar_pipeline::shadow::WAITING + more).for_each(|_| scene.plugins.shadows.ended(&active, delivery(1)));
    let counted = scene.plugins.shadows.of("fake").unwrap();
    assert_eq!((counted.compared(), counted.skipped), (0, more as u64));
    let other = generation("old", Gate::default(), Does::Writes);
    scene.plugins.shadows.ended(&Plugin { name: "without-candidate".into(), ..other }, delivery(1));
    assert!(scene.plugins.shadows.of("without-candidate").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_candidate_goes_on_over_a_restart_and_is_counted_anew_beside_another_generation() {
    let scene = shadowed().await;
    let sandbox = scene.sandbox.clone();
    drop(scene);
    let scene = Scene::over(sandbox, Ok(9)).await;
    let active = scene.plugins.get("fake").unwrap().plugin;
    scene.plugins.shadows.ended(&active, delivery(1));
    scene.until(|scene| scene.plugins.shadows.of("fake").unwrap().compared() == 1).await;
    scene.swap(generation("newer", policy(GatePolicy::Off), Does::Writes)).await;
    let active = scene.plugins.get("fake").unwrap().plugin;
    scene.plugins.shadows.ended(&active, delivery(2));
    scene.until(|scene| scene.plugins.shadows.of("fake").unwrap().with == "newer").await;
    let counted = scene.plugins.shadows.of("fake").unwrap();
    assert_eq!((counted.same, counted.differs), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_promoted_candidate_is_in_force_with_its_files_and_can_be_rolled_back() {
    let scene = shadowed().await;
    assert_eq!(scene.swaps.promote_shadow("fake").await.unwrap(), "candidate");
    assert_eq!(scene.in_force(), "candidate");
    assert_eq!(&*scene.sandbox.there.lock().unwrap().as_ref().unwrap().digest, "candidate");
    assert!(scene.plugins.shadows.of("fake").is_none() && scene.standing().record.unwrap().shadow.is_none());
    assert!(matches!(scene.swaps.stop_shadow("fake").await, Err(JournalError::NotFound(_))));
    assert_eq!(scene.swaps.roll_back("fake", None).await.unwrap(), "old");
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_stopped_is_forgotten() {
    let scene = shadowed().await;
    scene.swaps.stop_shadow("fake").await.unwrap();
    assert!(scene.plugins.shadows.of("fake").is_none() && scene.standing().record.unwrap().shadow.is_none());
    assert_eq!(scene.in_force(), "old");
    let old = scene.sandbox.kept.lock().unwrap()["old"].clone();
    scene.sandbox.kept.lock().unwrap().insert("candidate".into(), old);
    let refused = scene.swaps.start_shadow("fake", &PathBuf::from("old.wasm")).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
}
