//! The ports: what the pipeline needs of the world. Adapters implement them; nothing here does.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::call::{CallError, Mail, Request, Response, Settlement};
use crate::delivery::{DeliveryId, Ending, EventSeq, PluginNo, State, Verdict};
use crate::event::{Event, Family, TypedEvent};
use crate::story;

/// A boxed future, as the object-safe ports return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The system clock, injected.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

// ---------------------------------------------------------------------------------------------
// Journal

/// The result of a journal operation. The operation is in line from the moment of the call,
/// in the order of the calls; the future resolves when it is durable.
pub type Receipt<T> = BoxFuture<'static, Result<T, JournalError>>;

/// Why the journal did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Too much waits already; nothing was stored. Try later.
    #[error("the journal is at capacity")]
    Busy,
    /// It could not be stored. Nothing of it was.
    #[error("the journal cannot store: {0}")]
    Storage(String),
    /// The lease was taken over; the attempt's results no longer count.
    #[error("the lease on this delivery has expired")]
    LeaseLost,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It is there, but in a state that does not permit this.
    #[error("{0}")]
    Refused(String),
    /// What is stored does not make sense.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
}

/// How the deliveries of one subject to one plugin follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after the other, oldest first.
    Fifo,
    /// Only the newest by `as_of` matters; the others are superseded.
    Newest,
}

/// A delivery to be made of a new event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// To whom.
    pub plugin: PluginNo,
    /// How it is ordered.
    pub order: Order,
}

/// An event to be stored, with the deliveries that it fans out to.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The event.
    pub event: Event,
    /// Its deliveries; empty where no plugin handles it.
    pub deliveries: Vec<NewDelivery>,
}

/// A genuine callback to be stored.
#[derive(Clone, Debug)]
pub struct NewCallback {
    /// The source it came in by.
    pub source: Arc<str>,
    /// When.
    pub received_at: Timestamp,
    /// From where.
    pub remote: Option<IpAddr>,
    /// The sender's identifier of this delivery.
    pub delivery_header: Option<String>,
    /// Which secret matched, from 1.
    pub secret: Option<u8>,
    /// The raw body.
    pub body: Bytes,
    /// What could be read in it.
    pub events: Vec<NewEvent>,
    /// Why the callback, or a part of it, goes into quarantine.
    pub unreadable: Option<String>,
}

/// What became of an accepted callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Events that were new.
    pub stored: usize,
    /// Events whose ids were known.
    pub duplicates: usize,
}

/// A callback that was not genuine.
#[derive(Clone, Debug)]
pub struct RejectedCallback {
    /// The source it was addressed to.
    pub source: Arc<str>,
    /// When.
    pub received_at: Timestamp,
    /// From where.
    pub remote: Option<IpAddr>,
    /// Why.
    pub reason: String,
    /// The sender's identifier of this delivery.
    pub delivery_header: Option<String>,
    /// The raw body.
    pub body: Bytes,
}

/// The right to run a delivery, until it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Tells this lease from an earlier one of the same delivery.
    pub token: u64,
}

/// A stored event, as a run needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its place in the journal.
    pub seq: EventSeq,
    /// Its id.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// Its subject, as text.
    pub subject: String,
    /// The source.
    pub source: Arc<str>,
    /// When it was received.
    pub received_at: Timestamp,
    /// When it happened.
    pub as_of: Option<Timestamp>,
    /// The record, as sent.
    pub payload: Bytes,
}

/// A delivery that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to run it.
    pub lease: Lease,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// Attempts that count against the policy, before this one. A replay sets it to 0.
    pub spent: u32,
    /// Where the policy's age starts: when the event was received, or when an operator last
    /// replayed the delivery.
    pub since: Timestamp,
    /// The event.
    pub event: Arc<StoredEvent>,
    /// The calls that earlier attempts journaled, by ordinal.
    pub calls: Vec<story::Call>,
}

/// A change to a delivery's journaled calls.
#[derive(Clone, Debug, PartialEq)]
pub enum CallWrite {
    /// The call is new or is sent again: its request and fate replace what stood at its ordinal.
    Put(story::Call),
    /// The call at this ordinal has another fate now.
    Fate {
        /// The call.
        ordinal: u16,
        /// Its fate.
        fate: story::Fate,
    },
}

/// A write to a plugin's state, checked and committed with the delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateWrite {
    /// The key.
    pub key: String,
    /// The version that must still be there; 0: none.
    pub expected: u64,
    /// The new value; none deletes.
    pub value: Option<Vec<u8>>,
}

/// A value of a plugin's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// The bytes.
    pub value: Vec<u8>,
    /// Grows with each write; never 0.
    pub version: u64,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The lease it ran under.
    pub lease: Lease,
    /// What becomes of the delivery.
    pub verdict: Verdict,
    /// What is kept of the attempt.
    pub attempt: story::Attempt,
    /// The plugin's state writes; applied only where the verdict is done or ignored.
    pub state: Vec<StateWrite>,
}

/// What the journal made of a finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Recorded.
    Recorded,
    /// A state write met another version: nothing was recorded, the lease still holds.
    StateConflict,
}

/// Which deliveries or events a listing shows; newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only events below this place.
    pub before: Option<EventSeq>,
    /// At most this many.
    pub limit: usize,
    /// Only this type; a trailing `*` matches any ending.
    pub event_type: Option<String>,
    /// Only subjects that end in this identifier, or are it (`order:SO-1` or `SO-1`).
    pub subject: Option<String>,
    /// Only events with a delivery in this state.
    pub state: Option<State>,
    /// Only events with a delivery to this plugin.
    pub plugin: Option<String>,
    /// Only events received at or after this time.
    pub since: Option<Timestamp>,
}

/// What an operator does to a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// Run it again, with its journaled steps, except those that were refused: steps answered with
    /// 4xx are sent again, and writes answered with 5xx are in doubt.
    Replay,
    /// Give it up; it becomes `ignored` with this reason.
    Discard {
        /// Why.
        reason: String,
    },
    /// Say what became of a step that is in doubt, then run again.
    Settle {
        /// The step.
        step: String,
        /// Its fate.
        settlement: Settlement,
    },
}

/// The durable store of callbacks, events, deliveries, attempts and calls.
///
/// Every method that changes something returns a [`Receipt`].
pub trait Journal: Send + Sync {
    /// Gives each name its number, new ones included.
    fn register_plugins(&self, names: Vec<String>) -> Receipt<Vec<PluginNo>>;

    /// Stores a callback, its new events and their deliveries, all or nothing. Events whose id is
    /// known for this source are counted and not stored again.
    fn accept(&self, callback: NewCallback) -> Receipt<Accepted>;

    /// Keeps a callback that was not genuine, in a bounded sample that drops its oldest.
    fn reject(&self, callback: RejectedCallback) -> Receipt<()>;

    /// Takes deliveries that are due at `now` and first of their subject, oldest due first. A
    /// claim that is not finished within `lease` is free again. Deliveries of plugins that are
    /// not in `plugins` stay.
    fn claim(&self, now: Timestamp, max: usize, lease: Duration, plugins: &[PluginNo]) -> Receipt<Vec<Claim>>;

    /// Resolves when something became claimable that was not at the last claim: at once for a
    /// committed event or finish, at the due time for a waiting delivery or an expiring lease.
    fn claimable(&self) -> BoxFuture<'_, ()>;

    /// Journals a change of a call.
    fn call(&self, lease: Lease, write: CallWrite) -> Receipt<()>;

    /// Ends an attempt.
    fn finish(&self, finish: Finish) -> Receipt<Finished>;

    /// Reads a plugin's state.
    fn state(&self, plugin: PluginNo, key: String) -> Receipt<Option<StateEntry>>;

    /// Lists events, newest first.
    fn events(&self, filter: Filter) -> Receipt<Vec<story::EventSummary>>;

    /// Tells all about one event, by its id or its place in the journal.
    fn story(&self, event: String) -> Receipt<Option<story::EventStory>>;

    /// Does what an operator asks to a delivery.
    fn intervene(&self, delivery: DeliveryId, intervention: Intervention, now: Timestamp) -> Receipt<()>;

    /// Lists what is in quarantine, newest first; released ones too if asked.
    fn quarantined(&self, released: bool, limit: usize) -> Receipt<Vec<story::Quarantined>>;

    /// One quarantined callback with its raw body, ready to be read again.
    fn quarantined_callback(&self, id: u64) -> Receipt<Option<(story::Quarantined, NewCallback)>>;

    /// Marks a quarantined callback as released.
    fn release(&self, id: u64, now: Timestamp) -> Receipt<()>;

    /// Lists the sample of rejected callbacks, newest first.
    fn rejected(&self, limit: usize) -> Receipt<Vec<story::Rejected>>;

    /// One rejected callback with its raw body.
    fn rejected_callback(&self, id: u64) -> Receipt<Option<(story::Rejected, NewCallback)>>;

    /// Marks a rejected callback as admitted.
    fn admit(&self, id: u64, now: Timestamp) -> Receipt<()>;

    /// Counts everything.
    fn counts(&self) -> Receipt<story::Counts>;

    /// Forgets what is past its time, in small steps; answers whether more is left.
    fn purge(&self, now: Timestamp) -> Receipt<bool>;

    /// Whether callbacks can be stored: the fault that the last write met, if it met one.
    ///
    /// # Errors
    /// That fault.
    fn health(&self) -> Result<(), JournalError>;

    /// Stores what is in line, then stops taking more.
    fn close(&self) -> Receipt<()>;
}

// ---------------------------------------------------------------------------------------------
// Sandbox

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
}

// ---------------------------------------------------------------------------------------------
// Connector

/// What the pipeline must know of a connection before it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    /// True where the ERP dedupes writes by a key, so that a repeat is harmless.
    pub idempotent: bool,
    /// True where this method changes nothing.
    pub safe: bool,
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Not allowed, or nothing that could be sent.
    Denied(String),
    /// The request, or the answer, is over a limit. An answer over the limit means that the
    /// request was applied, if it is a write.
    TooLarge {
        /// In words.
        reason: String,
        /// True where the request had been sent.
        sent: bool,
    },
    /// Certainly not applied.
    NotSent {
        /// In words.
        reason: String,
        /// The wait that is worth it, where known.
        after: Option<Duration>,
        /// False where the attempt must not count: an open breaker, a used-up rate.
        spent: bool,
    },
    /// Sent, and the answer was lost.
    Lost(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(reason) | Self::Lost(reason) | Self::TooLarge { reason, .. } | Self::NotSent { reason, .. } => f.write_str(reason),
        }
    }
}

/// Sends requests through connections.
pub trait Connector: Send + Sync {
    /// How a request of this method behaves on the connection; none where it is unknown.
    fn manners(&self, connection: &str, method: &str) -> Option<Manners>;

    /// Checks a request against the connection's limits and allow-lists, without sending it.
    ///
    /// # Errors
    /// What `send` would refuse.
    fn check(&self, request: &Request) -> Result<(), SendError>;

    /// Sends a request.
    fn send<'a>(&'a self, request: &'a Request, idempotency_key: &'a str) -> BoxFuture<'a, Result<Response, SendError>>;
}

// ---------------------------------------------------------------------------------------------
// Observation

/// Something that metrics count.
#[derive(Clone, Debug)]
pub enum Observation<'a> {
    /// A callback was answered.
    Callback {
        /// The source.
        source: &'a str,
        /// `accepted`, `quarantined`, `rejected`, `refused` or `unavailable`.
        result: &'static str,
        /// From the last byte of the request to the answer.
        took: Duration,
    },
    /// Events of a callback.
    Events {
        /// The source.
        source: &'a str,
        /// New ones.
        stored: usize,
        /// Known ones.
        duplicates: usize,
    },
    /// An attempt ended.
    Attempt {
        /// The plugin.
        plugin: &'a str,
        /// `done`, `ignored`, `waiting` or `dead`.
        result: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// A request through a connection ended.
    Call {
        /// The connection.
        connection: &'a str,
        /// The status; none for a fault.
        status: Option<u16>,
        /// How long it took.
        took: Duration,
    },
}

/// Takes observations. Must not block.
pub trait Observer: Send + Sync {
    /// Takes one.
    fn observe(&self, observation: &Observation<'_>);
}
