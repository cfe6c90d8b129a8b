//! Tokens come and go, and the audit log grows.

use mortar_core::operator::{Action, Token, TokenHash};
use mortar_core::ports::JournalError;

use super::Request;
use super::batch::Batch;
use crate::fault::Fault;
use crate::key::micros;

/// Stores a token.
pub(crate) struct AddToken {
    pub(crate) token: Token,
    pub(crate) hash: TokenHash,
}

impl Request for AddToken {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let Token { name, role, created_at, created_by, expires_at } = &self.token;
        let known: i64 = batch.conn.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0))?;
        if known >= i64::from(batch.options.tokens) {
            let text = format!("there are {known} tokens already: revoke what nobody uses any more (`mortar token revoke NAME`)");
            return Err(JournalError::Refused(text).into());
        }
        let sql = "INSERT INTO tokens (name, hash, role, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING";
        let row = (name, self.hash, role.as_str(), micros(*created_at), created_by, expires_at.map(micros));
        match batch.conn.execute(sql, row)? {
            0 => Err(JournalError::Refused(format!("there is a token `{name}` already: revoke it first, or take another name")).into()),
            _ => Ok(()),
        }
    }
}

/// Forgets a token.
pub(crate) struct RevokeToken(pub(crate) String);

impl Request for RevokeToken {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        match batch.conn.execute("DELETE FROM tokens WHERE name = ?", [&self.0])? {
            0 => Err(JournalError::NotFound(format!("there is no token `{}`; `mortar token list` shows what is there", self.0)).into()),
            _ => Ok(()),
        }
    }
}

/// Writes an action into the audit log.
pub(crate) struct Note(pub(crate) Action);

impl Request for Note {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let Action { id: _, at, who, role, remote, action, target, request, status, code } = &self.0;
        let mut insert = batch.conn.prepare_cached(
            "INSERT INTO actions (at, who, role, remote, action, target, request, status, code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let row = (micros(*at), who, role.as_str(), remote.map(|r| r.to_string()), action, target, request, status, code);
        let id = insert.insert(row)?;
        let mut excess = batch.conn.prepare_cached("DELETE FROM actions WHERE id <= ?")?;
        excess.execute([id.saturating_sub(i64::from(batch.options.audit_limit.max(1)))])?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.0.target.len() + self.0.request.as_ref().map_or(0, String::len)
    }
}
