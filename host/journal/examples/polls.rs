//! What a poll costs: `cargo run --release -p mortar-journal --example polls`.
//!
//! Fills a journal with events of many orders, then asks what is known of some of them, as polls do:
//! the first time after a start, which goes through all events, and then again. Arguments, all
//! optional: `events=1000000 subjects=200`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;

use jiff::Timestamp;
use mortar_core::masonhub::read;
use mortar_core::ports::{Clock, Journal, NewCallback, NewEvent, Polls};
use mortar_journal::{Options, SqliteJournal};
use tokio::time::Instant;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock itself")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Events of one callback.
const BATCH: u64 = 30;

fn callback(nth: u64) -> NewCallback {
    let record = |order: u64| {
        let parcel = format!(r#"{{"tracking_number":"1Z{order:016}","shipping_provider":"UPS","shipment_id":"shp_{order}"}}"#);
        format!(r#"{{"customer_identifier":"SO-{}","status":"fulfilled","shipments":[{parcel}]}}"#, order % 300_000)
    };
    let records: Vec<_> = (0..BATCH).map(|at| record(nth * BATCH + at)).collect();
    let body = format!(r#"{{"message_type":"orderEvent","message_id":"m-{nth}","data":[{}]}}"#, records.join(","));
    NewCallback {
        source: "masonhub".into(),
        received_at: Timestamp::UNIX_EPOCH,
        remote: None,
        delivery_header: None,
        secret: None,
        events: read(body.as_bytes()).events.into_iter().map(|event| NewEvent { event, deliveries: Vec::new() }).collect(),
        body: body.into(),
        unreadable: None,
    }
}

#[tokio::main]
async fn main() {
    let argument = |name: &str, default: u64| {
        let mut arguments = std::env::args().skip(1);
        arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=')?.parse().ok()).unwrap_or(default)
    };
    let (events, subjects) = (argument("events", 1_000_000), argument("subjects", 200));
    let directory = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&directory.path().join("journal.db"), Options::default(), Arc::new(SystemClock)).unwrap();
    for first in (0..events / BATCH).step_by(256) {
        let batch: Vec<_> = (first..(first + 256).min(events / BATCH)).map(|nth| journal.accept(callback(nth))).collect();
        for receipt in batch {
            receipt.await.unwrap();
        }
    }
    for what in ["the first poll", "the second", "the third"] {
        let asked = (0..subjects).map(|nth| format!("order:SO-{}", nth * 37)).collect();
        let started = Instant::now();
        let known = journal.known("masonhub".into(), asked).await.unwrap();
        let found: usize = known.by_subject.values().map(Vec::len).sum();
        println!("{what} over {events} events: {:.1} ms, {found} events of {subjects} orders", started.elapsed().as_secs_f64() * 1e3);
    }
}
