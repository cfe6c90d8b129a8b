//! What the world outside of a host knows of its journal, and what it asks of it: callbacks come in,
//! attempts run, and what was promised is remembered across power cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mortar_core::call::Request;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Gap, PluginNo, State, Verdict};
use mortar_core::event::SubjectKind;
use mortar_core::ports::{CallWrite, Claim, Filter, Finish, Journal, JournalError, NewCallback, NewDelivery, Order};
use mortar_core::story::{Attempt, Call, Fate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::platter::{Disk, Kind};
use super::suite;

/// What is wrong, if something is.
pub type Verdicts = Result<(), String>;

/// Subjects, so that some events wait for others.
const SUBJECTS: u32 = 8;
const LEASE: Duration = Duration::from_secs(600);
pub const NOW: Timestamp = Timestamp::constant(1_750_000_000, 0);

/// What was asked and promised.
#[derive(Default)]
pub struct World {
    /// What was sent in: the ids of a callback's events.
    callbacks: Vec<Vec<String>>,
    /// Those that were acked, by place.
    pub acked: BTreeSet<usize>,
    /// Events and steps whose request went to the ERP: their intent was journaled.
    pub sent: BTreeSet<(String, u16)>,
    /// The answers that were journaled before the attempt went on.
    pub answered: BTreeMap<(String, u16), u16>,
    /// Ends that were recorded, and those that nobody knows of.
    pub ended: BTreeMap<String, State>,
    unclear: BTreeSet<String>,
}

/// An attempt under way.
struct Running {
    claim: Claim,
    /// Its next call.
    ordinal: u16,
}

impl World {
    /// Lives with a journal until the power is cut, or for a while.
    pub async fn live(&mut self, journal: &dyn Journal, disk: &Disk, chance: &mut ChaCha8Rng) -> Verdicts {
        let Ok(plugins) = journal.register_plugins(vec!["erp".into()]).await else { return Ok(()) };
        let mut running = Vec::new();
        for _ in 0..chance.random_range(50..400) {
            // Somebody starts it again where it says that this is needed.
            if disk.is_off() || matches!(journal.health(), Err(JournalError::Damaged(_))) && chance.random_range(0..4) == 0 {
                break;
            }
            match chance.random_range(0..20) {
                0..6 => self.send(journal, plugins[0], chance).await?,
                6..9 => {
                    let claims = journal.claim(NOW, 4, LEASE, &suite::all(&plugins)).await.unwrap_or_default();
                    for claim in claims {
                        self.check_claim(&claim)?;
                        let ordinal = claim.calls.len() as u16;
                        running.push(Running { claim, ordinal });
                    }
                }
                9..16 if !running.is_empty() => {
                    let place = chance.random_range(0..running.len());
                    if !self.call(journal, &mut running[place], chance).await {
                        running.swap_remove(place);
                    }
                }
                16..19 if !running.is_empty() => {
                    let attempt = running.swap_remove(chance.random_range(0..running.len()));
                    self.finish(journal, &attempt.claim, chance).await;
                }
                19 if chance.random_range(0..4) == 0 => {
                    let of = if chance.random_range(0..2) == 0 { Kind::Log } else { Kind::Database };
                    disk.fail_syncs(of, chance.random_range(1..4));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends callbacks at once: new ones, and such as were sent before.
    async fn send(&mut self, journal: &dyn Journal, plugin: PluginNo, chance: &mut ChaCha8Rng) -> Verdicts {
        let mut receipts = Vec::new();
        for _ in 0..chance.random_range(1..6) {
            let place = match chance.random_range(0..4) {
                0 if !self.callbacks.is_empty() => chance.random_range(0..self.callbacks.len()),
                _ => {
                    let place = self.callbacks.len();
                    self.callbacks.push((0..chance.random_range(1..4)).map(|index| format!("{place}:{index}")).collect());
                    place
                }
            };
            let known = self.acked.contains(&place);
            receipts.push((place, known, journal.accept(self.callback(place, plugin, chance))));
        }
        for (place, known, receipt) in receipts {
            let Ok(accepted) = receipt.await else { continue };
            ensure(accepted.stored + accepted.duplicates == self.callbacks[place].len(), || {
                format!("{place} is half there: {accepted:?}")
            })?;
            ensure(!known || accepted.stored == 0, || format!("{place} was acked before, and is taken for new"))?;
            self.acked.insert(place);
        }
        Ok(())
    }

    fn callback(&self, place: usize, plugin: PluginNo, chance: &mut ChaCha8Rng) -> NewCallback {
        let fifo = NewDelivery { plugin, order: Order::Fifo };
        let subject =
            |id: &str| suite::subject(SubjectKind::Order, &format!("SO-{}", id.len() as u32 * 3 % SUBJECTS + place as u32 % SUBJECTS));
        let events = self.callbacks[place].iter().map(|id| (id.as_str(), subject(id), "order.shipped", None, vec![fifo])).collect();
        let mut callback = suite::callback(NOW, events);
        let mut body = callback.body.to_vec();
        body.resize(body.len() + chance.random_range(0..6000), b' ');
        callback.body = Bytes::from(body);
        callback
    }

    /// One call of an attempt, as `steps.rs` does it: the intent is journaled, it is sent, the answer
    /// is journaled. False where the attempt cannot go on.
    async fn call(&mut self, journal: &dyn Journal, attempt: &mut Running, chance: &mut ChaCha8Rng) -> bool {
        let (lease, step) = (attempt.claim.lease, (attempt.claim.event.id.clone(), attempt.ordinal));
        let call = Call {
            ordinal: attempt.ordinal,
            step: format!("step/{}", attempt.ordinal),
            attempt: attempt.claim.attempt,
            request: Request {
                connection: "erp".into(),
                method: "POST".into(),
                path: format!("/{}", step.0),
                headers: Vec::new(),
                body: Some(vec![b'x'; chance.random_range(0..3000)]),
            },
            sent_at: NOW,
            fate: Fate::Intended { lost: None },
        };
        if journal.call(lease, CallWrite::Put(call)).await.is_err() {
            return false;
        }
        self.sent.insert(step.clone());
        let response = suite::response(chance.random_range(200..500));
        let status = response.status;
        let fate = Fate::Answered { at: NOW, response, settled_by: None };
        if journal.call(lease, CallWrite::Fate { ordinal: attempt.ordinal, fate }).await.is_err() {
            return false;
        }
        self.answered.insert(step, status);
        attempt.ordinal += 1;
        true
    }

    async fn finish(&mut self, journal: &dyn Journal, claim: &Claim, chance: &mut ChaCha8Rng) {
        let id = claim.event.id.clone();
        let (verdict, state) = match chance.random_range(0..4) {
            0 => (Verdict::Waiting { until: NOW, code: ErrorCode::ErpUnavailable, reason: "503".into(), spent: true }, None),
            1 => (suite::dead(), Some(State::Dead)),
            _ => (Verdict::Done, Some(State::Done)),
        };
        let attempt = Attempt {
            number: claim.attempt,
            started_at: NOW,
            ended_at: NOW,
            digest: "d1".into(),
            ending: "done".into(),
            code: None,
            reason: None,
            trace: Vec::new(),
            log: Vec::new(),
        };
        let finish = Finish { lease: claim.lease, verdict, gap: Gap::Skip, attempt, state: Vec::new(), confirm_at: None };
        match (journal.finish(finish).await, state) {
            (Ok(_), Some(state)) => drop(self.ended.insert(id, state)),
            (Ok(_), None) => {}
            (Err(_), _) => drop(self.unclear.insert(id)),
        }
    }

    fn check_claim(&self, claim: &Claim) -> Verdicts {
        let id = &claim.event.id;
        ensure(!self.ended.contains_key(id), || format!("{id} runs again, though it was over"))?;
        ensure(claim.event.payload == suite::payload(id).as_bytes(), || format!("{id} has another record"))?;
        self.check_calls(id, &claim.calls)
    }

    /// Every answer that an attempt went on with is there, and so is the intent of all that was sent.
    fn check_calls(&self, id: &str, calls: &[Call]) -> Verdicts {
        for (_, ordinal) in self.sent.range((id.to_owned(), 0)..=(id.to_owned(), u16::MAX)) {
            let call = calls.iter().find(|call| call.ordinal == *ordinal);
            let call = call.ok_or_else(|| format!("{id}: request {ordinal} was sent, and the journal knows nothing of it"))?;
            let Some(status) = self.answered.get(&(id.to_owned(), *ordinal)) else { continue };
            let right = matches!(&call.fate, Fate::Answered { response, .. } if response.status == *status);
            ensure(right, || format!("{id}: request {ordinal} was answered {status}, and the journal says {:?}", call.fate))?;
        }
        Ok(())
    }

    /// Looks at a journal after the power came back.
    pub async fn audit(&self, journal: &dyn Journal) -> Verdicts {
        let events = journal.events(Filter { limit: usize::MAX, ..Filter::default() }).await.map_err(|error| error.to_string())?;
        let there: BTreeSet<_> = events.iter().map(|event| event.id.as_str()).collect();
        ensure(there.len() == events.len(), || "an event is there twice".into())?;
        let mut known = 0;
        for (place, ids) in self.callbacks.iter().enumerate() {
            let stored = ids.iter().filter(|id| there.contains(id.as_str())).count();
            ensure(stored == 0 || stored == ids.len(), || format!("callback {place} is half there"))?;
            ensure(stored > 0 || !self.acked.contains(&place), || format!("callback {place} was acked and is lost"))?;
            known += stored;
        }
        ensure(known == events.len(), || "there are events that nobody sent".into())?;
        let counts = journal.counts().await.map_err(|error| error.to_string())?;
        ensure(counts.events == events.len() as u64, || format!("{} events are there, {} are counted", events.len(), counts.events))?;
        for id in there {
            self.check_story(journal, id).await?;
        }
        self.send_again(journal).await
    }

    async fn check_story(&self, journal: &dyn Journal, id: &str) -> Verdicts {
        let story = journal.story(id.into()).await.map_err(|error| format!("{id}: {error}"))?;
        let story = story.ok_or_else(|| format!("{id} is listed, and not found by its id"))?;
        ensure(story.payload == suite::payload(id), || format!("{id} has another record: {}", story.payload))?;
        let [delivery] = &story.deliveries[..] else { return Err(format!("{id} has {} deliveries", story.deliveries.len())) };
        let state = delivery.delivery.state;
        match self.ended.get(id) {
            Some(end) => ensure(state == *end, || format!("{id} was {end:?} and is {state:?}"))?,
            None => ensure(state.is_open() || self.unclear.contains(id), || format!("{id} is {state:?}, and nobody ended it"))?,
        }
        self.check_calls(id, &delivery.calls)
    }

    /// All that was acked is known, whoever sends it again.
    async fn send_again(&self, journal: &dyn Journal) -> Verdicts {
        for place in &self.acked {
            let events = self.callbacks[*place].iter();
            let events = events.map(|id| (id.as_str(), suite::subject(SubjectKind::Order, "again"), "order.shipped", None, Vec::new()));
            let accepted = journal.accept(suite::callback(NOW, events.collect())).await.map_err(|error| error.to_string())?;
            ensure(accepted.stored == 0, || format!("callback {place} was acked and is taken for new"))?;
        }
        Ok(())
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Verdicts {
    if holds { Ok(()) } else { Err(what()) }
}
