//! Tokens and the audit log.

use jiff::Timestamp;
use mortar_core::operator::{Role, Token};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The body of `POST /api/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// Its name, which the audit log says.
    pub name: String,
    /// What it permits.
    pub role: Role,
    /// When it ends to count; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// The answer to [`CreateToken`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// What has to be presented. It is told this once, and cannot be found out again.
    pub token: String,
    /// The rest of it.
    #[serde(flatten)]
    pub about: Token,
}

/// The query of `GET /api/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Where the page before ended: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 50 if absent, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only what was done with the token of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}
