//! What operators read: the answers of the journal's queries, as the admin API and the CLI carry them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::{Request, Response};
use crate::delivery::{DeliveryId, EventSeq, Gap, State};
use crate::round_trip::RoundTripState;

/// One line of `mortar event list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventSummary {
    /// Its place in the journal.
    #[schema(value_type = u64)]
    pub seq: EventSeq,
    /// Its id.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// Its subject.
    pub subject: String,
    /// The source it came in by.
    pub source: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Its deliveries; empty where no plugin handles its type.
    pub deliveries: Vec<DeliverySummary>,
}

/// A part of a list of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventSummary>,
    /// Where the list goes on: the last place that was looked at. None at its end.
    pub next: Option<EventSeq>,
}

/// One delivery, short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliverySummary {
    /// Its name.
    pub id: DeliveryId,
    /// The plugin's name.
    pub plugin: String,
    /// Where it stands.
    pub state: State,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due (waiting), else when the state was reached.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The error code of the last failure.
    pub code: Option<String>,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// Of a dead letter: what it means for the later deliveries of its subject.
    #[serde(default)]
    pub gap: Gap,
    /// Of an open delivery: the dead letter that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<DeliveryId>,
    /// True where it is open and its plugin is gone from the plugin directory: it waits for that.
    #[serde(default)]
    pub parked: bool,
    /// Of a dead letter: its steps that are in doubt.
    #[serde(default)]
    pub in_doubt: u32,
    /// Of a dead letter: true where it is a count and there is a newer one, open or over, so that no
    /// replay is allowed.
    #[serde(default)]
    pub outdated: bool,
}

/// `mortar event show`: everything that is known of one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventStory {
    /// The event.
    pub event: EventSummary,
    /// When it happened, by the sender's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// The record as sent.
    pub payload: String,
    /// The callback that brought it.
    pub callback: CallbackStory,
    /// Its deliveries, in full.
    pub deliveries: Vec<DeliveryStory>,
}

/// How an event came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Its sender told it.
    #[default]
    Callback,
    /// A poll found that it was missing.
    Poll,
}

/// The callback that brought an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallbackStory {
    /// Whether it came, or was made of what a poll found.
    #[serde(default)]
    pub origin: Origin,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// The sender's address.
    pub remote: Option<String>,
    /// The sender's identifier of this delivery (`X-MasonHub-Delivery`).
    pub delivery_header: Option<String>,
    /// Which of the configured secrets matched, from 1.
    pub secret: Option<u8>,
    /// Size of the body, in bytes.
    pub bytes: u64,
    /// Ids of all events that it brought.
    pub events: Vec<String>,
}

/// One delivery with its attempts and calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryStory {
    /// The delivery.
    pub delivery: DeliverySummary,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Its journaled calls, in the order in which they were first made.
    pub calls: Vec<Call>,
    /// What the ERP said when it was read back, if the plugin does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<RoundTrip>,
}

/// What is known of a round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoundTrip {
    /// Where it stands.
    pub state: RoundTripState,
    /// When it is due, or when the ERP was looked at last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Looks so far, since it was last made due.
    pub looks: u32,
    /// The evidence, or why the ERP was not read.
    pub reason: Option<String>,
    /// Of a mismatch: what the event said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Of a mismatch: what the ERP said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What the plugin logged at the last look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
}

/// One line of a list of round trips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoundTripSummary {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The event's id.
    pub event_id: String,
    /// Its subject.
    pub subject: String,
    /// The plugin's name.
    pub plugin: String,
    /// What is known of it.
    pub round_trip: RoundTrip,
}

/// One run of a handler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// From 1, growing through retries and replays.
    pub number: u32,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ended_at: Timestamp,
    /// The digest of the generation that ran, in hex.
    pub digest: String,
    /// `done`, `ignored`, `retry` or `refused`.
    pub ending: String,
    /// The error code, for the last two.
    pub code: Option<String>,
    /// The reason in words.
    pub reason: Option<String>,
    /// What was called, in order.
    pub trace: Vec<Trace>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
}

/// One use of a step in an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// The step.
    pub step: String,
    /// When, in milliseconds since the attempt's start.
    pub at_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// `sent`, `journal` (answered from it), or an error's name and words.
    pub result: String,
    /// The request, where it is not the one that the journal holds for the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// `debug`, `info`, `warn`, `error`; `stdout` and `stderr` for what the plugin printed.
    pub level: String,
    /// The text.
    pub message: String,
}

/// One journaled call of a delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Call {
    /// Its place among the delivery's calls, from 0.
    pub ordinal: u16,
    /// The step's name.
    pub step: String,
    /// The attempt that first sent it.
    pub attempt: u32,
    /// What was, or was about to be, sent.
    pub request: Request,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: Timestamp,
    /// What is known of its fate.
    pub fate: Fate,
}

/// What is known of a journaled call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Fate {
    /// About to be sent, or sent with the answer lost: in doubt once its attempt is over.
    Intended {
        /// How the answer was lost, where that was seen.
        lost: Option<String>,
    },
    /// Certainly not applied: the next call of the step sends it.
    Unsent,
    /// Answered.
    Answered {
        /// When.
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
        /// With what.
        response: Response,
        /// Who settled it (`plugin` or `operator`), if it had been in doubt.
        settled_by: Option<String>,
    },
}

/// A callback in quarantine: genuine but unreadable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quarantined {
    /// Its number.
    pub id: u64,
    /// The source.
    pub source: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// What could not be read.
    pub reason: String,
    /// The body, lossily as text; only in `show`.
    pub body: Option<String>,
    /// Size of the body, in bytes.
    pub bytes: u64,
    /// When an operator replayed it with success.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
}

/// A callback of the bounded sample of those that were not genuine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rejected {
    /// Its number.
    pub id: u64,
    /// The source.
    pub source: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// The sender's address.
    pub remote: Option<String>,
    /// Why it was rejected.
    pub reason: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// When an operator admitted it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub admitted_at: Option<Timestamp>,
}

/// How much there is of what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Events stored.
    pub events: u64,
    /// Deliveries by state, in the order of [`State::ALL`].
    pub deliveries: Vec<(State, u64)>,
    /// Of the open deliveries those that a dead letter holds.
    #[serde(default)]
    pub held: u64,
    /// Events that no plugin handled.
    pub unhandled: u64,
    /// Callbacks in quarantine.
    pub quarantined: u64,
    /// Callbacks in the sample of rejected ones.
    pub rejected: u64,
    /// Open deliveries by plugin, of plugins that have some.
    #[serde(default)]
    pub open: BTreeMap<String, u64>,
    /// Round trips that are a mismatch.
    #[serde(default)]
    pub mismatches: u64,
}
