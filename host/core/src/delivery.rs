//! Deliveries: one event bound to one plugin, the states it goes through, and what an attempt ends in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::code::ErrorCode;

/// An event's place in the journal. It grows with the order of arrival.
pub type EventSeq = u64;

/// A plugin's number in the journal, given to its name once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginNo(pub u16);

impl PluginNo {
    /// How many plugins one journal can ever know.
    pub const LIMIT: u16 = 1024;
}

/// Names a delivery: the event and the plugin. Written `<event>-<plugin>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId {
    /// The event.
    pub event: EventSeq,
    /// The plugin.
    pub plugin: PluginNo,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.event, self.plugin.0)
    }
}

/// A text that is no delivery id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a delivery id; one looks like 1042-1 and is shown by `mortar event show` and `mortar dead list`")]
pub struct NotADeliveryId(String);

impl FromStr for DeliveryId {
    type Err = NotADeliveryId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('-').and_then(|(event, plugin)| {
            let plugin = plugin.parse().ok().filter(|no| *no < PluginNo::LIMIT)?;
            Some(Self { event: event.parse().ok()?, plugin: PluginNo(plugin) })
        });
        parts.ok_or_else(|| NotADeliveryId(text.to_owned()))
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeliveryId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for DeliveryId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]+-[0-9]+$")).examples([serde_json::json!("1042-1")]).into()
    }
}

impl ToSchema for DeliveryId {}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never tried yet.
    Pending,
    /// An attempt is under way.
    Running,
    /// Tried; the next attempt is due at some time.
    Waiting,
    /// The plugin said done.
    Done,
    /// The plugin, or an operator, said that nothing has to be done.
    Ignored,
    /// A newer absolute count, or another later event where the plugin wants that, took its place.
    Superseded,
    /// Refused, or out of attempts: a dead letter.
    Dead,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [Self::Pending, Self::Running, Self::Waiting, Self::Done, Self::Ignored, Self::Superseded, Self::Dead];

    /// The state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Superseded => "superseded",
            Self::Dead => "dead",
        }
    }

    /// True where a further attempt comes by itself.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Running | Self::Waiting)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|s| s.as_str()).collect();
            format!("`{text}` is not a state; states are {}", names.join(", "))
        })
    }
}

/// What a dead letter means for the later deliveries of its subject to the same plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gap {
    /// Nothing: they go on.
    #[default]
    Skip,
    /// They wait until it is replayed to an end, settled or discarded.
    Hold,
    /// They go on, and the first that ends done supersedes it.
    Supersede,
}

impl Gap {
    /// Of a count a newer one says all, so nothing waits for a dead one: it is superseded instead.
    #[must_use]
    pub fn of_count(self) -> Self {
        if self == Self::Hold { Self::Supersede } else { self }
    }
}

/// What an attempt makes of its delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The plugin said done.
    Done,
    /// The plugin said that nothing has to be done, and why.
    Ignored {
        /// The plugin's words.
        reason: String,
    },
    /// Another attempt comes.
    Waiting {
        /// When it is due.
        until: Timestamp,
        /// What was in the way.
        code: ErrorCode,
        /// The same in words.
        reason: String,
        /// False where the attempt does not count against the policy's limit.
        spent: bool,
    },
    /// No further attempt comes by itself.
    Dead {
        /// What was in the way.
        code: ErrorCode,
        /// The same in words, with what to do.
        reason: String,
    },
}

/// How a run of a handler ended, before the retry policy looks at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The plugin said done.
    Done,
    /// The plugin said that nothing has to be done.
    Ignored(String),
    /// Later may be better.
    Retry {
        /// What was in the way.
        code: ErrorCode,
        /// The same in words.
        reason: String,
        /// The wait that the plugin or the ERP asked for.
        after: Option<Duration>,
        /// False where the attempt must not count (an open breaker, no free instance).
        spent: bool,
    },
    /// No attempt can succeed.
    Refused {
        /// What was in the way.
        code: ErrorCode,
        /// The same in words.
        reason: String,
    },
}
