//! A genuine callback becomes stored events and deliveries.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::event::Event;
use mortar_core::masonhub;
use mortar_core::ports::{JournalError, NewCallback, NewEvent, Observation};
use tokio::time::Instant;

use crate::Ports;
use crate::plugins::Plugins;
use crate::traces;

/// A callback that was proven genuine.
#[derive(Clone, Debug)]
pub struct Genuine {
    /// The source it came in by.
    pub source: Arc<str>,
    /// When.
    pub received_at: Timestamp,
    /// From where.
    pub remote: Option<IpAddr>,
    /// The sender's identifier of this delivery.
    pub delivery_header: Option<String>,
    /// Which secret matched, from 1.
    pub secret: Option<u8>,
    /// The raw body.
    pub body: Bytes,
}

/// What became of a callback. It is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The ids of all its events, known ones included.
    pub events: Vec<String>,
    /// How many of them were new.
    pub stored: usize,
    /// How many of them were known.
    pub duplicates: usize,
    /// Why the callback, or a part of it, is in quarantine.
    pub unreadable: Option<String>,
    /// True where the sender gave no id, so that the ids are hashes of the content.
    pub derived_ids: bool,
}

/// Reads and stores a callback. When this returns `Ok`, it is durable.
///
/// # Errors
/// Nothing was stored; the sender has to come again.
pub async fn accept(ports: &Ports, plugins: &Plugins, callback: Genuine) -> Result<Acceptance, JournalError> {
    let read = masonhub::read(&callback.body);
    observe(ports, &callback, &read.events);
    let ids: Vec<_> = read.events.iter().map(|e| e.id.clone()).collect();
    let events = read.events.into_iter().map(|event| NewEvent { deliveries: plugins.fan_out(&event), event });
    let (source, received_at) = (callback.source.clone(), callback.received_at);
    let began = Instant::now();
    let stored = ports
        .journal
        .accept(NewCallback {
            source: callback.source,
            received_at: callback.received_at,
            remote: callback.remote,
            delivery_header: callback.delivery_header,
            secret: callback.secret,
            body: callback.body,
            events: events.collect(),
            unreadable: read.unreadable.clone(),
        })
        .await?;
    ports.observer.observe(&Observation::Events { source: &source, stored: stored.stored, duplicates: stored.duplicates });
    if let Some(context) = ids.first().and_then(|event| ports.observer.trace(&source, event)) {
        ports.observer.span(traces::callback(context, &source, received_at, began.elapsed(), &stored));
    }
    Ok(Acceptance {
        events: ids,
        stored: stored.stored,
        duplicates: stored.duplicates,
        unreadable: read.unreadable,
        derived_ids: read.derived_ids,
    })
}

/// Counts what came, before it is known whether it can be stored.
fn observe(ports: &Ports, callback: &Genuine, events: &[Event]) {
    let (source, at) = (&*callback.source, callback.received_at);
    ports.observer.observe(&Observation::Verified { source, secret: callback.secret, at });
    for event in events {
        let lag = event.as_of.map(|as_of| at.duration_since(as_of));
        ports.observer.observe(&Observation::Read { source, event_type: &event.event_type, lag });
    }
}
