//! What the host says about itself: log lines and metrics.

pub mod log;
pub mod metrics;
