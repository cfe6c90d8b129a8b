//! What a handler asks of the host: durable calls, settling, and the plugin's state.
//!
//! The rules, in the order in which a call meets them:
//! 1. A step that was answered before answers from the journal; with another request it diverged,
//!    unless an operator wants the answers of then to stand.
//!    Reads made while a step is in doubt are looks: they always go to the ERP.
//! 2. A write that was sent and whose answer was lost is in doubt until it is settled.
//!    The plugin is told of it only when the ERP can no longer be at it: a look before that would
//!    say nothing.
//!    And of counts, where a newer one takes the place of an older one, none follows before that.
//! 3. Nothing leaves the host before every earlier answer is durable.
//! 4. A write that the ERP would not recognise as a repetition is journaled before it is sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mortar_core::call::{CallError, Mail, Request, Response, Settlement, idempotency_key};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::Ending;
use mortar_core::event::COUNT;
use mortar_core::ports::{
    BoxFuture, CallWrite, Claim, Host, JournalError, Lease, Manners, Plugin, PutError, Receipt, SendError, StateEntry, StateWrite,
    StoredEvent,
};
use mortar_core::story::{Call, Fate, Trace};
use mortar_core::trace::TraceContext;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{Ports, traces};

pub(crate) mod budget;
pub(crate) mod mail;
pub(crate) mod state;

use budget::{Budget, Refusal};

/// Longest name of a step, in bytes.
pub const STEP_LIMIT: usize = 200;

/// No request is sent on an intent that took longer to be stored.
const INTENT_TIME: Duration = Duration::from_secs(5);

/// The host's side of one attempt.
pub struct Steps {
    ports: Ports,
    plugin: Plugin,
    event: Arc<StoredEvent>,
    lease: Lease,
    attempt: u32,
    keep_steps: bool,
    started: Instant,
    /// Where in its trace the attempt is, if that is kept.
    trace: Option<TraceContext>,
    /// How long the host was up when the attempt started.
    uptime: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    trace: Vec<Trace>,
    budget: Budget,
    /// The last answer on its way into the journal.
    unsettled_receipt: Option<Receipt<()>>,
    state: state::Writes,
    /// What the host decided over the plugin's head.
    overruled: Option<Ending>,
    /// The last reason why a call was not applied.
    unavailable: Option<Unavailable>,
    /// Steps whose fate is unknown, as the plugin was told.
    in_doubt: BTreeSet<String>,
    denied: bool,
    /// Until when the ERP may be at a write whose answer did not come.
    busy_until: Option<Instant>,
}

struct Unavailable {
    code: ErrorCode,
    /// None where it was the host's journal.
    connection: Option<String>,
    after: Option<Duration>,
    spent: bool,
}

/// What an attempt leaves behind.
#[derive(Default)]
pub struct StepsEnd {
    /// What was called, in order.
    pub trace: Vec<Trace>,
    /// State writes to commit with the delivery.
    pub state: Vec<StateWrite>,
    overruled: Option<Ending>,
    unavailable: Option<Unavailable>,
    in_doubt: bool,
    denied: bool,
    busy_until: Option<Instant>,
}

impl StepsEnd {
    /// The ending as the host sees it: the plugin's own, made precise by what happened to its calls.
    #[must_use]
    pub fn amend(&self, ending: Ending) -> Ending {
        if let Some(overruled) = &self.overruled {
            return overruled.clone();
        }
        match ending {
            Ending::Retry { code: ErrorCode::PluginRetry, reason, after, spent } => match &self.unavailable {
                Some(last) => Ending::Retry { code: last.code, reason, after: after.or(last.after), spent: spent && last.spent },
                None => Ending::Retry { code: ErrorCode::PluginRetry, reason, after, spent },
            },
            Ending::Refused { code: ErrorCode::PluginRejected, reason } => {
                let code = match () {
                    () if self.in_doubt => ErrorCode::StepInDoubt,
                    () if self.denied => ErrorCode::CallDenied,
                    () => ErrorCode::PluginRejected,
                };
                Ending::Refused { code, reason }
            }
            other => other,
        }
    }

    /// How long from now the ERP may be at a write that must not be overtaken: until then neither
    /// this delivery runs again nor one that takes its place.
    #[must_use]
    pub fn busy_for(&self) -> Option<Duration> {
        self.busy_until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// The connection whose being unavailable made the attempt end so, after [`amend`](Self::amend).
    #[must_use]
    pub fn unavailable_connection(&self, ending: &Ending) -> Option<&str> {
        let last = self.unavailable.as_ref()?;
        let blamed = matches!(ending, Ending::Retry { code, .. } if *code == last.code);
        last.connection.as_deref().filter(|_| blamed)
    }
}

impl Steps {
    /// Takes up where earlier attempts of the delivery stopped, in a host that is up for so long.
    #[must_use]
    pub fn new(ports: Ports, plugin: &Plugin, claim: &Claim, uptime: Duration) -> Self {
        let trace = traces::of_attempt(&ports, claim, &plugin.name).map(|(context, _)| context);
        Self {
            ports,
            trace,
            plugin: plugin.clone(),
            event: claim.event.clone(),
            lease: claim.lease,
            attempt: claim.attempt,
            keep_steps: claim.keep_steps,
            started: Instant::now(),
            uptime,
            inner: Mutex::new(Inner { calls: claim.calls.clone(), ..Inner::default() }),
        }
    }

    /// Ends the attempt.
    pub async fn end(&self) -> StepsEnd {
        let mut inner = self.inner.lock().await;
        let inner = std::mem::take(&mut *inner);
        // The last answer needs no waiting: the end of the attempt is journaled behind it.
        StepsEnd {
            trace: inner.trace,
            state: inner.state.into_writes(),
            overruled: inner.overruled,
            unavailable: inner.unavailable,
            in_doubt: !inner.in_doubt.is_empty(),
            denied: inner.denied,
            busy_until: inner.busy_until,
        }
    }

    async fn make_call(&self, step: String, request: Request) -> Result<Response, CallError> {
        let mut inner = self.inner.lock().await;
        let began = self.started.elapsed();
        let mut shown = None;
        let result = self.step(&mut inner, &step, request, &mut shown).await;
        let (text, result) = match result {
            Ok((response, from_journal)) => (if from_journal { "journal" } else { "sent" }.to_owned(), Ok(response)),
            Err(error) => (error.to_string(), Err(error)),
        };
        // The trace is as long as the number of calls that the limits allow, and one.
        if inner.trace.len() <= usize::from(self.plugin.settings.limits.calls) {
            let took_ms = millis(self.started.elapsed().saturating_sub(began));
            inner.trace.push(Trace { step, at_ms: millis(began), took_ms, result: text, request: shown });
        }
        inner.denied = matches!(result, Err(CallError::Denied(_)));
        result
    }

    /// One call by the rules above; true where the answer comes from the journal. A request that
    /// the journal does not hold is left in `shown`.
    async fn step(
        &self,
        inner: &mut Inner,
        step: &str,
        request: Request,
        shown: &mut Option<Request>,
    ) -> Result<(Response, bool), CallError> {
        self.admit(inner, step, &request)?;
        let known = inner.calls.iter().position(|c| c.step == step);
        if let Some(at) = known {
            self.give_time(inner, at, &request).await?;
        }
        if let Some(call) = known.map(|at| &inner.calls[at]) {
            let same = call.request == request;
            let safe = self.manners(&call.request).is_some_and(|m| m.safe);
            match &call.fate {
                // What an attempt that was killed has seen when it looked may no longer be so.
                Fate::Answered { .. } if (same || self.keep_steps) && safe && !inner.in_doubt.is_empty() => {}
                Fate::Answered { response, .. } if same || self.keep_steps => {
                    *shown = (!same).then_some(request);
                    return Ok((response.clone(), true));
                }
                Fate::Intended { .. } if safe => {}
                Fate::Intended { lost } if same => {
                    let how = lost.as_deref().unwrap_or("the host stopped before the answer came");
                    let told = format!("step `{step}` was sent at {} and its answer was lost ({how})", call.sent_at);
                    inner.in_doubt.insert(step.to_owned());
                    return Err(CallError::InDoubt(told));
                }
                Fate::Unsent => {}
                Fate::Answered { .. } | Fate::Intended { .. } => {
                    let told = diverged(step, call, &request);
                    *shown = Some(request);
                    if !safe {
                        inner.overruled = Some(Ending::Refused { code: ErrorCode::StepDiverged, reason: told.clone() });
                    }
                    return Err(CallError::Diverged(told));
                }
            }
        }
        let Some(manners) = self.manners(&request) else {
            return Err(CallError::Denied(format!("there is no connection `{}`", request.connection)));
        };
        let ordinal = known.unwrap_or(inner.calls.len());
        let response = self.send(inner, ordinal, step, request, &manners, shown).await?;
        Ok((response, false))
    }

    /// Turns away a call of a write that was lost as long as the ERP may be at it.
    async fn give_time(&self, inner: &mut Inner, at: usize, request: &Request) -> Result<(), CallError> {
        let call = &inner.calls[at];
        let safe = self.manners(request).is_some_and(|m| m.safe);
        if safe || call.request != *request || !matches!(call.fate, Fate::Intended { .. }) {
            return Ok(());
        }
        let now = self.ports.clock.now();
        if call.sent_at > now {
            // The clock was set back, who knows how far: its time counts from here.
            durable(inner).await?;
            inner.calls[at].sent_at = now;
            inner.unsettled_receipt = Some(self.ports.journal.call(self.lease, CallWrite::Put(inner.calls[at].clone())));
        }
        let call = &inner.calls[at];
        let by_clock = Duration::try_from(now.duration_since(call.sent_at)).unwrap_or_default();
        // Where another host has sent it, the clock may have been set forwards since: only what this
        // one has seen pass is certain.
        let passed = by_clock.min(self.uptime + self.started.elapsed());
        let left = (self.ports.connector.patience(&request.connection) + INTENT_TIME).saturating_sub(passed);
        if left.is_zero() {
            return Ok(());
        }
        inner.busy_until = Some(Instant::now() + left);
        inner.unavailable = Some(Unavailable {
            code: ErrorCode::StepInDoubt,
            connection: Some(request.connection.clone()),
            after: Some(left),
            spent: false,
        });
        let (step, sent_at) = (&call.step, call.sent_at);
        let reason = format!("step `{step}` was sent at {sent_at} and its answer was lost; the ERP may still be at it");
        Err(CallError::Unavailable { reason, after_ms: Some(millis(left)) })
    }

    /// What can be refused without a look at the step's past.
    fn admit(&self, inner: &mut Inner, step: &str, request: &Request) -> Result<(), CallError> {
        inner.budget.spend(&self.plugin.settings, step, request).map_err(|refusal| match refusal {
            Refusal::Denied(reason) => CallError::Denied(reason),
            Refusal::Broken(reason) => {
                inner.overruled = Some(Ending::Refused { code: ErrorCode::PluginLimit, reason: reason.clone() });
                CallError::TooLarge(reason)
            }
        })
    }

    async fn send(
        &self,
        inner: &mut Inner,
        ordinal: usize,
        step: &str,
        request: Request,
        manners: &Manners,
        shown: &mut Option<Request>,
    ) -> Result<Response, CallError> {
        durable(inner).await?;
        // A repetition of these is harmless, so an intent would only cost an fsync.
        let intent = !manners.safe && !manners.idempotent;
        let no = u16::try_from(ordinal).unwrap_or(u16::MAX);
        let sent_at = self.ports.clock.now();
        let fate = Fate::Intended { lost: None };
        let mut call = Call { ordinal: no, step: step.to_owned(), attempt: self.attempt, request, sent_at, fate };
        if intent {
            // What the connection would refuse must leave no intent behind.
            if let Err(error) = self.ports.connector.check(&call.request) {
                *shown = Some(call.request);
                return Err(told(&error));
            }
            // The time in it must be that of the sending, since looking is timed by it.
            let mut fresh = false;
            while !fresh {
                let began = Instant::now();
                call.sent_at = self.ports.clock.now();
                inner.unsettled_receipt = Some(self.ports.journal.call(self.lease, CallWrite::Put(call.clone())));
                durable(inner).await?;
                fresh = began.elapsed() <= INTENT_TIME;
            }
            remember(&mut inner.calls, ordinal, call.clone());
        }
        let key = idempotency_key(&self.event.source, &self.event.id, &self.plugin.name, step);
        let sending = Instant::now();
        let count = !manners.safe && self.event.event_type == COUNT;
        let at_most = self.ports.connector.patience(&call.request.connection) + INTENT_TIME;
        let before = inner.busy_until;
        // Noted before, for the attempt may end while it waits for the answer.
        inner.busy_until = before.max((intent || count).then_some(sending + at_most));
        let sent = self.send_traced(&call, &key).await;
        inner.busy_until = match &sent {
            Err(SendError::Lost(_)) => inner.busy_until,
            // A host that was killed just before this one started may have sent it all the same.
            Err(SendError::NotSent { .. }) if count => before.max(Some(self.started + at_most.saturating_sub(self.uptime))),
            _ => before,
        };
        let (fate, result) = match sent {
            Ok(response) => {
                let fate = Fate::Answered { at: self.ports.clock.now(), response: response.clone(), settled_by: None };
                (fate, Ok(response))
            }
            // The ERP may still be at it. So this attempt ends, and only the next one is told of the
            // doubt: then looking shows what became of it.
            Err(SendError::Lost(reason)) => {
                let code = if intent { ErrorCode::StepInDoubt } else { ErrorCode::ErpUnavailable };
                let connection = Some(call.request.connection.clone());
                inner.unavailable = Some(Unavailable { code, connection, after: None, spent: true });
                let told = format!("step `{step}` was sent and its answer was lost ({reason})");
                (Fate::Intended { lost: Some(reason) }, Err(CallError::Unavailable { reason: told, after_ms: None }))
            }
            Err(SendError::TooLarge { reason, sent: true }) => {
                (Fate::Intended { lost: Some(reason.clone()) }, Err(CallError::TooLarge(reason)))
            }
            Err(SendError::NotSent { reason, after, spent }) => {
                let connection = Some(call.request.connection.clone());
                inner.unavailable = Some(Unavailable { code: ErrorCode::ErpUnavailable, connection, after, spent });
                (Fate::Unsent, Err(CallError::Unavailable { reason, after_ms: after.map(millis) }))
            }
            Err(error) => (Fate::Unsent, Err(told(&error))),
        };
        if result.is_err() && !intent {
            *shown = Some(call.request);
            return result;
        }
        let lost = matches!(fate, Fate::Intended { .. });
        if lost {
            // The clock may have been set meanwhile, and looking is timed by this.
            let ago = SignedDuration::try_from(sending.elapsed()).unwrap_or_default();
            call.sent_at = self.ports.clock.now().checked_sub(ago).unwrap_or(call.sent_at);
        }
        call.fate = fate.clone();
        let write = if intent && !lost { CallWrite::Fate { ordinal: no, fate } } else { CallWrite::Put(call.clone()) };
        inner.unsettled_receipt = Some(self.ports.journal.call(self.lease, write));
        remember(&mut inner.calls, ordinal, call);
        result
    }

    /// Sends a call; where it is traced, the ERP is told of the trace. The header is no part of the
    /// request that is journaled: the step stays the same, traced or not.
    async fn send_traced(&self, call: &Call, key: &str) -> Result<Response, SendError> {
        let Some(attempt) = self.trace else { return self.ports.connector.send(&call.request, key).await };
        let context = attempt.child(&format!("{} {}", call.step, call.sent_at));
        let began = Instant::now();
        let sent = self.ports.connector.send(&traces::carrying(&call.request, context), key).await;
        self.ports.observer.span(traces::call(context, attempt, call, began.elapsed(), &sent));
        sent
    }

    /// Where it cannot be stored, the attempt ends as a fault of the host: the plugin has decided
    /// rightly, and will again.
    async fn make_settlement(&self, step: String, settlement: Settlement) -> Result<Result<(), String>, JournalError> {
        let mut inner = self.inner.lock().await;
        let Some(at) = inner.calls.iter().position(|c| c.step == step) else { return Ok(Err(format!("no step `{step}` was ever sent"))) };
        if !matches!(inner.calls[at].fate, Fate::Intended { .. }) {
            return Ok(Err(format!("step `{step}` is not in doubt")));
        }
        let fate = match settlement {
            Settlement::Resend => Fate::Unsent,
            Settlement::Answered(response) => Fate::Answered { at: self.ports.clock.now(), response, settled_by: Some("plugin".into()) },
        };
        stored(&mut inner).await?;
        let ordinal = inner.calls[at].ordinal;
        inner.unsettled_receipt = Some(self.ports.journal.call(self.lease, CallWrite::Fate { ordinal, fate: fate.clone() }));
        stored(&mut inner).await?;
        let result = if matches!(fate, Fate::Unsent) { "settled: resend" } else { "settled: answered" };
        inner.calls[at].fate = fate;
        inner.in_doubt.remove(&step);
        let at_ms = millis(self.started.elapsed());
        inner.trace.push(Trace { step, at_ms, took_ms: 0, result: result.into(), request: None });
        Ok(Ok(()))
    }

    async fn send_mail(&self, step: String, connection: String, mail: Mail) -> Result<(), CallError> {
        mail::result(&self.make_call(step, mail::request(connection, &mail)?).await?)
    }

    fn manners(&self, request: &Request) -> Option<Manners> {
        self.ports.connector.manners(&request.connection, &request.method)
    }
}

impl Host for Steps {
    fn call(&self, step: String, request: Request) -> BoxFuture<'_, Result<Response, CallError>> {
        if request.method == Request::MAIL {
            let refused = CallError::Denied("e-mail goes through the `mail` interface".into());
            return Box::pin(std::future::ready(Err(refused)));
        }
        Box::pin(self.make_call(step, request))
    }

    fn settle(&self, step: String, settlement: Settlement) -> BoxFuture<'_, Result<Result<(), String>, JournalError>> {
        Box::pin(self.make_settlement(step, settlement))
    }

    fn mail(&self, step: String, connection: String, mail: Mail) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(self.send_mail(step, connection, mail))
    }

    fn state_get(&self, key: String) -> BoxFuture<'_, Result<Option<StateEntry>, JournalError>> {
        Box::pin(self.get_state(key))
    }

    fn state_put(&self, write: StateWrite) -> BoxFuture<'_, Result<Result<(), PutError>, JournalError>> {
        Box::pin(self.put_state(write))
    }
}

/// Waits until the last answer is on disk.
async fn stored(inner: &mut Inner) -> Result<(), JournalError> {
    match inner.unsettled_receipt.take() {
        Some(receipt) => receipt.await,
        None => Ok(()),
    }
}

/// The same, for a call: where it cannot be stored, nothing more is sent.
async fn durable(inner: &mut Inner) -> Result<(), CallError> {
    stored(inner).await.map_err(|fault| {
        let reason = format!("the host's journal: {fault}");
        let after = Some(Duration::from_secs(1));
        inner.unavailable = Some(Unavailable { code: ErrorCode::HostFault, connection: None, after, spent: false });
        CallError::Unavailable { reason, after_ms: after.map(millis) }
    })
}

fn remember(calls: &mut Vec<Call>, at: usize, call: Call) {
    match calls.get_mut(at) {
        Some(old) => *old = call,
        None => calls.push(call),
    }
}

fn diverged(step: &str, call: &Call, request: &Request) -> String {
    let old = &call.request;
    let what = if old.connection != request.connection {
        format!("connection {} then, {} now", old.connection, request.connection)
    } else if (&old.method, &old.path) != (&request.method, &request.path) {
        format!("{} {} then, {} {} now", old.method, old.path, request.method, request.path)
    } else if old.headers != request.headers {
        "other headers".to_owned()
    } else {
        "another body".to_owned()
    };
    format!("step `{step}` of attempt {} was sent with another request than now ({what})", call.attempt)
}

pub(crate) fn told(error: &SendError) -> CallError {
    match error {
        SendError::Denied(reason) => CallError::Denied(reason.clone()),
        SendError::TooLarge { reason, .. } => CallError::TooLarge(reason.clone()),
        SendError::NotSent { reason, after, .. } => CallError::Unavailable { reason: reason.clone(), after_ms: after.map(millis) },
        SendError::Lost(reason) => CallError::Unavailable { reason: reason.clone(), after_ms: None },
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
