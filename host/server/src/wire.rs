//! The one place that names adapters: from a configuration to a host that can run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, RwLock};

use jiff::Timestamp;
use mortar_connect::{Connections, Keeper, Secrets};
use mortar_core::config::{Config, Secret, SourceConfig};
use mortar_core::ports::{Clock, Journal, Observer, Operators, Polls, Random, Recordings, RoundTrips, Sandbox};
use mortar_journal::{Backups, SqliteJournal};
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::swap::Swaps;
use mortar_sandbox::{Compiler, KnownConnections, SandboxError, SandboxOptions, Trust, WasmSandbox};
use tokio::time::Instant;

use crate::config::{Loaded, secrets};
use crate::dashboard::pulse::Pulse;
use crate::edge::Source;
use crate::masonhub::Api;
use crate::poll::Poller;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;
use crate::telemetry::watch::Watch;

/// The time of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the ambient clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Timestamp {
        static START: LazyLock<(Timestamp, Instant)> = LazyLock::new(|| (SystemClock.now(), Instant::now()));
        let (start, at) = *START;
        start + at.elapsed()
    }
}

/// The randomness of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fraction(&self) -> f64 {
        rand::random()
    }
}

/// Why a host cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The journal cannot be opened.
    #[error("the journal {path}: {cause}")]
    Journal {
        /// Its file.
        path: PathBuf,
        /// What the journal says.
        cause: mortar_journal::OpenError,
    },
    /// The sandbox cannot be started.
    #[error(transparent)]
    Sandbox(#[from] mortar_sandbox::SandboxError),
    /// The plugin directory cannot be listed.
    #[error(transparent)]
    Plugins(#[from] mortar_core::plugin::PluginProblem),
    /// A connection or a source cannot be used as configured.
    #[error("{0}")]
    Config(String),
}

/// The adapters, put together.
pub struct Wired {
    /// The pipeline's view of them.
    pub ports: Ports,
    /// What is known of round trips.
    pub round_trips: Arc<dyn RoundTrips>,
    /// Who handles what.
    pub plugins: Arc<Plugins>,
    /// Who may operate the host, and what they did.
    pub operators: Arc<dyn Operators>,
    /// What polls MasonHub's API, for each source that has one.
    pub pollers: Vec<Arc<Poller>>,
    /// What follows the plugin directory.
    pub swaps: Arc<Swaps>,
    /// The connections, for their status.
    pub connections: Arc<Connections>,
    /// The names of the connections, as plugins may be granted them.
    pub known: KnownConnections,
    /// What writes backups of the journal.
    pub backups: Backups,
    /// The metrics page.
    pub metrics: Arc<Metrics>,
    /// What was counted in each minute.
    pub pulse: Arc<Pulse>,
    /// What takes observations.
    pub watch: Arc<Watch>,
}

/// Puts the adapters together, and the plugins in force that can be.
///
/// # Errors
/// The first that cannot be had. A plugin that cannot be loaded is none: what follows the plugin
/// directory knows of it.
pub async fn wire(loaded: &Loaded) -> Result<Wired, WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new(clock.now(), loaded.path(&loaded.config.journal.path)));
    let counting: Arc<dyn Observer> = metrics.clone();
    let traces = Traces::of(loaded, &clock, &counting).map_err(|problems| WireError::Config(lines(&problems)))?;
    let counted = loaded.config.metrics.enabled.then(|| metrics.clone());
    let watch = Arc::new(Watch { metrics: counted, traces: traces.map(Arc::new) });
    let pulse = Arc::new(Pulse::new(clock.now(), watch.clone()));
    let observer: Arc<dyn Observer> = pulse.clone();
    let journal = open_journal(loaded, clock.clone())?;
    let backups = journal.backups();
    let journal = Arc::new(journal);
    let round_trips: Arc<dyn RoundTrips> = journal.clone();
    let operators: Arc<dyn Operators> = journal.clone();
    let polls: Arc<dyn Polls> = journal.clone();
    let recordings: Arc<dyn Recordings> = journal.clone();
    let journal: Arc<dyn Journal> = journal;
    let known = known_connections(loaded);
    let directory = loaded.path(&loaded.config.plugins.directory);
    let sandbox: Arc<dyn Sandbox> = Arc::new(sandbox_of(loaded, &directory, true, known.clone(), clock.clone())?);
    let connections = Connections::new(&loaded.config.connections, loaded, clock.clone(), observer.clone())
        .map_err(|errors| WireError::Config(lines(&errors)))?;
    let connections = Arc::new(connections);
    let ports = Ports { journal, connector: connections.clone(), clock, random: Arc::new(SystemRandom), observer };
    let plugins = Arc::<Plugins>::default();
    let swaps = Swaps::new(ports.clone(), sandbox, recordings, plugins.clone(), loaded.config.plugins.clone());
    let pollers = pollers(loaded, &ports, &polls, &plugins)?;
    swaps.start().await?;
    Ok(Wired { ports, round_trips, operators, plugins, pollers, swaps, connections, known, backups, metrics, pulse, watch })
}

fn pollers(loaded: &Loaded, ports: &Ports, polls: &Arc<dyn Polls>, plugins: &Arc<Plugins>) -> Result<Vec<Arc<Poller>>, WireError> {
    let with_api = loaded.config.sources.iter().filter(|(_, source)| source.api.is_some());
    let poller = |(name, source): (&String, &SourceConfig)| {
        let api = Api::new(loaded, name, ports.clock.clone(), ports.observer.clone());
        let api = api.map_err(|error| WireError::Config(error.to_string()))?;
        let (ports, polls, plugins) = (ports.clone(), polls.clone(), plugins.clone());
        Ok(Arc::new(Poller {
            source: name.as_str().into(),
            api,
            every: source.poll.clone(),
            ports,
            polls,
            plugins,
            found: Mutex::default(),
        }))
    };
    with_api.map(poller).collect()
}

impl Secrets for Loaded {
    fn resolve(&self, secret: &Secret) -> Result<String, String> {
        self.secret(secret)
    }

    fn keeper(&self, secret: &Secret) -> Option<Keeper> {
        let Secret::File(path) = secret else { return None };
        let path = self.path(path);
        Some(Box::new(move |text| secrets::replace(&path, text).map_err(|error| format!("{}: {error}", path.display()))))
    }
}

/// The sources of a configuration.
///
/// # Errors
/// Every secret that cannot be used.
pub fn sources(loaded: &Loaded) -> Result<Vec<Source>, WireError> {
    let resolve = |secret: &Secret| loaded.secret(secret);
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for (name, config) in &loaded.config.sources {
        match Source::new(name, config, &resolve) {
            Ok(source) => sources.push(source),
            Err(problems) => errors.extend(problems.iter().map(|p| format!("sources.{name}: {p}"))),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(WireError::Config(errors.join("\n"))) }
}

fn known_connections(loaded: &Loaded) -> KnownConnections {
    Arc::new(RwLock::new(loaded.config.connections.keys().cloned().collect()))
}

/// The sandbox of a configuration, over this plugin directory. Generations are kept only for a host that
/// serves.
///
/// # Errors
/// The sandbox's.
pub fn open_sandbox(loaded: &Loaded, directory: &Path, keeps: bool, clock: Arc<dyn Clock>) -> Result<WasmSandbox, SandboxError> {
    sandbox_of(loaded, directory, keeps, known_connections(loaded), clock)
}

fn sandbox_of(
    loaded: &Loaded,
    directory: &Path,
    keeps: bool,
    known: KnownConnections,
    clock: Arc<dyn Clock>,
) -> Result<WasmSandbox, SandboxError> {
    let Config { plugins, journal, .. } = &loaded.config;
    let beside = |set: &Option<PathBuf>, name: &str| {
        set.as_ref().map_or_else(|| loaded.path(&journal.path).with_file_name(name), |path| loaded.path(path))
    };
    let cache = beside(&plugins.cache, "cache");
    let generations = keeps.then(|| beside(&plugins.generations, "generations"));
    let options = SandboxOptions {
        cache,
        generations,
        cache_limit: plugins.cache_limit,
        cache_time: plugins.cache_time,
        trust: Trust { keys: plugins.trusted_keys.clone(), digests: plugins.allowed_digests.clone() },
        connections: Some(known),
        compiler: Compiler::Child {
            program: this_program(),
            arguments: vec!["compile".into()],
            memory: plugins.compile_memory,
            time: plugins.compile_time,
        },
        component_limit: plugins.component_limit,
        instances: plugins.instances,
        memory_limit: plugins.memory_limit,
        settle: plugins.settle,
        rescan: plugins.rescan,
    };
    WasmSandbox::open(options, directory, clock)
}

/// A sandbox for plugins that are tried without a configuration: every connection can be granted, and
/// compiled code is kept in this folder.
///
/// # Errors
/// The sandbox's.
pub fn scratch_sandbox(cache: &Path) -> Result<WasmSandbox, SandboxError> {
    let options = SandboxOptions { cache: cache.to_owned(), ..SandboxOptions::default() };
    WasmSandbox::open(options, cache, Arc::new(SystemClock))
}

/// A journal that is thrown away.
///
/// # Errors
/// It cannot be made.
pub fn scratch_journal(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<dyn Journal>, WireError> {
    let options = mortar_journal::Options { free_space: 0, ..mortar_journal::Options::default() };
    let journal = SqliteJournal::open(path, options, clock);
    Ok(Arc::new(journal.map_err(|cause| WireError::Journal { path: path.to_owned(), cause })?))
}

/// The program that runs, also where its file has been replaced since.
fn this_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { running } else { std::env::current_exe().unwrap_or_else(|_| "mortar".into()) }
}

fn open_journal(loaded: &Loaded, clock: Arc<dyn Clock>) -> Result<SqliteJournal, WireError> {
    let config = &loaded.config.journal;
    let path = loaded.path(&config.path);
    let options = mortar_journal::Options {
        dedupe_window: config.dedupe_window,
        keep_events: config.keep_events,
        rejected_sample: config.rejected_sample,
        keep_audit: config.keep_audit,
        audit_limit: config.audit_limit,
        free_space: config.free_space.0,
        queue: config.queue,
        open_deliveries: config.open_deliveries,
        terms: true,
        ..mortar_journal::Options::default()
    };
    SqliteJournal::open(&path, options, clock).map_err(|cause| WireError::Journal { path, cause })
}

fn lines<E: std::fmt::Display>(errors: &[E]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
