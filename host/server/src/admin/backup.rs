//! Backups of the journal, while the host serves from it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mortar_journal::BackupError;

use super::Admin;
use super::error::Failure;
use super::extract::Json;
use crate::admin_types::{Backup, BackupWritten};

/// Writes a backup of the journal.
#[utoipa::path(
    post, path = "/api/backup", operation_id = "backup_backup", tag = "backup",
    request_body = Backup,
    responses((status = 200, description = "Done.", body = BackupWritten), Failure),
)]
pub(super) async fn backup(State(admin): State<Arc<Admin>>, Json(request): Json<Backup>) -> Result<Json<BackupWritten>, Failure> {
    let Backup { file, replace } = request;
    if !file.is_absolute() {
        return Err(Failure::bad_request(format!(
            "{} is relative, and the host has another directory: give the whole path",
            file.display()
        )));
    }
    tracing::info!(file = %file.display(), "an operator has a backup written");
    let backups = admin.backups.clone();
    let written = tokio::task::spawn_blocking(move || backups.write(&file, replace)).await;
    let bytes = written.map_err(|fault| Failure::backup(StatusCode::INTERNAL_SERVER_ERROR, fault.to_string()))??;
    Ok(Json(BackupWritten { bytes }))
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let status = match &error {
            BackupError::Exists(_) | BackupError::OfJournal(_) | BackupError::Busy => StatusCode::CONFLICT,
            BackupError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            BackupError::NoRoom { .. } | BackupError::File { .. } | BackupError::Journal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::backup(status, error.to_string())
    }
}
