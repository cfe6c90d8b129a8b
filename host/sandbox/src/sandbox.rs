//! [`WasmSandbox`]: the plugins of a directory, loaded, behind core's port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use mortar_core::config::PluginsConfig;
use mortar_core::event::TypedEvent;
use mortar_core::ports::{BoxFuture, Confirmed, Host, Plugin, Ran, Run, Sandbox};
use wasmtime::Engine;

use crate::discover::discover;
use crate::ending;
use crate::error::{PluginProblem, SandboxError};
use crate::generation::Generation;
use crate::load::Loader;
use crate::run::{confirm, run};

/// How much the sandbox may use, and where it keeps compiled code.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The folder of compiled components; made where it is not there, readable by this user only.
    pub cache: PathBuf,
    /// Size of a component file.
    pub component_limit: ByteSize,
    /// Instances at once, over all plugins; an attempt beyond them is put off.
    pub instances: u32,
    /// The most memory that a plugin's `limits.memory` may ask for.
    pub memory_limit: ByteSize,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        let PluginsConfig { component_limit, instances, memory_limit, .. } = PluginsConfig::default();
        Self { cache: PathBuf::from("cache"), component_limit, instances, memory_limit }
    }
}

/// The plugins of a directory, ready to run. Make one per process: each reserves address space for
/// all its instances.
pub struct WasmSandbox {
    engine: Engine,
    generations: BTreeMap<String, Arc<Generation>>,
}

impl WasmSandbox {
    /// Loads every plugin of a directory. A plugin with a problem is left out and does not stop
    /// the others; its problems are all in the list.
    ///
    /// Components that are new to the cache are compiled, one after the other: a few hundred
    /// milliseconds for a small one, up to half a minute for an interpreter.
    ///
    /// # Errors
    /// The directory cannot be listed, the cache cannot be used, or the engine does not start.
    pub async fn load(options: SandboxOptions, directory: &Path) -> Result<(Self, Vec<PluginProblem>), SandboxError> {
        let (found, mut problems) = discover(directory)?;
        let loader = Arc::new(Loader::new(options)?);
        let mut generations = BTreeMap::new();
        for plugin in found {
            let name = plugin.name.clone();
            match loader.clone().load(plugin).await {
                Ok(generation) => {
                    tracing::info!(plugin = name, digest = &*generation.plugin.digest, "plugin loaded");
                    generations.insert(name, Arc::new(generation));
                }
                Err(more) => problems.extend(more),
            }
        }
        Ok((Self { engine: loader.engine().clone(), generations }, problems))
    }
}

impl Sandbox for WasmSandbox {
    fn plugins(&self) -> Vec<Plugin> {
        self.generations.values().map(|generation| generation.plugin.clone()).collect()
    }

    fn run<'a>(&'a self, plugin: &'a str, attempt: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'a, Ran> {
        Box::pin(async move {
            match self.generations.get(plugin).cloned() {
                Some(generation) => run(&self.engine, &generation, attempt, typed, host).await,
                None => {
                    let ending = ending::of_missing(format!("plugin {plugin} is not loaded"));
                    Ran { ending, log: Vec::new(), digest: "".into() }
                }
            }
        })
    }

    fn confirm<'a>(&'a self, plugin: &'a str, run: Run, host: Arc<dyn Host>) -> BoxFuture<'a, Confirmed> {
        Box::pin(async move {
            match self.generations.get(plugin).cloned() {
                Some(generation) => confirm(&self.engine, &generation, run, host).await,
                None => Confirmed { answer: Err(ending::of_missing(format!("plugin {plugin} is not loaded"))), log: Vec::new() },
            }
        })
    }
}
