//! The sandbox with real components: core modules in text form, wrapped by the contract's WIT.

#![allow(clippy::unwrap_used)]

mod frozen;
mod guest;
mod host;
mod limits;
mod load;
mod run;
mod typed;
mod wasi;
