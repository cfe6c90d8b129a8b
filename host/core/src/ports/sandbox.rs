//! Plugins: where they come from, how they run, and what a running handler can ask.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BoxFuture, JournalError, StateEntry, StateWrite, StoredEvent};
use crate::call::{CallError, Mail, Request, Response, Settlement};
use crate::code::ErrorCode;
use crate::comparison::Comparison;
use crate::delivery::Ending;
use crate::event::{Family, TypedEvent};
use crate::plugin::{PluginProblem, Provenance};
use crate::round_trip::Confirmation;
use crate::story;

/// What a run is given of its delivery.
#[derive(Clone, Debug)]
pub struct Run {
    /// The event.
    pub event: Arc<StoredEvent>,
    /// The attempt's number.
    pub attempt: u32,
}

/// How a run ended, and what it left behind.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The end.
    pub ending: Ending,
    /// What the plugin logged.
    pub log: Vec<story::LogLine>,
    /// The digest of the generation that ran, in hex.
    pub digest: Arc<str>,
}

/// What a look at the ERP came to.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// What the plugin found, or how its `confirm` ended instead: as a retry or refused.
    pub answer: Result<Confirmation, Ending>,
    /// What the plugin logged.
    pub log: Vec<story::LogLine>,
}

/// One generation of a plugin: a loaded version of it, ready to run.
///
/// It runs for as long as somebody holds it, whatever has taken its place meanwhile.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// The generation's digest, in hex: the SHA-256 of the component with the settings behind it
    /// (`cat plugin.wasm plugin.toml | sha256sum`).
    pub digest: Arc<str>,
    /// The component's own SHA-256, in hex.
    pub component: Arc<str>,
    /// Where its component comes from.
    pub provenance: Arc<Provenance>,
    /// The typed families it handles.
    pub families: Vec<Family>,
    /// True where it takes raw events.
    pub any_event: bool,
    /// True where it reads back from the ERP (`round-trip`).
    pub round_trip: bool,
    /// Its settings.
    pub settings: Arc<crate::plugin::PluginSettings>,
    /// What runs it.
    pub handler: Arc<dyn Handler>,
}

impl Plugin {
    /// True where an event of this type is delivered to the plugin.
    #[must_use]
    pub fn handles(&self, event_type: &str) -> bool {
        let exported = self.any_event || Family::of(event_type).is_some_and(|f| self.families.contains(&f));
        exported && self.settings.takes(event_type)
    }
}

/// The code of one generation.
pub trait Handler: Send + Sync {
    /// Runs the plugin's handler on an event: the typed one where `typed` is given and the plugin
    /// exports it, else the raw one.
    fn run(&self, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'_, Ran>;

    /// Runs the plugin's `confirm` on an event whose delivery is done. Only asked of plugins with
    /// [`round_trip`](Plugin::round_trip).
    fn confirm(&self, _run: Run, _host: Arc<dyn Host>) -> BoxFuture<'_, Confirmed> {
        let reason = "the plugin does not read back".to_owned();
        let answer = Err(Ending::Refused { code: ErrorCode::PluginMissing, reason });
        Box::pin(std::future::ready(Confirmed { answer, log: Vec::new() }))
    }
}

impl fmt::Debug for dyn Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

/// What a running handler can ask of the host. One per attempt; a handler asks one thing at a time.
pub trait Host: Send + Sync {
    /// `connection.call`
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>>;
    /// `connection.settle`; the text says why the step cannot be settled.
    fn settle(&self, step: String, settlement: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>>;
    /// `mail.send`
    fn mail(&self, step: String, connection: String, mail: Mail) -> BoxFuture<'_, Result<(), CallError>>;
    /// `state.get`
    fn state_get(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>>;
    /// `state.put`, and `state.delete` where there is no value.
    fn state_put(&self, write: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>>;
}

/// Why a state write was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutError {
    /// The key is at this version.
    Conflict(u64),
    /// Key, value or store are too large.
    TooLarge(String),
}

/// The plugin directory, and what makes plugins of its files.
pub trait Sandbox: Send + Sync {
    /// Looks at the plugin directory, without opening the plugins' files.
    ///
    /// # Errors
    /// The directory cannot be listed. That says nothing of the plugins in it.
    fn look(&self) -> BoxFuture<'_, Result<Listing, PluginProblem>>;

    /// Resolves when another look is worth it: at a change of the directory, or after a while.
    fn changed(&self) -> BoxFuture<'_, ()>;

    /// Makes a generation of a plugin's files: reads, compiles, links and instantiates it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn load<'a>(&'a self, found: &'a Found) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>>;

    /// Makes a generation of the files that were kept of it.
    ///
    /// # Errors
    /// They are not kept, or everything that is wrong with them.
    fn load_kept<'a>(&'a self, plugin: &'a str, digest: &'a str) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>>;

    /// Makes a generation of files that are not in the plugin directory, to be tried. Its files are put
    /// aside where it is to be kept; what is not in a [`Record`] goes with the next one.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn load_candidate<'a>(&'a self, candidate: &'a Candidate, keep: bool) -> BoxFuture<'a, Result<Plugin, Vec<PluginProblem>>>;

    /// Puts the files of a kept generation into the plugin directory, in the place of the plugin's.
    ///
    /// # Errors
    /// They are not kept, or cannot be written.
    fn install<'a>(&'a self, plugin: &'a str, digest: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>>;

    /// What is remembered of plugins that were in force once.
    fn records(&self) -> BoxFuture<'_, Vec<Record>>;

    /// Remembers what is in force, and keeps the files of the generations that the record
    /// [needs](Record::needs), but of no other generation of the plugin. They were put aside when they were loaded.
    ///
    /// # Errors
    /// It cannot be stored.
    fn remember<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<(), PluginProblem>>;

    /// Forgets a plugin, and the files that were kept of it.
    ///
    /// # Errors
    /// They cannot be removed.
    fn forget<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), PluginProblem>>;
}

/// What is remembered of a plugin, whatever becomes of its files and of the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its name.
    pub plugin: String,
    /// The digest of the generation in force.
    pub in_force: String,
    /// Since when.
    pub since: Timestamp,
    /// The digest of the one before, while there is one to go back to.
    pub before: Option<String>,
    /// True where an operator wants no other one in force.
    pub pinned: bool,
    /// A generation that is not put in force again because its files are there.
    pub held_back: Option<HeldBack>,
    /// A candidate that runs beside the generation in force.
    #[serde(default)]
    pub shadow: Option<Shadow>,
    /// The generations that are kept, newest first.
    pub kept: Vec<Kept>,
}

impl Record {
    /// True where the files of this generation have to be there.
    #[must_use]
    pub fn needs(&self, digest: &str) -> bool {
        self.generations().any(|kept| kept == digest)
    }

    /// The digests of all generations whose files are kept.
    pub fn generations(&self) -> impl Iterator<Item = &str> {
        let held_back = self.held_back.iter().map(|held| held.digest.as_str());
        let shadow = self.shadow.iter().map(|shadow| shadow.digest.as_str());
        self.kept.iter().map(|kept| kept.digest.as_str()).chain(held_back).chain(shadow)
    }
}

/// A generation that was taken out of force, or that the gate kept from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeldBack {
    /// Its digest.
    pub digest: String,
    /// Why.
    pub reason: String,
    /// What the gate found, where it was the gate that held it back: then it was never in force.
    #[serde(default)]
    pub gate: Option<Comparison>,
}

/// A candidate that is kept beside the plugin directory, and is never in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// Its digest.
    pub digest: String,
    /// Since when it runs beside the generation in force.
    pub since: Timestamp,
}

/// Files of a plugin that are not in the plugin directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The plugin's name.
    pub plugin: String,
    /// A component (`.wasm`), with its settings beside it (`NAME.toml`, `plugin.toml`), or settings alone (`.toml`).
    pub file: PathBuf,
    /// The digest of the kept generation that the other part is taken of: the settings where there are
    /// none beside the component, the component where there are only settings.
    pub like: String,
}

/// A generation whose files are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Kept {
    /// Its digest.
    pub digest: String,
    /// Its component's.
    pub component: String,
    /// When it was last put in force or taken out of it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How it did on recorded deliveries before it was put in force, if it was tried on some.
    #[serde(default)]
    pub gate: Option<Comparison>,
}

/// What the plugin directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Its plugins, by name.
    pub found: Vec<Found>,
    /// What looks like a plugin and is none.
    pub problems: Vec<PluginProblem>,
}

/// The files of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name: that of the folder, or of the file without `.wasm`.
    pub name: String,
    /// The component.
    pub component: PathBuf,
    /// The settings, where there are some.
    pub settings: Option<PathBuf>,
    /// Another one wherever the files may be others.
    pub stamp: u64,
    /// False while they are still being written.
    pub whole: bool,
}
