//! How a generation does on recorded deliveries, compared with the one in force.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::diff::{Compared, Likeness};

/// Deliveries that are kept as a sample of what is different.
pub const SAMPLES: usize = 10;

/// Calls of a sampled delivery that are kept.
const SAMPLED_CALLS: usize = 20;

/// Recorded deliveries that two generations were compared on, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The digest of the generation that was compared with: the one in force.
    pub with: String,
    /// Since when it is counted.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Deliveries on which both do the same.
    pub same: u64,
    /// Those on which the new one does something else.
    pub differs: u64,
    /// Those on which it makes a call of which nothing is recorded.
    pub diverged: u64,
    /// Those on which it crashes or breaks a limit, and the other one does not.
    pub trapped: u64,
    /// Those that were not compared: there was no time or no room for them.
    pub skipped: u64,
    /// Some of those on which they are not the same, the first ones.
    pub samples: Vec<Compared>,
}

impl Comparison {
    /// Nothing is compared yet.
    #[must_use]
    pub fn new(with: &str, since: Timestamp) -> Self {
        Self { with: with.to_owned(), since, same: 0, differs: 0, diverged: 0, trapped: 0, skipped: 0, samples: Vec::new() }
    }

    /// Counts a delivery.
    pub fn add(&mut self, compared: Compared) {
        let count = match compared.likeness {
            Likeness::Same => &mut self.same,
            Likeness::Differs => &mut self.differs,
            Likeness::Diverged => &mut self.diverged,
            Likeness::Trapped => &mut self.trapped,
        };
        *count += 1;
        if compared.likeness != Likeness::Same && self.samples.len() < SAMPLES {
            self.samples.push(Compared { diff: compared.diff.pruned(SAMPLED_CALLS), ..compared });
        }
    }

    /// Deliveries on which they are not the same.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.differs + self.diverged + self.trapped
    }

    /// Deliveries that were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.same + self.others()
    }

    /// In words.
    #[must_use]
    pub fn told(&self) -> String {
        let all = self.compared() + self.skipped;
        if all == 0 {
            return "there was no recorded delivery to compare".into();
        }
        let mut told = format!("{} of {all} recorded deliveries are the same", self.same);
        for (count, what) in [
            (self.differs, "differ"),
            (self.diverged, "diverged (a call of which nothing is recorded)"),
            (self.trapped, "trapped"),
            (self.skipped, "were not compared"),
        ] {
            if count > 0 {
                told += &format!(", {count} {what}");
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{DeliveryId, PluginNo};
    use crate::diff::Diff;

    #[test]
    fn all_are_counted_and_some_are_kept() {
        let mut comparison = Comparison::new("d1", Timestamp::UNIX_EPOCH);
        assert_eq!(comparison.told(), "there was no recorded delivery to compare");
        let compared = |event: u64, likeness| {
            let delivery = DeliveryId { event, plugin: PluginNo(1) };
            Compared { event: event.to_string(), event_type: "order.created".into(), delivery, likeness, diff: Diff::default() }
        };
        for event in 0..20 {
            comparison.add(compared(event, Likeness::ALL[usize::try_from(event).unwrap_or_default() % 4]));
        }
        comparison.skipped = 2;
        assert_eq!(
            comparison.told(),
            "5 of 22 recorded deliveries are the same, 5 differ, 5 diverged (a call of which nothing is recorded), 5 trapped, \
             2 were not compared"
        );
        let kept: Vec<_> = comparison.samples.iter().map(|sample| sample.event.as_str()).collect();
        assert_eq!(kept, ["1", "2", "3", "5", "6", "7", "9", "10", "11", "13"], "the first ones that are not the same");
    }
}
