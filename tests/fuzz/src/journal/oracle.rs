//! Whether what a journal tells is what its file says.

use std::path::Path;

use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, Gap};
use mortar_core::ports::NewCallback;
use mortar_core::story::{DeliveryStory, EventStory, EventSummary, Fate, Quarantined, Rejected, RoundTrip, RoundTripSummary};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// What it told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) events: Vec<EventSummary>,
    pub(super) stories: Vec<EventStory>,
    pub(super) round_trips: Vec<RoundTripSummary>,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) rejected: Vec<Rejected>,
    /// By table and id.
    pub(super) set_aside: Vec<(&'static str, u64, NewCallback)>,
}

/// Compares it with the file, read as plainly as can be.
pub(super) fn agrees(path: &Path, told: &Told) {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let file = File(&conn);
    for event in &told.events {
        file.event(event);
    }
    for story in &told.stories {
        file.event(&story.event);
        let payload = "SELECT CAST(substr(p.bytes, e.start + 1, e.length) AS BLOB), length(p.bytes) >= e.start + e.length
            FROM events e JOIN packs p ON p.id = e.pack WHERE e.seq = ?";
        let row = file.row(payload, story.event.seq.cast_signed(), 2);
        let Value::Blob(bytes) = &row[0] else { panic!("{row:?}") };
        assert_eq!((String::from_utf8_lossy(bytes).as_ref(), &row[1]), (story.payload.as_str(), &Value::Integer(1)), "the record");
        story.deliveries.iter().for_each(|delivery| file.delivery(delivery));
    }
    for one in &told.round_trips {
        file.round_trip(key(one.delivery), &one.round_trip);
    }
    for one in &told.quarantined {
        file.says("SELECT received_at FROM quarantine WHERE id = ?", one.id.cast_signed(), &[micros(one.received_at)]);
    }
    for one in &told.rejected {
        file.says("SELECT received_at FROM rejected WHERE id = ?", one.id.cast_signed(), &[micros(one.received_at)]);
    }
    for (table, id, callback) in &told.set_aside {
        let remote = callback.remote.map_or(Value::Null, |remote| Value::Text(remote.to_string()));
        let expected = [micros(callback.received_at), Value::Blob(callback.body.to_vec()), remote];
        file.says(&format!("SELECT received_at, body, remote FROM {table} WHERE id = ?"), id.cast_signed(), &expected);
    }
}

struct File<'c>(&'c Connection);

impl File<'_> {
    fn event(&self, event: &EventSummary) {
        let expected = [text(&event.id), text(&event.subject), micros(event.received_at)];
        self.says("SELECT event_id, subject, received_at FROM events WHERE seq = ?", event.seq.cast_signed(), &expected);
    }

    fn delivery(&self, story: &DeliveryStory) {
        let delivery = &story.delivery;
        let key = key(delivery.id);
        if let Some(round_trip) = &story.round_trip {
            self.round_trip(key, round_trip);
        }
        let gap = match delivery.gap {
            Gap::Skip => Value::Null,
            gap => Value::Integer(gap as i64),
        };
        let expected = [Value::Integer(delivery.state as i64), micros(delivery.at), Value::Integer(delivery.attempts.into()), gap];
        self.says("SELECT state, at, attempts, gap FROM deliveries WHERE id = ?", key, &expected);
        for call in &story.calls {
            let (fate, status, at) = match &call.fate {
                Fate::Intended { .. } => (0, None, None),
                Fate::Unsent => (1, None, None),
                Fate::Answered { at, response, .. } => (2, Some(response.status), Some(*at)),
            };
            let id = key << 10 | i64::from(call.ordinal);
            let expected = [Value::Integer(fate), micros(call.sent_at), Value::Integer(call.attempt.into()), text(&call.step)];
            self.says("SELECT fate, sent_at, attempt, step FROM calls WHERE id = ?", id, &expected);
            if let Some((status, at)) = status.zip(at) {
                self.says("SELECT status, answered_at FROM calls WHERE id = ?", id, &[Value::Integer(status.into()), micros(at)]);
            }
        }
        let attempts = self.row("SELECT count(*) FROM attempts WHERE id >> 10 = ?", key, 1);
        assert_eq!(attempts, [Value::Integer(story.attempts.len() as i64)], "every attempt is told");
    }

    fn round_trip(&self, key: i64, told: &RoundTrip) {
        let expected = [Value::Integer(told.state as i64), micros(told.at), Value::Integer(told.looks.into())];
        self.says("SELECT state, at, looks FROM round_trips WHERE id = ?", key, &expected);
    }

    fn says(&self, sql: &str, id: i64, expected: &[Value]) {
        assert_eq!(self.row(sql, id, expected.len()), expected, "{sql} ({id})");
    }

    fn row(&self, sql: &str, id: i64, columns: usize) -> Vec<Value> {
        self.0.query_row(sql, [id], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap()
    }
}

fn key(DeliveryId { event, plugin }: DeliveryId) -> i64 {
    event.cast_signed() << 10 | i64::from(plugin.0)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn micros(time: Timestamp) -> Value {
    Value::Integer(time.as_microsecond())
}
