//! The configuration file, as data. Reading it from disk, looking up secrets and proving it belong
//! to the server.

mod alerts;
mod connection;
pub mod duration;
mod problems;
mod secret;
pub mod size;
mod source;
mod tls;
mod traces;
mod trust;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::IpNet;
use serde::Deserialize;

pub use self::alerts::{AlertKind, AlertMail, AlertWebhook, AlertsConfig};
pub use self::connection::{Algorithm, Auth, BreakerConfig, ConnectionConfig, Login, OAuth1, OAuth2Jwt, OAuth2RefreshToken, Refused};
pub use self::problems::{Problem, dotted};
pub use self::secret::Secret;
pub use self::source::{Condition, KeyEncoding, PollConfig, Preset, Scheme, SnapshotConfig, SourceConfig, Verify};
pub use self::tls::{ForwardedHeader, TlsConfig};
pub use self::traces::TracesConfig;
pub use self::trust::{PublicKey, Sha256Hex};
use crate::retry::RetryPolicy;

/// `mortar.toml`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where callbacks come in.
    pub edge: EdgeConfig,
    /// Where operators come in.
    pub admin: AdminConfig,
    /// Where events are stored.
    pub journal: JournalConfig,
    /// How deliveries run.
    pub delivery: DeliveryConfig,
    /// Where plugins are.
    pub plugins: PluginsConfig,
    /// Senders of callbacks, by name.
    pub sources: BTreeMap<String, SourceConfig>,
    /// ERP endpoints and mail servers, by name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// Who is told when something is wrong.
    pub alerts: AlertsConfig,
    /// What the host logs about itself.
    pub log: LogConfig,
    /// What is counted.
    pub metrics: MetricsConfig,
    /// Where traces go.
    pub traces: TracesConfig,
}

/// `[edge]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// The certificate. Absent: callbacks come in plainly, over a proxy that speaks TLS.
    pub tls: Option<TlsConfig>,
    /// Proxies that are believed when they say who sent a request.
    pub trusted_proxies: Vec<IpNet>,
    /// Where they say so.
    pub forwarded_header: ForwardedHeader,
    /// Connections of trusted proxies begin with a header of the PROXY protocol, version 2.
    pub proxy_protocol: bool,
    /// Connections at once; one more waits in the kernel's queue.
    pub connections: usize,
    /// Size of a callback's body.
    #[serde(with = "size")]
    pub body_limit: ByteSize,
    /// Size of a request's head.
    #[serde(with = "size")]
    pub header_limit: ByteSize,
    /// Time for a request's head to arrive, and for an idle connection to be kept.
    #[serde(with = "duration")]
    pub header_timeout: Duration,
    /// Time for a request's body to arrive.
    #[serde(with = "duration")]
    pub body_timeout: Duration,
    /// Time for the journal to take a callback, before 503.
    #[serde(with = "duration")]
    pub store_timeout: Duration,
    /// Retry-After of a 503.
    #[serde(with = "duration")]
    pub retry_after: Duration,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            proxy_protocol: false,
            connections: 4096,
            body_limit: ByteSize::mib(1),
            header_limit: ByteSize::kib(16),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            store_timeout: Duration::from_secs(10),
            retry_after: Duration::from_secs(5),
        }
    }
}

/// `[admin]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Address and port. Beyond loopback only with a certificate.
    pub listen: SocketAddr,
    /// The certificate.
    pub tls: Option<TlsConfig>,
    /// True where tokens may travel unencrypted beyond this machine, in a network that nobody listens in.
    pub allow_plain: bool,
    /// The token that the commands and the API need. Absent: one is made at the first start and
    /// kept beside the journal, readable by the owner only.
    pub token: Option<Secret>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), tls: None, allow_plain: false, token: None }
    }
}

/// `[journal]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// The SQLite file; relative paths start at the configuration file.
    pub path: PathBuf,
    /// How long ids are remembered: a callback that comes again within this time is a duplicate.
    #[serde(with = "duration")]
    pub dedupe_window: Duration,
    /// How long finished events are kept.
    #[serde(with = "duration")]
    pub keep_events: Duration,
    /// How many rejected callbacks are kept for the operator to look at.
    pub rejected_sample: u32,
    /// How long the audit log goes back.
    #[serde(with = "duration")]
    pub keep_audit: Duration,
    /// How many actions the audit log has, at most.
    pub audit_limit: u32,
    /// What is kept free on the journal's file system: with less, the edge answers 503 while what
    /// is stored already still runs. 0 keeps nothing free.
    #[serde(with = "size")]
    pub free_space: ByteSize,
    /// Operations in line before the journal says that it is at capacity.
    pub queue: usize,
    /// Open deliveries before the edge answers 503.
    pub open_deliveries: usize,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("mortar.db"),
            dedupe_window: Duration::from_secs(35 * 24 * 3600),
            keep_events: Duration::from_secs(90 * 24 * 3600),
            rejected_sample: 1000,
            keep_audit: Duration::from_secs(400 * 24 * 3600),
            audit_limit: 100_000,
            free_space: ByteSize::mib(256),
            queue: 8192,
            open_deliveries: 2_000_000,
        }
    }
}

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Deliveries that run at once.
    pub concurrency: usize,
    /// When a failed attempt is followed by another one.
    pub retry: RetryPolicy,
    /// Round trips that are looked at at once; with 0 none is.
    pub round_trips: usize,
    /// Time that running attempts get to end when the host stops.
    #[serde(with = "duration")]
    pub drain_timeout: Duration,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { concurrency: 64, retry: RetryPolicy::default(), round_trips: 4, drain_timeout: Duration::from_secs(30) }
    }
}

/// `[plugins]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginsConfig {
    /// The directory; relative paths start at the configuration file.
    pub directory: PathBuf,
    /// Where compiled components are kept. Absent: `cache` beside the journal.
    pub cache: Option<PathBuf>,
    /// Where generations of plugins are kept, to go back to. Absent: `generations` beside the journal.
    pub generations: Option<PathBuf>,
    /// Generations that are kept of each plugin, the one in force and the one before in any case.
    pub keep_generations: usize,
    /// How long a version is kept once it is no longer in force.
    #[serde(with = "duration")]
    pub keep_time: Duration,
    /// Size of the cache. Over it, what no plugin uses any more goes, oldest use first.
    #[serde(with = "size")]
    pub cache_limit: ByteSize,
    /// Code that no plugin uses any more goes when it was not used for so long.
    #[serde(with = "duration")]
    pub cache_time: Duration,
    /// Only components that one of these keys has signed are loaded. Empty, as `allowed_digests` is:
    /// all are.
    pub trusted_keys: Vec<PublicKey>,
    /// Components that are loaded whoever signed them, by the SHA-256 of their file in hex.
    pub allowed_digests: Vec<Sha256Hex>,
    /// Memory that compiling one component may take.
    #[serde(with = "size")]
    pub compile_memory: ByteSize,
    /// Time that compiling one component may take.
    #[serde(with = "duration")]
    pub compile_time: Duration,
    /// Size of a component file.
    #[serde(with = "size")]
    pub component_limit: ByteSize,
    /// Instances at once, over all plugins.
    pub instances: u32,
    /// The most memory that any plugin's `limits.memory` may ask for.
    #[serde(with = "size")]
    pub memory_limit: ByteSize,
    /// A file that is written in place counts once nothing was written to it for so long.
    #[serde(with = "duration")]
    pub settle: Duration,
    /// How often the directory is looked at where the system tells of no change.
    #[serde(with = "duration")]
    pub rescan: Duration,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("plugins"),
            cache: None,
            generations: None,
            keep_generations: 10,
            keep_time: Duration::from_secs(90 * 24 * 3600),
            cache_limit: ByteSize::gib(2),
            cache_time: Duration::from_secs(90 * 24 * 3600),
            trusted_keys: Vec::new(),
            allowed_digests: Vec::new(),
            compile_memory: ByteSize::gib(2),
            compile_time: Duration::from_secs(120),
            component_limit: ByteSize::mib(32),
            instances: 128,
            memory_limit: ByteSize::mib(128),
            settle: Duration::from_millis(500),
            rescan: Duration::from_secs(10),
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a list by target (`info,mortar=debug`).
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// False where nothing is counted.
    pub enabled: bool,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
