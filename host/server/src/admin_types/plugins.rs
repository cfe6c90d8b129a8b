//! Plugins, their generations, and candidates for them.

use std::path::PathBuf;

use jiff::Timestamp;
use mortar_core::comparison::Comparison;
use mortar_core::diff::Compared;
use mortar_core::plugin::Provenance;
use mortar_core::ports::{HeldBack, Kept};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// One plugin of a running host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: PluginState,
    /// The digest of the generation that is in force, in hex.
    pub digest: Option<String>,
    /// The digest of its component, in hex.
    pub component: Option<String>,
    /// Where its component comes from.
    pub provenance: Option<Provenance>,
    /// Since when it has been in force.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// True where no other version is put in force, whatever files come.
    pub pinned: bool,
    /// How it does in its first time.
    pub probation: Option<ProbationStatus>,
    /// The versions that are kept, newest first.
    pub kept: Vec<Kept>,
    /// A generation that the gate holds back, with what it found.
    #[serde(default)]
    pub blocked: Option<HeldBack>,
    /// A candidate that runs beside the generation in force.
    #[serde(default)]
    pub shadow: Option<ShadowStatus>,
    /// The WIT interfaces that it handles events by, `any-event` included.
    pub handles: Vec<String>,
    /// Its open deliveries.
    pub open: u64,
    /// True while its files are being written.
    pub unsettled: bool,
    /// What keeps its files in the plugin directory from being in force.
    pub problems: Vec<String>,
}

/// How a new generation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProbationStatus {
    /// Until it is no longer watched.
    pub seconds_left: u64,
    /// Its attempts so far.
    pub attempts: u32,
    /// Those that it is to blame for failing.
    pub failed: u32,
}

/// The body of `POST /api/plugins/{name}/rollback`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollBack {
    /// The beginning of the version's digest. Absent: the version before.
    pub to: Option<String>,
}

/// The answer when another version is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolledBack {
    /// Its digest.
    pub digest: String,
}

/// The body of `POST /api/plugins/{name}/pin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Whether the generation in force stays so.
    pub pinned: bool,
}

/// The answer when deliveries of a plugin were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscardedOpen {
    /// How many; there may be more as long as there are some.
    pub discarded: usize,
}

/// A candidate that runs beside the generation in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShadowStatus {
    /// Its digest.
    pub digest: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How it does, counted since the host started, or another generation came in force.
    pub comparison: Option<Comparison>,
}

/// The body of `POST /api/plugins/{name}/shadow/start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartShadow {
    /// The candidate: a component, or settings for the component in force.
    #[schema(value_type = String)]
    pub file: PathBuf,
}

/// One of two generations that are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiffSide {
    /// The one in force.
    InForce,
    /// One whose files are kept, by the beginning of its digest.
    Generation(String),
    /// A component, or settings for the component in force.
    File(PathBuf),
}

impl PartialSchema for DiffSide {
    fn schema() -> RefOr<Schema> {
        let named = |name: &str| ObjectBuilder::new().property(name, String::schema()).required(name);
        let in_force = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["in-force"]));
        OneOfBuilder::new().item(in_force).item(named("generation")).item(named("file")).into()
    }
}

impl ToSchema for DiffSide {}

/// The body of `POST /api/plugins/{name}/diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginDiff {
    /// What it is compared with.
    pub old: DiffSide,
    /// What is compared.
    pub new: DiffSide,
    /// Ids of events, and event types. Empty: all types.
    #[serde(default)]
    pub events: Vec<String>,
    /// At most so many of the last deliveries, [`super::DEFAULT_LIMIT`] if absent, [`super::MAX_LIMIT`] at most.
    #[serde(default)]
    pub last: Option<usize>,
}

/// The answer: what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginDifferences {
    /// The digest of the old generation.
    pub old: String,
    /// The digest of the new one.
    pub new: String,
    /// The deliveries that both ran on, with what is different.
    pub compared: Vec<Compared>,
    /// Recorded deliveries that were not compared, because there was no time or no free instance.
    pub skipped: u64,
}

/// Whether a plugin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// A generation is in force.
    Active,
    /// Its files are gone: its deliveries wait.
    Parked,
    /// No generation of it has been in force.
    Failed,
}

impl PluginState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Parked, Self::Failed];

    /// The state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Parked => "parked",
            Self::Failed => "failed",
        }
    }
}
