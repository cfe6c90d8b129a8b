//! Why a plugin cannot be loaded, and why there is no sandbox at all.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The stable codes of [`PluginProblem`].
pub mod code {
    /// The name is not 1 to 64 of `a-z`, `0-9` and `-`, or is there twice.
    pub const NAME: &str = "plugin.name";
    /// A folder without a component, or settings without one.
    pub const NO_COMPONENT: &str = "plugin.no_component";
    /// A folder with more than one component.
    pub const SEVERAL_COMPONENTS: &str = "plugin.several_components";
    /// A file could not be read.
    pub const UNREADABLE: &str = "plugin.unreadable";
    /// The component is over the size limit.
    pub const TOO_LARGE: &str = "plugin.too_large";
    /// The file is not WebAssembly.
    pub const NOT_WASM: &str = "plugin.not_wasm";
    /// The file is WebAssembly in text form.
    pub const TEXT_FORMAT: &str = "plugin.text_format";
    /// The file is compiled code.
    pub const PRECOMPILED: &str = "plugin.precompiled";
    /// The file is a core module.
    pub const CORE_MODULE: &str = "plugin.core_module";
    /// The component is malformed, or uses what the host does not support.
    pub const INVALID: &str = "plugin.invalid";
    /// The component needs more memories, tables or instances than the host gives one plugin.
    pub const RESOURCES: &str = "plugin.resources";
    /// The component imports something that the host does not offer.
    pub const UNKNOWN_IMPORT: &str = "plugin.unknown_import";
    /// The component exports no handler.
    pub const NO_HANDLER: &str = "plugin.no_handler";
    /// A handler does not have the shape that the contract gives it.
    pub const CONTRACT: &str = "plugin.contract";
    /// The component cannot be instantiated within its limits.
    pub const START: &str = "plugin.start";
    /// The settings cannot be read or do not make sense.
    pub const SETTINGS: &str = "plugin.settings";
    /// A limit in the settings is over the host's.
    pub const LIMIT: &str = "plugin.limit";
}

/// Something that keeps a plugin from being loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PluginProblem {
    /// The plugin's name.
    pub plugin: String,
    /// The file or folder that it is about.
    pub file: PathBuf,
    /// Where in the file, from 1.
    pub line: Option<usize>,
    /// Where in the line, in characters from 1.
    pub column: Option<usize>,
    /// What kind of problem it is: one of [`code`].
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

impl PluginProblem {
    pub(crate) fn new(plugin: &str, file: &Path, code: &'static str, message: impl Into<String>) -> Self {
        Self { plugin: plugin.to_owned(), file: file.to_owned(), line: None, column: None, code, message: message.into() }
    }

    /// The same, at a line and column from 1.
    pub(crate) fn at(self, place: Option<(usize, usize)>) -> Self {
        let (line, column) = place.unzip();
        Self { line, column, ..self }
    }

    pub(crate) fn unreadable(plugin: &str, file: &Path, error: &io::Error) -> Self {
        Self::new(plugin, file, code::UNREADABLE, format!("cannot be read: {error}"))
    }
}

impl fmt::Display for PluginProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for place in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{place}")?;
        }
        write!(f, ": {} [{}]", self.message, self.code)
    }
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The plugin directory cannot be listed.
    #[error("the plugin directory {} cannot be read: {source}; make it, or mend `plugins.directory`", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cache of compiled code cannot be used.
    #[error("the cache of compiled plugins {} cannot be used: {reason}; mend it, or set `plugins.cache` to another folder", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The WebAssembly engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
}
