//! [`WasmSandbox`]: a plugin directory behind core's port.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytesize::ByteSize;
use mortar_core::config::PluginsConfig;
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{BoxFuture, Candidate, Clock, Found, Listing, Plugin, Record, Sandbox};

use crate::compile::Compiler;
use crate::error::SandboxError;
use crate::generation::Generation;
use crate::install;
use crate::kept::Generations;
use crate::load::Loader;
use crate::look::Looker;
use crate::trust::Trust;
use crate::watch::Watch;

/// How much the sandbox may use, and where it keeps compiled code.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The folder of compiled components; made where it is not there, readable by this user only.
    pub cache: PathBuf,
    /// Where files of generations are kept, to go back to; none where that is not wanted.
    pub generations: Option<PathBuf>,
    /// Size of the cache. Over it, what no plugin uses any more goes, oldest use first.
    pub cache_limit: ByteSize,
    /// Code that no plugin uses any more goes when it was not used for so long.
    pub cache_time: Duration,
    /// Whose components are loaded.
    pub trust: Trust,
    /// The configured connections, if it is known: no other one can be granted.
    pub connections: Option<KnownConnections>,
    /// Who compiles.
    pub compiler: Compiler,
    /// Size of a component file.
    pub component_limit: ByteSize,
    /// Instances at once, over all plugins; an attempt beyond them is put off.
    pub instances: u32,
    /// The most memory that a plugin's `limits.memory` may ask for.
    pub memory_limit: ByteSize,
    /// Files that were not written to for so long are whole.
    pub settle: Duration,
    /// How often the directory is looked at where the system tells of no change.
    pub rescan: Duration,
}

/// The names of the configured connections, as they are now.
pub type KnownConnections = Arc<RwLock<BTreeSet<String>>>;

impl Default for SandboxOptions {
    fn default() -> Self {
        let PluginsConfig { cache_limit, cache_time, component_limit, instances, memory_limit, settle, rescan, .. } =
            PluginsConfig::default();
        let (cache, compiler) = (PathBuf::from("cache"), Compiler::Here);
        let (trust, connections) = (Trust::default(), None);
        Self {
            cache,
            generations: None,
            cache_limit,
            cache_time,
            trust,
            connections,
            compiler,
            component_limit,
            instances,
            memory_limit,
            settle,
            rescan,
        }
    }
}

/// A plugin directory, and the engine that runs what is in it. Make one per process: each reserves
/// address space for all its instances.
pub struct WasmSandbox {
    loader: Arc<Loader>,
    looker: Arc<Looker>,
    watch: Watch,
    settle: Duration,
    rescan: Duration,
    /// True while files are being written.
    unsettled: AtomicBool,
}

impl WasmSandbox {
    /// Starts the engine, and makes the cache.
    ///
    /// # Errors
    /// The cache cannot be used, or the engine does not start.
    pub fn open(options: SandboxOptions, directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, SandboxError> {
        let SandboxOptions { settle, rescan, .. } = options;
        Ok(Self {
            looker: Arc::new(Looker::new(directory, settle, clock.clone())),
            loader: Arc::new(Loader::new(options, clock)?),
            watch: Watch::new(directory),
            settle,
            rescan,
            unsettled: AtomicBool::new(false),
        })
    }

    /// Loads every plugin of the directory as it is now, whole or not. A plugin with a problem does
    /// not stop the others; all problems are in the list.
    ///
    /// Components that are new to the cache are compiled, one after the other: a few hundred
    /// milliseconds for a small one, up to half a minute for an interpreter.
    pub async fn load_all(&self) -> (Vec<Plugin>, Vec<PluginProblem>) {
        let Listing { found, mut problems } = match self.look().await {
            Ok(look) => look,
            Err(problem) => return (Vec::new(), vec![problem]),
        };
        let mut plugins = Vec::new();
        for found in &found {
            match self.load(found).await {
                Ok(plugin) => plugins.push(plugin),
                Err(more) => problems.extend(more),
            }
        }
        (plugins, problems)
    }
}

impl Sandbox for WasmSandbox {
    fn look(&self) -> BoxFuture<'_, Result<Listing, PluginProblem>> {
        Box::pin(async {
            let looker = self.looker.clone();
            let look = blocking(move || looker.look()).await?;
            self.unsettled.store(look.found.iter().any(|found| !found.whole), Ordering::Relaxed);
            Ok(look)
        })
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let most = if self.unsettled.load(Ordering::Relaxed) { self.settle.min(self.rescan) } else { self.rescan };
        Box::pin(self.watch.changed(most))
    }

    fn load<'a>(&'a self, found: &'a Found) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        Box::pin(async { self.loader.clone().load(found.clone()).await.map(Generation::plugin) })
    }

    fn load_kept<'a>(&'a self, plugin: &'a str, digest: &'a str) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        Box::pin(async move { self.loader.clone().load_kept(plugin, digest).await.map(Generation::plugin) })
    }

    fn load_candidate<'a>(&'a self, candidate: &'a Candidate, keep: bool) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>> {
        Box::pin(async move { self.loader.clone().load_candidate(candidate, keep).await.map(Generation::plugin) })
    }

    fn install<'a>(&'a self, plugin: &'a str, digest: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>> {
        let (loader, looker, name, digest) = (self.loader.clone(), self.looker.clone(), plugin.to_owned(), digest.to_owned());
        Box::pin(blocking(move || {
            let kept = loader.kept(&name, &digest)?;
            let place = looker.look()?.found.into_iter().find(|found| found.name == name);
            install::install(&kept, place, looker.directory()).map_err(|error| {
                let message = format!("its files cannot be put there: {error}; mend that, or copy them from the generations");
                PluginProblem::new(&name, looker.directory(), code::UNREADABLE, message)
            })
        }))
    }

    fn records(&self) -> BoxFuture<'_, Vec<Record>> {
        let generations = self.loader.generations();
        Box::pin(blocking(move || generations.iter().flat_map(Generations::records).collect()))
    }

    fn remember<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), PluginProblem>> {
        let (generations, new) = (self.loader.generations(), record.clone());
        Box::pin(async move {
            let remembered = blocking(move || generations.map_or(Ok(()), |generations| generations.remember(&new))).await;
            remembered.map_err(|error| self.loader.unkept(&record.plugin, &error))
        })
    }

    fn forget<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>> {
        let (generations, name) = (self.loader.generations(), plugin.to_owned());
        Box::pin(async move {
            let forgotten = blocking(move || generations.map_or(Ok(()), |generations| generations.forget(&name))).await;
            forgotten.map_err(|error| self.loader.unkept(plugin, &error))
        })
    }
}

/// Does what may wait for a disk off the threads that serve.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
}
