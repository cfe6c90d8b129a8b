//! Callbacks that are set aside: rejected ones come in; operators admit them, and release
//! quarantined ones.

use jiff::Timestamp;
use mortar_core::ports::{JournalError, RejectedCallback};
use rusqlite::Connection;

use super::Request;
use super::batch::Batch;
use crate::fault::Fault;
use crate::key::micros;

/// Keeps a rejected callback; drops the oldest where there are too many.
pub(crate) struct Reject(pub(crate) RejectedCallback);

impl Request for Reject {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        if let Some(refusal) = &batch.refusal {
            return Err(refusal.clone().into());
        }
        let RejectedCallback { source, received_at, remote, reason, delivery_header, body } = &self.0;
        let bytes = body.len() as u64;
        let (most, most_bytes) = (batch.options.rejected_sample as usize, batch.options.rejected_bytes);
        if most == 0 || bytes > most_bytes {
            return Ok(());
        }
        let mut insert = batch.conn.prepare_cached(
            "INSERT INTO rejected (source, received_at, remote, delivery_header, reason, body) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        let id = insert.insert((source, micros(*received_at), remote.map(|r| r.to_string()), delivery_header, reason, &body[..]))?;
        let sample = batch.staged.rejected.get_or_insert_with(|| batch.memory.rejected.clone());
        sample.push_back((id, bytes));
        batch.staged.tally.rejected += 1;
        let mut sum: u64 = sample.iter().map(|(_, bytes)| bytes).sum();
        while sample.len() > most || sum > most_bytes {
            let Some((oldest, bytes)) = sample.pop_front() else { break };
            batch.conn.prepare_cached("DELETE FROM rejected WHERE id = ?")?.execute([oldest])?;
            batch.staged.tally.rejected -= 1;
            sum -= bytes;
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.0.body.len()
    }
}

/// Marks a quarantined callback as released.
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) now: Timestamp,
}

impl Request for Release {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let mut mark = batch.conn.prepare_cached("UPDATE quarantine SET released_at = ? WHERE id = ? AND released_at IS NULL")?;
        if mark.execute((micros(self.now), self.id.cast_signed()))? > 0 {
            batch.staged.tally.quarantined -= 1;
            return Ok(());
        }
        exists(batch.conn, "quarantine", self.id, "in quarantine")
    }
}

/// Marks a rejected callback as admitted.
pub(crate) struct Admit {
    pub(crate) id: u64,
    pub(crate) now: Timestamp,
}

impl Request for Admit {
    type Answer = ();

    fn apply(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let mut mark = batch.conn.prepare_cached("UPDATE rejected SET admitted_at = ? WHERE id = ? AND admitted_at IS NULL")?;
        if mark.execute((micros(self.now), self.id.cast_signed()))? > 0 {
            return Ok(());
        }
        exists(batch.conn, "rejected", self.id, "in the sample of rejected ones")
    }
}

/// What is marked already stays as it is; what is not there is an error.
fn exists(conn: &Connection, table: &str, id: u64, place: &str) -> Result<(), Fault> {
    let known: i64 = conn.query_row(&format!("SELECT count(*) FROM {table} WHERE id = ?"), [id.cast_signed()], |row| row.get(0))?;
    match known {
        0 => Err(JournalError::NotFound(format!("there is no callback {id} {place}")).into()),
        _ => Ok(()),
    }
}
