//! MasonHub's callbacks.

use std::collections::HashSet;

use mortar_core::masonhub::{read, typed};

/// Reads a body: what is not an event is named as unreadable, and every event can be run.
pub fn check(body: &[u8]) {
    let first = read(body);
    assert_eq!(first, read(body), "read twice, it says the same");
    assert!(first.unreadable.is_some() || !first.events.is_empty(), "a callback that is neither event nor quarantined is lost");
    let mut from = 0;
    for event in &first.events {
        assert!(!event.id.is_empty() && event.id.len() <= 200, "{}", event.id);
        assert!(!event.subject.id.is_empty() && event.subject.id.len() <= 500, "{}", event.subject.id);
        assert!(event.record.start >= from, "records follow each other");
        from = event.record.end;
        let payload = &body[event.record.clone()];
        assert!(serde_json::from_slice::<serde_json::Value>(payload).is_ok_and(|record| record.is_object()));
        assert_eq!(typed(&event.event_type, payload).err(), None, "what made an event can be run");
    }
    if first.unreadable.is_none() && !first.derived_ids {
        every_record(body, &first.events.iter().map(|event| event.record.clone()).collect());
    }
}

/// Where nothing is unreadable, every record of the body is an event.
fn every_record(body: &[u8], events: &HashSet<std::ops::Range<usize>>) {
    // An endless number outside of the records is read by nobody else.
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return };
    let envelopes = match body {
        serde_json::Value::Array(envelopes) => envelopes,
        envelope => vec![envelope],
    };
    let records = |envelope: &serde_json::Value| match &envelope["data"] {
        serde_json::Value::Array(records) if has_text(&envelope["message_type"]) => records.len(),
        _ => 1,
    };
    assert_eq!(envelopes.iter().map(records).sum::<usize>(), events.len(), "every record is an event");
}

fn has_text(value: &serde_json::Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.is_empty())
}
