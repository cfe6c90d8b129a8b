//! Stock counts: absolute, growing older, and not always sent in the order in which they were made.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;

use super::assemble::Planned;
use super::records::{self, Dialect};
use super::truth::Count;
use super::uuid;

/// Counts of each SKU in a scenario.
pub(super) const ROUNDS: usize = 4;
/// Every so manieth SKU, from the first, gets its last count before the last but one.
const OUT_OF_ORDER: usize = 3;

/// Every count of every SKU. All SKUs are counted in rounds, `pause` apart; the newest count of
/// each comes with them.
pub(super) fn counts(
    rng: &mut impl RngExt,
    skus: &[String],
    start: Timestamp,
    pause: SignedDuration,
) -> (Vec<Planned>, Vec<(String, Count)>) {
    let mut events = Vec::new();
    let mut newest = Vec::new();
    for (index, sku) in skus.iter().enumerate() {
        let id = uuid(rng);
        let mut total = rng.random_range(200..900);
        let times: [Timestamp; ROUNDS] = std::array::from_fn(|round| start + pause * i32::try_from(round).unwrap_or(i32::MAX));
        let mut sent = times;
        if index % OUT_OF_ORDER == 0 {
            sent.swap(ROUNDS - 1, ROUNDS - 2);
        }
        let mut last = None;
        for (as_of, at) in times.into_iter().zip(sent) {
            total += rng.random_range(-60..60);
            let damaged = rng.random_range(0..5);
            let count = Count { as_of, total, available: total - damaged - rng.random_range(10..60) };
            let record = records::stock(&id, sku, &count, damaged, &uuid(rng));
            events.push(Planned::listed(at, format!("sku:{sku}"), "skuInventoryChange", Dialect::Silent, record));
            last = Some(count);
        }
        newest.extend(last.map(|count| (sku.clone(), count)));
    }
    (events, newest)
}
