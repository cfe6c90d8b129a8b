//! MasonHub, played: what it sends, in which order, and how often; and what its API answers.
//!
//! [`Scenario::plan`] makes callbacks and the [`Truth`] they tell from a seed; [`send`] delivers
//! them by MasonHub's rules. The same seed makes the same bytes. [`api`] is the API: lists, registered
//! callbacks, holds, and the data factory that makes events on demand.

pub mod api;
mod assemble;
mod callback;
mod inbound;
mod orders;
mod records;
mod returns;
mod scenario;
mod sender;
mod stock;
mod tracking;
mod truth;

pub use callback::{Callback, Kind};
pub use scenario::{Plan, Scenario};
pub use sender::{Outcome, Schedule, SendError, SendReport, Sender, Sent, Transport, Try, send, send_through};
pub use truth::{Count, InboundTruth, Line, OrderTruth, Parcel, Received, ReturnTruth, Step, Truth};

use rand::RngExt;

/// A UUID (version 4) from the given randomness.
pub(crate) fn uuid(rng: &mut impl RngExt) -> String {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()
}
