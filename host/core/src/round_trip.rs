//! Round trips: reading back from the ERP that what an event said has arrived.
//!
//! A delivery of a plugin that exports `round-trip` gets one when it is done. It is due until the
//! plugin's `confirm` has said what the ERP says, and it is looked at again when an operator asks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::duration;
use crate::retry::RetryPolicy;

/// What a plugin found in the ERP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The ERP says what the event said.
    Confirmed {
        /// What shows it.
        evidence: String,
    },
    /// The ERP says something else.
    Mismatch {
        /// What the event said.
        expected: String,
        /// What the ERP says.
        found: String,
    },
    /// There is nothing to confirm.
    NotApplicable {
        /// Why.
        reason: String,
    },
}

/// Where a round trip stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoundTripState {
    /// The ERP has not been read yet, or could not be.
    #[default]
    Due,
    /// The ERP says what the event said.
    Confirmed,
    /// The ERP says something else.
    Mismatch,
    /// The ERP could not be read in time, or the plugin could not tell.
    Unconfirmed,
    /// There is nothing to confirm, or a newer count has taken the place of this one.
    NotApplicable,
}

impl RoundTripState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Due, Self::Confirmed, Self::Mismatch, Self::Unconfirmed, Self::NotApplicable];

    /// The state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Confirmed => "confirmed",
            Self::Mismatch => "mismatch",
            Self::Unconfirmed => "unconfirmed",
            Self::NotApplicable => "not-applicable",
        }
    }
}

impl fmt::Display for RoundTripState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RoundTripState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is no state of a round trip; they are {names}")
        })
    }
}

/// `[round_trip]` of plugin.toml.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoundTripSettings {
    /// The only event types after which the ERP is read back; `order.*` stands for all that begin so.
    /// Absent: all. Empty: the ERP is never read back.
    pub events: Option<Vec<String>>,
    /// How long after the delivery is done the ERP is first read.
    #[serde(with = "duration")]
    pub after: Duration,
    /// When it is read again because it could not be read; out of attempts or too old, the round
    /// trip is unconfirmed.
    pub retry: RetryPolicy,
}

impl Default for RoundTripSettings {
    fn default() -> Self {
        let retry = RetryPolicy {
            first_delay: Duration::from_secs(10),
            longest_delay: Duration::from_secs(3600),
            attempts: 50,
            age: Duration::from_secs(24 * 3600),
        };
        Self { events: None, after: Duration::from_secs(5), retry }
    }
}
