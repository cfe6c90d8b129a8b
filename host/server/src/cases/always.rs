//! What holds for every case, without being asked:
//! - run twice, the plugin makes the same calls. The second time under another name, which makes all
//!   randomness another one, and a second later;
//! - each step's name is its own;
//! - no limit is broken, and nothing crashes, unless the case says so;
//! - run again after a fault at each of its calls, and once more after its end, nothing is written twice,
//!   nothing asks for something else under the same step, and nothing is left out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use mortar_core::call::Request;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::diff::{Change, changes};
use mortar_core::story::DeliveryStory;

use super::judge::Prepared;
use super::subject::Pair;
use crate::rehearsal::{Fault, Incoming, RehearsalError, Rehearsed, Script, Sent, rehearse};

/// Requests of a case at which a fault is tried, at most.
const FAULTS: usize = 50;

/// Problems of a case that are told, at most.
const TOLD: usize = 10;

/// Lines of a crash's log that are told, at most.
const PRINTED: usize = 20;

/// How much later the same event comes in the second time. Less than a minute, so that what only looks at
/// the day or the hour of receipt stays the same.
const LATER: SignedDuration = SignedDuration::from_millis(1001);

/// What does not hold.
///
/// # Errors
/// It could not be tried.
pub async fn problems(
    pair: &Pair,
    prepared: &Prepared,
    base: &Rehearsed,
    expected_code: Option<&str>,
) -> Result<Vec<String>, RehearsalError> {
    let mut problems = Vec::new();
    let Some(delivery) = base.delivery() else { return Ok(problems) };
    problems.extend(steps(delivery));
    problems.extend(crashes(delivery, expected_code));
    if !problems.is_empty() {
        // What goes wrong by itself does so after a fault too.
        return Ok(problems);
    }
    problems.extend(again(pair, prepared, base).await?);
    for fault in faults(base) {
        let script = Script { fault: Some(fault), ..prepared.script.clone() };
        let run = rehearse(&pair.plugin, &prepared.incoming, &prepared.connections, &script).await?;
        let found = after(fault, base, &run, expected_code);
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", named(fault, base))));
    }
    problems.truncate(TOLD);
    Ok(problems)
}

/// Steps that got an answer twice in one attempt.
fn steps(delivery: &DeliveryStory) -> Vec<String> {
    let mut twice = BTreeSet::new();
    for attempt in &delivery.attempts {
        let mut seen = BTreeSet::new();
        let answered = attempt.trace.iter().filter(|trace| matches!(trace.result.as_str(), "sent" | "journal"));
        twice.extend(answered.map(|trace| &trace.step).filter(|step| !seen.insert(*step)));
    }
    let told = |step: &String| format!("the step `{step}` is made twice in one attempt: the second one gets the answer of the first");
    twice.into_iter().map(told).collect()
}

fn crashes(delivery: &DeliveryStory, expected_code: Option<&str>) -> Vec<String> {
    let bad = [ErrorCode::PluginTrap, ErrorCode::PluginTimeout, ErrorCode::PluginLimit, ErrorCode::StepDiverged].map(ErrorCode::as_str);
    let failed = delivery.attempts.iter().filter_map(|attempt| Some((attempt.code.as_deref()?, attempt)));
    let odd = failed.filter(|(code, _)| bad.contains(code) && Some(*code) != expected_code).take(1);
    odd.flat_map(|(code, attempt)| {
        let told = format!("{code}: {}", attempt.reason.as_deref().unwrap_or_default());
        // Why it crashed is what it printed last.
        let printed = attempt.log.iter().rev().take(PRINTED).rev().map(|line| format!("it printed: {}", line.message));
        std::iter::once(told).chain(printed)
    })
    .collect()
}

/// What is other when the same comes in again.
async fn again(pair: &Pair, prepared: &Prepared, base: &Rehearsed) -> Result<Vec<String>, RehearsalError> {
    let first = prepared.incoming.received_at;
    let incoming = Incoming { received_at: first + LATER, ..prepared.incoming.clone() };
    let mut run = rehearse(&pair.other, &incoming, &prepared.connections, &prepared.script).await?;
    // The time of receipt is the event's, and may be written.
    let (old, new) = (first.to_string(), incoming.received_at.to_string());
    run.sent.iter_mut().for_each(|sent| {
        sent.step = sent.step.replace(&new, &old);
        sent.request = replaced(&sent.request, &new, &old);
    });
    let advice = "a request and the name of its step may depend on the event and the settings alone, not on chance or a clock";
    let told = |what: String| vec![format!("run again, {what}: {advice}")];
    for (one, other) in base.sent.iter().zip(&run.sent) {
        if one.step != other.step {
            return Ok(told(format!("it makes the step `{}` where it made `{}`", other.step, one.step)));
        }
        if let Some(change) = changes(&one.request, &other.request).first() {
            return Ok(told(format!("the step `{}` is another one at {}", one.step, in_words(change))));
        }
    }
    let (before, now) = (base.sent.len(), run.sent.len());
    Ok(if before == now { Vec::new() } else { told(format!("it makes {now} calls where it made {before}")) })
}

fn replaced(request: &Request, new: &str, old: &str) -> Request {
    let text =
        |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).map_or_else(|_| bytes.clone(), |text| text.replace(new, old).into_bytes());
    let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.replace(new, old))).collect();
    Request { path: request.path.replace(new, old), headers, body: request.body.as_ref().map(text), ..request.clone() }
}

fn in_words(change: &Change) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
    format!("{}: {} > {}", change.at, shown(&change.old), shown(&change.new))
}

fn faults(base: &Rehearsed) -> Vec<Fault> {
    let at = |(nth, sent): (usize, &Sent)| {
        let lost = (!sent.safe).then_some(Fault::Lost(nth));
        [Some(Fault::Unavailable(nth)), lost].into_iter().flatten()
    };
    base.sent.iter().take(FAULTS).enumerate().flat_map(at).chain([Fault::Again]).collect()
}

fn named(fault: Fault, base: &Rehearsed) -> String {
    let step = |nth: usize| base.sent.get(nth).map(|sent| sent.step.as_str()).unwrap_or_default();
    match fault {
        Fault::Unavailable(nth) => format!("retried after the ERP was unavailable at `{}`", step(nth)),
        Fault::Lost(nth) => format!("retried after the answer to `{}` was lost", step(nth)),
        Fault::Again => "run again after its end".into(),
    }
}

/// What is wrong with a run that met a fault.
fn after(fault: Fault, base: &Rehearsed, run: &Rehearsed, expected_code: Option<&str>) -> Vec<String> {
    let Some(delivery) = run.delivery() else { return Vec::new() };
    let mut problems = crashes(delivery, expected_code);
    problems.extend(twice(base, run, delivery));
    let other = |sent: &&Sent| base.sent.iter().any(|one| one.step == sent.step) && !base.sent.iter().any(|one| is_same(one, sent));
    if let Some(sent) = run.sent.iter().find(other) {
        let one = base.sent.iter().find(|one| one.step == sent.step);
        let change = one.and_then(|one| changes(&one.request, &sent.request).into_iter().next());
        let at = change.map(|change| in_words(&change)).unwrap_or_default();
        problems.push(format!("the step `{}` asks for something else, {at}", sent.step));
    }
    if matches!(fault, Fault::Lost(_)) || delivery.delivery.state != State::Done {
        return problems;
    }
    let missing = base.sent.iter().find(|one| one.applied && !one.safe && !run.sent.iter().any(|sent| sent.applied && is_alike(one, sent)));
    problems.extend(missing.map(|one| format!("the delivery is done, and `{}` was never written", one.step)));
    problems
}

fn is_same(one: &Sent, other: &Sent) -> bool {
    one.step == other.step && is_alike(one, other)
}

fn is_alike(one: &Sent, other: &Sent) -> bool {
    changes(&one.request, &other.request).is_empty()
}

/// Writes that the ERP got more often than without the fault. That a plugin has one sent again which it has
/// settled so is its decision, and one that carries its key again is known to the ERP.
fn twice(base: &Rehearsed, run: &Rehearsed, delivery: &DeliveryStory) -> Option<String> {
    let trace = || delivery.attempts.iter().flat_map(|attempt| &attempt.trace);
    let resent: BTreeSet<_> = trace().filter(|trace| trace.result == "settled: resend").map(|trace| trace.step.as_str()).collect();
    let written = |all: &[Sent]| {
        let mut times: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for sent in all.iter().filter(|sent| sent.applied && !sent.safe && !resent.contains(sent.step.as_str())) {
            let steps = times.entry(serde_json::to_string(&sent.request).unwrap_or_default()).or_default();
            if !(sent.keyed && steps.contains(&sent.step)) {
                steps.push(sent.step.clone());
            }
        }
        times
    };
    let before = written(&base.sent);
    let (_, steps) = written(&run.sent).into_iter().find(|(request, steps)| steps.len() > before.get(request).map_or(1, Vec::len))?;
    Some(format!("the same is written {} times, by the steps {}", steps.len(), steps.join(" and ")))
}
