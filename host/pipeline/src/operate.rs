//! What operators do to callbacks that were set aside: quarantined ones are read again, rejected
//! ones are admitted.

use mortar_core::masonhub;
use mortar_core::ports::{JournalError, NewCallback, NewEvent};

use crate::Ports;
use crate::accept::Acceptance;
use crate::plugins::Plugins;

/// Reads a quarantined callback again. It leaves quarantine when all of it could be read.
///
/// # Errors
/// There is no such callback, it is still unreadable, or the journal failed.
pub async fn replay_quarantined(ports: &Ports, plugins: &Plugins, id: u64) -> Result<Acceptance, JournalError> {
    let found = ports.journal.quarantined_callback(id).await?;
    let (_, callback) = found.ok_or_else(|| JournalError::NotFound(format!("there is no quarantined callback {id}")))?;
    let acceptance = read_again(ports, plugins, callback).await?;
    if acceptance.unreadable.is_none() {
        ports.journal.release(id, ports.clock.now()).await?;
    }
    Ok(acceptance)
}

/// Takes a rejected callback for genuine, on the operator's word.
///
/// # Errors
/// There is no such callback, it is unreadable, or the journal failed.
pub async fn admit_rejected(ports: &Ports, plugins: &Plugins, id: u64) -> Result<Acceptance, JournalError> {
    let found = ports.journal.rejected_callback(id).await?;
    let (_, callback) = found.ok_or_else(|| JournalError::NotFound(format!("there is no rejected callback {id} in the sample")))?;
    let acceptance = read_again(ports, plugins, callback).await?;
    ports.journal.admit(id, ports.clock.now()).await?;
    Ok(acceptance)
}

async fn read_again(ports: &Ports, plugins: &Plugins, mut callback: NewCallback) -> Result<Acceptance, JournalError> {
    let read = masonhub::read(&callback.body);
    if read.events.is_empty() {
        let why = read.unreadable.unwrap_or_else(|| "it has no records".into());
        return Err(JournalError::Refused(format!("the callback is still unreadable: {why}")));
    }
    let ids = read.events.iter().map(|e| e.id.clone()).collect();
    callback.events = read.events.into_iter().map(|event| NewEvent { deliveries: plugins.fan_out(&event), event }).collect();
    // What is still unreadable stays in the quarantine that it is in already.
    callback.unreadable = None;
    let stored = ports.journal.accept(callback).await?;
    Ok(Acceptance {
        events: ids,
        stored: stored.stored,
        duplicates: stored.duplicates,
        unreadable: read.unreadable,
        derived_ids: read.derived_ids,
    })
}
