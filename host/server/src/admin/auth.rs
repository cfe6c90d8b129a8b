//! Who asks: by a token with a role, or by the one that the host made at its first start.

use jiff::Timestamp;
use mortar_core::operator::{Role, TokenHash};
use mortar_core::ports::JournalError;
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::Admin;

/// The name of who presents the host's own token. No other token can have it.
pub const HOST_TOKEN: &str = "admin-token";

/// What every token begins with, so that one that leaked is recognised.
const BEGINNING: &str = "mortar_";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// The name of the token.
    pub name: String,
    /// What it permits.
    pub role: Role,
}

/// Why somebody is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nothing was presented, or no token that counts.
    #[error(
        "the token is missing or wrong; one is made with `mortar token create NAME --role read`, \
         and the host's own is admin.token of the configuration, or the file admin-token beside the journal"
    )]
    Unknown,
    /// It did count once.
    #[error("the token `{name}` expired at {at}; make another one with `mortar token create`")]
    Expired {
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
    },
    /// It cannot be looked up.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Who presents this token.
///
/// # Errors
/// It is none, it has expired, or the journal cannot be read.
pub async fn authenticate(admin: &Admin, presented: &str) -> Result<Identity, AuthError> {
    if bool::from(presented.as_bytes().ct_eq(admin.token.as_bytes())) {
        return Ok(Identity { name: HOST_TOKEN.to_owned(), role: Role::Admin });
    }
    let token = admin.operators.token(hash(presented)).await?.ok_or(AuthError::Unknown)?;
    match token.expires_at {
        Some(at) if at <= admin.ports.clock.now() => Err(AuthError::Expired { name: token.name, at }),
        _ => Ok(Identity { name: token.name, role: token.role }),
    }
}

/// A new token.
pub(super) fn generate(rng: &mut impl Rng) -> String {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    format!("{BEGINNING}{}", hex::encode(bytes))
}

/// What is stored of a token.
pub(super) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
