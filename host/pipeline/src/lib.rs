//! The path of an event between the adapters: orchestration over the ports, and nothing else.
//!
//! | module | what is in it |
//! |---|---|
//! | [`accept`] | a genuine callback becomes stored events and deliveries |
//! | [`dispatch`] | due deliveries are claimed and run, within bounds |
//! | [`run`] | one attempt: the handler, its verdict, its record |
//! | [`steps`] | what a handler asks of the host: durable calls, settling, state |
//! | [`confirm`], `reads` | round trips: what was delivered is read back from the ERP |
//! | [`offline`] | recorded deliveries are run again, and nothing leaves the host |
//! | [`plugins`] | which plugin handles what, under which number |
//! | [`poll`] | what a poll found becomes events, where no callback has told it |
//! | [`probation`] | how new generations do, compared with those before |
//! | [`shadow`] | candidates that run beside the generations in force |
//! | [`swap`] | the plugin directory is followed: new generations take over, old ones go |
//! | `traces` | spans of callbacks, attempts and calls |
//! | [`operate`] | what operators do to callbacks that were set aside |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accept;
pub mod confirm;
pub mod dispatch;
pub mod offline;
pub mod operate;
pub mod plugins;
pub mod poll;
pub mod probation;
mod reads;
pub mod run;
pub mod shadow;
pub mod steps;
pub mod swap;
mod traces;

use std::sync::Arc;

use mortar_core::ports::{Clock, Connector, Journal, Observer, Random};

/// The adapters that the pipeline runs on.
#[derive(Clone)]
pub struct Ports {
    /// Where everything is stored.
    pub journal: Arc<dyn Journal>,
    /// What sends requests.
    pub connector: Arc<dyn Connector>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for the jitter of retries.
    pub random: Arc<dyn Random>,
    /// What counts.
    pub observer: Arc<dyn Observer>,
}
