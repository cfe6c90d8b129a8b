//! A plugin's settings: what `plugin.toml` says, with safe defaults where it says nothing. And what
//! can be wrong with a plugin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::{duration, size};
use crate::delivery::Gap;
use crate::grant::Grant;
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
    /// What it may ask of them, where that is less than all.
    pub grants: BTreeMap<String, Grant>,
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
    /// How long, and how closely, a new generation is watched.
    pub probation: Probation,
    /// What a new generation is tried on before it is put in force.
    pub gate: Gate,
}

/// What a new generation is tried on before it is put in force: recorded deliveries, which it runs offline.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// What follows where it does something else than the generation in force.
    pub policy: GatePolicy,
    /// At most so many of the last deliveries that are over: up to 10,000.
    pub last: u32,
    /// At most so much of their payloads, requests and answers, which are held in memory: up to 256 MiB.
    #[serde(with = "size")]
    pub size: ByteSize,
    /// For at most so long, since the swap waits for it: up to ten minutes. What is not compared by then is
    /// counted as such.
    #[serde(with = "duration")]
    pub time: Duration,
}

/// What a gate does with a new generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatePolicy {
    /// Nothing is compared.
    Off,
    /// What is different is told, and the generation is put in force. The default: a new generation is there
    /// to do something else, and only its author can say whether it is what was meant.
    #[default]
    Report,
    /// Only a version that does the same on all of them is put in force by itself.
    Block,
}

impl Default for Gate {
    fn default() -> Self {
        Self { policy: GatePolicy::Report, last: 50, size: ByteSize::mib(8), time: Duration::from_secs(10) }
    }
}

/// When a new generation is taken out of force again by itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probation {
    /// How long it is watched. 0s: not at all.
    #[serde(with = "duration")]
    pub time: Duration,
    /// So many deliveries have to fail by a trap, a broken limit or a refusal.
    pub failures: u32,
    /// And the share of attempts that fail has to be larger by this than on the generation before, from 0
    /// to 1.
    pub rise: f64,
}

impl Default for Probation {
    fn default() -> Self {
        Self { time: Duration::from_secs(600), failures: 3, rise: 0.2 }
    }
}

impl PluginSettings {
    /// True where the settings do not leave this event type out.
    #[must_use]
    pub fn takes(&self, event_type: &str) -> bool {
        names(self.events.as_ref(), event_type)
    }

    /// True where the settings do not leave out that the ERP is read back after such an event.
    #[must_use]
    pub fn reads_back(&self, event_type: &str) -> bool {
        names(self.round_trip.events.as_ref(), event_type)
    }
}

fn names(patterns: Option<&Vec<String>>, event_type: &str) -> bool {
    let names = |pattern: &String| match pattern.strip_suffix('*') {
        Some(beginning) => event_type.starts_with(beginning),
        None => event_type == pattern,
    };
    patterns.is_none_or(|patterns| patterns.iter().any(names))
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
    /// All of the plugin's state, keys included. It is not of one attempt: what is stored counts.
    #[serde(with = "size")]
    pub state: ByteSize,
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
            state: ByteSize::mib(16),
        }
    }
}

/// What a component's file tells of where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// Keys whose signatures are right.
    pub signed_by: Vec<String>,
    /// Languages.
    pub languages: Vec<String>,
    /// Compilers and other tools, with their versions.
    pub tools: Vec<String>,
    /// WIT packages that it imports, `package@version`.
    pub imports: Vec<String>,
    /// WIT packages that it exports.
    pub exports: Vec<String>,
}

pub use crate::code::load as code;

/// Something that keeps a plugin from being loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PluginProblem {
    /// The plugin's name.
    pub plugin: String,
    /// The file or folder that it is about.
    pub file: PathBuf,
    /// Where in the file, from 1.
    pub line: Option<usize>,
    /// Where in the line, in characters from 1.
    pub column: Option<usize>,
    /// What kind of problem it is: one of [`code`].
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

impl PluginProblem {
    /// A problem of a whole file or folder.
    #[must_use]
    pub fn new(plugin: &str, file: &Path, code: &'static str, message: impl Into<String>) -> Self {
        Self { plugin: plugin.to_owned(), file: file.to_owned(), line: None, column: None, code, message: message.into() }
    }

    /// The same, at a line and column from 1.
    #[must_use]
    pub fn at(self, place: Option<(usize, usize)>) -> Self {
        let (line, column) = place.unzip();
        Self { line, column, ..self }
    }
}

impl fmt::Display for PluginProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for place in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{place}")?;
        }
        write!(f, ": {} [{}]", self.message, self.code)
    }
}
