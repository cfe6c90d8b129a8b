//! Faults of SQLite: whose they are, and how they read.

use mortar_core::ports::JournalError;
use rusqlite::ErrorCode;

/// Why a request of a batch was not done.
pub(crate) enum Fault {
    /// It may not be done. The request has written nothing.
    Answer(JournalError),
    /// SQLite failed. The transaction must be rolled back.
    Sqlite(rusqlite::Error),
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        Self::Answer(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// True where the fault lies in what was asked, and not in the file or the disk.
pub(crate) fn is_of_request(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch};
    error.sqlite_error_code().is_none_or(|code| matches!(code, ConstraintViolation | ParameterOutOfRange | TooBig | TypeMismatch))
}

/// True where the connection can go on: nothing was lost that SQLite believes to be written.
pub(crate) fn keeps_connection(error: &rusqlite::Error) -> bool {
    is_of_request(error) || matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy))
}

/// Reads from the file for somebody outside.
pub(crate) fn reading<T>(read: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, JournalError> {
    read().map_err(|error| journal_error(&error))
}

/// The fault, for who must act.
pub(crate) fn journal_error(error: &rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            JournalError::Storage(format!("the disk is full ({error}): free space on the journal's disk; it goes on by itself"))
        }
        Some(ErrorCode::DatabaseBusy) => {
            JournalError::Storage(format!("another process has locked the file for writing ({error}): end its transaction"))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => JournalError::Damaged(format!(
            "{error}; stop the host and look with `mortar check --journal`, then restore a backup with `mortar restore`"
        )),
        Some(_) => JournalError::Storage(error.to_string()),
        None => JournalError::Damaged(error.to_string()),
    }
}
