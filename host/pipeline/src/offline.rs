//! A recorded delivery is run again offline: nothing leaves the host, and nothing is stored.
//!
//! The handler runs as it would in earnest, under its limits and grants, with clock and randomness as at
//! the first attempt. What it asks of the host is answered so:
//! - A step that is recorded answers what it answered, also where its request is another one now: that
//!   is a difference, and the run goes on to show the others.
//! - A recorded write that is in doubt is in doubt. The plugin can settle it; a step that is settled as
//!   answered answers so.
//! - Of any other step nothing is known. Its connection is unavailable.
//! - State is what it is now, since nothing is recorded of what it was then. Runs that are compared
//!   share one look at it. Writes are seen by the run that makes them, and go nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mortar_core::call::{CallError, Mail, Request, Response, Settlement};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Ending, PluginNo};
use mortar_core::diff::{Answer, Compared, Diff, End, OfflineCall, OfflineRun, StateMade};
use mortar_core::ports::{BoxFuture, Connector, Host, Journal, JournalError, Plugin, PutError, Recording, Run, StateEntry, StateWrite};
use mortar_core::story::Fate;
use tokio::sync::{Mutex, OnceCell};

use crate::run::typed;
use crate::steps::budget::{Budget, Refusal};
use crate::steps::state::{Stored, Writes};
use crate::steps::{mail, told};

/// A plugin's state as it is now. All of it is read once, so that all who share this see the same.
pub struct StateNow {
    journal: Arc<dyn Journal>,
    plugin: PluginNo,
    seen: Mutex<BTreeMap<String, Option<StateEntry>>>,
    size: OnceCell<u64>,
}

impl StateNow {
    /// The state of this plugin.
    #[must_use]
    pub fn of(journal: Arc<dyn Journal>, plugin: PluginNo) -> Arc<Self> {
        Arc::new(Self { journal, plugin, seen: Mutex::default(), size: OnceCell::new() })
    }
}

impl Stored for StateNow {
    fn entry(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(async move {
            let mut seen = self.seen.lock().await;
            if let Some(entry) = seen.get(&key) {
                return Ok(entry.clone());
            }
            let entry = self.journal.state(self.plugin, key.clone()).await?;
            seen.insert(key, entry.clone());
            Ok(entry)
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        Box::pin(async { self.size.get_or_try_init(|| self.journal.state_size(self.plugin)).await.copied() })
    }
}

/// Runs both generations on a recorded delivery. None where the host could not run one of them: then
/// nothing is known.
pub async fn compare(
    old: &Plugin,
    new: &Plugin,
    recording: &Recording,
    connector: &Arc<dyn Connector>,
    journal: &Arc<dyn Journal>,
) -> Option<Compared> {
    let state = StateNow::of(journal.clone(), recording.delivery.plugin);
    let before = run(old, recording, connector.clone(), state.clone()).await;
    let after = run(new, recording, connector.clone(), state).await;
    if before.end.is_void() || after.end.is_void() {
        return None;
    }
    let diff = Diff::between(&before, &after);
    let event = &recording.event;
    let (event, event_type, delivery) = (event.id.clone(), event.event_type.clone(), recording.delivery);
    Some(Compared { event, event_type, delivery, likeness: diff.likeness(), diff })
}

/// Runs a generation on a recorded delivery. The connector is only asked what it would allow.
pub async fn run(plugin: &Plugin, recording: &Recording, connector: Arc<dyn Connector>, state: Arc<StateNow>) -> OfflineRun {
    let event = &recording.event;
    let answers = Arc::new(Answers { recording: recording.clone(), plugin: plugin.clone(), connector, state, inner: Mutex::default() });
    let (end, log) = if plugin.handles(&event.event_type) {
        match typed(event, plugin) {
            Ok(typed) => {
                let run = Run { event: event.clone(), attempt: recording.attempt };
                let ran = plugin.handler.run(run, typed, answers.clone()).await;
                (answers.inner.lock().await.amend(ran.ending).into(), ran.log)
            }
            Err(reason) => (Ending::Refused { code: ErrorCode::EventUnreadable, reason }.into(), Vec::new()),
        }
    } else {
        (End::not_delivered(), Vec::new())
    };
    let Inner { calls, settled, state, unanswered, .. } = std::mem::take(&mut *answers.inner.lock().await);
    let state = state.into_writes().into_iter().map(|StateWrite { key, value, .. }| StateMade { key, value }).collect();
    OfflineRun { digest: plugin.digest.to_string(), end, calls, settled, state, unanswered, log }
}

/// The host's side of an offline run.
struct Answers {
    recording: Recording,
    plugin: Plugin,
    connector: Arc<dyn Connector>,
    state: Arc<StateNow>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    budget: Budget,
    calls: Vec<OfflineCall>,
    settled: BTreeMap<String, Settlement>,
    state: Writes,
    unanswered: Option<String>,
    /// What the host decides over the plugin's head.
    overruled: Option<Ending>,
    in_doubt: BTreeSet<String>,
    denied: bool,
}

impl Inner {
    /// The ending as the host would see it.
    fn amend(&self, ending: Ending) -> Ending {
        match (&self.overruled, ending) {
            (Some(overruled), _) => overruled.clone(),
            (None, Ending::Refused { code: ErrorCode::PluginRejected, reason }) => {
                let code = match () {
                    () if !self.in_doubt.is_empty() => ErrorCode::StepInDoubt,
                    () if self.denied => ErrorCode::CallDenied,
                    () => ErrorCode::PluginRejected,
                };
                Ending::Refused { code, reason }
            }
            (None, other) => other,
        }
    }

    /// Notes a call, in the place of an earlier one of its step.
    fn note(&mut self, call: OfflineCall) {
        match self.calls.iter_mut().find(|made| made.step == call.step) {
            Some(made) => *made = call,
            None => self.calls.push(call),
        }
    }
}

impl Answers {
    async fn answer(&self, step: String, request: Request) -> Result<Response, CallError> {
        let mut inner = self.inner.lock().await;
        let result = self.decide(&mut inner, &step, &request);
        let answer = match &result {
            Ok(_) => Answer::Recorded,
            // The call of the step before this one stands.
            Err(CallError::Diverged(_)) => return result,
            Err(CallError::InDoubt(_)) => {
                inner.in_doubt.insert(step.clone());
                Answer::InDoubt
            }
            Err(CallError::Unavailable { .. }) => {
                inner.unanswered.get_or_insert_with(|| step.clone());
                Answer::Unrecorded
            }
            Err(error @ (CallError::Denied(_) | CallError::TooLarge(_))) => {
                inner.denied |= matches!(error, CallError::Denied(_));
                Answer::Refused(error.to_string())
            }
        };
        inner.note(OfflineCall { step, request, answer });
        result
    }

    fn decide(&self, inner: &mut Inner, step: &str, request: &Request) -> Result<Response, CallError> {
        inner.budget.spend(&self.plugin.settings, step, request).map_err(|refusal| match refusal {
            Refusal::Denied(reason) => CallError::Denied(reason),
            Refusal::Broken(reason) => {
                inner.overruled = Some(Ending::Refused { code: ErrorCode::PluginLimit, reason: reason.clone() });
                CallError::TooLarge(reason)
            }
        })?;
        let Some(manners) = self.connector.manners(&request.connection, &request.method) else {
            return Err(CallError::Denied(format!("there is no connection `{}`", request.connection)));
        };
        self.connector.check(request).map_err(|error| told(&error))?;
        let made = inner.calls.iter().find(|made| made.step == step && !matches!(made.answer, Answer::Refused(_)));
        if made.is_some_and(|made| made.request != *request) {
            let told = format!("step `{step}` was made before in this run, with another request");
            if !manners.safe {
                inner.overruled = Some(Ending::Refused { code: ErrorCode::StepDiverged, reason: told.clone() });
            }
            return Err(CallError::Diverged(told));
        }
        let recorded = self.recording.calls.iter().find(|call| call.step == step).map(|call| &call.fate);
        match (inner.settled.get(step), recorded) {
            (Some(Settlement::Answered(response)), _) | (None, Some(Fate::Answered { response, .. })) => Ok(response.clone()),
            (None, Some(Fate::Intended { .. })) if !manners.safe => {
                Err(CallError::InDoubt(format!("step `{step}` was sent and its answer was lost")))
            }
            _ => Err(CallError::Unavailable { reason: format!("no answer is recorded of step `{step}`"), after_ms: None }),
        }
    }
}

impl Host for Answers {
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        if request.method == Request::MAIL {
            let refused = CallError::Denied("e-mail goes through the `mail` interface".into());
            return Box::pin(std::future::ready(Err(refused)));
        }
        Box::pin(self.answer(step, request))
    }

    fn settle(&self, step: String, settlement: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Box::pin(async move {
            let mut inner = self.inner.lock().await;
            if !inner.in_doubt.remove(&step) {
                return Ok(Err(format!("step `{step}` is not in doubt")));
            }
            inner.settled.insert(step, settlement);
            Ok(Ok(()))
        })
    }

    fn mail(&self, step: String, connection: String, mail: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(async move { mail::result(&self.answer(step, mail::request(connection, &mail)?).await?) })
    }

    fn state_get(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(async move { self.inner.lock().await.state.get(key, &*self.state).await })
    }

    fn state_put(&self, write: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Box::pin(async move { self.inner.lock().await.state.put(write, &self.plugin.settings.limits, &*self.state).await })
    }
}
