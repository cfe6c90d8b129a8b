//! How the admin API says no.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mortar_core::ports::JournalError;

use crate::admin_types::ErrorBody;

/// An answer that is not what was asked for.
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    text: String,
}

impl Failure {
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "admin.not_found", text: text.into() }
    }

    pub(super) fn backup(status: StatusCode, text: String) -> Self {
        Self { status, code: "admin.backup", text }
    }

    /// MasonHub did not answer as it should.
    pub(super) fn masonhub(text: String) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: "admin.masonhub", text }
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "admin.bad_request", text: text.into() }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let (status, code) = match &error {
            JournalError::NotFound(_) => (StatusCode::NOT_FOUND, "admin.not_found"),
            JournalError::Refused(_) | JournalError::LeaseLost => (StatusCode::CONFLICT, "admin.refused"),
            JournalError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "journal.busy"),
            JournalError::Storage(_) => (StatusCode::SERVICE_UNAVAILABLE, "journal.storage"),
            JournalError::Damaged(_) => (StatusCode::INTERNAL_SERVER_ERROR, "journal.damaged"),
        };
        Self { status, code, text: error.to_string() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorBody { error: self.text, code: self.code.to_owned() })).into_response()
    }
}
