//! Who operates the host, and what they did.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a token permits. Each role permits what the ones before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To look at everything.
    Read,
    /// To see after deliveries, callbacks and plugins as well.
    Operate,
    /// To see after tokens, the configuration and the journal's file as well.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// True where it permits what this role does.
    #[must_use]
    pub fn permits(self, needed: Self) -> bool {
        self >= needed
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| format!("`{text}` is none of read, operate and admin"))
    }
}

/// The SHA-256 of a token. The token itself is stored nowhere: it is random, so its hash tells nothing.
pub type TokenHash = [u8; 32];

/// A token, without what has to be presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its name, which the audit log says.
    pub name: String,
    /// What it permits.
    pub role: Role,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends to count; none: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// Something that an operator did, or was not permitted to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// Its place in the audit log; 0 as long as it has none.
    pub id: u64,
    /// When it was over.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: the name of a token.
    pub who: String,
    /// What that token permits.
    pub role: Role,
    /// From where.
    #[schema(value_type = Option<String>)]
    pub remote: Option<IpAddr>,
    /// What: a route, for example `POST /api/deliveries/{delivery}/replay`.
    pub action: String,
    /// To what: the path that was asked for.
    pub target: String,
    /// What was asked, if the request had a body.
    pub request: Option<String>,
    /// How it was answered: an HTTP status.
    pub status: u16,
    /// The code of the error, if it was one.
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_permits_what_lesser_ones_do() {
        let permitted = Role::ALL.map(|role| Role::ALL.map(|needed| role.permits(needed)));
        assert_eq!(permitted, [[true, false, false], [true, true, false], [true, true, true]]);
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
