//! What metrics count, and what traces are made of.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::code::ErrorCode;
use crate::round_trip::RoundTripState;
use crate::trace::{Span, TraceContext};

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
    /// A callback was proven genuine.
    Verified {
        /// The source.
        source: &'a str,
        /// Which of its secrets matched, from 1.
        secret: Option<u8>,
        /// When.
        at: Timestamp,
    },
    /// An event was read from a genuine callback.
    Read {
        /// The source.
        source: &'a str,
        /// Its type.
        event_type: &'a str,
        /// How long after the time that it names it came; below zero, the clocks differ.
        lag: Option<SignedDuration>,
    },
    /// Events of a callback were stored.
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
        /// The event's type.
        event_type: &'a str,
        /// `done`, `ignored`, `waiting` or `dead`.
        result: &'static str,
        /// Why it failed.
        code: Option<ErrorCode>,
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

    /// The span of the callback that brought an event, where its trace is kept.
    fn trace(&self, _source: &str, _event_id: &str) -> Option<TraceContext> {
        None
    }

    /// Takes a span of a trace that is kept.
    fn span(&self, _span: Span) {}
}
