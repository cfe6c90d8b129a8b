//! MasonHub's callbacks: from bytes to events, and from a record to its typed form.
//!
//! A body is an envelope, or an array of envelopes, whose `data` holds one record per event. A
//! second, flat shape is one record that names its `event_type`. MasonHub's documents disagree on
//! many a spelling; all of them are read. Nothing genuine is dropped: an unknown type or status
//! still makes an event, and what cannot be read is named in [`Read::unreadable`].

mod derived;
mod event_types;
pub mod fact;
mod goods;
mod inventory;
mod json;
mod order;
mod record;

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use self::event_types::Kind;
use self::json::Text;
use self::record::Record;
use crate::event::{Event, EventType, Subject, SubjectKind, TypedEvent};
use crate::text::shortened;

/// The longest event id, in bytes.
const MAX_ID: usize = 200;
/// The longest event type, in bytes.
const MAX_EVENT_TYPE: usize = 200;
/// The longest subject, in bytes.
const MAX_SUBJECT: usize = 500;
/// How many of the parts that cannot be read are named.
const NAMED_FAILURES: usize = 3;

/// The message types that a callback can be registered for at MasonHub.
pub const MESSAGE_TYPES: [&str; 7] = [
    "orderEvent",
    "orderUpdateResolution",
    "orderCancelResolution",
    "inboundShipmentEvent",
    "skuInventoryChange",
    "snapshotReady",
    "rmaEvent",
];

/// What a body says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// One event per record that could be read.
    pub events: Vec<Event>,
    /// Which parts of the body cannot be read, and why. With no events: the whole body.
    pub unreadable: Option<String>,
    /// True where the sender gave no id, so that an event's id is a hash of its content.
    pub derived_ids: bool,
}

/// Reads the body of a genuine callback.
#[must_use]
pub fn read(body: &[u8]) -> Read {
    let mut reader = Reader { body, read: Read::default(), failures: 0 };
    if let Err(reason) = json::text(body).and_then(|text| reader.body(text)) {
        reader.fail(Place::default(), &reason);
    }
    if reader.failures > NAMED_FAILURES
        && let Some(reason) = &mut reader.read.unreadable
    {
        reason.push_str(&format!("; and {} more", reader.failures - NAMED_FAILURES));
    }
    reader.read
}

/// Reads the record of an event with its family's fields. None for a type that only raw handlers
/// can take.
///
/// # Errors
/// The record does not have the shape of its family; [`read`] makes no event of such a record.
pub fn typed(event_type: &str, payload: &[u8]) -> Result<Option<TypedEvent>, String> {
    let Some(kind) = Kind::of_event_type(event_type) else { return Ok(None) };
    let record = Record::parse(kind, json::text(payload)?)?;
    Ok(Some(record.into()))
}

/// A part of a body, named as in `[2].data[0]`.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Its place in an array of envelopes.
    envelope: Option<usize>,
    /// Its place among the envelope's records.
    record: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.envelope.is_some() { "." } else { "" };
        match self.envelope {
            Some(index) => write!(f, "[{index}]")?,
            None if self.record.is_none() => f.write_str("the body")?,
            None => {}
        }
        self.record.map_or(Ok(()), |index| write!(f, "{dot}data[{index}]"))
    }
}

/// The fields of an envelope, or those of the flat shape that tell it apart.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    message_type: Text<'a>,
    message_id: Text<'a>,
    event_type: Text<'a>,
    event_id: Text<'a>,
    data: Data<'a>,
}

#[derive(Default)]
enum Data<'a> {
    #[default]
    Absent,
    Records(Vec<&'a RawValue>),
    /// One record, not in an array.
    Single,
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Data<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records or one record as `data`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Data<'de>, A::Error> {
                let mut records = Vec::with_capacity(1);
                while let Some(record) = elements.next_element()? {
                    records.push(record);
                }
                Ok(Data::Records(records))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Data<'de>, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Data::Single)
            }

            fn visit_unit<E>(self) -> Result<Data<'de>, E> {
                Ok(Data::Absent)
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

struct Reader<'a> {
    body: &'a [u8],
    read: Read,
    failures: usize,
}

impl<'a> Reader<'a> {
    fn body(&mut self, text: &'a str) -> Result<(), String> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if !text.starts_with('[') {
            return self.envelope(text, None);
        }
        let envelopes: Vec<&'a RawValue> = serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))?;
        if envelopes.is_empty() {
            return Err("no records".to_owned());
        }
        for (index, envelope) in envelopes.into_iter().enumerate() {
            if let Err(reason) = self.envelope(envelope.get(), Some(index)) {
                self.fail(Place { envelope: Some(index), record: None }, &reason);
            }
        }
        Ok(())
    }

    /// Reads an envelope or a flat record.
    fn envelope(&mut self, text: &'a str, place: Option<usize>) -> Result<(), String> {
        let envelope: Envelope<'a> = json::object(text)?;
        if let Some(message_type) = envelope.message_type.as_str() {
            let records = record_texts(text, envelope.data)?;
            self.records(message_type, envelope.message_id.as_str(), &records, place);
            Ok(())
        } else if let Some(event_type) = envelope.event_type.as_str() {
            self.flat(event_type, envelope.event_id.as_str(), text)
        } else {
            Err("neither message_type nor event_type says what it is".to_owned())
        }
    }

    fn records(&mut self, message_type: &str, message_id: Option<&str>, records: &[&'a str], envelope: Option<usize>) {
        let kind = Kind::of_message_type(message_type);
        self.read.events.reserve(records.len());
        for (index, text) in records.iter().copied().enumerate() {
            let id = match message_id {
                Some(id) => Ok(format!("{id}:{index}")),
                None => derived::content_hash(message_type, text).map(|hash| format!("hash-{hash}:{index}")),
            };
            let event = id.and_then(|id| match kind {
                Some(kind) => self.known(kind, None, id, text),
                None => self.raw(event_types::unknown(message_type), id, text),
            });
            match event {
                Ok(event) => self.push(event, message_id.is_none()),
                Err(reason) => self.fail(Place { envelope, record: Some(index) }, &reason),
            }
        }
    }

    fn flat(&mut self, event_type: &str, event_id: Option<&str>, text: &'a str) -> Result<(), String> {
        let id = match event_id {
            Some(id) => id.to_owned(),
            None => format!("flat-{}", derived::content_hash("", text)?),
        };
        let named = EventType::Owned(event_type.to_owned());
        let event = match Kind::of_event_type(event_type) {
            Some(kind) => self.known(kind, Some(named), id, text),
            None => self.raw(named, id, text),
        }?;
        self.push(event, event_id.is_none());
        Ok(())
    }

    fn known(&self, kind: Kind, named: Option<EventType>, id: String, text: &'a str) -> Result<Event, String> {
        let record = Record::parse(kind, text)?;
        let head = record.head();
        let event_type = named.unwrap_or_else(|| EventType::Borrowed(kind.event_type(head.status)));
        let (subject_kind, subject) = head.subject;
        let as_of = head.as_of.and_then(|time| time.parse().ok());
        self.event(event_type, id, Subject { kind: subject_kind, id: subject.to_owned() }, as_of, text)
    }

    /// An event that only raw handlers can take. Nobody knows what it is about, so it waits for
    /// no other.
    fn raw(&self, event_type: EventType, id: String, text: &'a str) -> Result<Event, String> {
        if !text.starts_with('{') {
            return Err("not an object".to_owned());
        }
        let subject = Subject { kind: SubjectKind::Other, id: id.clone() };
        self.event(event_type, id, subject, None, text)
    }

    fn event(
        &self,
        event_type: EventType,
        id: String,
        subject: Subject,
        as_of: Option<jiff::Timestamp>,
        text: &'a str,
    ) -> Result<Event, String> {
        bounded("the event type", &event_type, MAX_EVENT_TYPE)?;
        bounded("the event's id", &id, MAX_ID)?;
        bounded("the subject", &subject.id, MAX_SUBJECT)?;
        if let Some(number) = json::endless_number(text) {
            return Err(shortened(format!("{number} is too large a number")));
        }
        Ok(Event { id, event_type, subject, as_of, record: json::range_in(self.body, text) })
    }

    fn push(&mut self, event: Event, derived: bool) {
        self.read.derived_ids |= derived;
        self.read.events.push(event);
    }

    fn fail(&mut self, place: Place, reason: &str) {
        self.failures += 1;
        if self.failures <= NAMED_FAILURES {
            let reasons = self.read.unreadable.get_or_insert_default();
            let separator = if reasons.is_empty() { "" } else { "; " };
            reasons.push_str(separator);
            reasons.push_str(&shortened(format!("{place}: {reason}")));
        }
    }
}

/// The envelope's records, as text.
fn record_texts<'a>(envelope: &'a str, data: Data<'a>) -> Result<Vec<&'a str>, String> {
    #[derive(Deserialize)]
    struct Single<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    match data {
        Data::Records(records) if !records.is_empty() => Ok(records.into_iter().map(RawValue::get).collect()),
        Data::Single => Ok(vec![json::object::<Single<'a>>(envelope)?.data.get()]),
        Data::Records(_) | Data::Absent => Err("no records".to_owned()),
    }
}

/// Identifiers are keys in journals and answers: they are short, and no database takes a NUL.
fn bounded(what: &str, text: &str, limit: usize) -> Result<(), String> {
    if text.len() > limit {
        Err(format!("{what} is {} bytes long; at most {limit} are read", text.len()))
    } else if text.contains('\0') {
        Err(format!("{what} holds a NUL character"))
    } else {
        Ok(())
    }
}
