//! What must hold for any bytes.
//!
//! | module | what reads the bytes |
//! |---|---|
//! | [`signature`] | verification of a callback's headers and body |
//! | [`callback`] | MasonHub's callbacks |
//! | [`config`] | `mortar.toml` |
//! | [`plugin`] | `plugin.toml` |
//! | [`journal`] | the journal's file, with values in it that no host wrote |
//! | [`seeds`] | where each target begins |
//!
//! Each `check` panics where something does not hold. `cargo xtask fuzz` lets libFuzzer look for
//! bytes that make it (`libfuzzer/`); `tests/seeds.rs` runs the seeds with every `cargo test`.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a panic is the finding")]

pub mod callback;
pub mod config;
pub mod journal;
pub mod plugin;
pub mod seeds;
pub mod signature;
