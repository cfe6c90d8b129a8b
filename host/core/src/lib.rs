//! The pure heart of Mortar: no sockets, files, clock or randomness, only data and decisions.
//!
//! | module | what is in it |
//! |---|---|
//! | [`event`] | events, subjects, and the normalised records of each family |
//! | [`masonhub`] | from a callback's bytes to events, and from a record to its typed form |
//! | [`verify`] | whether a callback is genuine |
//! | [`call`] | requests, answers, and how a step ends |
//! | [`delivery`] | deliveries, their states, what an attempt makes of them |
//! | [`retry`] | when a failed attempt is followed by another |
//! | [`round_trip`] | reading back from the ERP what has arrived |
//! | [`diff`] | what a handler does with a recorded delivery, and how two such runs differ |
//! | [`comparison`] | how a generation does compared with the one in force: gate and shadow |
//! | [`code`] | the stable error codes |
//! | [`config`], [`plugin`] | `mortar.toml` and `plugin.toml` as data |
//! | [`grant`], [`pattern`] | what a plugin may ask of a connection |
//! | [`toml_problems`] | reading these files with every problem at once |
//! | [`operator`] | who operates the host, and what they did |
//! | [`story`] | what operators read |
//! | [`terms`] | what an event can be found by |
//! | [`ports`] | what the pipeline needs of the world: journal, sandbox, connector, clock |

pub mod call;
pub mod code;
pub mod comparison;
pub mod config;
pub mod delivery;
pub mod diff;
pub mod event;
pub mod grant;
pub mod masonhub;
pub mod operator;
pub mod pattern;
pub mod plugin;
pub mod ports;
pub mod retry;
pub mod round_trip;
pub mod story;
pub mod terms;
mod text;
pub mod toml_problems;
pub mod trace;
pub mod verify;
