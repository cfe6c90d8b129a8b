//! `[sources.NAME]`: a sender of callbacks, and how its callbacks are proven genuine.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::IpNet;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{ConnectionConfig, Secret, duration, size};
use crate::masonhub::fact::Resource;

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
    /// The sender's own API, where the host may ask it. It has the settings of a connection; without
    /// a `rate`, that of MasonHub.
    #[serde(default, deserialize_with = "api")]
    pub api: Option<ConnectionConfig>,
    /// How the API is polled for what no callback brought. Absent: only when an operator asks.
    pub poll: Option<PollConfig>,
}

/// `[sources.NAME.poll]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PollConfig {
    /// From the end of a poll to the next one.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// How far a poll looks back before the last one.
    #[serde(with = "duration")]
    pub overlap: Duration,
    /// What was changed later than this before a poll is left to the next one: its callback may
    /// still be on its way.
    #[serde(with = "duration")]
    pub settle: Duration,
    /// What is polled.
    pub kinds: Vec<Resource>,
    /// How snapshots of all stock are asked for. Absent: only when an operator asks.
    pub snapshot: Option<SnapshotConfig>,
}

/// `[sources.NAME.poll.snapshot]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotConfig {
    /// From one to the next.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// Time for MasonHub to announce it.
    #[serde(with = "duration")]
    pub wait: Duration,
    /// Time for its download.
    #[serde(with = "duration")]
    pub time: Duration,
    /// Size of the file.
    #[serde(with = "size")]
    pub limit: ByteSize,
    /// Hosts that it may be downloaded from, besides the API's own: over HTTPS, without credentials.
    pub hosts: Vec<String>,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self { interval: minutes(240), wait: minutes(15), time: minutes(15), limit: ByteSize::mib(256), hosts: Vec::new() }
    }
}

impl Default for PollConfig {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let kinds = vec![Resource::Orders, Resource::InboundShipments, Resource::Returns];
        Self { interval: minutes(5), overlap: minutes(60), settle: minutes(5), kinds, snapshot: None }
    }
}

/// Requests per second that MasonHub answers in the long run: a little below 1,000 an hour.
const API_RATE: f64 = 0.25;

/// Requests that may follow each other at once after a quiet time.
const API_BURST: u32 = 100;

/// An API that nobody gave another rate has MasonHub's.
fn api<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ConnectionConfig>, D::Error> {
    let mut api = ConnectionConfig::deserialize(deserializer)?;
    if api.rate.is_none() {
        (api.rate, api.burst) = (Some(API_RATE), API_BURST);
    }
    Ok(Some(api))
}

/// How callbacks of a source are proven genuine.
#[derive(Clone, Debug, PartialEq)]
pub enum Verify {
    /// A preset by name.
    Preset(Preset),
    /// Conditions that must all hold.
    All(Vec<Condition>),
}

impl<'de> Deserialize<'de> for Verify {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Verify;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "\"masonhub\", \"none\" or a list of conditions such as \
                     [{ scheme = \"hex\", header = \"X-Signature\", secrets = [{ env = \"SECRET\" }] }]",
                )
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Verify, E> {
                Preset::deserialize(name.into_deserializer()).map(Verify::Preset)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, conditions: A) -> Result<Verify, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(conditions)).map(Verify::All)
            }
        }
        // Not an untagged enum: that would hide which key of which condition is wrong.
        deserializer.deserialize_any(Visit)
    }
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

impl SourceConfig {
    /// The path that the source answers at and below, without a `/` at its end.
    #[must_use]
    pub fn base_path(&self, name: &str) -> String {
        let path = self.path.clone().unwrap_or_else(|| format!("/webhooks/{name}"));
        path.trim_end_matches('/').to_owned()
    }
}

impl Condition {
    /// The settings that the scheme needs and that are absent.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let needs_header = !matches!(self.scheme, Scheme::StandardWebhooks | Scheme::TokenBody);
        let needed = [
            (needs_header, self.header.is_some(), "header"),
            (self.scheme == Scheme::TokenBody, self.field.is_some(), "field"),
            (self.scheme == Scheme::V0, self.timestamp_header.is_some(), "timestamp_header"),
        ];
        needed.into_iter().filter(|(needed, present, _)| *needed && !present).map(|(_, _, name)| name)
    }

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

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::TV1 => "t-v1",
            Self::V0 => "v0",
            Self::StandardWebhooks => "standard-webhooks",
            Self::TokenHeader => "token-header",
            Self::TokenBody => "token-body",
        })
    }
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
