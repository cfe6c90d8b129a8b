//! What the host says about itself: log lines, metrics and traces.
//!
//! | module | what is in it |
//! |---|---|
//! | [`log`] | log lines |
//! | [`metrics`], [`book`], `names` | metrics, how they are described, how many values their labels have |
//! | [`traces`] | spans, to an OpenTelemetry collector |
//! | [`watch`] | what takes observations |

pub mod book;
pub mod log;
pub mod metrics;
mod names;
pub mod traces;
pub mod watch;
