//! Deliveries are claimed, their calls are journaled, their attempts end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::delivery::{DeliveryId, Gap, PluginNo, State, Verdict};
use mortar_core::ports::{CallWrite, Claim, Finish, Finished, JournalError, Lease, Share, StateEntry, StateWrite};
use mortar_core::story::{Call, Fate};

use super::Work;
use super::tables::{IN_PLACE, OUTDATED, Tables};
use crate::mutation::Mutation;

/// The most calls of a delivery.
const CALLS: u16 = 1024;

/// Who runs what. It is lost with the host.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: BTreeMap<DeliveryId, Held>,
    /// Tokens given out.
    tokens: u64,
    /// When the last claim was made: what was due then is no news.
    claimed_at: Option<Timestamp>,
    /// What this host has lost sight of.
    lost: BTreeSet<DeliveryId>,
}

#[derive(Debug)]
struct Held {
    token: u64,
    expires: Timestamp,
    since: Timestamp,
    /// Handed out twice at the same time, by a host that breaks the rule.
    twice: bool,
}

impl Leases {
    pub(super) fn runs(&self, id: DeliveryId) -> bool {
        self.held.contains_key(&id)
    }

    pub(super) fn since(&self, id: DeliveryId) -> Option<Timestamp> {
        self.held.get(&id).map(|held| held.since)
    }

    /// When the next waiting delivery falls due, or the next lease ends.
    pub(super) fn next_change(&self, tables: &Tables) -> Option<Timestamp> {
        let waiting = tables.deliveries.iter().filter(|(id, delivery)| delivery.state == State::Waiting && !self.runs(**id));
        let due = waiting.map(|(_, delivery)| delivery.at).filter(|at| self.claimed_at.is_none_or(|claimed| *at > claimed));
        due.chain(self.held.values().map(|held| held.expires)).min()
    }
}

impl Work<'_> {
    /// The host starts.
    pub(super) fn start(&mut self) {
        if self.breaks(Mutation::LoseWaiting) {
            let waiting = self.tables.deliveries.iter().filter(|(_, delivery)| delivery.state == State::Waiting);
            self.leases.lost = waiting.map(|(id, _)| *id).collect();
        }
    }

    pub(super) fn claim(&mut self, now: Timestamp, max: usize, lease: Duration, shares: &[Share]) -> Vec<Claim> {
        self.leases.held.retain(|_, held| held.expires > now);
        self.leases.claimed_at = Some(now);
        let mut due = self.heads();
        due.retain(|id| {
            let delivery = &self.tables.deliveries[id];
            delivery.state != State::Waiting || delivery.at <= now
        });
        due.sort_by_key(|id| (self.tables.deliveries[id].at, *id));
        let mut left: BTreeMap<_, _> = shares.iter().map(|share| (share.plugin, share.max)).collect();
        due.retain(|id| left.get_mut(&id.plugin).is_some_and(|left| left.checked_sub(1).map(|less| *left = less).is_some()));
        due.truncate(max);
        due.into_iter().map(|id| self.take(id, now, lease)).collect()
    }

    /// The deliveries that are first of their line and do not run.
    fn heads(&self) -> Vec<DeliveryId> {
        let mut lines = BTreeMap::new();
        let mut heads = Vec::new();
        for (id, _) in self.tables.deliveries.iter().filter(|(id, delivery)| delivery.state.is_open() && !self.leases.lost.contains(id)) {
            let event = &self.tables.events[&id.event].event;
            let line = lines.entry((id.plugin, &*event.source, &*event.subject)).or_insert((*id, false));
            line.1 |= self.leases.runs(*id);
            if self.breaks(Mutation::ForgetOrder) && !self.leases.runs(*id) {
                heads.push(*id);
            }
        }
        if !self.breaks(Mutation::ForgetOrder) {
            let once = |head: &DeliveryId| self.leases.held.get(head).is_some_and(|held| !held.twice);
            let again = |head: &DeliveryId| self.breaks(Mutation::ForgetLeases) && once(head);
            let free = lines.into_values().filter(|(head, running)| !running || again(head));
            heads.extend(free.map(|(head, _)| head));
        }
        if !self.breaks(Mutation::ForgetGaps) {
            heads.retain(|head| self.tables.held_by(*head).is_none());
        }
        heads
    }

    fn take(&mut self, id: DeliveryId, now: Timestamp, lease: Duration) -> Claim {
        self.leases.tokens += 1;
        let token = self.leases.tokens;
        let expires = SignedDuration::try_from(lease).ok().and_then(|lease| now.checked_add(lease).ok()).unwrap_or(Timestamp::MAX);
        let twice = self.leases.runs(id);
        self.leases.held.insert(id, Held { token, expires, since: now, twice });
        let delivery = &self.tables.deliveries[&id];
        let mut calls: Vec<Call> = delivery.calls.values().cloned().collect();
        if self.breaks(Mutation::ForgetSteps) {
            calls.clear();
        }
        if self.breaks(Mutation::ResendInDoubt) {
            calls.iter_mut().filter(|call| matches!(call.fate, Fate::Intended { .. })).for_each(|call| call.fate = Fate::Unsent);
        }
        Claim {
            lease: Lease { delivery: id, token },
            attempt: delivery.attempts + 1,
            spent: delivery.spent,
            since: delivery.since,
            event: self.tables.events[&id.event].event.clone(),
            calls,
            keep_steps: delivery.keep_steps,
        }
    }

    fn check_lease(&self, lease: Lease) -> Result<(), JournalError> {
        let holds = self.leases.held.get(&lease.delivery).is_some_and(|held| held.token == lease.token);
        if holds || self.breaks(Mutation::ForgetTokens) || self.breaks(Mutation::ForgetLeases) {
            Ok(())
        } else {
            Err(JournalError::LeaseLost)
        }
    }

    pub(super) fn call(&mut self, lease: Lease, write: CallWrite) -> Result<(), JournalError> {
        self.check_lease(lease)?;
        let Some(delivery) = self.tables.deliveries.get_mut(&lease.delivery) else { return Err(JournalError::LeaseLost) };
        match write {
            CallWrite::Put(call) if call.ordinal >= CALLS => return Err(JournalError::Refused("too many calls".into())),
            CallWrite::Put(call) => drop(delivery.calls.insert(call.ordinal, call)),
            CallWrite::Fate { ordinal, fate } => match delivery.calls.get_mut(&ordinal) {
                Some(call) => call.fate = fate,
                None => return Err(JournalError::NotFound(format!("there is no call {ordinal}"))),
            },
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, finish: Finish) -> Result<Finished, JournalError> {
        let Finish { lease, verdict, gap, attempt, state, .. } = finish;
        self.check_lease(lease)?;
        let id = lease.delivery;
        if matches!(verdict, Verdict::Done | Verdict::Ignored { .. }) {
            if !state.iter().all(|write| self.agrees(id.plugin, write)) {
                return Ok(Finished::StateConflict);
            }
            state.into_iter().for_each(|write| self.write_state(id.plugin, write));
        }
        let line = self.tables.line(id);
        let mut rivals = self.tables.open_of(&line);
        rivals.retain(|open| *open != id && self.tables.deliveries[open].as_of.is_some());
        let Some(delivery) = self.tables.deliveries.get_mut(&id) else { return Err(JournalError::LeaseLost) };
        delivery.attempts += 1;
        delivery.spent += u32::from(!matches!(verdict, Verdict::Waiting { spent: false, .. }));
        let now = attempt.ended_at;
        delivery.story.push(attempt);
        match verdict {
            Verdict::Waiting { until, .. } if delivery.as_of.is_some() && !rivals.is_empty() => {
                delivery.moves(State::Superseded, now, None, Some(OUTDATED.into()));
                if until > now && !self.breaks(Mutation::ForgetPlaces) {
                    self.let_wait(&rivals, until);
                }
            }
            Verdict::Waiting { until, code, reason, .. } => delivery.moves(State::Waiting, until, Some(code), Some(reason)),
            Verdict::Dead { code, reason } => delivery.moves(State::Dead, now, Some(code), Some(reason)),
            Verdict::Ignored { reason } => delivery.moves(State::Ignored, now, None, Some(reason)),
            Verdict::Done => delivery.moves(State::Done, now, None, None),
        }
        let Some(delivery) = self.tables.deliveries.get_mut(&id) else { return Err(JournalError::LeaseLost) };
        if let (State::Done | State::Ignored | State::Dead, Some(as_of)) = (delivery.state, delivery.as_of) {
            let newest = self.tables.newest.entry(line).or_insert((as_of, id));
            *newest = (*newest).max((as_of, id));
        }
        match delivery.state {
            State::Dead => delivery.gap = if delivery.as_of.is_some() { gap.of_count() } else { gap },
            State::Done => self.close_gaps(id, now),
            _ => {}
        }
        self.leases.held.remove(&id);
        Ok(Finished::Recorded)
    }

    /// Counts take the place of one that was to be tried again then.
    fn let_wait(&mut self, counts: &[DeliveryId], until: Timestamp) {
        for id in counts {
            if let Some(count) = self.tables.deliveries.get_mut(id).filter(|count| count.at < until) {
                count.moves(State::Waiting, until, None, Some(IN_PLACE.into()));
            }
        }
    }

    /// Supersedes the dead letters that a later delivery of their line was to take the place of.
    fn close_gaps(&mut self, id: DeliveryId, at: Timestamp) {
        for gap in self.tables.gaps_before(id, Gap::Supersede) {
            if let Some(delivery) = self.tables.deliveries.get_mut(&gap) {
                delivery.moves(State::Superseded, at, None, Some("a later event took its place".into()));
            }
        }
    }

    fn agrees(&self, plugin: PluginNo, write: &StateWrite) -> bool {
        let version = self.tables.state.get(&(plugin, write.key.clone())).map_or(0, |entry| entry.version);
        version == write.expected || self.breaks(Mutation::ForgetVersions)
    }

    fn write_state(&mut self, plugin: PluginNo, write: StateWrite) {
        let key = (plugin, write.key);
        match write.value {
            Some(value) => {
                self.tables.next_version += 1;
                self.tables.state.insert(key, StateEntry { value, version: self.tables.next_version });
            }
            None => drop(self.tables.state.remove(&key)),
        }
    }
}
