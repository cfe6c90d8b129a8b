//! The host: everything around the pipeline that makes it a program.
//!
//! | module | what is in it |
//! |---|---|
//! | [`cli`] | the commands, and how they speak to a running host |
//! | [`config`] | `mortar.toml`: read, proven, written for the first time |
//! | [`masonhub`] | MasonHub's own API, as the host asks it |
//! | [`serve`](mod@serve) | `mortar serve`: start, run, stop |
//! | [`wire`](mod@wire) | the one place that names adapters |
//! | [`reload`](mod@reload) | the configuration is read again while the host serves |
//! | [`lifecycle`] | what the service manager is told |
//! | [`edge`] | where callbacks come in |
//! | [`admin`], [`admin_types`] | the API for operators, and what it says |
//! | [`dashboard`] | pages that show operators how the host is |
//! | [`poll`] | polls of MasonHub's API for what no callback brought |
//! | [`checklist`] | MasonHub's validation checklist, for `mortar validate` and the demo |
//! | [`alerts`] | operators are told when something is wrong |
//! | [`rehearsal`] | one event through one plugin, with an ERP that is played |
//! | [`cases`] | golden cases of a plugin: read, run, judged, written |
//! | [`tls`] | certificates of listeners, read again when they change |
//! | [`watching`] | a plugin's files were changed by its author |
//! | [`telemetry`] | log, metrics and traces |
//! | [`core_dumps`] | there are none |
//! | [`demo`] | `mortar demo`: the whole path on one machine |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod admin_types;
pub mod alerts;
pub mod cases;
pub mod checklist;
pub mod cli;
pub mod config;
pub mod core_dumps;
pub mod dashboard;
pub mod demo;
pub mod edge;
pub mod lifecycle;
pub mod masonhub;
pub mod poll;
pub mod rehearsal;
pub mod reload;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod watching;
pub mod wire;
