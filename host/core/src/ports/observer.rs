//! What metrics count.

use std::time::Duration;

use crate::round_trip::RoundTripState;

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
    /// What a poll brought was compared with what is known.
    Polled {
        /// The source.
        source: &'a str,
        /// Records.
        looked: usize,
        /// Events that no callback had brought.
        missed: usize,
    },
    /// An attempt ended.
    Attempt {
        /// The plugin.
        plugin: &'a str,
        /// `done`, `ignored`, `waiting` or `dead`.
        result: &'static str,
        /// How long it took.
        took: Duration,
        /// From the receipt of the event, or its last replay, to the end of the attempt.
        age: Duration,
    },
    /// A look at the ERP for a round trip ended.
    RoundTrip {
        /// The plugin.
        plugin: &'a str,
        /// `confirmed`, `mismatch`, `unconfirmed`, `not-applicable`, or `due` where it is looked at again.
        state: RoundTripState,
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
    /// What serves a plugin's deliveries changed, or should have.
    Swap {
        /// The plugin.
        plugin: &'a str,
        /// `activated`, `failed`, `blocked` (by the gate), `parked` or `rolled-back`.
        result: &'static str,
    },
    /// Two generations were compared on a recorded delivery, or should have been.
    Compared {
        /// The plugin.
        plugin: &'a str,
        /// `gate` or `shadow`.
        by: &'static str,
        /// A [`Likeness`](crate::diff::Likeness), or `skipped`.
        result: &'static str,
    },
    /// A connection's breaker changed.
    Breaker {
        /// The connection.
        connection: &'a str,
        /// What it is now: `closed`, `open`, `half-open` or `ramping`.
        state: &'static str,
    },
}

/// Takes observations. Must not block.
pub trait Observer: Send + Sync {
    /// Takes one.
    fn observe(&self, observation: &Observation<'_>);
}
