//! What the admin API and the commands say to each other, as JSON, besides [`mortar_core::story`].

mod operators;
mod page;
mod plugins;
mod round_trips;

use std::path::PathBuf;

use crate::edge::SecretUse;
use jiff::Timestamp;
use mortar_connect::BreakerState;
use mortar_core::call::Settlement;
use mortar_core::delivery::{EventSeq, State};
use mortar_core::ports::{Filter, Replay};
use mortar_core::story::Counts;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use self::operators::*;
pub use self::page::*;
pub use self::plugins::*;
pub use self::round_trips::*;

/// Rows of a listing that asks for no other number.
pub const DEFAULT_LIMIT: usize = 50;

/// The most rows of one answer; further ones are asked for with its `next`.
pub const MAX_LIMIT: usize = 1000;

/// `GET /api/status`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The host's version.
    pub version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
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
    /// How the secrets of the sources were used since the host started.
    pub secrets: Vec<SecretUse>,
    /// How the configuration stands.
    pub configuration: Configuration,
    /// What an operator should look at, in words: plugins that could not be loaded, for example.
    pub problems: Vec<String>,
}

/// How the configuration stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Configuration {
    /// When the one that counts was read.
    #[schema(value_type = String, format = DateTime)]
    pub loaded_at: Timestamp,
    /// When a later one could not take its place, if one could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<Timestamp>,
    /// Why.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Settings in the file that count after a restart only.
    #[serde(default)]
    pub needs_restart: Vec<String>,
}

/// The answer when the configuration was read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Settings that are others now. Secrets were looked up again as well.
    pub changed: Vec<String>,
    /// Settings in the file that count after a restart only.
    pub needs_restart: Vec<String>,
}

/// `GET /readyz`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// `ok`, or `unavailable`.
    pub status: String,
    /// Why the host takes no callbacks: the journal, the disk, or that it is stopping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Plugins that something is wrong with; callbacks are taken all the same, and wait for them.
    pub plugin_problems: usize,
}

/// One connection of a running host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_until: Option<Timestamp>,
}

/// The query of `GET /api/events`: which events, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only events below this place in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<u64>)]
    pub before: Option<EventSeq>,
    /// Only events above this place, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<u64>)]
    pub after: Option<EventSeq>,
    /// Where the page before ended: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 50 if absent, 1000 at most.
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
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Only events received before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Only events that name this, in whatever letters: an event id, an order number, a SKU, a tracking
    /// number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<String>,
    /// Look through at most this many events for one page, which may then have fewer than it could; 0: through
    /// all. The next page goes on from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<usize>,
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
            find: query.find,
            look: query.look.unwrap_or(0),
        }
    }
}

/// The query of `GET /api/quarantine`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuarantineQuery {
    /// Released callbacks too.
    #[serde(default)]
    pub released: bool,
    /// Where the page before ended: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 50 if absent, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The query of `GET /api/rejected`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RejectedQuery {
    /// Where the page before ended: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 50 if absent, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// How many rows a listing shows that asks for so many.
#[must_use]
pub fn rows(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// The body of `POST /api/deliveries/{id}/replay`; without one the replay resumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// What becomes of the journaled steps: `resume`, `keep-steps` or `from-scratch`.
    pub steps: Replay,
}

/// The body of `POST /api/deliveries/{id}/discard`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    /// Why the delivery is given up; it is kept with it.
    pub reason: String,
}

/// The body of `POST /api/deliveries/{id}/settle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The step that is in doubt.
    pub step: String,
    /// What became of it.
    pub settlement: Settlement,
}

/// The body of `POST /api/reconcile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Only this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What was changed at or after this time; none: only a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// All stock, as a snapshot.
    #[serde(default)]
    pub snapshot: bool,
    /// Only tell what is missing.
    #[serde(default)]
    pub dry_run: bool,
}

/// The answer to [`Reconcile`], of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MissingEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its subject.
    pub subject: String,
}

/// Something that is wrong: `GET /api/alerts` lists what operators were told of and is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRaised {
    /// What kind of thing it is.
    pub kind: String,
    /// A delivery, a source, a connection, a plugin.
    pub about: String,
    /// What is wrong, and where to look.
    pub text: String,
    /// When it was seen first.
    pub since: Timestamp,
}

/// What came of an alert that was sent as a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertSent {
    /// By which way.
    pub channel: String,
    /// Why it was not taken; none where it was.
    pub error: Option<String>,
}

/// The body of `POST /api/backup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The file to write, as a whole path on the host's machine.
    #[schema(value_type = String)]
    pub file: PathBuf,
    /// Whether it may be replaced if it is there.
    #[serde(default)]
    pub replace: bool,
}

/// The answer when a backup is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackupWritten {
    /// Its size.
    pub bytes: u64,
}

/// The answer where a callback that was set aside is read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadAgain {
    /// Events that were new.
    pub stored: usize,
    /// Events whose ids were known.
    pub duplicates: usize,
    /// What still could not be read.
    pub unreadable: Option<String>,
}

/// The body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
