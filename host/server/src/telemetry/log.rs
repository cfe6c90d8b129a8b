//! The host's log: structured lines on standard error, ids in fields, no bodies and no secrets.

use mortar_core::config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Starts logging. A second start in one process changes nothing.
///
/// # Errors
/// `log.level` cannot be read.
pub fn start(config: &LogConfig) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.level).map_err(|e| format!("log.level = \"{}\": {e}", config.level))?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // Only a host that was started twice in one process gets here with an error.
    drop(started);
    Ok(())
}
