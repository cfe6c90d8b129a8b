//! Dead letters that hold their line, and what is held by them.

use super::{Entry, NONE, Queue};
use crate::key::DeliveryKey;

impl Queue {
    /// Open deliveries that a dead letter holds.
    pub(crate) fn behind_gaps(&self) -> usize {
        self.behind_gaps
    }

    /// A dead letter holds its line: what is behind it cannot be claimed.
    pub(crate) fn hold(&mut self, key: DeliveryKey, line: u64) {
        self.changing(line, |queue| queue.gaps.entry(line).or_default().push(key));
    }

    /// The dead letter no longer holds its line, if it did.
    pub(crate) fn let_go(&mut self, key: DeliveryKey, line: u64) {
        self.changing(line, |queue| queue.close_gap(key, line));
    }

    fn close_gap(&mut self, key: DeliveryKey, line: u64) {
        let Some(gaps) = self.gaps.get_mut(&line) else { return };
        gaps.retain(|gap| *gap != key);
        if gaps.is_empty() {
            self.gaps.remove(&line);
        }
        if let Some(head) = self.lines.get(&line).map(|line| line.head) {
            self.offer(head);
        }
    }

    /// True where a dead letter holds a delivery of this line.
    pub(super) fn is_behind_gap(&self, key: DeliveryKey, line: u64) -> bool {
        self.gaps.get(&line).is_some_and(|gaps| gaps.iter().any(|gap| *gap < key))
    }

    /// Changes the gaps of a line, and counts anew how many of it are held.
    fn changing(&mut self, line: u64, change: impl FnOnce(&mut Self)) {
        let before = self.behind_gaps_of(line);
        change(self);
        self.behind_gaps = self.behind_gaps + self.behind_gaps_of(line) - before;
    }

    fn behind_gaps_of(&self, line: u64) -> usize {
        if !self.gaps.contains_key(&line) {
            return 0;
        }
        let (mut slot, mut count) = (self.lines.get(&line).map_or(NONE, |line| line.head), 0);
        while slot != NONE {
            let Entry { key, next, .. } = *self.entry(slot);
            count += usize::from(self.is_behind_gap(key, line));
            slot = next;
        }
        count
    }
}
