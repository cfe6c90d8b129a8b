//! The heads of one plugin's lines, in the order in which they may run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A note that the delivery in a slot may run at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    /// When, in microseconds.
    pub(super) at: i64,
    /// Among equal times: the event's place, its low bits.
    pub(super) tie: u32,
    pub(super) slot: u32,
}

#[derive(Default)]
pub(super) struct Lane {
    /// May run now.
    ripe: BinaryHeap<Reverse<Due>>,
    /// Waits for its time.
    later: BinaryHeap<Reverse<Due>>,
}

impl Lane {
    pub(super) fn push(&mut self, due: Due, waits: bool) {
        if waits { &mut self.later } else { &mut self.ripe }.push(Reverse(due));
    }

    /// Moves over what has fallen due.
    pub(super) fn ripen(&mut self, now: i64) {
        while self.later.peek().is_some_and(|Reverse(due)| due.at <= now) {
            self.ripe.extend(self.later.pop());
        }
    }

    /// When the next one falls due.
    pub(super) fn next_ripe(&self) -> Option<i64> {
        self.later.peek().map(|Reverse(due)| due.at)
    }

    pub(super) fn front(&self) -> Option<Due> {
        self.ripe.peek().map(|Reverse(due)| *due)
    }

    pub(super) fn pop(&mut self) {
        self.ripe.pop();
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        (self.ripe.capacity() + self.later.capacity()) * size_of::<Due>()
    }
}
