//! Why there is no sandbox at all, and the problem of a file.

use std::io;
use std::path::{Path, PathBuf};

use mortar_core::plugin::{PluginProblem, code};

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The cache of compiled code cannot be used.
    #[error("the cache of compiled plugins {} cannot be used: {reason}; mend it, or set `plugins.cache` to another folder", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The folder of generations cannot be used.
    #[error("the folder of plugin generations {} cannot be used: {reason}; mend it, or set `plugins.generations` to another folder", path.display())]
    Generations {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The WebAssembly engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
}

/// The problem of a file that cannot be read.
pub(crate) fn unreadable(plugin: &str, file: &Path, error: &io::Error) -> PluginProblem {
    PluginProblem::new(plugin, file, code::UNREADABLE, format!("cannot be read: {error}"))
}
