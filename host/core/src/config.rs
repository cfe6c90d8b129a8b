//! The configuration file, as data. Reading it from disk, looking up secrets and proving it belong
//! to the server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::IpNet;
use serde::Deserialize;

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
    /// What the host logs about itself.
    pub log: LogConfig,
}

/// `[edge]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at once; one more waits in the kernel's queue.
    pub connections: usize,
    /// Size of a callback's body.
    pub body_limit: ByteSize,
    /// Size of a request's head.
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
            trusted_proxies: Vec::new(),
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
    /// Address and port; loopback only.
    pub listen: SocketAddr,
    /// The token that the commands and the API need. Absent: one is made at the first start and
    /// kept beside the journal, readable by the owner only.
    pub token: Option<Secret>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)), token: None }
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
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { concurrency: 64, retry: RetryPolicy::default() }
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
    /// Size of a component file.
    pub component_limit: ByteSize,
    /// Instances at once, over all plugins.
    pub instances: u32,
    /// The most memory that any plugin's `limits.memory` may ask for.
    pub memory_limit: ByteSize,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("plugins"),
            cache: None,
            component_limit: ByteSize::mib(32),
            instances: 128,
            memory_limit: ByteSize::mib(128),
        }
    }
}

/// `[sources.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The path; everything below it belongs to the source too. Absent: `/webhooks/NAME`.
    pub path: Option<String>,
    /// `"masonhub"`, `"none"`, or a list of conditions that must all hold.
    pub verify: Verify,
    /// The secrets of the `masonhub` preset; any one of them may match.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// The only addresses that may send. Empty: any.
    #[serde(default)]
    pub allow: Vec<IpNet>,
}

/// How callbacks of a source are proven genuine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "`verify` is \"masonhub\", \"none\" or a list of conditions such as [{ scheme = \"hex\", header = \"X-Signature\", secrets = [{ env = \"SECRET\" }] }]"
)]
pub enum Verify {
    /// A preset by name.
    Preset(Preset),
    /// Conditions that must all hold.
    All(Vec<Condition>),
}

/// Verification by a well-known name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// HMAC-SHA256 of the raw body in `X-MasonHub-Signature`, hex, bare or after `sha256=`.
    Masonhub,
    /// No verification; only where the edge listens on loopback.
    None,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is compared.
    pub scheme: Scheme,
    /// The header that carries signature or token. Standard Webhooks has its own.
    pub header: Option<String>,
    /// For `token-body`: the field of the envelope that carries the token.
    pub field: Option<String>,
    /// For `v0`: the header that carries the timestamp.
    pub timestamp_header: Option<String>,
    /// The secrets, any one of which may match.
    pub secrets: Vec<Secret>,
    /// How the secrets are written.
    #[serde(default)]
    pub key: KeyEncoding,
    /// How old a signed timestamp may be.
    #[serde(with = "duration", default = "Condition::default_past")]
    pub past: Duration,
    /// How far ahead a signed timestamp may be.
    #[serde(with = "duration", default = "Condition::default_future")]
    pub future: Duration,
}

impl Condition {
    fn default_past() -> Duration {
        Duration::from_secs(300)
    }

    fn default_future() -> Duration {
        Duration::from_secs(60)
    }
}

/// What a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// HMAC-SHA256 of the body in hex, bare or after `sha256=`.
    Hex,
    /// HMAC-SHA256 of the body in base64.
    Base64,
    /// `t=<timestamp>,v1=<hex>` over `<timestamp>.<body>`.
    TV1,
    /// `v0=<hex>` over `v0:<timestamp>:<body>`, the timestamp in its own header.
    V0,
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// The secret itself in a header, bare or after `Bearer `.
    TokenHeader,
    /// The secret itself in a field of the body.
    TokenBody,
}

/// How a secret is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyEncoding {
    /// The key is the UTF-8 text itself; for Standard Webhooks base64 after `whsec_`.
    #[default]
    Text,
    /// The key is written in hex.
    Hex,
    /// The key is written in base64.
    Base64,
}

/// Where a secret is to be found. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, without its last line break; relative paths start at the configuration file.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "lowercase")]
        enum Place {
            Env(String),
            File(PathBuf),
        }
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Secret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{ env = \"NAME\" } or { file = \"path\" }")
            }

            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Secret, E> {
                Err(E::custom("a secret is not written into this file: use { env = \"NAME\" } or { file = \"path\" }"))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
                Ok(match Place::deserialize(serde::de::value::MapAccessDeserializer::new(map))? {
                    Place::Env(name) => Secret::Env(name),
                    Place::File(path) => Secret::File(path),
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// `[connections.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// `https://erp.example.com/api`, or `smtp://`, `smtps://` for a mail server.
    pub url: String,
    /// Credentials.
    #[serde(default)]
    pub auth: Auth,
    /// The header that carries the idempotency key, where the ERP honours one.
    pub idempotency_header: Option<String>,
    /// Methods that change nothing.
    #[serde(default = "ConnectionConfig::default_safe")]
    pub safe_methods: Vec<String>,
    /// The only methods that may be used. Absent: any.
    pub methods: Option<Vec<String>>,
    /// The only paths that may be used; `*` stands for any characters. Absent: any.
    pub paths: Option<Vec<String>>,
    /// Headers that are added to each request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Requests at once.
    #[serde(default = "ConnectionConfig::default_concurrency")]
    pub concurrency: usize,
    /// Time to connect.
    #[serde(with = "duration", default = "ConnectionConfig::default_connect_timeout")]
    pub connect_timeout: Duration,
    /// Time from sending to the last byte of the answer.
    #[serde(with = "duration", default = "ConnectionConfig::default_timeout")]
    pub timeout: Duration,
    /// Size of a request's body.
    #[serde(default = "ConnectionConfig::default_limit")]
    pub request_limit: ByteSize,
    /// Size of an answer's body.
    #[serde(default = "ConnectionConfig::default_limit")]
    pub response_limit: ByteSize,
    /// True where the address may be loopback, private or otherwise not public.
    #[serde(default)]
    pub private_addresses: bool,
    /// For a mail server: the sender's address.
    pub from: Option<String>,
}

impl ConnectionConfig {
    fn default_safe() -> Vec<String> {
        ["GET", "HEAD", "OPTIONS"].map(String::from).to_vec()
    }

    fn default_concurrency() -> usize {
        16
    }

    fn default_connect_timeout() -> Duration {
        Duration::from_secs(5)
    }

    fn default_timeout() -> Duration {
        Duration::from_secs(30)
    }

    fn default_limit() -> ByteSize {
        ByteSize::mib(4)
    }
}

/// Credentials of a connection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer <token>`
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic`, or SMTP AUTH.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A key in a header.
    Header {
        /// The header.
        name: String,
        /// The key.
        value: Secret,
    },
    /// OAuth 2 client credentials: a bearer token that is fetched, cached and refreshed.
    #[serde(rename = "oauth2-client-credentials")]
    OAuth2ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// The scope asked for.
        scope: Option<String>,
    },
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

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Durations as `"30s"`, `"1h 30m"`, `"35d"`.
pub mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de};

    /// Reads a duration.
    ///
    /// # Errors
    /// Not a duration, negative, or over 10,000 days.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a duration; one looks like \"30s\", \"15m\", \"12h\" or \"35d\"")))
    }

    /// Reads a duration from its text; a day has 24 hours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Duration> {
        let span: jiff::Span = text.parse().ok()?;
        let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(duration).ok().filter(|d| *d <= Duration::from_secs(10_000 * 24 * 3600))
    }
}
