//! From a plugin's files to a generation: every check that can be made before an event comes.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::event::Family;
use mortar_core::ports::{BoxFuture, Host, JournalError, Plugin, PutError, StateEntry, StateWrite, StoredEvent};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::compile::{Cache, CompileError};
use crate::config::PluginConfig;
use crate::context::Context;
use crate::discover::{Found, PRECOMPILED, TEXT_FORMAT};
use crate::ending;
use crate::engine;
use crate::error::{PluginProblem, SandboxError, code};
use crate::generation::{Generation, Handlers};
use crate::limits::{self, Meter};
use crate::link;
use crate::log::Log;
use crate::sandbox::SandboxOptions;
use crate::settings;

/// How long a component may take to be instantiated when it is loaded.
const START: Duration = Duration::from_secs(10);

/// Loads plugins into one engine.
pub(crate) struct Loader {
    options: SandboxOptions,
    engine: Engine,
    linker: Linker<Context>,
    cache: Cache,
    /// By digest: plugins of one component share its code, and the memory that is warm for it.
    linked: Mutex<HashMap<Arc<str>, Arc<Handlers>>>,
}

impl Loader {
    pub(crate) fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        let engine = engine::start(&options)?;
        let linker = link::linker(&engine).map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let cache = Cache::open(&options.cache)?;
        Ok(Self { options, engine, linker, cache, linked: Mutex::default() })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Loads a plugin, or tells everything that is wrong with it.
    pub(crate) async fn load(self: Arc<Self>, found: Found) -> Result<Generation, Vec<PluginProblem>> {
        let loader = self.clone();
        let files = found.clone();
        let prepared = tokio::task::spawn_blocking(move || loader.prepare(&files)).await;
        let generation = prepared.unwrap_or_else(|panic| {
            let message = format!("the compiler gave up on it: {panic}");
            Err(vec![PluginProblem::new(&found.name, &found.component, code::INVALID, message)])
        })?;
        self.prove(&generation, &found).await.map_err(|problem| vec![problem])?;
        Ok(generation)
    }

    /// Reads, compiles and links.
    fn prepare(&self, found: &Found) -> Result<Generation, Vec<PluginProblem>> {
        let settings = settings::read(&found.name, found.settings.as_deref(), &self.options);
        let component = self.component(found);
        let (settings, (digest, handlers)) = match (settings, component) {
            (Ok(settings), Ok(component)) => (settings, component),
            (settings, component) => return Err(settings.err().into_iter().flatten().chain(component.err()).collect()),
        };
        let config = Arc::new(PluginConfig::new(&settings.config));
        let (families, any_event) = (handlers.families(), handlers.any_event());
        let round_trip = handlers.round_trip();
        let plugin = Plugin { name: found.name.clone(), digest, families, any_event, round_trip, settings: Arc::new(settings) };
        check_events(&plugin, found)?;
        Ok(Generation { plugin, config, handlers })
    }

    /// The digest and the handlers of the component.
    fn component(&self, found: &Found) -> Result<(Arc<str>, Arc<Handlers>), PluginProblem> {
        let problem = |code, message: String| PluginProblem::new(&found.name, &found.component, code, message);
        let bytes = self.bytes(&found.component).map_err(|(code, message)| problem(code, message))?;
        let digest: Arc<str> = hex::encode(Sha256::digest(&bytes)).into();
        if let Some(handlers) = self.linked().get(&digest) {
            return Ok((digest, handlers.clone()));
        }
        let component = self.cache.component(&self.engine, &digest, &bytes).map_err(|error| match error {
            CompileError::Invalid(error) => problem(code::INVALID, format!("the component cannot be compiled: {error:#}")),
            CompileError::Resources(error) => {
                problem(code::RESOURCES, format!("the component needs more than the host gives one plugin: {error:#}"))
            }
            CompileError::Store { path, error } => {
                let message = format!("its compiled code cannot be kept in {}: {error}", path.display());
                problem(code::UNREADABLE, message)
            }
        })?;
        let handlers = Arc::new(self.link(&component).map_err(|(code, message)| problem(code, message))?);
        self.linked().insert(digest.clone(), handlers.clone());
        Ok((digest, handlers))
    }

    fn linked(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Handlers>>> {
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
        let limits = &generation.plugin.settings.limits;
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
fn check_kind(bytes: &[u8]) -> Result<(), (&'static str, String)> {
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
fn check_events(plugin: &Plugin, found: &Found) -> Result<(), Vec<PluginProblem>> {
    let named = plugin.settings.events.iter().flatten();
    let problems: Vec<_> = named
        .filter(|event| !event.ends_with('*') && !plugin.handles(event))
        .map(|event| {
            let handler = Family::of(event).map_or("any-event", Family::interface);
            let message = format!("events names `{event}`, but the component exports no handler for it (`{handler}`)");
            PluginProblem::new(&plugin.name, found.settings.as_ref().unwrap_or(&found.component), code::SETTINGS, message)
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

    fn settle(&self, _: String, _: Settlement) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Err(Self::REASON.into()) })
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
