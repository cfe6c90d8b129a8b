//! One attempt: the handler, its verdict, its record.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::code::ErrorCode;
use mortar_core::delivery::{Ending, Verdict};
use mortar_core::event::{Family, TypedEvent};
use mortar_core::masonhub;
use mortar_core::ports::{Claim, Finish, Finished, JournalError, Observation, Plugin, Ran, Run, StoredEvent};
use mortar_core::retry::{History, RetryPolicy};
use mortar_core::story;
use tokio::time::Instant;

use crate::Ports;
use crate::dispatch::JOURNAL_PAUSE;
use crate::plugins::Plugins;
use crate::probation::Ended;
use crate::steps::{Steps, StepsEnd};
use crate::traces;

/// Runs attempts.
pub struct Runner {
    /// The adapters.
    pub ports: Ports,
    /// Where it is counted how generations of plugins do.
    pub plugins: Arc<Plugins>,
    /// The policy where neither the plugin nor the connection that was unavailable has one.
    pub retry: RetryPolicy,
    /// Since when the host is up.
    pub up_since: Instant,
}

impl Runner {
    /// Runs one claimed delivery on this generation of its plugin, and journals how it ended.
    pub async fn run(&self, claim: Claim, plugin: Plugin) {
        let started_at = self.ports.clock.now();
        let started = Instant::now();
        let (ran, steps) = self.attempt(&claim, &plugin).await;
        let ended_at = self.ports.clock.now();
        let busy = steps.busy_for();
        let policy = self.policy(&plugin, &steps, &ran.ending);
        let (ending_name, code, reason) = describe(&ran.ending);
        let attempt = story::Attempt {
            number: claim.attempt,
            started_at,
            ended_at,
            digest: ran.digest.to_string(),
            ending: ending_name.to_owned(),
            code,
            reason,
            trace: steps.trace,
            log: ran.log,
        };
        let failure = match &ran.ending {
            Ending::Retry { code, .. } | Ending::Refused { code, .. } => Some(*code),
            Ending::Done | Ending::Ignored(_) => None,
        };
        let digest = ran.digest.clone();
        let history = History { spent: claim.spent, since: claim.since, now: ended_at, jitter: self.ports.random.fraction() };
        let verdict = not_before(policy.verdict(ran.ending, history), ended_at, busy);
        let result = verdict_name(&verdict);
        report(&claim, &plugin, &verdict);
        let finish = Finish {
            lease: claim.lease,
            verdict,
            gap: plugin.settings.gap,
            attempt,
            state: steps.state,
            confirm_at: confirm_at(&plugin, &claim.event.event_type, ended_at),
        };
        if let Err(fault) = self.finish(finish, ended_at).await {
            // Nothing is lost: the lease expires, and the handler runs again over its journaled steps.
            tracing::error!(event = %claim.event.id, plugin = %plugin.name, %fault, "the end of an attempt could not be journaled");
            return;
        }
        let (took, age) = (started.elapsed(), ended_at.duration_since(claim.since).unsigned_abs());
        let event_type = &claim.event.event_type;
        self.ports.observer.observe(&Observation::Attempt { plugin: &plugin.name, event_type, result, code: failure, took, age });
        if let Some((context, callback)) = traces::of_attempt(&self.ports, &claim, &plugin.name) {
            self.ports.observer.span(traces::attempt(context, callback, &claim, &plugin.name, (started_at, took), (result, failure)));
        }
        let (delivery, dead) = (claim.lease.delivery, result == "dead");
        if result != "waiting" {
            self.plugins.shadows.ended(&plugin, delivery);
        }
        self.plugins.probation.ended(Ended { delivery, plugin: &plugin.name, digest: &digest, code: failure, dead });
    }

    async fn attempt(&self, claim: &Claim, plugin: &Plugin) -> (Ran, StepsEnd) {
        let typed = match typed(&claim.event, plugin) {
            Ok(typed) => typed,
            Err(reason) => {
                let ending = Ending::Refused { code: ErrorCode::EventUnreadable, reason };
                return (Ran { ending, log: Vec::new(), digest: plugin.digest.clone() }, StepsEnd::default());
            }
        };
        let steps = Arc::new(Steps::new(self.ports.clone(), plugin, claim, self.up_since.elapsed()));
        let run = Run { event: claim.event.clone(), attempt: claim.attempt };
        let mut ran = plugin.handler.run(run, typed, steps.clone()).await;
        let end = steps.end().await;
        ran.ending = end.amend(ran.ending);
        (ran, end)
    }

    fn policy(&self, plugin: &Plugin, steps: &StepsEnd, ending: &Ending) -> RetryPolicy {
        let of_connection = || self.ports.connector.retry(steps.unavailable_connection(ending)?);
        plugin.settings.retry.clone().or_else(of_connection).unwrap_or_else(|| self.retry.clone())
    }

    async fn finish(&self, finish: Finish, now: Timestamp) -> Result<(), JournalError> {
        if self.record(&finish).await? == Finished::Recorded {
            return Ok(());
        }
        let reason = "another delivery changed the plugin's state meanwhile; running again".to_owned();
        let code = ErrorCode::StateConflict;
        let Finish { lease, gap, mut attempt, .. } = finish;
        attempt.ending = "retry".into();
        attempt.code = Some(code.to_string());
        attempt.reason = Some(reason.clone());
        let verdict = Verdict::Waiting { until: now, code, reason, spent: false };
        self.record(&Finish { lease, verdict, gap, attempt, state: Vec::new(), confirm_at: None }).await?;
        Ok(())
    }

    /// Journals an end, however often it takes: a disk that was full for a moment would otherwise
    /// hold up the delivery until its lease runs out.
    async fn record(&self, finish: &Finish) -> Result<Finished, JournalError> {
        let mut said = false;
        loop {
            match self.ports.journal.finish(finish.clone()).await {
                Err(fault @ (JournalError::Busy | JournalError::Storage(_))) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(delivery = %finish.lease.delivery, %fault, "the end of an attempt cannot be journaled yet");
                    }
                    tokio::time::sleep(JOURNAL_PAUSE).await;
                }
                done => return done,
            }
        }
    }
}

/// A delivery that runs again does so when the ERP can no longer be at what was sent, whatever the
/// policy says.
fn not_before(verdict: Verdict, now: Timestamp, busy: Option<Duration>) -> Verdict {
    let free = busy.and_then(|busy| now.checked_add(SignedDuration::try_from(busy).ok()?).ok());
    match (verdict, free) {
        (Verdict::Waiting { until, code, reason, spent }, Some(free)) => Verdict::Waiting { until: until.max(free), code, reason, spent },
        (verdict, _) => verdict,
    }
}

/// When the ERP is to be read back, if the plugin does that after such an event.
fn confirm_at(plugin: &Plugin, event_type: &str, ended_at: Timestamp) -> Option<Timestamp> {
    let after = SignedDuration::try_from(plugin.settings.round_trip.after).unwrap_or(SignedDuration::MAX);
    let reads_back = plugin.round_trip && plugin.settings.reads_back(event_type);
    reads_back.then(|| ended_at.checked_add(after).unwrap_or(Timestamp::MAX))
}

/// The typed record, where the plugin has a typed handler for it. A plugin that also takes raw
/// events gets an unreadable record raw.
pub(crate) fn typed(event: &StoredEvent, plugin: &Plugin) -> Result<Option<TypedEvent>, String> {
    let wanted = Family::of(&event.event_type).is_some_and(|family| plugin.families.contains(&family));
    if !wanted {
        return Ok(None);
    }
    match masonhub::typed(&event.event_type, &event.payload) {
        Err(_) if plugin.any_event => Ok(None),
        read => read,
    }
}

fn describe(ending: &Ending) -> (&'static str, Option<String>, Option<String>) {
    match ending {
        Ending::Done => ("done", None, None),
        Ending::Ignored(reason) => ("ignored", None, Some(reason.clone())),
        Ending::Retry { code, reason, .. } => ("retry", Some(code.to_string()), Some(reason.clone())),
        Ending::Refused { code, reason } => ("refused", Some(code.to_string()), Some(reason.clone())),
    }
}

fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "done",
        Verdict::Ignored { .. } => "ignored",
        Verdict::Waiting { .. } => "waiting",
        Verdict::Dead { .. } => "dead",
    }
}

fn report(claim: &Claim, plugin: &Plugin, verdict: &Verdict) {
    let (event, plugin, attempt) = (&claim.event.id, &plugin.name, claim.attempt);
    match verdict {
        Verdict::Done | Verdict::Ignored { .. } => tracing::debug!(%event, %plugin, attempt, "{}", verdict_name(verdict)),
        Verdict::Waiting { until, code, reason, .. } => tracing::info!(%event, %plugin, attempt, %code, %until, "waiting: {reason}"),
        Verdict::Dead { code, reason } => {
            tracing::warn!(%event, %plugin, attempt, %code, delivery = %claim.lease.delivery, "dead letter: {reason}");
        }
    }
}
