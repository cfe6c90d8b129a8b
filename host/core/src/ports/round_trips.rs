//! Keeping what is known of round trips. A part of the journal, apart from the path of events.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Receipt, StoredEvent};
use crate::delivery::{DeliveryId, PluginNo};
use crate::round_trip::{Confirmation, RoundTripState};
use crate::story;

/// A round trip that is due, taken to be looked at.
#[derive(Clone, Debug)]
pub struct DueRoundTrip {
    /// Its delivery, which is done.
    pub delivery: DeliveryId,
    /// The event.
    pub event: Arc<StoredEvent>,
    /// Looks that count against the policy, before this one.
    pub spent: u32,
    /// Since when it is due.
    pub since: Timestamp,
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// The plugin has said what the ERP says.
    Found(Confirmation),
    /// It is to be looked at again.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// False where this look does not count.
        spent: bool,
    },
    /// It is not to be looked at again by itself.
    GivenUp {
        /// Why.
        reason: String,
    },
}

/// A look at the ERP, over.
#[derive(Clone, Debug)]
pub struct Look {
    /// The delivery.
    pub delivery: DeliveryId,
    /// When it ended.
    pub at: Timestamp,
    /// What it came to.
    pub looked: Looked,
    /// What the plugin logged.
    pub log: Vec<story::LogLine>,
}

/// Done deliveries whose ERP is to be looked at (again).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookAt {
    /// One delivery.
    One(DeliveryId),
    /// Those of events received since, of these plugins.
    Since {
        /// Since when.
        since: Timestamp,
        /// Of which plugins.
        plugins: Vec<PluginNo>,
        /// Where an earlier answer said that more is left.
        from: Option<DeliveryId>,
    },
}

/// How many were marked, and where more is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Round trips that are due now.
    pub marked: u64,
    /// Where to go on, if all were not looked through.
    pub next: Option<DeliveryId>,
}

/// How many done deliveries of a plugin are in which state of their round trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTripCount {
    /// The plugin.
    pub plugin: String,
    /// The state; none for those that have no round trip.
    pub state: Option<RoundTripState>,
    /// How many.
    pub count: u64,
}

/// The store of round trips. One comes to be when a delivery is finished with
/// [`confirm_at`](super::Finish::confirm_at), and goes with its event or when the delivery is replayed.
pub trait RoundTrips: Send + Sync {
    /// Takes round trips that are due at `now`, the longest due first. One whose look is not
    /// recorded within `lease` is due again. A count whose place a newer one has taken is not
    /// looked at: it is not applicable any more.
    fn due(&self, now: Timestamp, max: usize, lease: Duration) -> Receipt<Vec<DueRoundTrip>>;

    /// Records a look. Answers where the round trip stands now; none where it is no longer there.
    fn record(&self, look: Look) -> Receipt<Option<RoundTripState>>;

    /// Makes round trips due now, those of deliveries that never had one too. Looks through a
    /// bounded number of deliveries at a time.
    fn look_again(&self, at: LookAt, now: Timestamp) -> Receipt<Marked>;

    /// Lists the latest round trips in a state, of deliveries below one, newest event first.
    fn round_trips(&self, state: RoundTripState, before: Option<DeliveryId>, limit: usize) -> Receipt<Vec<story::RoundTripSummary>>;

    /// Counts the done deliveries of events received since a time, by plugin and state.
    fn report(&self, since: Timestamp) -> Receipt<Vec<RoundTripCount>>;
}
