//! What operators do to dead letters, and to callbacks that were set aside.

use jiff::Timestamp;
use mortar_core::call::Settlement;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{DeliveryId, State};
use mortar_core::ports::{Intervention, JournalError, NewCallback, RejectedCallback, Replay};
use mortar_core::story::{Fate, Rejected};

use super::Work;

impl Work<'_> {
    pub(super) fn intervene(&mut self, id: DeliveryId, intervention: Intervention, now: Timestamp) -> Result<(), JournalError> {
        let Some(delivery) = self.tables.deliveries.get_mut(&id) else {
            return Err(JournalError::NotFound(format!("there is no delivery {id}")));
        };
        let allowed = match &intervention {
            Intervention::Replay(Replay::FromScratch) => matches!(delivery.state, State::Dead | State::Ignored | State::Done),
            Intervention::Replay(_) => matches!(delivery.state, State::Dead | State::Ignored),
            Intervention::Discard { .. } if delivery.state.is_open() => !self.leases.runs(id),
            _ => delivery.state == State::Dead,
        };
        if !allowed {
            return Err(JournalError::Refused(format!("delivery {id} is {}", delivery.state)));
        }
        match intervention {
            Intervention::Discard { reason } => {
                delivery.moves(State::Ignored, now, Some(ErrorCode::Discarded), Some(reason));
                Ok(())
            }
            Intervention::Replay(replay) => self.replay(id, replay, now),
            Intervention::Settle { step, settlement } => {
                self.check_newest(id)?;
                self.settle(id, &step, settlement, now)?;
                let kept = self.tables.deliveries[&id].keep_steps;
                self.replay(id, if kept { Replay::KeepSteps } else { Replay::Resume }, now)
            }
        }
    }

    fn settle(&mut self, id: DeliveryId, step: &str, settlement: Settlement, now: Timestamp) -> Result<(), JournalError> {
        let mut calls = self.tables.deliveries.get_mut(&id).into_iter().flat_map(|delivery| delivery.calls.values_mut());
        let Some(call) = calls.find(|call| call.step == step) else {
            let calls = &self.tables.deliveries[&id].calls;
            let known: Vec<_> = calls.values().filter(|call| matches!(call.fate, Fate::Intended { .. })).map(|call| &*call.step).collect();
            return Err(JournalError::NotFound(format!("there is no step {step}; in doubt: {}", known.join(", "))));
        };
        if !matches!(call.fate, Fate::Intended { .. }) {
            return Err(JournalError::Refused(format!("step {step} is not in doubt")));
        }
        call.fate = match settlement {
            Settlement::Resend => Fate::Unsent,
            Settlement::Answered(response) => Fate::Answered { at: now, response, settled_by: Some("operator".into()) },
        };
        Ok(())
    }

    /// A count that is outdated is never sent.
    fn check_newest(&self, id: DeliveryId) -> Result<(), JournalError> {
        let outdated = self.tables.deliveries[&id].as_of.is_some_and(|as_of| self.tables.is_outdated(&self.tables.line(id), id, as_of));
        if outdated { Err(JournalError::Refused("an older count".into())) } else { Ok(()) }
    }

    fn replay(&mut self, id: DeliveryId, replay: Replay, now: Timestamp) -> Result<(), JournalError> {
        self.check_newest(id)?;
        let counts = self.tables.deliveries[&id].as_of.is_some();
        let due = if counts { self.supersede(&self.tables.line(id), now) } else { None };
        let Some(delivery) = self.tables.deliveries.get_mut(&id) else { return Ok(()) };
        delivery.moves(State::Waiting, due.unwrap_or(now), None, Some("replayed by an operator".into()));
        (delivery.spent, delivery.since, delivery.keep_steps) = (0, now, replay == Replay::KeepSteps);
        if replay == Replay::FromScratch {
            delivery.calls.clear();
        }
        // What was refused is asked again; after a 5xx nobody knows whether a write was applied.
        for call in delivery.calls.values_mut() {
            if let Fate::Answered { response, settled_by: None, .. } = &call.fate {
                let safe = matches!(&*call.request.method, "GET" | "HEAD" | "OPTIONS");
                match response.status {
                    400..500 => call.fate = Fate::Unsent,
                    500.. if safe => call.fate = Fate::Unsent,
                    status @ 500.. => call.fate = Fate::Intended { lost: Some(format!("it was answered with {status}")) },
                    _ => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, callback: RejectedCallback) -> Result<(), JournalError> {
        let RejectedCallback { source, received_at, remote, reason, delivery_header, body } = callback;
        self.tables.next_aside += 1;
        let about = Rejected {
            id: self.tables.next_aside,
            source: source.to_string(),
            received_at,
            remote: remote.map(|remote| remote.to_string()),
            reason,
            bytes: body.len() as u64,
            admitted_at: None,
        };
        let kept = NewCallback { source, received_at, remote, delivery_header, secret: None, body, events: Vec::new(), unreadable: None };
        self.tables.rejected.insert(about.id, (about, kept));
        while self.tables.rejected.len() > self.settings.rejected_sample {
            self.tables.rejected.pop_first();
        }
        Ok(())
    }

    pub(super) fn release(&mut self, id: u64, now: Timestamp) -> Result<(), JournalError> {
        let about = self.tables.quarantine.get_mut(&id).map(|(about, _)| &mut about.released_at);
        mark(about, now)
    }

    pub(super) fn admit(&mut self, id: u64, now: Timestamp) -> Result<(), JournalError> {
        let about = self.tables.rejected.get_mut(&id).map(|(about, _)| &mut about.admitted_at);
        mark(about, now)
    }
}

/// What is marked already stays as it is.
fn mark(at: Option<&mut Option<Timestamp>>, now: Timestamp) -> Result<(), JournalError> {
    at.ok_or_else(|| JournalError::NotFound("there is no such callback".into()))?.get_or_insert(now);
    Ok(())
}
