//! Storing: callbacks, events, deliveries, attempts, calls.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BoxFuture;
use crate::call::Settlement;
use crate::delivery::{DeliveryId, EventSeq, Gap, PluginNo, State, Verdict};
use crate::event::Event;
use crate::{story, terms};

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

/// How many deliveries of a plugin a claim may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The plugin.
    pub plugin: PluginNo,
    /// At most this many.
    pub max: usize,
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
    /// True where an answered call answers whatever the step's request is now.
    pub keep_steps: bool,
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
    /// What it means for the later deliveries of its subject, if it is dead now. It stands until
    /// the letter is replayed, settled, discarded or superseded.
    pub gap: Gap,
    /// What is kept of the attempt.
    pub attempt: story::Attempt,
    /// The plugin's state writes; applied only where the verdict is done or ignored.
    pub state: Vec<StateWrite>,
    /// When the ERP is to be read back, if the verdict is done and the plugin can.
    pub confirm_at: Option<Timestamp>,
}

/// What the journal made of a finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Recorded.
    Recorded,
    /// A state write met another version: nothing was recorded, the lease still holds.
    StateConflict,
}

/// Which deliveries or events a listing shows; newest first, unless it starts after a place.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only events below this place.
    pub before: Option<EventSeq>,
    /// Only events above this place, and oldest first.
    pub after: Option<EventSeq>,
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
    /// Only events with a delivery whose last failure has this code.
    pub code: Option<String>,
    /// Only events received at or after this time.
    pub since: Option<Timestamp>,
    /// Only events received before this time.
    pub until: Option<Timestamp>,
    /// Only events that name this: its id, or one of its [`terms`](crate::terms::terms), in whatever letters.
    pub find: Option<String>,
    /// Look through at most this many events; 0: through all. For [`Journal::page`].
    pub look: usize,
}

impl Filter {
    /// True where an event of these deliveries has one that is asked for, or none is.
    #[must_use]
    pub fn takes_one_of(&self, deliveries: &[story::DeliverySummary]) -> bool {
        let all = self.state.is_none() && self.plugin.is_none() && self.code.is_none();
        all || deliveries.iter().any(|delivery| self.takes(delivery))
    }

    /// True where this delivery is asked for: by its state, plugin and code.
    #[must_use]
    pub fn takes(&self, delivery: &story::DeliverySummary) -> bool {
        self.state.is_none_or(|state| delivery.state == state)
            && self.plugin.as_ref().is_none_or(|plugin| delivery.plugin == *plugin)
            && self.code.as_ref().is_none_or(|code| delivery.code.as_ref() == Some(code))
    }

    /// True where an event that says this is asked for, by what it names.
    #[must_use]
    pub fn takes_names(&self, id: &str, subject: &str, payload: &[u8]) -> bool {
        let named = |find: &String| id == find.trim() || terms::terms(subject, payload).contains(&terms::normal(find));
        self.find.as_ref().is_none_or(named)
    }

    /// True where an event received then is asked for.
    #[must_use]
    pub fn takes_time(&self, received_at: Timestamp) -> bool {
        self.since.is_none_or(|since| received_at >= since) && self.until.is_none_or(|until| received_at < until)
    }
}

/// What becomes of a delivery's journaled steps when an operator has it run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replay {
    /// They stay, except those that were refused: steps answered with 4xx are sent again, and
    /// writes answered with 5xx are in doubt.
    #[default]
    Resume,
    /// The same, and as long as the delivery is not over a step that was answered keeps its answer
    /// even where the handler asks for something else now.
    KeepSteps,
    /// They are forgotten, those in doubt too: every step is sent again, under the idempotency key
    /// that it had.
    FromScratch,
}

/// What an operator does to a delivery: to a dead letter, but what is ignored can be replayed too,
/// what is done from scratch, and what is open and does not run can be discarded.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// Run it again.
    Replay(Replay),
    /// Give it up; it becomes `ignored` with this reason.
    Discard {
        /// Why.
        reason: String,
    },
    /// Say what became of a step that is in doubt, then run again: as the last replay said, if it
    /// kept the steps.
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

    /// Takes deliveries that are due at `now`, first of their subject and not held by an earlier
    /// dead letter of it, oldest due first. A
    /// claim that is not finished within `lease` is free again. At most `max` are taken, and of
    /// each plugin at most its share; those of other plugins stay.
    fn claim(&self, now: Timestamp, max: usize, lease: Duration, shares: &[Share]) -> Receipt<Vec<Claim>>;

    /// Resolves when something became claimable that was not at the last claim: at once for a
    /// committed event or finish, at the due time for a waiting delivery or an expiring lease.
    fn claimable(&self) -> BoxFuture<'_, ()>;

    /// Journals a change of a call.
    fn call(&self, lease: Lease, write: CallWrite) -> Receipt<()>;

    /// Ends an attempt.
    fn finish(&self, finish: Finish) -> Receipt<Finished>;

    /// Reads a plugin's state.
    fn state(&self, plugin: PluginNo, key: String) -> Receipt<Option<StateEntry>>;

    /// Bytes of all of a plugin's state, keys included.
    fn state_size(&self, plugin: PluginNo) -> Receipt<u64>;

    /// Lists events, newest first.
    fn events(&self, filter: Filter) -> Receipt<Vec<story::EventSummary>>;

    /// Tells all about one event, by its id or its place in the journal.
    fn story(&self, event: String) -> Receipt<Option<story::EventStory>>;

    /// Does what an operator asks to a delivery.
    fn intervene(&self, delivery: DeliveryId, intervention: Intervention, now: Timestamp) -> Receipt<()>;

    /// Lists what is in quarantine below a place, newest first; released ones too if asked.
    fn quarantined(&self, released: bool, before: Option<u64>, limit: usize) -> Receipt<Vec<story::Quarantined>>;

    /// One quarantined callback with its raw body, ready to be read again.
    fn quarantined_callback(&self, id: u64) -> Receipt<Option<(story::Quarantined, NewCallback)>>;

    /// Marks a quarantined callback as released.
    fn release(&self, id: u64, now: Timestamp) -> Receipt<()>;

    /// Lists the sample of rejected callbacks below a place, newest first.
    fn rejected(&self, before: Option<u64>, limit: usize) -> Receipt<Vec<story::Rejected>>;

    /// One rejected callback with its raw body.
    fn rejected_callback(&self, id: u64) -> Receipt<Option<(story::Rejected, NewCallback)>>;

    /// Marks a rejected callback as admitted.
    fn admit(&self, id: u64, now: Timestamp) -> Receipt<()>;

    /// Lists events, and says where to go on: not all may have been looked through, see [`Filter::look`].
    fn page(&self, filter: Filter) -> Receipt<story::EventPage> {
        let limit = filter.limit;
        let events = self.events(filter);
        Box::pin(async move {
            let events = events.await?;
            let next = events.last().filter(|_| events.len() >= limit).map(|last| last.seq);
            Ok(story::EventPage { events, next })
        })
    }

    /// Counts everything.
    fn counts(&self) -> Receipt<story::Counts>;

    /// Forgets what is past its time, in small steps; answers whether more is left.
    fn purge(&self, now: Timestamp) -> Receipt<bool>;

    /// Whether callbacks can be stored.
    ///
    /// # Errors
    /// What keeps them from it: the fault that the last write met, or too little room.
    fn health(&self) -> Result<(), JournalError>;

    /// Stores what is in line, then stops taking more.
    fn close(&self) -> Receipt<()>;
}
