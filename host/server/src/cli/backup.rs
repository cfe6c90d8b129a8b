//! `mortar backup` and `mortar restore`: copies of the journal.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use mortar_journal::{BackupError, Contents, OpenError};
use serde_json::json;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Output, counted, time};
use crate::admin_types;
use crate::config;

/// `mortar backup`
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write, on the machine and by the account that the host runs on
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

/// `mortar restore`
///
/// The backup is wholly checked before it takes the journal's place, and the journal that was
/// there is kept beside it. Afterwards the host knows what it knew when the backup was written:
///
/// Callbacks that were acked later are not in it. MasonHub sends them again only if it is asked to.
///
/// Deliveries that were done later run again. A connection with an idempotency_header recognises
/// their writes; a write whose intent the backup has is in doubt, and the plugin or you settle it;
/// any other write is sent again. Where that would do harm, set `concurrency = 0` in the
/// plugin.toml before you start the host, compare `mortar event list` with the ERP, and discard
/// what has arrived.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
}

pub(super) async fn backup(command: &Backup, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let file = std::path::absolute(&command.file)?;
    let written = client.backup(&admin_types::Backup { file: file.clone(), replace: command.force }).await?;
    if output.is_json() {
        output.json(&json!({ "file": file, "bytes": written.bytes }))?;
    } else {
        output.line(format_args!("{}: {} KiB, whole and on disk", file.display(), written.bytes.div_ceil(1024)))?;
    }
    Ok(Exit::Done)
}

pub(super) fn restore(command: &Restore, config: &Path, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let loaded = config::read(config).map_err(Failure::Configuration)?;
    let journal = loaded.path(&loaded.config.journal.path);
    let restored = mortar_journal::restore(&command.file, &journal, now)?;
    if output.is_json() {
        let Contents { events, open, newest } = &restored.contents;
        output.json(&json!({ "journal": journal, "kept": restored.kept, "events": events, "open": open, "newest": newest }))?;
        return Ok(Exit::Done);
    }
    output.line(format_args!("{} is restored: {}", journal.display(), described(&restored.contents)))?;
    if let Some(kept) = &restored.kept {
        output.line(format_args!("the journal that was there is kept as {}", kept.display()))?;
    }
    output.line("what was delivered after the backup runs again; `mortar restore --help` says what that means")?;
    Ok(Exit::Done)
}

/// What a journal holds, in words.
pub(super) fn described(contents: &Contents) -> String {
    let newest = contents.newest.map_or_else(String::new, |newest| format!(", the last of {}", time(newest)));
    format!("{}{newest}; {} open", counted(contents.events, "event"), contents.open)
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Journal(error) => error.into(),
            BackupError::Exists(_) | BackupError::OfJournal(_) | BackupError::Busy => Self::Refused(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::InUse { .. } => Self::Refused(error.to_string()),
            OpenError::Missing { .. } => Self::NotFound(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
