#![allow(clippy::unwrap_used)]

use std::time::Duration;

use mortar_core::delivery::PluginNo;
use proptest::prelude::*;

use super::{Open, Queue, line};
use crate::key::{delivery_id, nested, plugin_of};
use mortar_core::ports::{Lease, Share};

/// The queue, as simply as it can be said.
#[derive(Default)]
struct Model {
    /// Lines, each in order.
    lines: std::collections::BTreeMap<u64, Vec<Delivery>>,
}

#[derive(Clone, Debug)]
struct Delivery {
    open: Open,
    /// Token and expiry.
    held: Option<(u64, i64)>,
}

impl Model {
    fn insert(&mut self, open: Open) {
        let line = self.lines.entry(open.line).or_default();
        let place = line.iter().position(|d| d.held.is_none() && d.open.key > open.key).unwrap_or(line.len());
        line.insert(place, Delivery { open, held: None });
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.lines.values_mut().flatten()
    }

    fn remove(&mut self, key: i64) {
        self.lines.values_mut().for_each(|line| line.retain(|d| d.open.key != key));
    }

    fn expire(&mut self, now: i64) -> Vec<i64> {
        let over = self.all().filter(|d| d.held.is_some_and(|(_, expires)| expires <= now));
        let over: Vec<_> = over.map(|d| d.open).collect();
        over.into_iter().map(|open| self.put_back(open)).collect()
    }

    /// It runs no longer.
    fn put_back(&mut self, open: Open) -> i64 {
        self.remove(open.key);
        self.insert(open);
        open.key
    }

    fn claim(&mut self, now: i64, max: usize, shares: &[Share]) -> Vec<i64> {
        let heads = self.lines.values().filter_map(|line| line.first());
        let mut ready: Vec<_> =
            heads.filter(|d| d.held.is_none() && (!d.open.waiting || d.open.due <= now)).map(|d| (d.open.due, d.open.key)).collect();
        ready.sort_unstable();
        let mut left: std::collections::BTreeMap<_, _> = shares.iter().map(|share| (share.plugin, share.max)).collect();
        let within = |key: &i64| left.get_mut(&plugin_of(*key)).is_some_and(|left| left.checked_sub(1).map(|less| *left = less).is_some());
        ready.into_iter().map(|(_, key)| key).filter(within).take(max).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    New { subject: i64, plugin: u16 },
    Replay { which: prop::sample::Index },
    Claim { max: usize, shares: Vec<Share>, lease: i64 },
    Close { which: prop::sample::Index },
    Wait { which: prop::sample::Index, wait: i64 },
    Supersede { which: prop::sample::Index },
    Advance(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<prop::sample::Index>;
    prop_oneof![
        4 => (0..4i64, 1..4u16).prop_map(|(subject, plugin)| Step::New { subject, plugin }),
        1 => which().prop_map(|which| Step::Replay { which }),
        4 => (0..4usize, prop::collection::btree_map(1..4u16, 0..3usize, 0..=3), 1..20i64).prop_map(|(max, shares, lease)| {
            let shares = shares.into_iter().map(|(no, max)| Share { plugin: PluginNo(no), max }).collect();
            Step::Claim { max, shares, lease }
        }),
        3 => which().prop_map(|which| Step::Close { which }),
        2 => (which(), 0..10i64).prop_map(|(which, wait)| Step::Wait { which, wait }),
        1 => which().prop_map(|which| Step::Supersede { which }),
        2 => (1..8i64).prop_map(Step::Advance),
    ]
}

/// Queue and model side by side.
struct Pair {
    queue: Queue,
    model: Model,
    closed: Vec<Open>,
    now: i64,
    next: i64,
}

impl Pair {
    fn insert(&mut self, open: Open) {
        self.queue.insert(open);
        self.model.insert(open);
    }

    fn held(&mut self, which: &prop::sample::Index) -> Option<(Open, Lease)> {
        let held: Vec<_> = self.model.all().filter_map(|d| d.held.map(|(token, _)| (d.open, token))).collect();
        let (open, token) = held.get(which.index(held.len().max(1)))?;
        Some((*open, Lease { delivery: delivery_id(open.key), token: *token }))
    }

    fn close(&mut self, open: Open) {
        self.queue.close(open.key, open.line);
        self.model.remove(open.key);
        self.closed.push(open);
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::New { subject, plugin } => {
                let (plugin, event) = (PluginNo(*plugin), self.next);
                self.next += 1;
                let key = nested(event, i64::from(plugin.0));
                let line = line(*subject, plugin);
                self.insert(Open { key, line, due: self.now, attempts: 0, spent: 0, waiting: false, called: false, as_of: None });
            }
            Step::Replay { which } if !self.closed.is_empty() => {
                let open = self.closed.swap_remove(which.index(self.closed.len()));
                self.insert(Open { due: self.now, waiting: true, ..open });
            }
            Step::Claim { max, shares, lease } => {
                let mut expired = self.queue.expire(self.now);
                expired.sort_unstable();
                let mut expected = self.model.expire(self.now);
                expected.sort_unstable();
                prop_assert_eq!(expired, expected);
                let picked = self.queue.claim(self.now, *max, self.now + lease, shares);
                let expected = self.model.claim(self.now, *max, shares);
                prop_assert_eq!(picked.iter().map(|p| p.key).collect::<Vec<_>>(), expected);
                for picked in picked {
                    let expires = self.now + lease;
                    self.model.all().filter(|d| d.open.key == picked.key).for_each(|d| d.held = Some((picked.token, expires)));
                }
            }
            Step::Close { which } => {
                if let Some((open, lease)) = self.held(which) {
                    prop_assert_eq!(self.queue.held(lease), Some(open));
                    self.close(open);
                    prop_assert_eq!(self.queue.held(lease), None);
                }
            }
            Step::Wait { which, wait } => {
                if let Some((open, lease)) = self.held(which) {
                    let open = Open { due: self.now + wait, attempts: open.attempts + 1, spent: open.spent + 1, waiting: true, ..open };
                    self.queue.wait(open.key, open.due, open.spent);
                    self.model.put_back(open);
                    prop_assert_eq!(self.queue.held(lease), None);
                }
            }
            Step::Supersede { which } => {
                let free: Vec<_> = self.model.all().filter(|d| d.held.is_none()).map(|d| d.open).collect();
                if let Some(open) = free.get(which.index(free.len().max(1))) {
                    self.close(*open);
                }
            }
            Step::Advance(by) => self.now += by,
            Step::Replay { .. } => {}
        }
        prop_assert_eq!(self.queue.len(), self.model.all().count());
        prop_assert_eq!(self.queue.first_untried(), self.model.all().filter(|d| !d.open.waiting).map(|d| d.open.key).min());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_queue_does_what_the_model_does(steps in prop::collection::vec(step(), 1..200)) {
        let mut pair = Pair { queue: Queue::new(), model: Model::default(), closed: Vec::new(), now: 100, next: 1 };
        for step in &steps {
            pair.apply(step)?;
        }
    }

    /// Whoever sleeps until the next change misses nothing.
    #[test]
    fn nothing_falls_due_before_the_next_change(steps in prop::collection::vec(step(), 1..100)) {
        let mut pair = Pair { queue: Queue::new(), model: Model::default(), closed: Vec::new(), now: 100, next: 1 };
        for step in &steps {
            pair.apply(step)?;
        }
        let all = [1, 2, 3].map(|no| Share { plugin: PluginNo(no), max: 100 });
        pair.queue.expire(pair.now);
        while !pair.queue.claim(pair.now, 100, i64::MAX, &all).is_empty() {}
        let next = pair.queue.next_change().unwrap_or(i64::MAX);
        if next < i64::MAX {
            prop_assert!(next > pair.now);
            let before = next - 1;
            prop_assert!(pair.queue.expire(before).is_empty());
            prop_assert!(pair.queue.claim(before, 100, i64::MAX, &all).is_empty());
        }
    }
}

#[test]
fn an_open_delivery_takes_a_hundred_bytes() {
    let mut queue = Queue::new();
    let many = 1_000_000;
    for event in 1..=many {
        let subject = crate::key::HashKeys::new([7; 32]).subject("masonhub", &event.to_string());
        let (key, line) = (nested(event, 1), line(subject, PluginNo(1)));
        queue.insert(Open { key, line, due: event, attempts: 0, spent: 0, waiting: false, called: false, as_of: None });
    }
    let each = queue.memory() / many as usize;
    assert!(each <= 100, "{each} bytes");
}

#[test]
fn slots_are_used_again() {
    let mut queue = Queue::new();
    let hour = Duration::from_secs(3600).as_micros() as i64;
    for event in 1..10_000 {
        let open = Open {
            key: nested(event, 1),
            line: event as u64,
            due: event,
            attempts: 0,
            spent: 0,
            waiting: false,
            called: false,
            as_of: None,
        };
        queue.insert(open);
        let picked = queue.claim(event, 1, hour, &[Share { plugin: PluginNo(1), max: 1 }]);
        assert_eq!(picked[0].key, open.key);
        queue.close(open.key, open.line);
    }
    assert_eq!(queue.len(), 0);
    assert!(queue.memory() < 2000, "{}", queue.memory());
}
