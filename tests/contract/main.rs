//! Plugins for systems that nobody can run here: the real binary, the real plugin and signed callbacks
//! against a double of the system, which keeps records as the vendor's documents say, and which checks
//! every request and every answer against a description of the interface.

#![allow(clippy::unwrap_used, missing_docs)]

mod description;
mod erp;
mod schema;
mod service;

mod business_central;
mod netsuite;
mod shopify;

/// Retries without waiting, a few of them.
const QUICK: &str = "[delivery.retry]\nfirst_delay = \"10ms\"\nlongest_delay = \"100ms\"\nattempts = 20\n";

/// A lost answer is looked for as soon as it can no longer come, which is after twice the timeout.
const IMPATIENT: &str = "connect_timeout = \"100ms\"\ntimeout = \"1s\"\n";

/// The system is read back as soon as a delivery is done.
const AT_ONCE: &str = "\n[round_trip]\nafter = \"0s\"\n[round_trip.retry]\nfirst_delay = \"50ms\"\nlongest_delay = \"50ms\"\n";
