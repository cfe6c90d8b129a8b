//! A call of an attempt is journaled.

use mortar_core::ports::{CallWrite, JournalError, Lease};
use mortar_core::story::{Call, Fate};
use rusqlite::Connection;

use super::Request;
use super::batch::{Batch, Change};
use crate::fault::Fault;
use crate::key::{NEST, micros, nested};

/// Writes a change of a call.
pub(crate) struct WriteCall {
    pub(crate) lease: Lease,
    pub(crate) write: CallWrite,
}

impl Request for WriteCall {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let delivery = batch.held(self.lease)?.key;
        let ordinal = match &self.write {
            CallWrite::Put(call) => call.ordinal,
            CallWrite::Fate { ordinal, .. } => *ordinal,
        };
        if i64::from(ordinal) >= NEST {
            return Err(JournalError::Refused(format!("a delivery has room for {NEST} calls")).into());
        }
        let key = nested(delivery, i64::from(ordinal));
        match &self.write {
            CallWrite::Put(call) => put(batch.conn, key, call)?,
            CallWrite::Fate { fate, .. } => {
                if !set_fate(batch.conn, key, fate)? {
                    return Err(JournalError::NotFound(format!("delivery {} has no call {ordinal}", self.lease.delivery)).into());
                }
            }
        }
        batch.change(Change::Called(delivery));
        Ok(())
    }

    fn bytes(&self) -> usize {
        match &self.write {
            CallWrite::Put(call) => call.request.body.as_ref().map_or(0, Vec::len) + fate_bytes(&call.fate),
            CallWrite::Fate { fate, .. } => fate_bytes(fate),
        }
    }
}

fn fate_bytes(fate: &Fate) -> usize {
    if let Fate::Answered { response, .. } = fate { response.body.len() } else { 0 }
}

fn put(conn: &Connection, key: i64, call: &Call) -> rusqlite::Result<()> {
    let request = &call.request;
    let fate = Columns::of(&call.fate);
    let mut insert = conn.prepare_cached(
        "INSERT OR REPLACE INTO calls (id, step, attempt, connection, method, path, headers, body, sent_at,
             fate, lost, answered_at, status, response_headers, response_body, settled_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute(rusqlite::params![
        key,
        call.step,
        call.attempt,
        request.connection,
        request.method,
        request.path,
        headers(&request.headers),
        request.body,
        micros(call.sent_at),
        fate.no,
        fate.lost,
        fate.answered_at,
        fate.status,
        fate.headers,
        fate.body,
        fate.settled_by,
    ])?;
    Ok(())
}

/// Gives a call another fate; false where there is no such call.
pub(super) fn set_fate(conn: &Connection, key: i64, fate: &Fate) -> rusqlite::Result<bool> {
    let fate = Columns::of(fate);
    let mut update = conn.prepare_cached(
        "UPDATE calls SET fate = ?, lost = ?, answered_at = ?, status = ?, response_headers = ?, response_body = ?, settled_by = ?
         WHERE id = ?",
    )?;
    let changed = update.execute((fate.no, fate.lost, fate.answered_at, fate.status, fate.headers, fate.body, fate.settled_by, key))?;
    Ok(changed > 0)
}

/// A fate as the file has it.
struct Columns<'a> {
    no: u8,
    lost: Option<&'a str>,
    answered_at: Option<i64>,
    status: Option<u16>,
    headers: Option<String>,
    body: Option<&'a [u8]>,
    settled_by: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(fate: &'a Fate) -> Self {
        let none = Self { no: 0, lost: None, answered_at: None, status: None, headers: None, body: None, settled_by: None };
        match fate {
            Fate::Intended { lost } => Self { lost: lost.as_deref(), ..none },
            Fate::Unsent => Self { no: 1, ..none },
            Fate::Answered { at, response, settled_by } => Self {
                no: 2,
                answered_at: Some(micros(*at)),
                status: Some(response.status),
                headers: headers(&response.headers),
                body: Some(&response.body),
                settled_by: settled_by.as_deref(),
                ..none
            },
        }
    }
}

fn headers(headers: &[(String, String)]) -> Option<String> {
    super::json(headers)
}
