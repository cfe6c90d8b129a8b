//! What a poll of the sender's API found becomes events, where no callback has told it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mortar_core::masonhub;
use mortar_core::masonhub::fact::Polled;
use mortar_core::ports::{Accepted, JournalError, NewCallback, NewEvent, Observation, Polls, Receipt};

use crate::Ports;
use crate::plugins::Plugins;

/// What came of a poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Records that were compared with what is known.
    pub looked: usize,
    /// What no callback had brought.
    pub missing: Vec<Missing>,
    /// Why records could not be read.
    pub unreadable: Vec<String>,
    /// Further ones that could not be.
    pub more_unreadable: usize,
}

impl Reconciled {
    /// What came of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.looked += other.looked;
        self.missing.extend(other.missing);
        self.unreadable.extend(other.unreadable);
        self.more_unreadable += other.more_unreadable + self.unreadable.len().saturating_sub(REASONS);
        self.unreadable.truncate(REASONS);
        self
    }
}

/// An event that no callback had brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its id.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// Its subject.
    pub subject: String,
}

/// Reasons that are told; of more only how many.
const REASONS: usize = 100;

/// Events that are stored together: as many as a commit takes easily.
const TOGETHER: usize = 256;

/// Compares polled records with what is known, and stores what is missing unless it is only to be
/// told.
///
/// # Errors
/// The journal failed. What was stored before that stays, and the next poll goes on.
pub async fn reconcile(
    ports: &Ports,
    polls: &dyn Polls,
    plugins: &Plugins,
    source: &Arc<str>,
    records: Vec<Polled>,
    store: bool,
) -> Result<Reconciled, JournalError> {
    let mut reconciled = Reconciled { looked: records.len(), ..Reconciled::default() };
    let mut by_subject = BTreeMap::new();
    for record in records {
        match record.subject() {
            Ok(subject) => drop(by_subject.insert(subject, record)),
            Err(reason) => reconciled.unreadable.push(reason),
        }
    }
    let subjects: BTreeSet<_> = by_subject.keys().cloned().collect();
    let known = if subjects.is_empty() { return Ok(reconciled) } else { polls.known(source.clone(), subjects).await? };
    let mut stored = Vec::new();
    for (subject, record) in by_subject {
        let events = known.by_subject.get(&subject).map_or(&[][..], Vec::as_slice);
        match record.missing(events) {
            Ok(None) => {}
            Ok(Some(body)) => {
                let found = found(ports, plugins, source, body);
                let missing = found.events.iter().map(|new| Missing {
                    id: new.event.id.clone(),
                    event_type: new.event.event_type.to_string(),
                    subject: subject.clone(),
                });
                let missing: Vec<_> = missing.collect();
                if store {
                    stored.push((missing, polls.accept_polled(found, known.next)));
                } else {
                    reconciled.missing.extend(missing);
                }
                if stored.len() >= TOGETHER {
                    settle(&mut stored, &mut reconciled).await?;
                }
            }
            Err(reason) => reconciled.unreadable.push(format!("{subject}: {reason}")),
        }
    }
    settle(&mut stored, &mut reconciled).await?;
    if store {
        let (looked, missed) = (reconciled.looked, reconciled.missing.len());
        ports.observer.observe(&Observation::Polled { source, looked, missed });
    }
    Ok(reconciled)
}

/// Waits for what is being stored. What came while the poll looked is no longer missing.
async fn settle(stored: &mut Vec<(Vec<Missing>, Receipt<Accepted>)>, reconciled: &mut Reconciled) -> Result<(), JournalError> {
    for (missing, receipt) in stored.drain(..) {
        if receipt.await?.stored > 0 {
            reconciled.missing.extend(missing);
        }
    }
    Ok(())
}

fn found(ports: &Ports, plugins: &Plugins, source: &Arc<str>, body: String) -> NewCallback {
    let read = masonhub::read(body.as_bytes());
    NewCallback {
        source: source.clone(),
        received_at: ports.clock.now(),
        remote: None,
        delivery_header: None,
        secret: None,
        events: read.events.into_iter().map(|event| NewEvent { deliveries: plugins.fan_out(&event), event }).collect(),
        body: body.into(),
        unreadable: None,
    }
}
