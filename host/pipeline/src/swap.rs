//! The plugin directory is followed: new versions of plugins take over while deliveries run.
//!
//! A look says what the directory holds. Each plugin whose files are others than at the last look is
//! loaded, and if all is well with it, put in force. Whatever is not well with it leaves the version
//! in force that was, and stands in its [`Standing`]. A plugin whose files are gone is parked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{Found, JournalError, Look, Observation, Plugin, Sandbox};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::Ports;
use crate::plugins::Plugins;

/// Plugins that are loaded at once.
const LOADING: usize = 4;

/// Follows a plugin directory.
pub struct Swaps {
    ports: Ports,
    sandbox: Arc<dyn Sandbox>,
    plugins: Arc<Plugins>,
    standings: Mutex<BTreeMap<String, Standing>>,
    /// What is wrong with the directory itself: it cannot be listed, or holds a name twice.
    directory: Mutex<Vec<PluginProblem>>,
    room: Semaphore,
}

/// How things stand between a plugin's files and what is in force.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What keeps its files from being in force.
    pub problems: Vec<PluginProblem>,
    /// True while its files are being written.
    pub unsettled: bool,
    /// Since when the generation that is in force has been so.
    pub since: Option<Timestamp>,
    /// The files that were taken up last.
    stamp: Option<u64>,
    /// Whose turn it is to load and put in force: one at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Swaps {
    /// Follows the directory of this sandbox, once it is started.
    #[must_use]
    pub fn new(ports: Ports, sandbox: Arc<dyn Sandbox>, plugins: Arc<Plugins>) -> Arc<Self> {
        let (standings, directory) = (Mutex::default(), Mutex::default());
        Arc::new(Self { ports, sandbox, plugins, standings, directory, room: Semaphore::new(LOADING) })
    }

    /// Puts everything in force that the directory holds and that can be. Nothing is in force yet, so
    /// files that are still being written are tried as they are; they are looked at again.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub async fn start(self: &Arc<Self>) -> Result<(), PluginProblem> {
        let mut loading = JoinSet::new();
        self.look(&mut loading, true).await?;
        loading.join_all().await;
        Ok(())
    }

    /// Follows the directory until `stop` says so.
    pub async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut loading = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.sandbox.changed() => {}
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

    /// Forgets a parked plugin: it gets no further deliveries.
    ///
    /// # Errors
    /// There is no such plugin, or its files are there.
    pub fn forget(&self, name: &str) -> Result<(), JournalError> {
        match self.plugins.get(name) {
            None => Err(JournalError::NotFound(format!("there is no plugin `{name}`; see `mortar plugin list`"))),
            Some(numbered) if !numbered.parked => {
                Err(JournalError::Refused(format!("plugin {name} is in force: remove its files from the plugin directory first")))
            }
            Some(_) => {
                self.plugins.forget(name);
                self.lock().remove(name);
                Ok(())
            }
        }
    }

    async fn look(self: &Arc<Self>, loading: &mut JoinSet<()>, all: bool) -> Result<(), PluginProblem> {
        let Look { found, problems } = self.sandbox.look().await.inspect_err(|problem| self.note(vec![problem.clone()]))?;
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
            self.plugins.park(name);
            tracing::warn!("{}", parked(name));
            self.ports.observer.observe(&Observation::Swap { plugin: name, result: "parked" });
        }
        let known = self.plugins.now();
        self.lock()
            .retain(|name, standing| is_found(name) || !standing.problems.is_empty() || known.iter().any(|n| n.plugin.name == *name));
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
        let Ok(_room) = self.room.acquire().await else { return };
        if self.lock().get(name).is_none_or(|standing| standing.stamp != Some(found.stamp)) {
            // The files changed, or went, while this waited for its turn.
            return;
        }
        match self.sandbox.load(found).await {
            Ok(plugin) => self.activate(plugin, found).await,
            Err(problems) => self.fails(name, problems),
        }
    }

    async fn activate(&self, plugin: Plugin, found: &Found) {
        let (name, digest) = (plugin.name.clone(), plugin.digest.clone());
        let before = self.plugins.get(&name);
        let same = before.as_ref().is_some_and(|n| n.plugin.digest == digest);
        if same && before.as_ref().is_some_and(|n| !n.parked) {
            self.fails(&name, Vec::new());
            return;
        }
        if let Err(fault) = self.plugins.activate(plugin, &*self.ports.journal).await {
            let message = format!("the journal has no number for it: {fault}");
            self.fails(&name, vec![PluginProblem::new(&name, &found.component, code::UNNUMBERED, message)]);
            return;
        }
        self.fails(&name, Vec::new());
        if let Some(standing) = self.lock().get_mut(&name) {
            standing.since = Some(self.ports.clock.now());
        }
        match before {
            Some(before) if !same => tracing::info!(plugin = name, from = &*before.plugin.digest, to = &*digest, "plugin swapped"),
            Some(_) => tracing::info!(plugin = name, digest = &*digest, "plugin is back: its deliveries go on"),
            None => tracing::info!(plugin = name, digest = &*digest, "plugin loaded"),
        }
        self.ports.observer.observe(&Observation::Swap { plugin: &name, result: "activated" });
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
                Some(digest) => tracing::error!(
                    plugin = name,
                    in_force = &**digest,
                    "a plugin is not swapped, the version before stays in force: {problem}"
                ),
                None => tracing::error!(plugin = name, "a plugin is not loaded: {problem}"),
            }
        }
        if !problems.is_empty() {
            self.ports.observer.observe(&Observation::Swap { plugin: name, result: "failed" });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Standing>> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parked(name: &str) -> String {
    format!(
        "plugin {name} is gone from the plugin directory: its deliveries are parked, and events go on being stored for it; \
         put it back, or `mortar plugin forget {name}`"
    )
}
