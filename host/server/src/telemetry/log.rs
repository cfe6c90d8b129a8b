//! The host's log: structured lines on standard error, ids in fields, no bodies and no secrets.

use std::sync::OnceLock;

use mortar_core::config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// What changes the level of the log that was started.
static CHANGE: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();

/// Starts logging. A second start in one process changes nothing.
///
/// # Errors
/// `log.level` cannot be read.
pub fn start(config: &LogConfig) -> Result<(), String> {
    let Level(filter) = level(config)?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match config.format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_filter_reloading();
            let handle = lines.reload_handle();
            lines.try_init().map(|()| CHANGE.set(Box::new(move |filter| drop(handle.reload(filter)))))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            lines.try_init().map(|()| CHANGE.set(Box::new(move |filter| drop(handle.reload(filter)))))
        }
    };
    // Only a host that was started twice in one process gets here with an error.
    drop(started);
    Ok(())
}

/// What is logged, ready to be set.
pub struct Level(EnvFilter);

/// What a configuration wants logged.
///
/// # Errors
/// `log.level` cannot be read.
pub fn level(config: &LogConfig) -> Result<Level, String> {
    EnvFilter::try_new(&config.level).map(Level).map_err(|e| format!("log.level = \"{}\": {e}", config.level))
}

impl Level {
    /// From now on, this is logged.
    pub fn set(self) {
        if let Some(change) = CHANGE.get() {
            change(self.0);
        }
    }
}
