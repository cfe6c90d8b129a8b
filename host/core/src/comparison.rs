//! How a generation does on recorded deliveries, compared with the one in force.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diff::{Compared, Likeness};

/// Deliveries that are kept as a sample of what is different.
pub const SAMPLES: usize = 10;

/// Calls of a sampled delivery that are kept.
const SAMPLED_CALLS: usize = 20;

/// Recorded deliveries that two generations were compared on, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The digest of the generation that was compared with: the one in force.
    pub with: String,
    /// Since when it is counted.
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
