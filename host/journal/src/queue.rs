//! The open deliveries, in memory: which may run now, which later, which wait for their subject.
//!
//! Deliveries of one subject to one plugin form a *line*, in the order of their events, but for a
//! head that runs. Only the head of a line can be claimed, and only if no dead letter holds it.
//! Claims write nothing to the file, so a killed host finds them open again. All times here are by
//! the steady clock, see `Shared::steady`.

mod gaps;
mod lane;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use mortar_core::delivery::PluginNo;
use mortar_core::ports::{Lease, Share};

use crate::key::{BuildAsIs, DeliveryKey, delivery_key, event_of, plugin_of};
use lane::{Due, Lane};

/// Where a delivery lies in memory.
type Slot = u32;
/// No slot.
const NONE: Slot = Slot::MAX;

/// A delivery that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) key: DeliveryKey,
    /// Its line, from [`line`].
    pub(crate) line: u64,
    /// When it may run, if it waits; else what orders it among those that may run.
    pub(crate) due: i64,
    /// Attempts that ended.
    pub(crate) attempts: u32,
    /// Those that count.
    pub(crate) spent: u32,
    /// Tried before, or replayed.
    pub(crate) waiting: bool,
    /// False where certainly no call of it is journaled.
    pub(crate) called: bool,
    /// Its count's time, where the newest of its line wins.
    pub(crate) as_of: Option<i64>,
}

/// The line of a subject at a plugin.
pub(crate) fn line(subject: i64, plugin: PluginNo) -> u64 {
    subject.cast_unsigned() ^ spread(plugin)
}

/// The subject whose line at the plugin it is.
pub(crate) fn subject_of(line: u64, plugin: PluginNo) -> i64 {
    (line ^ spread(plugin)).cast_signed()
}

/// Tells the lines of one subject apart. The subject is a hash already.
fn spread(plugin: PluginNo) -> u64 {
    (u64::from(plugin.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A delivery that was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picked {
    pub(crate) key: DeliveryKey,
    pub(crate) token: u64,
    pub(crate) attempts: u32,
    pub(crate) spent: u32,
    pub(crate) waiting: bool,
    pub(crate) called: bool,
}

/// A delivery in a line where the newest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) key: DeliveryKey,
    pub(crate) as_of: i64,
    /// By the queue's clock in the queue, as stored in a batch.
    pub(crate) due: i64,
    pub(crate) running: bool,
    pub(crate) waiting: bool,
}

/// What is kept of an open delivery: 40 bytes, and with its share of lines and lanes about 100.
#[derive(Clone, Copy)]
struct Entry {
    key: DeliveryKey,
    line: u64,
    due: i64,
    /// Behind it in its line; for a free slot the next free one.
    next: Slot,
    attempts: u32,
    spent: u32,
    flags: u8,
}

const LIVE: u8 = 1;
const RUNNING: u8 = 2;
const WAITING: u8 = 4;
const CALLED: u8 = 8;

impl Entry {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }
}

/// First and last of a line.
#[derive(Clone, Copy)]
struct Line {
    head: Slot,
    tail: Slot,
}

struct Held {
    token: u64,
    expires: i64,
    slot: Slot,
}

/// All open deliveries.
pub(crate) struct Queue {
    entries: Vec<Entry>,
    free: Slot,
    len: usize,
    /// Open deliveries by plugin.
    open: Vec<u64>,
    lines: HashMap<u64, Line, BuildAsIs>,
    counts: HashMap<DeliveryKey, i64>,
    lanes: Vec<Lane>,
    /// Dead letters that hold their line, by line.
    gaps: HashMap<u64, Vec<DeliveryKey>, BuildAsIs>,
    /// Deliveries that are held so.
    behind_gaps: usize,
    held: HashMap<DeliveryKey, Held>,
    next_token: u64,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            len: 0,
            open: Vec::new(),
            lines: HashMap::default(),
            counts: HashMap::new(),
            lanes: Vec::new(),
            gaps: HashMap::default(),
            behind_gaps: 0,
            held: HashMap::new(),
            next_token: 1,
        }
    }

    /// Makes room for so many deliveries at once, each with a line of its own: growing step by step
    /// would take half as much memory again.
    pub(crate) fn reserve(&mut self, deliveries: usize) {
        self.entries.reserve_exact(deliveries);
        self.lines.reserve(deliveries);
    }

    /// Open deliveries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Open deliveries by plugin number.
    pub(crate) fn open(&self) -> &[u64] {
        &self.open
    }

    /// The lowest key of those that were never tried.
    pub(crate) fn first_untried(&self) -> Option<DeliveryKey> {
        self.entries.iter().filter(|e| e.has(LIVE) && !e.has(WAITING)).map(|e| e.key).min()
    }

    /// Puts a delivery into its line, where its key belongs; but never before one that runs.
    pub(crate) fn insert(&mut self, open: Open) {
        self.behind_gaps += usize::from(self.is_behind_gap(open.key, open.line));
        let slot = self.allocate(&open);
        if let Some(as_of) = open.as_of {
            self.counts.insert(open.key, as_of);
        }
        let Some(line) = self.lines.get(&open.line).copied() else {
            self.lines.insert(open.line, Line { head: slot, tail: slot });
            return self.offer(slot);
        };
        let before = if self.entry(line.tail).key < open.key { line.tail } else { self.last_before(line, open.key) };
        self.link(slot, before, line);
        if before == NONE {
            self.offer(slot);
        }
    }

    /// Takes a delivery out: it is over.
    pub(crate) fn close(&mut self, key: DeliveryKey, line: u64) {
        self.held.remove(&key);
        self.counts.remove(&key);
        let Some(found) = self.lines.get(&line).copied() else { return };
        let (mut before, mut slot) = (NONE, found.head);
        while slot != NONE && self.entry(slot).key != key {
            (before, slot) = (slot, self.entry(slot).next);
        }
        if slot != NONE {
            self.behind_gaps -= usize::from(self.is_behind_gap(key, line));
            self.unlink(slot, before, found);
        }
    }

    /// An attempt is over and another one comes when it is due.
    pub(crate) fn wait(&mut self, key: DeliveryKey, due: i64, spent: u32) {
        let Some(held) = self.held.remove(&key) else { return };
        let entry = self.entry_mut(held.slot);
        entry.due = due;
        entry.attempts = entry.attempts.saturating_add(1);
        entry.spent = spent;
        entry.set(WAITING, true);
        self.stop(held.slot);
    }

    /// The attempt under this lease never began. False where somebody else holds it, or nobody.
    pub(crate) fn give_back(&mut self, lease: Lease) -> bool {
        let Some(Open { key, .. }) = self.held(lease) else { return false };
        if let Some(held) = self.held.remove(&key) {
            self.stop(held.slot);
        }
        true
    }

    /// A delivery that does not run and is not the first of its line waits until then.
    pub(crate) fn delay(&mut self, key: DeliveryKey, line: u64, due: i64) {
        let mut slot = self.lines.get(&line).map_or(NONE, |line| line.head);
        while slot != NONE && self.entry(slot).key != key {
            slot = self.entry(slot).next;
        }
        if slot != NONE {
            let entry = self.entry_mut(slot);
            entry.due = due;
            entry.set(WAITING, true);
        }
    }

    /// A call of the delivery was journaled.
    pub(crate) fn called(&mut self, key: DeliveryKey) {
        if let Some(slot) = self.held.get(&key).map(|held| held.slot) {
            self.entry_mut(slot).set(CALLED, true);
        }
    }

    /// The delivery that a lease holds, unless somebody else has taken it over.
    pub(crate) fn held(&self, lease: Lease) -> Option<Open> {
        let key = delivery_key(lease.delivery)?;
        let held = self.held.get(&key).filter(|held| held.token == lease.token)?;
        let entry = self.entry(held.slot);
        Some(Open {
            key,
            line: entry.line,
            due: entry.due,
            attempts: entry.attempts,
            spent: entry.spent,
            waiting: entry.has(WAITING),
            called: entry.has(CALLED),
            as_of: self.counts.get(&key).copied(),
        })
    }

    /// True where a lease holds the delivery.
    pub(crate) fn runs(&self, key: DeliveryKey) -> bool {
        self.held.contains_key(&key)
    }

    /// The deliveries of a line where the newest wins.
    pub(crate) fn counts(&self, line: u64) -> Vec<Count> {
        let mut slot = self.lines.get(&line).map_or(NONE, |line| line.head);
        let mut counts = Vec::new();
        while slot != NONE {
            let entry = self.entry(slot);
            if let Some(as_of) = self.counts.get(&entry.key) {
                counts.push(Count {
                    key: entry.key,
                    as_of: *as_of,
                    due: entry.due,
                    running: entry.has(RUNNING),
                    waiting: entry.has(WAITING),
                });
            }
            slot = entry.next;
        }
        counts
    }

    /// True where an open count of the line is newer than this one.
    pub(crate) fn has_newer(&self, line: u64, as_of: i64, key: DeliveryKey) -> bool {
        self.counts(line).iter().any(|count| (count.as_of, count.key) > (as_of, key))
    }

    /// Frees the deliveries whose lease is over. Answers which.
    pub(crate) fn expire(&mut self, now: i64) -> Vec<DeliveryKey> {
        let over: Vec<_> = self.held.iter().filter(|(_, held)| held.expires <= now).map(|(key, held)| (*key, held.slot)).collect();
        for (key, slot) in &over {
            self.held.remove(key);
            self.stop(*slot);
        }
        over.into_iter().map(|(key, _)| key).collect()
    }

    /// Takes deliveries that may run now, longest due first: of each plugin at most its share.
    pub(crate) fn claim(&mut self, now: i64, max: usize, expires: i64, shares: &[Share]) -> Vec<Picked> {
        for lane in &mut self.lanes {
            lane.ripen(now);
        }
        let mut picked = Vec::new();
        let shares = shares.iter().filter(|share| share.max > 0);
        let mut left: HashMap<_, _> = shares.map(|share| (usize::from(share.plugin.0), share.max)).collect();
        let mut fronts: std::collections::BinaryHeap<_> = left.keys().filter_map(|lane| self.front(*lane)).collect();
        while picked.len() < max
            && let Some(std::cmp::Reverse((due, lane))) = fronts.pop()
        {
            self.lanes[lane].pop();
            picked.push(self.take(due.slot, expires));
            if let Some(left) = left.get_mut(&lane) {
                *left -= 1;
                fronts.extend(if *left > 0 { self.front(lane) } else { None });
            }
        }
        picked
    }

    /// When the next waiting delivery falls due or the next lease ends.
    pub(crate) fn next_change(&self) -> Option<i64> {
        let due = self.lanes.iter().filter_map(Lane::next_ripe).min();
        let lease = self.held.values().map(|held| held.expires).min();
        due.into_iter().chain(lease).min()
    }

    fn take(&mut self, slot: Slot, expires: i64) -> Picked {
        let token = self.next_token;
        self.next_token += 1;
        let entry = self.entry_mut(slot);
        entry.set(RUNNING, true);
        let Entry { key, attempts, spent, .. } = *entry;
        let (waiting, called) = (entry.has(WAITING), entry.has(CALLED));
        self.held.insert(key, Held { token, expires, slot });
        Picked { key, token, attempts, spent, waiting, called }
    }

    /// The first of a lane that may run, with the lane. Drops what no longer holds.
    fn front(&mut self, lane: usize) -> Option<std::cmp::Reverse<(Due, usize)>> {
        loop {
            let due = self.lanes.get(lane)?.front()?;
            if self.holds(due, lane) {
                return Some(std::cmp::Reverse((due, lane)));
            }
            self.lanes[lane].pop();
        }
    }

    /// The head of a line runs no longer. A replayed delivery that had to stand behind it while it
    /// ran goes before it now, if its event is the older one.
    fn stop(&mut self, slot: Slot) {
        self.entry_mut(slot).set(RUNNING, false);
        let Entry { key, line, next, .. } = *self.entry(slot);
        match self.lines.get(&line).copied() {
            Some(mut line) if next != NONE && self.entry(next).key < key => {
                line.head = next;
                let before = self.last_before(line, key);
                self.link(slot, before, line);
                self.offer(next);
            }
            _ => self.offer(slot),
        }
    }

    /// True where a lane's note is still true: lanes are not searched when a line changes.
    fn holds(&self, due: Due, lane: usize) -> bool {
        let entry = self.entry(due.slot);
        entry.has(LIVE)
            && !entry.has(RUNNING)
            && self.due(due.slot) == due
            && usize::from(plugin_of(entry.key).0) == lane
            && self.lines.get(&entry.line).is_some_and(|line| line.head == due.slot)
            && !self.is_behind_gap(entry.key, entry.line)
    }

    /// Notes the head of a line in its plugin's lane.
    fn offer(&mut self, slot: Slot) {
        let (due, entry) = (self.due(slot), self.entry(slot));
        let (lane, waits) = (usize::from(plugin_of(entry.key).0), entry.has(WAITING));
        if self.lanes.len() <= lane {
            self.lanes.resize_with(lane + 1, Lane::default);
        }
        self.lanes[lane].push(due, waits);
    }

    fn due(&self, slot: Slot) -> Due {
        let entry = self.entry(slot);
        Due { at: entry.due, tie: event_of(entry.key) as u32, slot }
    }

    /// The last of the line that goes before `key`: of a lower key, or running.
    fn last_before(&self, line: Line, key: DeliveryKey) -> Slot {
        let (mut before, mut slot) = (NONE, line.head);
        while slot != NONE && (self.entry(slot).key < key || self.entry(slot).has(RUNNING)) {
            (before, slot) = (slot, self.entry(slot).next);
        }
        before
    }

    fn link(&mut self, slot: Slot, before: Slot, mut line: Line) {
        let next = if before == NONE { line.head } else { self.entry(before).next };
        self.entry_mut(slot).next = next;
        if before == NONE {
            line.head = slot;
        } else {
            self.entry_mut(before).next = slot;
        }
        if next == NONE {
            line.tail = slot;
        }
        self.lines.insert(self.entry(slot).line, line);
    }

    fn unlink(&mut self, slot: Slot, before: Slot, mut line: Line) {
        let Entry { next, line: key, .. } = *self.entry(slot);
        if before == NONE {
            line.head = next;
        } else {
            self.entry_mut(before).next = next;
        }
        if next == NONE {
            line.tail = before;
        }
        self.release(slot);
        if line.head == NONE {
            self.lines.remove(&key);
            return;
        }
        self.lines.insert(key, line);
        if before == NONE {
            self.offer(line.head);
        }
    }

    fn allocate(&mut self, open: &Open) -> Slot {
        let flags = LIVE | if open.waiting { WAITING } else { 0 } | if open.called { CALLED } else { 0 };
        let Open { key, line, due, attempts, spent, .. } = *open;
        let entry = Entry { key, line, due, next: NONE, attempts, spent, flags };
        self.len += 1;
        let plugin = usize::from(plugin_of(key).0);
        if self.open.len() <= plugin {
            self.open.resize(plugin + 1, 0);
        }
        self.open[plugin] += 1;
        if self.free == NONE {
            self.entries.push(entry);
            return (self.entries.len() - 1) as Slot;
        }
        let slot = self.free;
        self.free = self.entry(slot).next;
        *self.entry_mut(slot) = entry;
        slot
    }

    fn release(&mut self, slot: Slot) {
        let free = self.free;
        let plugin = usize::from(plugin_of(self.entry(slot).key).0);
        self.open[plugin] -= 1;
        let entry = self.entry_mut(slot);
        entry.flags = 0;
        entry.next = free;
        self.free = slot;
        self.len -= 1;
    }

    /// Bytes of memory that it takes, about.
    #[cfg(test)]
    fn memory(&self) -> usize {
        let lines = self.lines.capacity() * 8 / 7 * (size_of::<(u64, Line)>() + 1);
        self.entries.capacity() * size_of::<Entry>() + lines + self.lanes.iter().map(Lane::memory).sum::<usize>()
    }

    fn entry(&self, slot: Slot) -> &Entry {
        &self.entries[slot as usize]
    }

    fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        &mut self.entries[slot as usize]
    }
}
