//! Runs plugins: WebAssembly components, each attempt in an instance of its own that can reach
//! nothing but the host functions of the contract (`wit/`).
//!
//! From the plugin directory to the end of an attempt:
//!
//! | module | what is in it |
//! |---|---|
//! | [`discover`](fn@discover) | which plugins the directory holds |
//! | `look`, `watch` | whether their files are whole, and when to look again |
//! | `settings` | `plugin.toml`, read and checked |
//! | `engine` | the one engine of the process: pool of instances, epoch ticker |
//! | `cache` | compiled components: each is compiled once |
//! | `compile` | from a component's bytes to machine code, in a child process within limits |
//! | [`signature`], [`Trust`], `provenance` | who signed a component, whose are loaded, where they come from |
//! | [`inspect`](fn@inspect) | what a component's file says of itself |
//! | `link` | what the host offers a component, and what is wrong with one that does not fit |
//! | `load` | from a plugin's files to a generation, with every check before an event comes |
//! | `kept` | the files of generations that can be gone back to |
//! | `install` | a candidate's files take the place of those in the plugin directory |
//! | `generation` | one loaded generation of a plugin: handlers, settings, digest |
//! | `sandbox` | [`WasmSandbox`]: a plugin directory behind the port |
//! | `run` | one attempt: fresh store, limits, handler, ending |
//! | `context`, `imports`, `wasi`, `log` | what a running handler sees of the host |
//! | `limits` | memory, processor time and bytes of an attempt |
//! | `convert` | core's records as the contract's |
//! | `ending` | what an answer, a trap or a broken limit means for the delivery |
//! | [`SandboxError`] | why the sandbox cannot be used |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cache;
mod compile;
mod config;
mod context;
mod convert;
mod discover;
mod ending;
mod engine;
mod error;
mod generation;
mod imports;
mod inspect;
mod install;
mod kept;
mod limits;
mod link;
mod load;
mod log;
mod look;
mod provenance;
mod run;
mod sandbox;
mod settings;
pub mod signature;
mod trust;
mod wasi;
mod watch;

pub use compile::{Compiler, compile_as_child};
pub use discover::discover;
pub use error::SandboxError;
pub use inspect::{Inspected, inspect};
pub use sandbox::{KnownConnections, SandboxOptions, WasmSandbox};
pub use trust::Trust;
