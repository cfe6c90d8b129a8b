//! What customers send back.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::assemble::Planned;
use super::records::{self, Dialect};
use super::truth::{Received, ReturnTruth, Step};
use super::uuid;

/// The way of a return that arrives.
const WHOLE: &[&str] = &["tendered", "inTransit", "delivered", "arrived", "receivingStarted", "received"];
/// The way of one that is lost.
const LOST: &[&str] = &["tendered", "inTransit", "undeliverable"];

/// All events of one return of the given order in their order.
pub(super) fn customer_return(
    rng: &mut impl RngExt,
    sku: &str,
    order: &str,
    number: &str,
    lost: bool,
    start: Timestamp,
) -> (Vec<Planned>, ReturnTruth) {
    let dialect = *[Dialect::V1, Dialect::V2].choose(rng).expect("two dialects");
    let id = uuid(rng);
    let mut truth = ReturnTruth { order: order.to_owned(), ..ReturnTruth::default() };
    let mut events = Vec::new();
    let mut at = start;
    for status in if lost { LOST } else { WHOLE } {
        at += SignedDuration::from_secs(rng.random_range(1200..4800));
        let mut record = records::return_status(&id, number, status, at, dialect);
        if *status == "received" {
            truth.lines = vec![Received { sku: sku.to_owned(), expected: 1, received: 1, damaged: rng.random_range(0..2) }];
            record["details"] = records::return_details(order, &format!("1z{number}"), &truth.lines);
        }
        events.push(Planned::listed(at, format!("return:{number}"), "rmaEvent", dialect, record));
        let event_type = match *status {
            "inTransit" => "return.in_transit".to_owned(),
            "receivingStarted" => "return.receiving_started".to_owned(),
            plain => format!("return.{plain}"),
        };
        truth.steps.push(Step::new(event_type, *status));
    }
    (events, truth)
}
