//! The plugin directory is followed: new generations of plugins take over while deliveries run.
//!
//! A look says what the directory holds. Each plugin whose files are others than at the last look is
//! loaded, and if all is well with it, put in force. Whatever is not well with it leaves the generation
//! in force that was, and stands in its [`Standing`]. A plugin whose files are gone is parked.
//!
//! | module | what is in it |
//! |---|---|
//! | this one | what the files in the directory lead to |
//! | `force` | what is in force, and what is remembered of it |
//! | `gate` | a new generation is tried on recorded deliveries before it is put in force |
//! | `shadow` | a candidate runs beside the generation in force |
//! | `trial` | two generations are compared because an operator asks for it |
//! | `back` | the ways back: what operators ask for, and probation |

mod back;
mod force;
mod gate;
mod shadow;
mod trial;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mortar_core::config::PluginsConfig;
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{Found, Listing, Observation, Record, Recordings, Sandbox};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use self::force::Cause;
pub use self::trial::{Side, Trial, Tried};
use crate::Ports;
use crate::plugins::Plugins;

/// Plugins that are loaded at once.
const LOADING: usize = 4;

/// Follows a plugin directory.
pub struct Swaps {
    ports: Ports,
    sandbox: Arc<dyn Sandbox>,
    recordings: Arc<dyn Recordings>,
    plugins: Arc<Plugins>,
    standings: Mutex<BTreeMap<String, Standing>>,
    /// What is wrong with the directory itself: it cannot be listed, or holds a name twice.
    directory: Mutex<Vec<PluginProblem>>,
    room: Semaphore,
    /// Whose turn it is to be tried on recorded deliveries: one plugin at a time.
    gate: Semaphore,
    config: PluginsConfig,
    /// Another look is wanted, whatever the directory says.
    again: Notify,
}

/// How things stand between a plugin's files and what is in force.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What keeps its files from being in force.
    pub problems: Vec<PluginProblem>,
    /// True while its files are being written.
    pub unsettled: bool,
    /// What is remembered of it.
    pub record: Option<Record>,
    /// The files that were taken up last.
    stamp: Option<u64>,
    /// Whose turn it is to load and put in force: one at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Swaps {
    /// Follows the directory of this sandbox, once it is started.
    #[must_use]
    pub fn new(
        ports: Ports,
        sandbox: Arc<dyn Sandbox>,
        recordings: Arc<dyn Recordings>,
        plugins: Arc<Plugins>,
        config: PluginsConfig,
    ) -> Arc<Self> {
        let (standings, directory, again) = (Mutex::default(), Mutex::default(), Notify::new());
        let (room, gate) = (Semaphore::new(LOADING), Semaphore::new(1));
        Arc::new(Self { ports, sandbox, recordings, plugins, standings, directory, room, gate, config, again })
    }

    /// Puts everything in force that the directory holds and that can be, and in the place of what
    /// cannot be the generation that was in force before. Files that are still being written are tried
    /// as they are; they are looked at again.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub async fn start(self: &Arc<Self>) -> Result<(), PluginProblem> {
        let mut loading = JoinSet::new();
        for record in self.sandbox.records().await {
            let name = record.plugin.clone();
            self.lock().entry(name).or_default().record = Some(record);
        }
        self.look(&mut loading, true).await?;
        loading.join_all().await;
        for (name, standing) in self.standings() {
            // Its files are gone, or are no plugin.
            if self.plugins.get(&name).is_none() && self.restore(&name).await && standing.problems.is_empty() {
                self.park(&name);
            }
        }
        self.resume_shadows().await;
        Ok(())
    }

    /// Follows the directory until `stop` says so.
    pub async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut loading = JoinSet::new();
        loop {
            let news = tokio::select! {
                biased;
                () = told(&mut stop) => return,
                news = self.plugins.probation.news() => news,
                () = self.again.notified() => Vec::new(),
                () = self.sandbox.changed() => Vec::new(),
            };
            for news in news {
                self.hear(news).await;
            }
            // What is not well with the directory is kept for whoever asks, and said once.
            let _ = self.look(&mut loading, false).await;
            while loading.try_join_next().is_some() {}
        }
    }

    /// How things stand, by plugin.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<String, Standing> {
        self.lock().clone()
    }

    /// Everything that keeps files of the directory from being in force, and plugins that are parked.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        problems.extend(self.lock().values().flat_map(|standing| standing.problems.clone()));
        let parked: Vec<_> = self.plugins.now().iter().filter(|n| n.parked).map(|n| parked(&n.plugin.name)).collect();
        problems.iter().map(ToString::to_string).chain(parked).collect()
    }

    async fn look(self: &Arc<Self>, loading: &mut JoinSet<()>, all: bool) -> Result<(), PluginProblem> {
        let Listing { found, problems } = self.sandbox.look().await.inspect_err(|problem| self.note(vec![problem.clone()]))?;
        let is_found = |problem: &PluginProblem| found.iter().any(|found| found.name == problem.plugin);
        // A name that is there twice: what was found counts, and the other one is told.
        let (doubles, problems) = problems.into_iter().partition(is_found);
        self.note(doubles);
        self.refuse(&found, problems);
        self.part_with(&found);
        for found in found {
            if self.is_new(&found, all) {
                let swaps = self.clone();
                loading.spawn(async move { swaps.take_up(&found).await });
            }
        }
        Ok(())
    }

    /// Notes what is wrong with the directory itself. The plugins that are in force stay so.
    fn note(&self, problems: Vec<PluginProblem>) {
        let mut known = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        problems.iter().filter(|problem| !known.contains(problem)).for_each(|problem| tracing::error!("{problem}"));
        *known = problems;
    }

    /// Notes what looks like a plugin and is none, and forgets such notes where that has changed.
    fn refuse(&self, found: &[Found], problems: Vec<PluginProblem>) {
        let mut by_plugin: BTreeMap<String, Vec<PluginProblem>> = BTreeMap::new();
        for problem in problems {
            by_plugin.entry(problem.plugin.clone()).or_default().push(problem);
        }
        for (name, standing) in self.lock().iter_mut().filter(|(name, _)| !found.iter().any(|f| f.name == **name)) {
            (standing.stamp, standing.unsettled) = (None, false);
            by_plugin.entry(name.clone()).or_default();
        }
        by_plugin.into_iter().for_each(|(name, problems)| self.fails(&name, problems));
    }

    /// Parks the plugins whose files are gone.
    fn part_with(&self, found: &[Found]) {
        let is_found = |name: &str| found.iter().any(|found| found.name == name);
        for numbered in self.plugins.now().iter().filter(|n| !n.parked && !is_found(&n.plugin.name)) {
            let name = &numbered.plugin.name;
            // Files that are there and make no plugin leave in force what was.
            if self.lock().get(name).is_some_and(|standing| !standing.problems.is_empty()) {
                continue;
            }
            self.park(name);
        }
        let known = self.plugins.now();
        self.lock().retain(|name, standing| {
            is_found(name) || !standing.problems.is_empty() || standing.record.is_some() || known.iter().any(|n| n.plugin.name == *name)
        });
    }

    /// True where the files are whole, or all are wanted, and were not taken up yet.
    fn is_new(&self, found: &Found, all: bool) -> bool {
        let mut standings = self.lock();
        let standing = standings.entry(found.name.clone()).or_default();
        let written = !found.whole && standing.stamp != Some(found.stamp);
        if written && !standing.unsettled {
            tracing::info!(plugin = found.name, "its files are being written; they are looked at again");
        }
        standing.unsettled = written && !all;
        !standing.unsettled && standing.stamp.replace(found.stamp) != Some(found.stamp)
    }

    /// Loads a plugin's files and puts them in force, or notes why that cannot be.
    async fn take_up(&self, found: &Found) {
        let name = &found.name;
        let turn = self.lock().entry(name.clone()).or_default().turn.clone();
        let _turn = turn.lock().await;
        let Ok(room) = self.room.acquire().await else { return };
        if self.lock().get(name).is_none_or(|standing| standing.stamp != Some(found.stamp)) {
            // The files changed, or went, while this waited for its turn.
            return;
        }
        let loaded = self.sandbox.load(found).await;
        let same = |record: &Record| loaded.as_ref().is_ok_and(|plugin| *record.in_force == *plugin.digest);
        let record = self.lock().get(name).and_then(|standing| standing.record.clone());
        if record.as_ref().is_some_and(|record| !same(record)) {
            // Its files are there, though they are others: what was in force is so again.
            self.restore(name).await;
        }
        let plugin = match loaded {
            Ok(plugin) => plugin,
            Err(problems) => return self.fails(name, problems),
        };
        drop(room);
        self.let_go(name, &plugin.digest).await;
        if let Some((code, reason)) = record.as_ref().and_then(|record| held_back(record, &plugin.digest)) {
            return self.fails(name, vec![PluginProblem::new(name, &found.component, code, reason)]);
        }
        let gate = match self.pass_gate(&plugin).await {
            Ok(gate) => gate,
            Err(problem) => return self.fails(name, vec![problem]),
        };
        let problem = self.put_in_force(plugin, Cause::Files(gate)).await.err();
        self.fails(name, problem.into_iter().collect());
    }

    /// Notes what is wrong with a plugin's files; nothing, where that is so. Says it where it is news.
    fn fails(&self, name: &str, problems: Vec<PluginProblem>) {
        let in_force = self.plugins.get(name).map(|n| n.plugin.digest);
        let mut standings = self.lock();
        let standing = standings.entry(name.to_owned()).or_default();
        if problems.iter().any(|problem| problem.code == code::UNREADABLE || problem.code == code::UNNUMBERED) {
            // That may pass without a change of the files.
            standing.stamp = None;
        }
        if standing.problems == problems {
            return;
        }
        standing.problems.clone_from(&problems);
        drop(standings);
        for problem in &problems {
            match &in_force {
                Some(_) if is_held_back(problem) => tracing::warn!(plugin = name, "a plugin is not swapped: {problem}"),
                Some(digest) => tracing::error!(
                    plugin = name,
                    in_force = &**digest,
                    "a plugin is not swapped, the generation before stays in force: {problem}"
                ),
                None => tracing::error!(plugin = name, "a plugin is not loaded: {problem}"),
            }
        }
        if problems.iter().any(|problem| !is_held_back(problem)) {
            self.ports.observer.observe(&Observation::Swap { plugin: name, result: "failed" });
        }
    }

    fn park(&self, name: &str) {
        self.plugins.park(name);
        tracing::warn!("{}", parked(name));
        self.ports.observer.observe(&Observation::Swap { plugin: name, result: "parked" });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Standing>> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn parked(name: &str) -> String {
    format!(
        "plugin {name} is gone from the plugin directory: its deliveries are parked, and events go on being stored for it; \
         put it back, or `mortar plugin forget {name}`"
    )
}

/// True where nothing is wrong with the files.
fn is_held_back(problem: &PluginProblem) -> bool {
    problem.code == code::HELD_BACK || problem.code == code::GATE
}

/// Why a generation is not put in force because its files are there, if it is not, with its code.
fn held_back(record: &Record, digest: &str) -> Option<(&'static str, String)> {
    if record.in_force == digest {
        return None;
    }
    let (plugin, short) = (&record.plugin, digest.get(..12).unwrap_or(digest));
    if record.pinned {
        let told = format!("generation {short} is here, but another one is pinned: `mortar plugin unpin {plugin}` puts this one in force");
        return Some((code::HELD_BACK, told));
    }
    let held = record.held_back.as_ref().filter(|held| held.digest == digest)?;
    let reason = &held.reason;
    Some(match &held.gate {
        Some(_) => (
            code::GATE,
            format!(
                "the gate holds generation {short} back ({reason}): look at `mortar plugin show {plugin}` or `mortar plugin diff in-force {short} \
                 --plugin {plugin}`, then put a mended one here, or `mortar plugin promote {plugin}`"
            ),
        ),
        None => (
            code::HELD_BACK,
            format!(
                "generation {short} was taken out of force ({reason}): put a mended one here, or `mortar plugin rollback {plugin} --to {short}`"
            ),
        ),
    })
}
