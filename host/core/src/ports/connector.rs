//! Sending requests.

use std::fmt;
use std::time::Duration;

use super::BoxFuture;
use crate::call::{Request, Response};
use crate::retry::RetryPolicy;

/// What the pipeline must know of a connection before it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    /// True where the ERP dedupes writes by a key, so that a repeat is harmless.
    pub idempotent: bool,
    /// True where this method changes nothing.
    pub safe: bool,
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Not allowed, or nothing that could be sent.
    Denied(String),
    /// The request, or the answer, is over a limit. An answer over the limit means that the
    /// request was applied, if it is a write.
    TooLarge {
        /// In words.
        reason: String,
        /// True where the request had been sent.
        sent: bool,
    },
    /// Certainly not applied.
    NotSent {
        /// In words.
        reason: String,
        /// The wait that is worth it, where known.
        after: Option<Duration>,
        /// False where the attempt must not count: an open breaker, a used-up rate.
        spent: bool,
    },
    /// Sent, and the answer was lost.
    Lost(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(reason) | Self::Lost(reason) | Self::TooLarge { reason, .. } | Self::NotSent { reason, .. } => f.write_str(reason),
        }
    }
}

/// Sends requests through connections.
pub trait Connector: Send + Sync {
    /// How a request of this method behaves on the connection; none where it is unknown.
    fn manners(&self, connection: &str, method: &str) -> Option<Manners>;

    /// The policy for attempts that ended because the connection was unavailable, where it has one
    /// of its own.
    fn retry(&self, _connection: &str) -> Option<RetryPolicy> {
        None
    }

    /// How long the ERP may be at a request of the connection, from the call of `send` on: as long as
    /// `send` waits for a place, a connection and an answer. Whoever looks earlier what became of a
    /// lost request may see nothing, and a moment later it is applied.
    fn patience(&self, connection: &str) -> Duration;

    /// How many requests the connection would let start if none were under way, or for how long it
    /// lets none start.
    ///
    /// # Errors
    /// None may start for this long: the server is down, or asked for a pause.
    fn room(&self, _connection: &str) -> Result<usize, Duration> {
        Ok(usize::MAX)
    }

    /// Checks a request against the connection's limits and allow-lists, without sending it.
    ///
    /// # Errors
    /// What `send` would refuse.
    fn check(&self, request: &Request) -> Result<(), SendError>;

    /// Sends a request.
    fn send<'a>(&'a self, request: &'a Request, idempotency_key: &'a str) -> BoxFuture<'a, Result<Response, SendError>>;
}
