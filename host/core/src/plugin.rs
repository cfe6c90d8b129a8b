//! A plugin's settings: what `plugin.toml` says, with safe defaults where it says nothing.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use crate::config::{duration, size};
use crate::delivery::Gap;
use crate::round_trip::RoundTripSettings;

/// `plugin.toml`. A plugin without one has no grants and the default limits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginSettings {
    /// The only event types that are delivered, of those that the component exports handlers for;
    /// `order.*` stands for all that begin so. Absent: all.
    pub events: Option<Vec<String>>,
    /// Connections that the plugin may use.
    pub connections: Vec<String>,
    /// What the plugin reads through the `config` interface.
    pub config: toml::Table,
    /// Limits of one attempt.
    pub limits: Limits,
    /// Its own retry policy, in the place of the connections' and the host's.
    pub retry: Option<crate::retry::RetryPolicy>,
    /// How many deliveries of the plugin run at once; 0 pauses it. Absent: as many as the host runs,
    /// less what leaves room for other plugins.
    pub concurrency: Option<usize>,
    /// When the ERP is read back, where the component exports `round-trip`.
    pub round_trip: RoundTripSettings,
    /// What a dead letter means for the later deliveries of its subject: `skip`, `hold` or
    /// `supersede`. It holds for letters that become dead from now on.
    pub gap: Gap,
}

impl PluginSettings {
    /// True where the settings do not leave this event type out.
    #[must_use]
    pub fn takes(&self, event_type: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => event_type.starts_with(beginning),
            None => event_type == pattern,
        };
        self.events.as_ref().is_none_or(|patterns| patterns.iter().any(matches))
    }
}

/// What one attempt may use.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of the instance.
    #[serde(with = "size")]
    pub memory: ByteSize,
    /// Processor time of the handler.
    #[serde(with = "duration")]
    pub cpu: Duration,
    /// Time from start to end, calls included.
    #[serde(with = "duration")]
    pub wall: Duration,
    /// Steps.
    pub calls: u16,
    /// Request bodies and headers, summed over the attempt.
    #[serde(with = "size")]
    pub sent: ByteSize,
    /// Log lines, summed over the attempt; what is over is dropped and counted.
    #[serde(with = "size")]
    pub log: ByteSize,
    /// One value of the plugin's state.
    #[serde(with = "size")]
    pub state_value: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            cpu: Duration::from_secs(1),
            wall: Duration::from_secs(120),
            calls: 100,
            sent: ByteSize::mib(16),
            log: ByteSize::kib(256),
            state_value: ByteSize::kib(64),
        }
    }
}
