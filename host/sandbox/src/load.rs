//! From a plugin's files to a generation: every check that can be made before an event comes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::event::Family;
use mortar_core::plugin::{PluginProblem, PluginSettings, code};
use mortar_core::ports::{BoxFuture, Candidate, Clock, Found, Host, JournalError, PutError, StateEntry, StateWrite, StoredEvent};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::cache::Cache;
use crate::compile::CompileError;
use crate::config::PluginConfig;
use crate::context::Context;
use crate::discover::{self, PRECOMPILED, TEXT_FORMAT};
use crate::ending;
use crate::engine;
use crate::error::{SandboxError, unreadable};
use crate::generation::{Generation, Handlers};
use crate::kept::Generations;
use crate::limits::{self, Meter};
use crate::link;
use crate::log::Log;
use crate::provenance;
use crate::sandbox::SandboxOptions;
use crate::settings;

/// How long a component may take to be instantiated when it is loaded.
const START: Duration = Duration::from_secs(10);

/// Loads plugins into one engine.
pub(crate) struct Loader {
    options: SandboxOptions,
    clock: Arc<dyn Clock>,
    engine: Engine,
    linker: Linker<Context>,
    cache: Cache,
    /// Where files of generations are kept; none where none are.
    generations: Option<Generations>,
    /// By the component's digest: generations of one component share its code, and the memory that
    /// is warm for it, for as long as one of them is there.
    linked: Mutex<HashMap<Arc<str>, Weak<Handlers>>>,
}

/// What a generation is made of.
pub(crate) struct Parts {
    pub(crate) component: Vec<u8>,
    pub(crate) settings: Option<String>,
}

impl Parts {
    /// The generation's digest.
    pub(crate) fn digest(&self) -> Arc<str> {
        let settings = self.settings.as_deref().unwrap_or_default();
        hex::encode(Sha256::new().chain_update(&self.component).chain_update(settings).finalize()).into()
    }
}

/// Where files come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From an operator: their grants must be of connections that are there, and they are put aside.
    New,
    /// The same, but nothing of them is kept.
    Tried,
    /// They were kept of a generation that was in force.
    Kept,
}

impl Loader {
    pub(crate) fn new(options: SandboxOptions, clock: Arc<dyn Clock>) -> Result<Self, SandboxError> {
        let engine = engine::start(&options)?;
        let linker = link::linker(&engine).map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let cache = Cache::open(&options.cache, options.cache_limit, options.compiler.clone())?;
        let generations = options.generations.as_deref().map(|folder| {
            let unusable = |error: io::Error| SandboxError::Generations { path: folder.to_owned(), reason: error.to_string() };
            Generations::open(folder).map_err(unusable)
        });
        let generations = generations.transpose()?;
        Ok(Self { options, clock, engine, linker, cache, generations, linked: Mutex::default() })
    }

    /// Loads a plugin, or tells everything that is wrong with it. A generation that loads is put aside
    /// among the generations, where there is a place for them, so that its files can be kept.
    pub(crate) async fn load(self: Arc<Self>, found: Found) -> Result<Generation, Vec<PluginProblem>> {
        self.load_files(found, Origin::New).await
    }

    /// Loads a generation whose files were kept.
    pub(crate) async fn load_kept(self: Arc<Self>, plugin: &str, digest: &str) -> Result<Generation, Vec<PluginProblem>> {
        let found = self.kept(plugin, digest).map_err(|problem| vec![problem])?;
        let generation = self.load_files(found.clone(), Origin::Kept).await?;
        if *generation.digest != *digest {
            let message = format!("these are no longer the files of generation {digest}");
            return Err(vec![PluginProblem::new(plugin, &found.component, code::NOT_KEPT, message)]);
        }
        Ok(generation)
    }

    /// The files of a generation that were kept.
    pub(crate) fn kept(&self, plugin: &str, digest: &str) -> Result<Found, PluginProblem> {
        let missing = || {
            let folder = self.generations.as_ref().map_or(Path::new(""), Generations::folder);
            let message = format!("generation {digest} of {plugin} is not kept; see `mortar plugin show {plugin}`");
            PluginProblem::new(plugin, folder, code::NOT_KEPT, message)
        };
        self.generations.as_ref().and_then(|generations| generations.get(plugin, digest)).ok_or_else(missing)
    }

    /// Loads files that are not in the plugin directory.
    pub(crate) async fn load_candidate(self: Arc<Self>, candidate: &Candidate, keep: bool) -> Result<Generation, Vec<PluginProblem>> {
        let like = self.kept(&candidate.plugin, &candidate.like).map_err(|problem| vec![problem])?;
        self.load_files(discover::candidate(&candidate.file, like), if keep { Origin::New } else { Origin::Tried }).await
    }

    async fn load_files(self: &Arc<Self>, found: Found, origin: Origin) -> Result<Generation, Vec<PluginProblem>> {
        let loader = self.clone();
        let files = found.clone();
        let prepared = tokio::task::spawn_blocking(move || loader.prepare(&files, origin)).await;
        let generation = prepared.unwrap_or_else(|panic| {
            let message = format!("the compiler gave up on it: {panic}");
            Err(vec![PluginProblem::new(&found.name, &found.component, code::INVALID, message)])
        })?;
        let (generation, parts) = generation;
        self.prove(&generation, &found).await.map_err(|problem| vec![problem])?;
        if let Some(generations) = self.generations.clone().filter(|_| origin == Origin::New) {
            let (plugin, digest) = (generation.name.clone(), generation.digest.clone());
            let put = tokio::task::spawn_blocking(move || generations.put(&plugin, &digest, &parts)).await;
            put.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(|error| vec![self.unkept(&generation.name, &error)])?;
        }
        Ok(generation)
    }

    /// What is wrong where generations cannot be kept.
    pub(crate) fn unkept(&self, plugin: &str, error: &io::Error) -> PluginProblem {
        let folder = self.generations.as_ref().map_or(Path::new(""), Generations::folder);
        PluginProblem::new(plugin, folder, code::UNREADABLE, format!("its generations cannot be kept: {error}; mend `plugins.generations`"))
    }

    /// The folder of generations, if there is one.
    pub(crate) fn generations(&self) -> Option<Generations> {
        self.generations.clone()
    }

    /// Reads, compiles and links.
    fn prepare(&self, found: &Found, origin: Origin) -> Result<(Generation, Parts), Vec<PluginProblem>> {
        let text = found.settings.as_ref().map(|file| fs::read_to_string(file).map_err(|error| unreadable(&found.name, file, &error)));
        let settings = match (&found.settings, &text) {
            (Some(file), Some(Ok(text))) => settings::understand(&found.name, file, text, &self.options, origin != Origin::Kept),
            (_, Some(Err(problem))) => Err(vec![problem.clone()]),
            _ => Ok(PluginSettings::default()),
        };
        let bytes = self.bytes(&found.component);
        let bytes = bytes.map_err(|(code, message)| PluginProblem::new(&found.name, &found.component, code, message));
        let linked = bytes.and_then(|bytes| Ok((self.handlers(found, &bytes)?, bytes)));
        // Everything that is wrong is told at once.
        let (settings, ((component, handlers), bytes)) = match (settings, linked) {
            (Ok(settings), Ok(linked)) => (settings, linked),
            (settings, linked) => return Err(settings.err().into_iter().flatten().chain(linked.err()).collect()),
        };
        let provenance = Arc::new(provenance::of(&bytes));
        let parts = Parts { component: bytes, settings: text.and_then(Result::ok) };
        let generation = Generation {
            name: found.name.clone(),
            digest: parts.digest(),
            component,
            provenance,
            config: Arc::new(PluginConfig::new(&settings.config)),
            settings: Arc::new(settings),
            handlers,
            engine: self.engine.clone(),
        };
        check_events(&generation, found)?;
        Ok((generation, parts))
    }

    /// The component's digest, and its handlers.
    fn handlers(&self, found: &Found, bytes: &[u8]) -> Result<(Arc<str>, Arc<Handlers>), PluginProblem> {
        let problem = |code, message: String| PluginProblem::new(&found.name, &found.component, code, message);
        let digest: Arc<str> = hex::encode(Sha256::digest(bytes)).into();
        // Before a compiler sees it.
        self.options.trust.check(bytes, &digest).map_err(|why| problem(code::UNTRUSTED, why))?;
        if let Some(handlers) = self.linked().get(&digest).and_then(Weak::upgrade) {
            return Ok((digest, handlers));
        }
        let component = self.cache.component(&self.engine, &digest, bytes).map_err(|error| match error {
            CompileError::Invalid(error) => problem(code::INVALID, format!("the component cannot be compiled: {error}")),
            CompileError::Limit(error) => problem(code::COMPILE, format!("{error}: make the component smaller, or raise the limit")),
            CompileError::Run(error) => problem(code::UNREADABLE, format!("its compiler cannot be run: {error}")),
            CompileError::Resources(error) => {
                problem(code::RESOURCES, format!("the component needs more than the host gives one plugin: {error:#}"))
            }
            CompileError::Store { path, error } => {
                let message = format!("its compiled code cannot be kept in {}: {error}", path.display());
                problem(code::UNREADABLE, message)
            }
        })?;
        let handlers = Arc::new(self.link(&component).map_err(|(code, message)| problem(code, message))?);
        {
            let mut linked = self.linked();
            linked.retain(|_, handlers| handlers.strong_count() > 0);
            linked.insert(digest.clone(), Arc::downgrade(&handlers));
        }
        if self.cache.has_grown() {
            self.trim_cache();
        }
        Ok((digest, handlers))
    }

    /// Removes compiled code that no plugin uses, where there is too much of it or it is too old.
    fn trim_cache(&self) {
        let linked: Vec<_> = self.linked().keys().map(ToString::to_string).collect();
        let records = self.generations.iter().flat_map(Generations::records);
        let kept = records.flat_map(|record| record.kept).map(|kept| kept.component);
        let used = linked.into_iter().chain(kept).collect();
        if let Err(error) = self.cache.trim(&used, self.unused_since()) {
            tracing::warn!(%error, "the cache of compiled plugins could not be trimmed");
        }
    }

    /// What was not used since then, in seconds since 1970, is out of the cache.
    fn unused_since(&self) -> i64 {
        let time = i64::try_from(self.options.cache_time.as_secs()).unwrap_or(i64::MAX);
        self.clock.now().as_second().saturating_sub(time)
    }

    fn linked(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Handlers>>> {
        self.linked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of a file that may be a component.
    fn bytes(&self, path: &Path) -> Result<Vec<u8>, (&'static str, String)> {
        let limit = self.options.component_limit;
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(limit.as_u64() + 1).read_to_end(&mut bytes))
            .map_err(|error| (code::UNREADABLE, format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > limit.as_u64() {
            return Err((code::TOO_LARGE, format!("it is larger than {limit}: make it smaller, or raise `plugins.component_limit`")));
        }
        check_kind(&bytes).map(|()| bytes)
    }

    fn link(&self, component: &Component) -> Result<Handlers, (&'static str, String)> {
        let unknown = link::unknown_imports(&self.engine, component);
        if !unknown.is_empty() {
            return Err((code::UNKNOWN_IMPORT, format!("the component imports what the host does not offer: {}", unknown.join(", "))));
        }
        let mismatch = |error: wasmtime::Error| {
            (code::CONTRACT, format!("the component does not fit the contract of this host, build it against that: {error:#}"))
        };
        let linked = self.linker.instantiate_pre(component).map_err(mismatch)?;
        let exports = link::exports(&self.engine, component);
        let handlers =
            Handlers::new(&linked, |interface| exports.iter().any(|name| link::is_handler(name, interface))).map_err(mismatch)?;
        if handlers.families().is_empty() && !handlers.any_event() {
            return Err((code::NO_HANDLER, link::no_handler(&exports)));
        }
        Ok(handlers)
    }

    /// Instantiates the plugin within its limits, as each attempt will.
    async fn prove(&self, generation: &Generation, found: &Found) -> Result<(), PluginProblem> {
        let problem = |code, message| PluginProblem::new(&found.name, &found.component, code, message);
        let limits = &generation.settings.limits;
        let cpu = Arc::new(Meter::default());
        let store = || {
            let context = Context::new(generation, &no_event(), Arc::new(NoHost), Log::new(limits.log));
            limits::store(&self.engine, context, cpu.clone(), limits)
        };
        match tokio::time::timeout(START, cpu.measure(generation.handlers.prove(store))).await {
            Ok(Ok(())) => Ok(()),
            Err(_) => Err(problem(code::START, format!("it did not start within {START:?}"))),
            Ok(Err(error)) if ending::is_run_fault(&error) => {
                Err(problem(code::START, format!("it cannot be started within its limits: {}", ending::blame(&error).1)))
            }
            Ok(Err(error)) => Err(problem(
                code::CONTRACT,
                format!("a handler does not have the shape of this host's contract, build the plugin against that: {error:#}"),
            )),
        }
    }
}

/// Refuses what is no component, and says what it is.
pub(crate) fn check_kind(bytes: &[u8]) -> Result<(), (&'static str, String)> {
    if Engine::detect_precompiled(bytes).is_some() {
        return Err((code::PRECOMPILED, PRECOMPILED.into()));
    }
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err((
            code::CORE_MODULE,
            "this is a core module, not a component: build it for wasm32-wasip2, or make it a component with `wasm-tools component new`"
                .into(),
        )),
        [0, b'a', b's', b'm', ..] => Err((code::INVALID, "this is WebAssembly of a kind or version that the host does not know".into())),
        text if text.trim_ascii_start().starts_with(b"(") => Err((code::TEXT_FORMAT, TEXT_FORMAT.into())),
        _ => Err((code::NOT_WASM, "this is not WebAssembly: put the plugin's component there".into())),
    }
}

/// Refuses settings that name an event type which no handler of the component takes.
fn check_events(generation: &Generation, found: &Found) -> Result<(), Vec<PluginProblem>> {
    let (families, any_event) = (generation.handlers.families(), generation.handlers.any_event());
    let handled = |event: &str| any_event || Family::of(event).is_some_and(|family| families.contains(&family));
    let named = generation.settings.events.iter().flatten();
    let problems: Vec<_> = named
        .filter(|event| !event.ends_with('*') && !handled(event))
        .map(|event| {
            let handler = Family::of(event).map_or("any-event", Family::interface);
            let message = format!("events names `{event}`, but the component exports no handler for it (`{handler}`)");
            PluginProblem::new(&found.name, found.settings.as_ref().unwrap_or(&found.component), code::SETTINGS, message)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn no_event() -> StoredEvent {
    StoredEvent {
        seq: 0,
        id: String::new(),
        event_type: String::new(),
        subject: String::new(),
        source: "".into(),
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        payload: bytes::Bytes::new(),
    }
}

/// The host of a component that is only instantiated: nothing can be asked of it.
struct NoHost;

impl NoHost {
    const REASON: &str = "there is no event yet";

    fn denied<T: Send + 'static>() -> BoxFuture<'static, Result<T, CallError>> {
        Box::pin(async { Err(CallError::Denied(Self::REASON.into())) })
    }

    fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, JournalError>> {
        Box::pin(async { Err(JournalError::Refused(Self::REASON.into())) })
    }
}

impl Host for NoHost {
    fn call(&self, _: String, _: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        Self::denied()
    }

    fn settle(&self, _: String, _: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Self::refused()
    }

    fn mail(&self, _: String, _: String, _: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Self::denied()
    }

    fn state_get(&self, _: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Self::refused()
    }

    fn state_put(&self, _: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Self::refused()
    }
}
