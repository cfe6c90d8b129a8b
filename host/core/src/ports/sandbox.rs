//! Running handlers, and what a handler can ask.

use std::sync::Arc;

use super::{BoxFuture, JournalError, StateEntry, StateWrite, StoredEvent};
use crate::call::{CallError, Mail, Request, Response, Settlement};
use crate::code::ErrorCode;
use crate::delivery::Ending;
use crate::event::{Family, TypedEvent};
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
    /// The digest of the component that ran, in hex.
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

/// What a loaded plugin is.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// The digest of its component, in hex.
    pub digest: Arc<str>,
    /// The typed families it handles.
    pub families: Vec<Family>,
    /// True where it takes raw events.
    pub any_event: bool,
    /// True where it reads back from the ERP (`round-trip`).
    pub round_trip: bool,
    /// Its settings.
    pub settings: Arc<crate::plugin::PluginSettings>,
}

impl Plugin {
    /// True where an event of this type is delivered to the plugin.
    #[must_use]
    pub fn handles(&self, event_type: &str) -> bool {
        let exported = self.any_event || Family::of(event_type).is_some_and(|f| self.families.contains(&f));
        exported && self.settings.takes(event_type)
    }
}

/// What a running handler can ask of the host. One per attempt; a handler asks one thing at a time.
pub trait Host: Send + Sync {
    /// `connection.call`
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>>;
    /// `connection.settle`
    fn settle(&self, step: String, settlement: Settlement) -> BoxFuture<'_, Result<(), String>>;
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

/// Runs handlers.
pub trait Sandbox: Send + Sync {
    /// What is loaded now.
    fn plugins(&self) -> Vec<Plugin>;

    /// Runs the named plugin's handler on an event: the typed one where `typed` is given and the
    /// plugin exports it, else the raw one.
    fn run<'a>(&'a self, plugin: &'a str, run: Run, typed: Option<TypedEvent>, host: Arc<dyn Host>) -> BoxFuture<'a, Ran>;

    /// Runs the named plugin's `confirm` on an event whose delivery is done. Only asked of plugins
    /// with [`round_trip`](Plugin::round_trip).
    fn confirm<'a>(&'a self, plugin: &'a str, _run: Run, _host: Arc<dyn Host>) -> BoxFuture<'a, Confirmed> {
        let reason = format!("plugin {plugin} does not read back");
        let answer = Err(Ending::Refused { code: ErrorCode::PluginMissing, reason });
        Box::pin(std::future::ready(Confirmed { answer, log: Vec::new() }))
    }
}
