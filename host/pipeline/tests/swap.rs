//! What the files in a plugin directory lead to, over a sandbox that is told what there is.
#![allow(clippy::unwrap_used, missing_docs)]

mod fakes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fakes::{FakePlugin, World, settings};
use mortar_core::config::PluginsConfig;
use mortar_core::delivery::{DeliveryId, Ending};
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::*;
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::swap::Swaps;
use tokio::sync::{Notify, mpsc, watch};

/// A sandbox whose plugin directory is a map: of each plugin the digest that its files make, or none where
/// they make no plugin.
#[derive(Default)]
struct FakeSandbox {
    files: Mutex<BTreeMap<&'static str, Option<&'static str>>>,
    records: Mutex<BTreeMap<String, Record>>,
    changed: Notify,
}

fn plugin(name: &str, digest: &str) -> Plugin {
    FakePlugin { settings: settings(), handler: Box::new(|_, _| Box::pin(async { Ending::Done })) }.named(name, digest)
}

fn problem(name: &str) -> PluginProblem {
    PluginProblem::new(name, &PathBuf::from(format!("{name}.wasm")), code::NOT_WASM, "broken")
}

impl Sandbox for FakeSandbox {
    fn look(&self) -> BoxFuture<'_, Result<Listing, PluginProblem>> {
        let files = self.files.lock().unwrap();
        let found = files.iter().map(|(name, digest)| Found {
            name: (*name).into(),
            component: format!("{name}.wasm").into(),
            settings: None,
            stamp: digest.map_or(0, |digest| digest.bytes().map(u64::from).sum()),
            whole: true,
        });
        let listing = Listing { found: found.collect(), problems: Vec::new() };
        Box::pin(async { Ok(listing) })
    }
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.changed.notified())
    }
    fn load<'a>(&'a self, found: &'a Found) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        let digest = self.files.lock().unwrap().get(found.name.as_str()).copied().flatten();
        let loaded = digest.map(|digest| plugin(&found.name, digest)).ok_or_else(|| vec![problem(&found.name)]);
        Box::pin(async { loaded })
    }
    fn load_kept<'a>(&'a self, name: &'a str, digest: &'a str) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        Box::pin(async move { Ok(plugin(name, digest)) })
    }
    fn load_candidate<'a>(&'a self, _: &'a Candidate, _: bool) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        panic!("there are no candidates")
    }
    fn install<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>> {
        panic!("there are no candidates")
    }
    fn records(&self) -> BoxFuture<'_, Vec<Record>> {
        let records = self.records.lock().unwrap().values().cloned().collect();
        Box::pin(async { records })
    }
    fn remember<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), PluginProblem>> {
        self.records.lock().unwrap().insert(record.plugin.clone(), record.clone());
        Box::pin(async { Ok(()) })
    }
    fn forget<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>> {
        self.records.lock().unwrap().remove(plugin);
        Box::pin(async { Ok(()) })
    }
}

/// Nothing is recorded, so the gate has nothing to compare.
struct NoRecordings;

impl Recordings for NoRecordings {
    fn last(&self, _: WhichRecordings) -> Receipt<Vec<Recording>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn recording(&self, _: DeliveryId) -> Receipt<Option<Recording>> {
        Box::pin(async { Ok(None) })
    }
}

/// Tells of each swap.
struct Told(mpsc::UnboundedSender<String>);

impl Observer for Told {
    fn observe(&self, observation: &Observation<'_>) {
        if let Observation::Swap { plugin, result } = observation {
            self.0.send(format!("{plugin} {result}")).unwrap();
        }
    }
}

struct Directory {
    sandbox: Arc<FakeSandbox>,
    swaps: Arc<Swaps>,
    plugins: Arc<Plugins>,
    told: mpsc::UnboundedReceiver<String>,
    _stop: watch::Sender<bool>,
}

impl Directory {
    /// A host that starts over a directory with one plugin, and follows it.
    async fn start(sandbox: Arc<FakeSandbox>, digest: Option<&'static str>) -> Self {
        sandbox.files.lock().unwrap().insert("shop", digest);
        let (tell, told) = mpsc::unbounded_channel();
        let ports = Ports { observer: Arc::new(Told(tell)), ..World::answering([]).ports() };
        let plugins = Arc::<Plugins>::default();
        let swaps = Swaps::new(ports, sandbox.clone(), Arc::new(NoRecordings), plugins.clone(), PluginsConfig::default());
        swaps.start().await.unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(swaps.clone().follow(stopped));
        Self { sandbox, swaps, plugins, told, _stop: stop }
    }

    /// What a change of the files leads to.
    async fn change(&mut self, files: &[(&'static str, Option<&'static str>)]) -> String {
        *self.sandbox.files.lock().unwrap() = files.iter().copied().collect();
        self.sandbox.changed.notify_one();
        self.told.recv().await.unwrap()
    }

    /// The generation in force, and whether the plugin is parked.
    fn now(&self) -> Option<(String, bool)> {
        self.plugins.get("shop").map(|shop| (shop.plugin.digest.to_string(), shop.parked))
    }
}

fn in_force(digest: &str) -> Option<(String, bool)> {
    Some((digest.to_owned(), false))
}

#[tokio::test]
async fn new_files_are_put_in_force_and_broken_ones_change_nothing() {
    let mut directory = Directory::start(Arc::default(), Some("d1")).await;
    assert_eq!((directory.told.recv().await.unwrap().as_str(), directory.now()), ("shop activated", in_force("d1")));
    assert_eq!((directory.change(&[("shop", Some("d2"))]).await.as_str(), directory.now()), ("shop activated", in_force("d2")));
    assert_eq!((directory.change(&[("shop", None)]).await.as_str(), directory.now()), ("shop failed", in_force("d2")));
    assert_eq!(directory.swaps.standings()["shop"].problems, [problem("shop")]);
    assert_eq!(directory.change(&[("shop", Some("d3"))]).await, "shop activated");
    assert!(directory.swaps.problems().is_empty());
    let record = directory.sandbox.records.lock().unwrap()["shop"].clone();
    assert_eq!((record.in_force.as_str(), record.before.as_deref(), record.kept.len()), ("d3", Some("d2"), 3));
}

#[tokio::test]
async fn a_plugin_without_files_is_parked_until_it_is_back() {
    let mut directory = Directory::start(Arc::default(), Some("d1")).await;
    directory.told.recv().await.unwrap();
    assert_eq!(directory.change(&[]).await, "shop parked");
    assert_eq!(directory.now(), Some(("d1".into(), true)));
    assert!(directory.swaps.problems()[0].contains("mortar plugin forget shop"));
    assert_eq!((directory.change(&[("shop", Some("d1"))]).await.as_str(), directory.now()), ("shop activated", in_force("d1")));
}

#[tokio::test]
async fn a_start_over_broken_files_goes_on_with_what_was_in_force() {
    let sandbox = Arc::<FakeSandbox>::default();
    Directory::start(sandbox.clone(), Some("d1")).await;
    let directory = Directory::start(sandbox, None).await;
    assert_eq!(directory.now(), in_force("d1"));
    assert_eq!(directory.swaps.standings()["shop"].problems, [problem("shop")]);
}

#[tokio::test]
async fn what_was_rolled_back_stays_out_over_a_start() {
    let sandbox = Arc::<FakeSandbox>::default();
    let mut directory = Directory::start(sandbox.clone(), Some("d1")).await;
    directory.told.recv().await.unwrap();
    directory.change(&[("shop", Some("d2"))]).await;
    assert_eq!(directory.swaps.roll_back("shop", None).await.as_deref(), Ok("d1"));
    assert_eq!(directory.now(), in_force("d1"));
    let directory = Directory::start(sandbox, Some("d2")).await;
    assert_eq!(directory.now(), in_force("d1"));
    assert_eq!(directory.swaps.standings()["shop"].problems[0].code, code::HELD_BACK);
}

#[tokio::test]
async fn a_pinned_generation_stays() {
    let mut directory = Directory::start(Arc::default(), Some("d1")).await;
    directory.told.recv().await.unwrap();
    directory.swaps.pin("shop", true).await.unwrap();
    // Held back is no failure, so nothing tells of it: what comes after it does.
    directory.change(&[("shop", Some("d2")), ("other", Some("d1"))]).await;
    assert_eq!(directory.now(), in_force("d1"));
    directory.swaps.pin("shop", false).await.unwrap();
    assert_eq!((directory.told.recv().await.unwrap().as_str(), directory.now()), ("shop activated", in_force("d2")));
}
