//! The six points, from what the host has seen and what became of events of our own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mortar_core::call::Request;
use mortar_core::delivery::State;
use mortar_core::masonhub::fact;
use mortar_core::round_trip::RoundTripState;
use mortar_core::story::{Attempt, Call, DeliverySummary, EventStory, EventSummary, Fate};

use super::probe::{Followed, Probed};
use super::seen::{SHIPPED, Seen};
use crate::checklist::{Checklist, Judged, Verdict};
use crate::cli::output::{clean, counted, time};

/// Examples of one thing in the evidence.
const EXAMPLES: usize = 3;

/// How each event of our own can be had.
const PROBES: &str =
    "`mortar validate --trigger` on a sandbox, or `mortar validate --send --order NUMBER` with an order that the ERP knows";

/// Goes through the checklist. `notified_by` are plugins whose ERP tells customers by itself.
pub(super) fn judge(seen: &Seen, probed: &Probed, notified_by: &[String]) -> Checklist {
    Checklist([
        received(seen, probed),
        verified(seen, probed),
        processed(seen),
        updated(seen, probed),
        notified(seen, notified_by),
        handled(seen, probed),
    ])
}

/// Evidence as it is gathered. The worst that was found is the verdict.
#[derive(Default)]
struct Finding {
    shown: bool,
    open: bool,
    failed: bool,
    evidence: Vec<String>,
    next: Vec<String>,
}

impl Finding {
    fn note(&mut self, line: impl Into<String>) {
        self.evidence.push(clean(&line.into()));
    }

    /// Something shows that the point holds.
    fn shows(&mut self, line: impl Into<String>) {
        self.shown = true;
        self.note(line);
    }

    /// Something shows that it does not.
    fn fails(&mut self, line: impl Into<String>, next: &str) {
        self.failed = true;
        self.note(line);
        self.next(next);
    }

    /// A part of it cannot be judged yet.
    fn open(&mut self, line: impl Into<String>, next: &str) {
        self.open = true;
        self.note(line);
        self.next(next);
    }

    fn next(&mut self, line: &str) {
        if !self.next.iter().any(|known| known == line) {
            self.next.push(line.to_owned());
        }
    }

    /// The point's verdict; `missing` says how to have it judged where nothing shows it.
    fn judged(mut self, missing: &str) -> Judged {
        let verdict = match (self.failed, self.open || !self.shown) {
            (true, _) => Verdict::Failed,
            (false, true) => Verdict::NotJudged,
            (false, false) => Verdict::Holds,
        };
        if !self.shown && !self.failed {
            self.next(missing);
        }
        Judged { verdict, evidence: self.evidence, next: self.next }
    }
}

fn received(seen: &Seen, probed: &Probed) -> Judged {
    let mut finding = Finding::default();
    let (polled, told): (Vec<&EventSummary>, Vec<&EventSummary>) = seen.events.iter().partition(|event| fact::is_polled(&event.id));
    let since = time(seen.since);
    if let Some(last) = told.first() {
        let events = counted(told.len() as u64, "event");
        let at_least = if seen.more { "at least " } else { "" };
        finding.shows(format!("{at_least}{events} in callbacks since {since}, the last at {} ({})", time(last.received_at), last.id));
        finding.note(by_type(&told));
    } else {
        finding.note(format!("no event came in a callback since {since}"));
    }
    if let Some(newest) = polled.first() {
        let lost = "callbacks are lost: look at `mortar masonhub list`, at your proxy, and at `mortar rejected list`";
        let events = counted(polled.len() as u64, "event");
        finding.fails(format!("{events} that no callback brought: a poll found what was missing (the last: {})", newest.id), lost);
    }
    for followed in &probed.followed {
        match &followed.story {
            Some(story) => {
                let took = took(followed.at, story.callback.received_at);
                finding.shows(format!("{}: in {took}, as {} {}", followed.what, story.event.event_type, story.event.id));
            }
            None => {
                let next = "is its message type registered, for an address that leads here? `mortar masonhub list`";
                finding.fails(format!("{}: no callback came within {}", followed.what, seconds(followed.waited.as_secs_f64())), next);
            }
        }
    }
    finding.next("mortar event list");
    finding.judged(&format!("let something happen: {PROBES}"))
}

fn by_type(events: &[&EventSummary]) -> String {
    let mut types: BTreeMap<&str, u64> = BTreeMap::new();
    events.iter().for_each(|event| *types.entry(event.event_type.as_str()).or_default() += 1);
    types.into_iter().map(|(name, count)| format!("{count} × {name}")).collect::<Vec<_>>().join(", ")
}

fn verified(seen: &Seen, probed: &Probed) -> Judged {
    let mut finding = Finding::default();
    for source in &seen.unverified {
        let next = format!("give sources.{source} `verify = \"masonhub\"` and MasonHub's secret");
        finding.fails(format!("the source {source} verifies nothing"), &next);
    }
    let genuine = seen.events.iter().filter(|event| !fact::is_polled(&event.id)).count() as u64;
    let look = "genuine ones, signed with another secret? `mortar rejected list`, then `mortar rejected admit ID`";
    match (genuine, &seen.rejected[..]) {
        (0, [last, ..]) => {
            finding.fails(format!("every callback was refused, the last at {}: {}", time(last.received_at), last.reason), look)
        }
        (0, []) => finding.open("no callback with a good signature came", PROBES),
        _ => finding.note(format!("{} of callbacks with a good signature", counted(genuine, "event"))),
    }
    if let Some(forged) = &probed.forged {
        match forged.status {
            401 => finding.shows("a callback with a forged signature was answered 401"),
            200..=299 => {
                let next = "discard what came of it (`mortar event show ID`), and look at the source's `verify`";
                finding.fails(format!("A FORGED SIGNATURE WAS ACCEPTED: {}", forged.text), next);
            }
            status => {
                finding.fails(format!("a callback with a forged signature was answered {status}, not 401"), "is --to the right address?")
            }
        }
    }
    if let Some(last) = seen.rejected.first() {
        let (number, at) = (counted(seen.rejected.len() as u64, "callback"), time(last.received_at));
        finding.shows(format!("{number} refused and kept for a look, the last at {at}: {}", last.reason));
        finding.next("mortar rejected list");
    }
    finding.judged("see a forged one refused: `mortar event send order.fulfilled --bad-signature`")
}

fn processed(seen: &Seen) -> Judged {
    let mut finding = Finding::default();
    let deliveries = || seen.events.iter().flat_map(|event| event.deliveries.iter().map(move |delivery| (event, delivery)));
    let count = |wanted: &dyn Fn(State) -> bool| deliveries().filter(|(_, delivery)| wanted(delivery.state)).count() as u64;
    let [done, ignored, superseded, dead] =
        [State::Done, State::Ignored, State::Superseded, State::Dead].map(|state| count(&|known| known == state));
    let open = count(&State::is_open);
    let sums =
        format!("deliveries: {done} done, {ignored} ignored, {superseded} superseded by a newer count, {open} open, {dead} dead letters");
    if done > 0 {
        finding.shows(sums)
    } else {
        finding.note(sums)
    }
    let unhandled = seen.events.iter().filter(|event| event.deliveries.is_empty()).count() as u64;
    if unhandled > 0 {
        finding.note(format!("{} that no plugin handles", counted(unhandled, "event")));
    }
    for (event, delivery) in deliveries().filter(|(_, delivery)| delivery.state == State::Dead).take(EXAMPLES) {
        finding.fails(format!("dead letter {}: {}", delivery.id, story_line(event, delivery)), "mortar dead list");
    }
    for (event, delivery) in deliveries().filter(|(_, delivery)| delivery.state.is_open()).take(EXAMPLES) {
        finding.open(
            format!("{} is {}: {}", delivery.id, delivery.state, story_line(event, delivery)),
            "wait for what is open, then ask again",
        );
    }
    for set_aside in seen.quarantined.iter().take(EXAMPLES) {
        finding.fails(format!("callback {} is genuine and cannot be read: {}", set_aside.id, set_aside.reason), "mortar quarantine list");
    }
    finding.judged(&format!("have a plugin handle an event (`mortar plugin list`): {PROBES}"))
}

fn story_line(event: &EventSummary, delivery: &DeliverySummary) -> String {
    let reason = delivery.reason.as_deref().unwrap_or("it has only just come");
    format!("{} of {} to {}: {reason}", event.event_type, event.subject, delivery.plugin)
}

fn updated(seen: &Seen, probed: &Probed) -> Judged {
    let mut finding = Finding::default();
    for plugin in seen.round_trips.iter().filter(|plugin| plugin.reads_back && plugin.done > 0) {
        let name = &plugin.plugin;
        let line = format!("{name}: {} of {} deliveries read back from the ERP and confirmed", plugin.confirmed, plugin.done);
        if plugin.confirmed > 0 {
            finding.shows(line)
        } else {
            finding.note(line)
        }
        if plugin.mismatch > 0 {
            finding.fails(format!("{name}: of {} the ERP says something else", plugin.mismatch), "mortar roundtrip list");
        }
        if plugin.unconfirmed > 0 {
            let next = "mortar roundtrip list --state unconfirmed, then `mortar roundtrip check --since 1d`";
            finding.fails(format!("{name}: of {} the ERP could not be read", plugin.unconfirmed), next);
        }
        if plugin.due > 0 {
            finding.open(format!("{name}: {} to be read back yet", plugin.due), "mortar roundtrip check --since 1d");
        }
        if plugin.never > 0 {
            finding.note(format!("{name}: {} of events that it does not read back after ([round_trip] in its plugin.toml)", plugin.never));
        }
    }
    for trip in seen.mismatches.iter().take(EXAMPLES) {
        let [expected, found] = [&trip.round_trip.expected, &trip.round_trip.found].map(|side| side.as_deref().unwrap_or("nothing"));
        finding.note(format!("{} of {}: expected {expected}, found {found}", trip.event_id, trip.subject));
    }
    for plugin in seen.round_trips.iter().filter(|plugin| !plugin.reads_back && plugin.done > 0) {
        let name = &plugin.plugin;
        // One that only mails updates no ERP.
        if let Some(write) = last_write(seen, name) {
            let next = format!("have {name} read back what it wrote (the interface `round-trip`; of the plugin rest, [config.confirm])");
            finding.open(format!("{name}: {} done, which it cannot read back; the last write: {write}", plugin.done), &next);
        }
    }
    for followed in &probed.followed {
        finding.follow(followed);
    }
    finding.next("mortar roundtrip report");
    finding.judged(&format!("deliver an event and have it read back: {PROBES}"))
}

impl Finding {
    /// What the ERP says of an event of our own.
    fn follow(&mut self, followed: &Followed) {
        for (delivery, trip) in
            followed.story.iter().flat_map(|s| &s.deliveries).filter_map(|d| Some((&d.delivery, d.round_trip.as_ref()?)))
        {
            let (what, plugin) = (&followed.what, &delivery.plugin);
            match trip.state {
                RoundTripState::Confirmed => {
                    let evidence = trip.reason.as_deref().unwrap_or_default();
                    self.shows(format!("{what}: confirmed by {plugin} in {}: {evidence}", took(followed.at, trip.at)));
                }
                RoundTripState::Due => self.open(format!("{what}: not read back by {plugin} within the wait"), "give it a longer --wait"),
                // Sums and examples above say it.
                RoundTripState::Mismatch | RoundTripState::Unconfirmed | RoundTripState::NotApplicable => {}
            }
        }
    }
}

/// The last request of a plugin that changed something in the ERP, and its answer.
fn last_write(seen: &Seen, plugin: &str) -> Option<String> {
    let of_plugin = seen.shipped.iter().flat_map(|story| &story.deliveries).filter(|d| d.delivery.plugin == plugin);
    let mut calls = of_plugin.flat_map(|delivery| delivery.calls.iter().rev());
    calls.find_map(|call| match &call.fate {
        Fate::Answered { response, .. } if !matches!(call.request.method.as_str(), "GET" | "HEAD" | Request::MAIL) => {
            Some(format!("{} {} → {}", call.request.method, call.request.path, response.status))
        }
        _ => None,
    })
}

fn notified(seen: &Seen, notified_by: &[String]) -> Judged {
    let mut finding = Finding::default();
    let deliveries = || seen.shipped.iter().flat_map(|story| &story.deliveries);
    let told = |calls: &[Call]| calls.iter().filter(|call| tells(call)).count() as u64;
    let tellers: BTreeSet<_> = deliveries().filter(|d| told(&d.calls) > 0).map(|d| d.delivery.plugin.as_str()).collect();
    let shipped = counted(seen.shipped.len() as u64, "shipped order");
    for teller in &tellers {
        let of_teller = || deliveries().filter(|delivery| delivery.delivery.plugin == *teller);
        let sent: u64 = of_teller().map(|delivery| told(&delivery.calls)).sum();
        finding.shows(format!("{teller}: customers told {}, for the last {shipped}", counted(sent, "time")));
        for dead in of_teller().filter(|delivery| delivery.delivery.state == State::Dead).take(EXAMPLES) {
            finding.fails(format!("{teller}: {}", dead.delivery.reason.as_deref().unwrap_or("a dead letter")), "mortar dead list");
        }
    }
    for plugin in notified_by {
        let of_plugin = || deliveries().filter(|delivery| delivery.delivery.plugin == *plugin).filter_map(|d| d.round_trip.as_ref());
        let confirmed = of_plugin().filter(|trip| trip.state == RoundTripState::Confirmed).count();
        let all = of_plugin().count();
        let line =
            format!("{plugin}: {confirmed} of the last {shipped} confirmed in the system that tells customers by itself (--notified-by)");
        match confirmed {
            0 => finding.open(line, "mortar roundtrip report"),
            _ if confirmed < all => finding.fails(line, "mortar roundtrip list"),
            _ => finding.shows(line),
        }
    }
    if seen.shipped.is_empty() {
        finding.note(format!("no {SHIPPED} came since {}", time(seen.since)));
    } else if tellers.is_empty() && notified_by.is_empty() {
        finding.note(format!("for the last {shipped}, no plugin sent a mail or made a step `notify…`"));
    }
    finding.judged(
        "have a plugin mail the tracking number (examples/tracking-mail) or ask the ERP to in a step named `notify`; or, where the ERP or shop tells customers by itself, \
         see such a mail once and say --notified-by PLUGIN",
    )
}

/// True of a call that tells a customer and was taken: an e-mail, or a step that is named for it.
fn tells(call: &Call) -> bool {
    let meant = call.request.method == Request::MAIL || call.step.starts_with("notify");
    meant && matches!(&call.fate, Fate::Answered { response, .. } if response.status < 400)
}

fn handled(seen: &Seen, probed: &Probed) -> Judged {
    let mut finding = Finding::default();
    let mended: Vec<_> = seen.retried.iter().filter_map(mended).collect();
    if let Some((first, number)) = mended.first().map(|line| (line, mended.len() as u64)) {
        finding.shows(format!("{} done after failed attempts, for example {first}", counted(number, "delivery")));
    }
    if let Some(repeated) = &probed.repeated {
        let known = repeated.body["duplicates"].as_u64().unwrap_or(0) > 0;
        let line = format!("a callback that came twice was answered {}: {}", repeated.status, repeated.text);
        if known { finding.note(line) } else { finding.fails(line, "a redelivery has to be a duplicate: `mortar event list`") }
    }
    let lost = seen.events.iter().flat_map(|event| &event.deliveries).filter(|d| d.state == State::Dead && d.attempts > 1).count() as u64;
    if lost > 0 {
        finding.fails(format!("{} out of attempts or refused after retries", counted(lost, "delivery")), "mortar dead list");
    }
    if mended.is_empty() {
        finding.note(format!("no delivery had to be tried again since {}", time(seen.since)));
    }
    finding.judged("stop the ERP for a minute while an order ships, start it again, and ask again: the delivery has to be done by itself")
}

/// How a delivery failed at first and was done in the end.
fn mended(story: &EventStory) -> Option<String> {
    let failed = |attempt: &&Attempt| attempt.ending == "retry";
    story.deliveries.iter().filter(|delivery| delivery.delivery.state == State::Done).find_map(|delivery| {
        let first = delivery.attempts.iter().find(failed)?;
        let (event, plugin, attempts) = (&story.event.id, &delivery.delivery.plugin, delivery.delivery.attempts);
        let (reason, took) = (first.reason.as_deref().unwrap_or_default(), took(first.started_at, delivery.delivery.at));
        Some(format!("{event} by {plugin}: first {reason}; done in attempt {attempts}, {took} later"))
    })
}

fn took(from: Timestamp, to: Timestamp) -> String {
    seconds(to.duration_since(from).as_secs_f64().max(0.0))
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

#[cfg(test)]
mod tests;
