//! What operators do to many things at once: callbacks that were set aside are read again or
//! admitted, the deliveries of a plugin that does not come back are discarded.

use mortar_core::delivery::State;
use mortar_core::masonhub;
use mortar_core::ports::{Filter, Intervention, JournalError, NewCallback, NewEvent};

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

/// Deliveries that are discarded in one go, so that others have their turn in between.
const DISCARDED: usize = 1000;

/// Discards open deliveries of a plugin that do not run. Answers how many; none where there are no more.
///
/// # Errors
/// The journal's.
pub async fn discard_open(ports: &Ports, plugin: &str) -> Result<usize, JournalError> {
    let mut discarded = 0;
    for state in [State::Pending, State::Waiting] {
        let filter = Filter { plugin: Some(plugin.to_owned()), state: Some(state), limit: DISCARDED, ..Filter::default() };
        let found = ports.journal.events(filter).await?.into_iter().flat_map(|event| event.deliveries);
        let reason = format!("plugin {plugin} was forgotten");
        // All receipts before the first wait: they share commits.
        let receipts: Vec<_> = found
            .filter(|delivery| delivery.plugin == plugin && delivery.state == state)
            .map(|delivery| ports.journal.intervene(delivery.id, Intervention::Discard { reason: reason.clone() }, ports.clock.now()))
            .collect();
        for receipt in receipts {
            match receipt.await {
                Ok(()) => discarded += 1,
                // It runs, or was over meanwhile.
                Err(JournalError::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    Ok(discarded)
}
