//! Who may operate the host, and what they did. A part of the journal, apart from the path of
//! callbacks.

use super::Receipt;
use crate::operator::{Action, Token, TokenHash};

/// Which actions a listing shows; newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionFilter {
    /// Only actions below this place in the audit log.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
    /// Only what was done with the token of this name.
    pub who: Option<String>,
}

/// Stores tokens and the audit log.
pub trait Operators: Send + Sync {
    /// Stores a token. Refused where there is one of its name, or where there are too many.
    fn add_token(&self, token: Token, hash: TokenHash) -> Receipt<()>;

    /// Every token, by name, expired ones too.
    fn tokens(&self) -> Receipt<Vec<Token>>;

    /// The token with this hash, expired or not.
    fn token(&self, hash: TokenHash) -> Receipt<Option<Token>>;

    /// Forgets a token: it is not known any more from now on.
    fn revoke_token(&self, name: String) -> Receipt<()>;

    /// Writes an action into the audit log, which drops its oldest where it has too many.
    fn note(&self, action: Action) -> Receipt<()>;

    /// Lists actions, newest first.
    fn actions(&self, filter: ActionFilter) -> Receipt<Vec<Action>>;
}
