//! Tokens and the audit log.

use mortar_core::operator::{Action, Role, Token, TokenHash};
use mortar_core::ports::{ActionFilter, JournalError};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::{number, time, time_or_none};
use crate::fault::reading;

const TOKEN: &str = "SELECT name, role, created_at, created_by, expires_at FROM tokens";

/// Every token, by name.
pub(crate) fn tokens(conn: &Connection) -> Result<Vec<Token>, JournalError> {
    reading(|| conn.prepare_cached(&format!("{TOKEN} ORDER BY name"))?.query_map([], read_token)?.collect())
}

/// The token with this hash.
pub(crate) fn token(conn: &Connection, hash: TokenHash) -> Result<Option<Token>, JournalError> {
    reading(|| conn.prepare_cached(&format!("{TOKEN} WHERE hash = ?"))?.query_row([hash], read_token).optional())
}

/// Actions, newest first.
pub(crate) fn actions(conn: &Connection, filter: &ActionFilter) -> Result<Vec<Action>, JournalError> {
    reading(|| {
        let mut rows = conn.prepare_cached(
            "SELECT id, at, who, role, remote, action, target, request, status, code FROM actions
             WHERE id < ?1 AND (?2 IS NULL OR who = ?2) ORDER BY id DESC LIMIT ?3",
        )?;
        let before = filter.before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        rows.query_map((before, &filter.who, limit), read_action)?.collect()
    })
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        name: row.get(0)?,
        role: role(row, 1)?,
        created_at: time(row, 2)?,
        created_by: row.get(3)?,
        expires_at: time_or_none(row, 4)?,
    })
}

fn read_action(row: &Row<'_>) -> rusqlite::Result<Action> {
    Ok(Action {
        id: number(row, 0)?,
        at: time(row, 1)?,
        who: row.get(2)?,
        role: role(row, 3)?,
        remote: row.get::<_, Option<String>>(4)?.and_then(|text| text.parse().ok()),
        action: row.get(5)?,
        target: row.get(6)?,
        request: row.get(7)?,
        status: row.get(8)?,
        code: row.get(9)?,
    })
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|why: String| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into()))
}
