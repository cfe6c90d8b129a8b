//! Tokens and the audit log.

use mortar_core::operator::{Action, Token, TokenHash};
use mortar_core::ports::{ActionFilter, Operators, Receipt};

use super::{SqliteJournal, failed};
use crate::read;
use crate::shared::stopped;
use crate::writer::{AddToken, Note, RevokeToken};

impl Operators for SqliteJournal {
    fn add_token(&self, token: Token, hash: TokenHash) -> Receipt<()> {
        self.write(AddToken { token, hash })
    }

    fn tokens(&self) -> Receipt<Vec<Token>> {
        self.query(|conn, _| read::tokens(conn))
    }

    fn token(&self, hash: TokenHash) -> Receipt<Option<Token>> {
        // Not in line with the queries: a long listing must keep nobody out.
        match &self.loads {
            Some(loads) => loads.ask(move |conn| read::token(conn, hash)),
            None => failed(stopped()),
        }
    }

    fn revoke_token(&self, name: String) -> Receipt<()> {
        self.write(RevokeToken(name))
    }

    fn note(&self, action: Action) -> Receipt<()> {
        self.write(Note(action))
    }

    fn actions(&self, filter: ActionFilter) -> Receipt<Vec<Action>> {
        self.query(move |conn, _| read::actions(conn, &filter))
    }
}
