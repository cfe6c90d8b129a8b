//! How the admin API says no.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use mortar_core::operator::Role;
use mortar_core::ports::JournalError;
use utoipa::openapi::{self, ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::auth::{AuthError, Identity};
use crate::admin_types::ErrorBody;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    text: String,
}

impl Failure {
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "admin.not_found", text: text.into() }
    }

    /// The request cannot be read.
    pub(super) fn unreadable(status: StatusCode, text: String) -> Self {
        Self { status, code: "admin.bad_request", text }
    }

    pub(super) fn cursor(text: &str) -> Self {
        Self::bad_request(format!("`{text}` is no cursor of this list: give the `next` of its page before, or none to begin"))
    }

    pub(super) fn method() -> Self {
        let text = "this path has another method; `mortar openapi` prints what there is".to_owned();
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: "admin.method", text }
    }

    /// Who asks is known, and may not.
    pub(super) fn role(who: &Identity, needed: Role) -> Self {
        let Identity { name, role } = who;
        let text = format!(
            "this needs the role {needed}, and the token `{name}` has {role}: \
             present another one; `mortar token create NAME --role {needed}` makes one"
        );
        Self { status: StatusCode::FORBIDDEN, code: "admin.role", text }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let text = format!("the body could not be read whole, or has more than {limit} bytes");
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, code: "admin.too_large", text }
    }

    pub(super) fn backup(status: StatusCode, text: String) -> Self {
        Self { status, code: "admin.backup", text }
    }

    /// A configuration with problems does not take the place of the one that counts.
    pub(super) fn reload(problems: &[String]) -> Self {
        let text = format!("the configuration has problems, and the one before goes on:\n{}", problems.join("\n"));
        Self { status: StatusCode::CONFLICT, code: "admin.reload", text }
    }

    /// MasonHub did not answer as it should.
    pub(super) fn masonhub(text: String) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: "admin.masonhub", text }
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "admin.bad_request", text: text.into() }
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::Unknown => "admin.token",
            AuthError::Expired { .. } => "admin.token_expired",
            AuthError::Journal(error) => return error.into(),
        };
        Self { status: StatusCode::UNAUTHORIZED, code, text: error.to_string() }
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
        let mut response = (self.status, Json(ErrorBody { error: self.text, code: self.code.to_owned() })).into_response();
        response.extensions_mut().insert(Code(self.code));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The code of an answer that is not what was asked for, for the audit log.
#[derive(Clone, Copy)]
pub(super) struct Code(pub(super) &'static str);

impl IntoResponses for Failure {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let body = || ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
        let response = |description: &str| ResponseBuilder::new().description(description).content("application/json", body()).build();
        let known = [
            ("400", "What was asked makes no sense."),
            ("401", "The token is missing, wrong or has expired."),
            ("403", "The token has not the role that this needs."),
            ("default", "It did not work: the body says what, and what to do."),
        ];
        known.map(|(status, description)| (status.to_owned(), response(description).into())).into()
    }
}
