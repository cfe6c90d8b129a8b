//! What the admin API and the commands say to each other, as JSON, besides [`mortar_core::story`].

use std::path::PathBuf;

use jiff::Timestamp;
use mortar_connect::BreakerState;
use mortar_core::call::Settlement;
use mortar_core::comparison::Comparison;
use mortar_core::delivery::{DeliveryId, EventSeq, State};
use mortar_core::diff::Compared;
use mortar_core::plugin::Provenance;
use mortar_core::ports::{Filter, HeldBack, Kept, Replay};
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::Counts;
use serde::{Deserialize, Serialize};

/// Rows of a listing that asks for no other number.
pub const DEFAULT_LIMIT: usize = 50;

/// The most rows of one answer; further ones are asked for with `before`.
pub const MAX_LIMIT: usize = 1000;

/// `GET /api/status`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The host's version.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// For how long it has been running, in seconds.
    pub uptime_seconds: u64,
    /// Where callbacks come in.
    pub edge: String,
    /// How much there is of what.
    pub counts: Counts,
    /// The loaded plugins.
    pub plugins: Vec<PluginStatus>,
    /// The configured connections.
    pub connections: Vec<ConnectionStatus>,
    /// What an operator should look at, in words: plugins that could not be loaded, for example.
    pub problems: Vec<String>,
}

/// One plugin of a running host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// How a new version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbationStatus {
    /// Until it is no longer watched.
    pub seconds_left: u64,
    /// Its attempts so far.
    pub attempts: u32,
    /// Those that it is to blame for failing.
    pub failed: u32,
}

/// The body of `POST /api/plugins/{name}/rollback`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RollBack {
    /// The beginning of the version's digest. Absent: the version before.
    pub to: Option<String>,
}

/// The answer when another version is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// Its digest.
    pub digest: String,
}

/// The body of `POST /api/plugins/{name}/pin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Whether the version in force stays so.
    pub pinned: bool,
}

/// The answer when deliveries of a plugin were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardedOpen {
    /// How many; there may be more as long as there are some.
    pub discarded: usize,
}

/// A candidate that runs beside the generation in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowStatus {
    /// Its digest.
    pub digest: String,
    /// Since when.
    pub since: Timestamp,
    /// How it does, counted since the host started, or another generation came in force.
    pub comparison: Option<Comparison>,
}

/// The body of `POST /api/plugins/{name}/shadow/start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartShadow {
    /// The candidate: a component, or settings for the component in force.
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

/// The body of `POST /api/plugins/{name}/diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginDiff {
    /// What it is compared with.
    pub old: DiffSide,
    /// What is compared.
    pub new: DiffSide,
    /// Ids of events, and event types. Empty: all types.
    #[serde(default)]
    pub events: Vec<String>,
    /// At most so many of the last deliveries, [`DEFAULT_LIMIT`] if absent, [`MAX_LIMIT`] at most.
    #[serde(default)]
    pub last: Option<usize>,
}

/// The answer: what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// One connection of a running host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// Its name.
    pub name: String,
    /// `http` or `smtp`.
    pub kind: String,
    /// Requests that are under way.
    pub in_flight: usize,
    /// Requests that may be under way at once, as things stand.
    pub allowed: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Whether anything is sent.
    pub breaker: BreakerState,
    /// Nothing is sent before this, because the server asked for it.
    pub paused_until: Option<Timestamp>,
}

/// The query of `GET /api/events`: which events, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only events below this place in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<EventSeq>,
    /// Only events above this place, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<EventSeq>,
    /// At most this many, [`DEFAULT_LIMIT`] if absent, [`MAX_LIMIT`] at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only this type; a trailing `*` matches any ending.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Only this subject (`order:SO-1`, or `SO-1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only events with a delivery in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Only events with a delivery to this plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Only events with a delivery whose last failure has this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only events received at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only events received before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl From<EventQuery> for Filter {
    fn from(query: EventQuery) -> Self {
        Self {
            before: query.before,
            after: query.after,
            limit: rows(query.limit),
            event_type: query.event_type,
            subject: query.subject,
            state: query.state,
            plugin: query.plugin,
            code: query.code,
            since: query.since,
            until: query.until,
        }
    }
}

/// The query of `GET /api/round-trips`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundTripQuery {
    /// In which state.
    pub state: RoundTripState,
    /// As in [`EventQuery`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The query of `GET /api/round-trips/report`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// Of events received at or after this time.
    pub since: Timestamp,
}

/// `GET /api/round-trips/report`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundTripReport {
    /// Of events received at or after this time.
    pub since: Timestamp,
    /// Each plugin that was done with one of them.
    pub plugins: Vec<PluginRoundTrips>,
}

/// The round trips of one plugin's done deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginRoundTrips {
    /// The plugin.
    pub plugin: String,
    /// True where the loaded version can read back.
    pub reads_back: bool,
    /// Deliveries that are done.
    pub done: u64,
    /// The ERP says what the event said.
    pub confirmed: u64,
    /// The ERP says something else.
    pub mismatch: u64,
    /// The ERP could not be read.
    pub unconfirmed: u64,
    /// There was nothing to confirm.
    pub not_applicable: u64,
    /// Still to be looked at.
    pub due: u64,
    /// Never looked at: delivered by a version that does not read back.
    pub never: u64,
}

impl PluginRoundTrips {
    /// Adds done deliveries in a state; none for those without a round trip.
    pub fn add(&mut self, state: Option<RoundTripState>, count: u64) {
        self.done += count;
        *match state {
            Some(RoundTripState::Confirmed) => &mut self.confirmed,
            Some(RoundTripState::Mismatch) => &mut self.mismatch,
            Some(RoundTripState::Unconfirmed) => &mut self.unconfirmed,
            Some(RoundTripState::NotApplicable) => &mut self.not_applicable,
            Some(RoundTripState::Due) => &mut self.due,
            None => &mut self.never,
        } += count;
    }
}

/// `POST /api/round-trips/check`: what is to be read back again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum LookAgain {
    /// One delivery.
    Delivery {
        /// Its id.
        delivery: DeliveryId,
    },
    /// All that are done, of events received since.
    Since {
        /// Since when.
        since: Timestamp,
        /// Only this plugin's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plugin: Option<String>,
    },
}

/// The answer to [`LookAgain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAgain {
    /// Deliveries whose ERP is now to be read.
    pub marked: u64,
}

/// The query of `GET /api/quarantine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineQuery {
    /// Released callbacks too.
    #[serde(default)]
    pub released: bool,
    /// As in [`EventQuery`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The query of `GET /api/rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectedQuery {
    /// As in [`EventQuery`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// How many rows a listing shows that asks for so many.
#[must_use]
pub fn rows(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// The body of `POST /api/deliveries/{id}/replay`; without one the replay resumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// What becomes of the journaled steps: `resume`, `keep-steps` or `from-scratch`.
    pub steps: Replay,
}

/// The body of `POST /api/deliveries/{id}/discard`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    /// Why the delivery is given up; it is kept with it.
    pub reason: String,
}

/// The body of `POST /api/deliveries/{id}/settle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The step that is in doubt.
    pub step: String,
    /// What became of it.
    pub settlement: Settlement,
}

/// The body of `POST /api/reconcile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Only this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What was changed at or after this time; none: only a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// All stock, as a snapshot.
    #[serde(default)]
    pub snapshot: bool,
    /// Only tell what is missing.
    #[serde(default)]
    pub dry_run: bool,
}

/// The answer to [`Reconcile`], of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconciledSource {
    /// The source.
    pub source: String,
    /// Records that were compared.
    pub looked: usize,
    /// What no callback had brought.
    pub missing: Vec<MissingEvent>,
    /// Why records could not be read.
    pub unreadable: Vec<String>,
    /// Further ones that could not be.
    #[serde(default)]
    pub more_unreadable: usize,
}

/// An event that no callback had brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissingEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its subject.
    pub subject: String,
}

/// What came of an alert that was sent as a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSent {
    /// By which way.
    pub channel: String,
    /// Why it was not taken; none where it was.
    pub error: Option<String>,
}

/// The body of `POST /api/backup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The file to write, as a whole path on the host's machine.
    pub file: PathBuf,
    /// Whether it may be replaced if it is there.
    #[serde(default)]
    pub replace: bool,
}

/// The answer when a backup is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupWritten {
    /// Its size.
    pub bytes: u64,
}

/// The answer where a callback that was set aside is read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadAgain {
    /// Events that were new.
    pub stored: usize,
    /// Events whose ids were known.
    pub duplicates: usize,
    /// What still could not be read.
    pub unreadable: Option<String>,
}

/// The body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong, for the operator.
    pub error: String,
    /// The same for programs, for example `not_found`.
    pub code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_never_empty_by_its_limit_and_never_unbounded() {
        assert_eq!([None, Some(0), Some(7), Some(usize::MAX)].map(rows), [DEFAULT_LIMIT, 1, 7, MAX_LIMIT]);
    }

    #[test]
    fn a_query_leaves_out_what_is_not_asked() {
        let query = EventQuery { event_type: Some("order.*".into()), state: Some(State::Dead), ..EventQuery::default() };
        assert_eq!(serde_json::to_string(&query).unwrap(), r#"{"type":"order.*","state":"dead"}"#);
    }
}
