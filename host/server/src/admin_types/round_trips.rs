//! Round trips.

use jiff::Timestamp;
use mortar_core::delivery::DeliveryId;
use mortar_core::round_trip::RoundTripState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The query of `GET /api/round-trips`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RoundTripQuery {
    /// In which state.
    pub state: RoundTripState,
    /// Where the page before ended: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 50 if absent, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// The query of `GET /api/round-trips/report`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// Of events received at or after this time.
    #[param(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// `GET /api/round-trips/report`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoundTripReport {
    /// Of events received at or after this time.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Each plugin that was done with one of them.
    pub plugins: Vec<PluginRoundTrips>,
}

/// The round trips of one plugin's done deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// Only this plugin's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plugin: Option<String>,
    },
}

/// The answer to [`LookAgain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookedAgain {
    /// Deliveries whose ERP is now to be read.
    pub marked: u64,
}
