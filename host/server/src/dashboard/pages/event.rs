//! One event: all that is known of it, as it happened.

use std::collections::BTreeMap;

use axum::extract::Path;
use mortar_core::code::ErrorCode;
use mortar_core::delivery::State;
use mortar_core::story::{Attempt, Call, DeliveryStory, Fate};
use serde::Serialize;

use crate::dashboard::view::about;
use crate::dashboard::visit::{Page, Visit};

/// An attempt with the calls that it used, each where it was in time.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    attempt: &'a Attempt,
    steps: Vec<Step<'a>>,
}

/// One use of a step.
#[derive(Serialize)]
struct Step<'a> {
    name: &'a str,
    at_ms: u64,
    took_ms: u64,
    result: &'a str,
    /// Where it is in the picture of the attempt, in hundredths.
    left: f64,
    width: f64,
    /// What was sent and answered; none where the journal has nothing of it.
    call: Option<&'a Call>,
    /// The request, where it is another than the journal's.
    other: Option<&'a mortar_core::call::Request>,
}

/// A delivery with what may be done about it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    story: &'a DeliveryStory,
    told: Vec<Told<'a>>,
    /// Steps whose answers are lost.
    in_doubt: Vec<&'a str>,
    replays: bool,
    discards: bool,
    records: bool,
    /// What an operator can do about its last failure.
    cure: Option<&'static str>,
}

pub(in crate::dashboard) async fn show(visit: Visit, Path(event): Path<String>) -> Page {
    let story = visit.api.story(&event).await.map_err(|failure| visit.refused(&failure))?;
    let deliveries: Vec<_> = story.deliveries.iter().map(shown).collect();
    visit.page(
        "event.html",
        about! {
            title => format!("{} {}", story.event.event_type, story.event.subject),
            event => story.event,
            as_of => story.as_of,
            payload => story.payload,
            callback => story.callback,
            deliveries,
        },
    )
}

fn shown(story: &DeliveryStory) -> Shown<'_> {
    let calls: BTreeMap<_, _> = story.calls.iter().map(|call| (call.step.as_str(), call)).collect();
    let state = story.delivery.state;
    let lost = |call: &&Call| state == State::Dead && matches!(call.fate, Fate::Intended { .. });
    let code = story.delivery.code.as_deref().and_then(|code| code.parse::<ErrorCode>().ok());
    Shown {
        told: story.attempts.iter().map(|attempt| told(attempt, &calls)).collect(),
        in_doubt: story.calls.iter().filter(lost).map(|call| call.step.as_str()).collect(),
        replays: matches!(state, State::Dead | State::Ignored) && !story.delivery.outdated,
        discards: matches!(state, State::Dead | State::Pending | State::Waiting),
        records: matches!(state, State::Done | State::Ignored | State::Dead),
        cure: code.map(ErrorCode::cure),
        story,
    }
}

fn told<'a>(attempt: &'a Attempt, calls: &BTreeMap<&str, &'a Call>) -> Told<'a> {
    let lasted = attempt.ended_at.duration_since(attempt.started_at).as_millis().max(1) as f64;
    let step = |trace: &'a mortar_core::story::Trace| Step {
        name: &trace.step,
        at_ms: trace.at_ms,
        took_ms: trace.took_ms,
        result: &trace.result,
        left: (trace.at_ms as f64 / lasted * 100.0).clamp(0.0, 99.0),
        width: (trace.took_ms as f64 / lasted * 100.0).clamp(0.6, 100.0),
        call: calls.get(trace.step.as_str()).copied(),
        other: trace.request.as_ref(),
    };
    Told { steps: attempt.trace.iter().map(step).collect(), attempt }
}
