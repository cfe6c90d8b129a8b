//! The two ends of Mortar's path, played: MasonHub, which sends signed callbacks, and an ERP, which
//! takes the calls and remembers them.
//!
//! | module | what is in it |
//! |---|---|
//! | [`signing`] | MasonHub's signature and request headers |
//! | [`samples`] | one realistic callback of every event type, ready to send |
//! | [`masonhub`] | a seeded scenario of many callbacks, its truth, a sender with MasonHub's retries, and MasonHub's API |
//! | [`erp`] | a small ERP on real HTTP, with idempotency keys, notifications and faults on demand |
//! | `server`, `fault`, `http` | what both ends share: HTTP, and what goes wrong on demand |
//! | [`mod@audit`] | whether the ERP holds what the scenario said: the evidence of the demo and the tests |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod audit;
pub mod erp;
mod fault;
mod http;
pub mod masonhub;
pub mod samples;
mod server;
pub mod signing;
