//! A case is run, and compared with what it expects.

use std::collections::BTreeMap;
use std::path::Path;

use mortar_core::call::Request;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::diff::{Answer, Change, Diff, End, OfflineCall, OfflineRun, StateMade};
use mortar_core::story::DeliveryStory;
use serde::Serialize;

use super::always;
use super::case::{Case, Expect, bytes};
use super::subject::Subject;
use crate::rehearsal::{Incoming, RehearsalError, Rehearsed, Script, rehearse};

/// What a case came to.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The event's type, where it could be read.
    pub event_type: Option<String>,
    /// How what happened differs from what is expected.
    pub diff: Diff,
    /// What does not hold, in words.
    pub problems: Vec<String>,
    /// What happened, as it would be expected.
    #[serde(skip)]
    pub made: Option<Made>,
}

/// What happened: calls, end and state.
#[derive(Clone, Debug)]
pub struct Made {
    /// As two runs are compared.
    pub run: OfflineRun,
    /// Attempts.
    pub attempts: u32,
}

impl Judged {
    /// True where it is as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty() && self.is_as_expected()
    }

    /// True where what happened is what the file says.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.diff.changes.is_empty() && self.diff.calls.iter().all(mortar_core::diff::CallDiff::is_same)
    }

    /// A case that could not be run.
    #[must_use]
    pub fn broken(why: &str) -> Self {
        Self { event_type: None, diff: Diff::default(), problems: vec![why.to_owned()], made: None }
    }
}

/// Everything that a rehearsal of a case needs.
pub struct Prepared {
    /// What comes in.
    pub incoming: Incoming,
    /// What is answered.
    pub script: Script,
    /// Through which connections.
    pub connections: BTreeMap<String, mortar_core::config::ConnectionConfig>,
}

/// Runs a case, whose files are in `folder`, and what holds for all of them.
pub async fn judge(case: &Case, folder: &Path, subject: &Subject) -> Judged {
    match judged(case, folder, subject).await {
        Ok(judged) => judged,
        Err(error) => Judged::broken(&error.to_string()),
    }
}

async fn judged(case: &Case, folder: &Path, subject: &Subject) -> Result<Judged, RehearsalError> {
    let pair = subject.load(&case.config).await?;
    let incoming = case.incoming(folder).map_err(RehearsalError::Callback)?;
    let event_type = incoming.event()?.event_type.to_string();
    let connections = case.connections(&pair.plugin.settings).map_err(RehearsalError::Callback)?;
    let prepared = Prepared { incoming, script: case.script(), connections };
    let rehearsed = rehearse(&pair.plugin, &prepared.incoming, &prepared.connections, &prepared.script).await?;
    let made = Made::in_rehearsal(&rehearsed);
    let (diff, mut problems) = match &case.expect {
        Some(expect) => compared(expect, &made),
        None => (Diff::default(), vec!["the case expects nothing: write [expect], or let --update write it".to_owned()]),
    };
    let expected_code = case.expect.as_ref().and_then(|expect| expect.code.as_deref());
    problems.extend(always::problems(&pair, &prepared, &rehearsed, expected_code).await?);
    Ok(Judged { event_type: Some(event_type), diff, problems, made: Some(made) })
}

impl Made {
    /// What happened in a rehearsal.
    #[must_use]
    pub fn in_rehearsal(rehearsed: &Rehearsed) -> Self {
        let Some(delivery) = rehearsed.delivery() else {
            return Self { run: run(End::not_delivered(), Vec::new(), Vec::new()), attempts: 0 };
        };
        let state = rehearsed.state.iter().map(|(key, value)| StateMade { key: key.clone(), value: value.clone() });
        Self::of(delivery, state.filter(|made| made.value.is_some()).collect())
    }

    /// What happened to a delivery that is over.
    #[must_use]
    pub fn of(delivery: &DeliveryStory, state: Vec<StateMade>) -> Self {
        let mut calls: Vec<OfflineCall> = Vec::new();
        for trace in delivery.attempts.iter().flat_map(|attempt| &attempt.trace) {
            let journaled = delivery.calls.iter().find(|call| call.step == trace.step).map(|call| &call.request);
            let Some(request) = journaled.or(trace.request.as_ref()).filter(|_| calls.iter().all(|call| call.step != trace.step)) else {
                continue;
            };
            calls.push(call(trace.step.clone(), request.clone()));
        }
        let delivery = &delivery.delivery;
        let code = delivery.code.as_deref().filter(|_| delivery.state == State::Dead).and_then(|code| code.parse().ok());
        let end = End { what: delivery.state.to_string(), code, reason: delivery.reason.clone() };
        Self { run: run(end, calls, state), attempts: delivery.attempts }
    }
}

fn call(step: String, request: Request) -> OfflineCall {
    OfflineCall { step, request, answer: Answer::Recorded }
}

fn run(end: End, calls: Vec<OfflineCall>, state: Vec<StateMade>) -> OfflineRun {
    OfflineRun { digest: String::new(), end, calls, settled: BTreeMap::new(), state, unanswered: None, log: Vec::new() }
}

/// What is different, and what the expectation itself has wrong.
fn compared(expect: &Expect, made: &Made) -> (Diff, Vec<String>) {
    let request = |step: &str| made.run.calls.iter().find(|call| call.step == step).map(|call| &call.request);
    let calls = expect.calls.iter().map(|expected| call(expected.step.clone(), expected.request(request(&expected.step)))).collect();
    let mut problems = Vec::new();
    let code = expect.code.as_ref().and_then(|code| match code.parse::<ErrorCode>() {
        Ok(code) => Some(code),
        Err(fault) => {
            problems.push(format!("expect.code: {fault}"));
            None
        }
    });
    let mut seen: Vec<&str> = Vec::new();
    for expected in &expect.calls {
        if seen.contains(&expected.step.as_str()) {
            problems.push(format!("the case expects two calls of the step `{}`: a step's name is its own", expected.step));
        }
        seen.push(&expected.step);
    }
    let end = End { what: expect.outcome.clone(), code: code.or(made.run.end.code), reason: expect.reason.clone() };
    let state = expect.state.iter().map(|(key, value)| StateMade { key: key.clone(), value: Some(bytes(value)) });
    let mut diff = Diff::between(&run(end, calls, state.collect()), &made.run);
    if let Some(words) = expect.reason.as_ref().filter(|words| !made.run.end.reason.as_ref().is_some_and(|told| told.contains(*words))) {
        diff.changes.push(Change { at: "reason".into(), old: Some(words.clone()), new: made.run.end.reason.clone() });
    }
    if let Some(attempts) = expect.attempts.filter(|attempts| *attempts != made.attempts) {
        diff.changes.push(Change { at: "attempts".into(), old: Some(attempts.to_string()), new: Some(made.attempts.to_string()) });
    }
    (diff, problems)
}
