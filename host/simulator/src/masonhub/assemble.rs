//! From events to callbacks: envelopes, batches, redeliveries, and what must wait for what.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use super::callback::{Callback, Kind};
use super::records::Dialect;
use super::uuid;

/// MasonHub puts at most so many records into a callback; here fewer, so that there are more.
const RECORDS: usize = 4;

/// An event that is to be sent.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) at: Timestamp,
    pub(super) subject: String,
    pub(super) message_type: &'static str,
    pub(super) dialect: Dialect,
    pub(super) shape: Shape,
    pub(super) record: Value,
    pub(super) forged: bool,
}

/// Where the record stands in the body.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// In the envelope's list.
    Listed,
    /// In the envelope, without a list.
    Single,
    /// It is the body.
    Flat,
}

impl Planned {
    pub(super) fn listed(at: Timestamp, subject: String, message_type: &'static str, dialect: Dialect, record: Value) -> Self {
        Self { at, subject, message_type, dialect, shape: Shape::Listed, record, forged: false }
    }

    pub(super) fn flat(at: Timestamp, subject: String, event_type: &'static str, record: Value) -> Self {
        let (message_type, dialect, shape) = (event_type, Dialect::Silent, Shape::Flat);
        Self { at, subject, message_type, dialect, shape, record, forged: false }
    }

    /// True where the other may follow in an array of envelopes.
    fn joins_body(&self, other: &Self) -> bool {
        let listed = |p: &Self| p.shape == Shape::Listed && !p.forged;
        listed(self) && listed(other) && self.message_type == other.message_type
    }

    /// True where both may stand in one envelope.
    fn joins_envelope(&self, other: &Self) -> bool {
        self.joins_body(other) && self.dialect == other.dialect
    }
}

/// What the merchant registered, which every envelope repeats.
pub(super) struct Registered<'a> {
    pub(super) callback_url: &'a str,
    pub(super) token: Option<&'a str>,
}

/// One body with the subjects it is about.
struct Draft {
    message_type: &'static str,
    subjects: Vec<String>,
    body: Bytes,
    kind: Kind,
}

/// Callbacks in sending order. `events` are in the order in which they are to be sent.
pub(super) fn callbacks(rng: &mut impl RngExt, events: &[Planned], registered: &Registered<'_>) -> Vec<Callback> {
    let drafts = drafts(rng, events, registered);
    let drafts = with_redeliveries(rng, drafts);
    let mut last_of: HashMap<String, usize> = HashMap::new();
    let mut callbacks = Vec::with_capacity(drafts.len());
    for (place, draft) in drafts.into_iter().enumerate() {
        let mut after: Vec<usize> = match draft.kind {
            Kind::Genuine => draft.subjects.iter().filter_map(|s| last_of.insert(s.clone(), place)).collect(),
            Kind::Redelivery(original) => vec![original],
            Kind::Forged => Vec::new(),
        };
        after.retain(|earlier| *earlier != place);
        after.sort_unstable();
        after.dedup();
        let message_type = draft.message_type.to_owned();
        callbacks.push(Callback { message_type, delivery: uuid(rng), body: draft.body, kind: draft.kind, after });
    }
    callbacks
}

/// Each event in a body: most alone, neighbours of one type sometimes in one envelope, envelopes
/// sometimes in an array.
fn drafts(rng: &mut impl RngExt, events: &[Planned], registered: &Registered<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let wanted = match drafts.len() {
            // Whatever the seed: the first stock count comes as an array.
            0 => Some(2),
            _ => rng.random_bool(0.1).then(|| rng.random_range(1..=3)),
        };
        let message_type = first.message_type;
        let (mut envelopes, mut taken) = (Vec::new(), 0);
        while taken == 0 || envelopes.len() < wanted.unwrap_or(1) && rest.get(taken).is_some_and(|next| first.joins_body(next)) {
            let size = batch(rng, &rest[taken..]);
            envelopes.push(enveloped(rng, &rest[taken..taken + size], registered));
            taken += size;
        }
        let body = match wanted {
            Some(_) if first.shape != Shape::Flat => Value::Array(envelopes),
            _ => envelopes.swap_remove(0),
        };
        let subjects = rest[..taken].iter().map(|e| e.subject.clone()).collect();
        let kind = if first.forged { Kind::Forged } else { Kind::Genuine };
        drafts.push(Draft { message_type, subjects, body: body.to_string().into(), kind });
        rest = &rest[taken..];
    }
    drafts
}

/// How many of the first events share an envelope: counts that were made together always do.
fn batch(rng: &mut impl RngExt, events: &[Planned]) -> usize {
    let first = &events[0];
    let mut size = 1;
    while size < RECORDS && events.get(size).is_some_and(|next| first.joins_envelope(next)) {
        if events[size].at != first.at && !rng.random_bool(0.25) {
            break;
        }
        size += 1;
    }
    size
}

/// The envelope of events that share one.
fn enveloped(rng: &mut impl RngExt, events: &[Planned], registered: &Registered<'_>) -> Value {
    let first = &events[0];
    let data = match first.shape {
        Shape::Flat => return first.record.clone(),
        Shape::Single => first.record.clone(),
        Shape::Listed => events.iter().map(|e| e.record.clone()).collect(),
    };
    let mut envelope =
        json!({"callback_url": registered.callback_url, "message_type": first.message_type, "message_id": uuid(rng), "data": data});
    if let Some(version) = first.dialect.api_version() {
        envelope["api_version"] = json!(version);
    }
    if let Some(token) = registered.token {
        envelope["token"] = json!(token);
    }
    envelope
}

/// Sends some callbacks again a while later, the first one to be sure.
fn with_redeliveries(rng: &mut impl RngExt, drafts: Vec<Draft>) -> Vec<Draft> {
    let mut again: Vec<(usize, usize)> = Vec::new();
    for (place, draft) in drafts.iter().enumerate() {
        if draft.kind == Kind::Genuine && (place == 0 || rng.random_bool(0.05)) {
            again.push((place + rng.random_range(0..20), place));
        }
    }
    again.sort_unstable();
    let mut again = again.into_iter().peekable();
    let total = drafts.len();
    let mut places = Vec::with_capacity(total);
    let mut out: Vec<Draft> = Vec::with_capacity(total);
    for (number, draft) in drafts.into_iter().enumerate() {
        places.push(out.len());
        out.push(draft);
        let end = number + 1 == total;
        while let Some((_, original)) = again.next_if(|(slot, _)| *slot <= number || end) {
            let Draft { message_type, body, .. } = &out[places[original]];
            let (message_type, body) = (*message_type, body.clone());
            out.push(Draft { message_type, subjects: Vec::new(), body, kind: Kind::Redelivery(places[original]) });
        }
    }
    out
}
