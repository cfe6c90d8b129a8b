//! What a handler does with a recorded delivery when it runs offline, and how two such runs differ.
//!
//! Two runs are compared by what leaves the host: calls by their step, state by its key, and how the
//! run ended. What is only said to people (reasons, logs) makes no difference. Requests are compared by
//! their meaning: JSON bodies as values, headers whatever their order and case.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::{Request, Settlement, text_or_base64};
use crate::code::ErrorCode;
use crate::delivery::{DeliveryId, Ending};
use crate::story::LogLine;

mod json;
mod order;
mod request;

pub use request::changes;

/// A recorded delivery, run again offline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfflineRun {
    /// The digest of the generation that ran.
    pub digest: String,
    /// How it ended.
    pub end: End,
    /// The calls that it made, each step once, in order.
    pub calls: Vec<OfflineCall>,
    /// How it settled steps that were in doubt.
    pub settled: BTreeMap<String, Settlement>,
    /// What it would have written to its state.
    pub state: Vec<StateMade>,
    /// The first step of which nothing is recorded, if it came to one. What follows is not what would
    /// follow in earnest.
    pub unanswered: Option<String>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct End {
    /// `done`, `ignored`, `retry`, `refused`; `not-delivered` where the generation does not take
    /// events of this type.
    pub what: String,
    /// The error code, for retries and refusals.
    #[schema(value_type = Option<String>)]
    pub code: Option<ErrorCode>,
    /// The reason in words.
    pub reason: Option<String>,
}

impl End {
    /// The end of a run that did not take place, because the generation takes no such events.
    #[must_use]
    pub fn not_delivered() -> Self {
        Self { what: "not-delivered".into(), code: None, reason: None }
    }

    /// True where the plugin is to blame for not coming to an answer.
    #[must_use]
    pub fn is_trap(&self) -> bool {
        matches!(self.code, Some(ErrorCode::PluginTrap | ErrorCode::PluginTimeout | ErrorCode::PluginLimit))
    }

    /// True where the host is, so that the run says nothing.
    #[must_use]
    pub fn is_void(&self) -> bool {
        matches!(self.code, Some(ErrorCode::PluginBusy | ErrorCode::HostFault))
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.what, self.code) == (&other.what, other.code)
    }

    fn told(&self) -> String {
        let code = self.code.map(|code| format!(" [{code}]")).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        json::shortened(&format!("{}{code}{reason}", self.what))
    }
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        let (what, code, reason) = match ending {
            Ending::Done => ("done", None, None),
            Ending::Ignored(reason) => ("ignored", None, Some(reason)),
            Ending::Retry { code, reason, .. } => ("retry", Some(code), Some(reason)),
            Ending::Refused { code, reason } => ("refused", Some(code), Some(reason)),
        };
        Self { what: what.into(), code, reason }
    }
}

/// A call that a run made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfflineCall {
    /// The step.
    pub step: String,
    /// The request. It was not sent.
    pub request: Request,
    /// Where the answer came from.
    pub answer: Answer,
}

/// Where a call of an offline run got its answer from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// From the record of its step. Where the request is another than the recorded one, it is the answer
    /// to that one all the same: so the run goes on, and shows what else is different.
    Recorded,
    /// The recorded write is in doubt, and so it is here.
    InDoubt,
    /// Nothing is recorded of the step: the call found its connection unavailable.
    Unrecorded,
    /// The host refuses it.
    Refused(String),
}

impl Answer {
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn told(&self) -> String {
        match self {
            Self::Recorded => "recorded".into(),
            Self::InDoubt => "in doubt".into(),
            Self::Unrecorded => "not recorded".into(),
            Self::Refused(reason) => json::shortened(&format!("refused: {reason}")),
        }
    }
}

/// A value that a run would have written to its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMade {
    /// The key.
    pub key: String,
    /// The value; none where it was deleted.
    #[serde(with = "text_or_base64::optional")]
    pub value: Option<Vec<u8>>,
}

/// How two runs of one delivery differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// Every call of either run: in the order of the new one, with those that are left out where they
    /// were.
    pub calls: Vec<CallDiff>,
    /// What else is different: `end`, `settled/STEP`, `state/KEY` and what is below it.
    pub changes: Vec<Change>,
    /// True where the new run did not come to an answer and the old one did: a crash or a broken limit.
    pub trapped: bool,
}

/// A call in two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallDiff {
    /// The step.
    pub step: String,
    /// Method and path of the request: the new one, where there is one.
    pub request: String,
    /// What became of it.
    pub fate: CallFate,
    /// True where it is made earlier or later among the others than before.
    pub moved: bool,
    /// What is different in it.
    pub changes: Vec<Change>,
}

/// What became of a call from the old run to the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallFate {
    /// It is made in both.
    Kept,
    /// Only the new one makes it.
    Added,
    /// Only the new one makes it, and nothing is recorded that could answer it.
    Unrecorded,
    /// Only the old one makes it.
    LeftOut,
    /// Only the old one makes it; the new one came to a call before it of which nothing is recorded.
    NotReached,
}

/// Something that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Where: `method`, `headers/accept`, `body` with the JSON pointer below it.
    pub at: String,
    /// What was there, shortened; none for nothing.
    pub old: Option<String>,
    /// What is there now, shortened.
    pub new: Option<String>,
}

impl CallDiff {
    /// True where nothing is different.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.fate == CallFate::Kept && !self.moved && self.changes.is_empty()
    }
}

/// How alike two runs of a delivery are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// They do the same.
    Same,
    /// The new one does something else.
    Differs,
    /// The new one makes a call of which nothing is recorded: what would follow is not known.
    Diverged,
    /// The new one crashes or breaks a limit.
    Trapped,
}

impl Likeness {
    /// Every likeness.
    pub const ALL: [Self; 4] = [Self::Same, Self::Differs, Self::Diverged, Self::Trapped];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Diverged => "diverged",
            Self::Trapped => "trapped",
        }
    }
}

impl Diff {
    /// Compares two runs of one delivery.
    #[must_use]
    pub fn between(old: &OfflineRun, new: &OfflineRun) -> Self {
        let mut changes = Vec::new();
        if !old.end.is_like(&new.end) {
            changes.push(Change { at: "end".into(), old: Some(old.end.told()), new: Some(new.end.told()) });
        }
        for step in old.settled.keys().chain(new.settled.keys()).collect::<BTreeSet<_>>() {
            json::compare_as_json(&format!("settled/{}", json::escaped(step)), old.settled.get(step), new.settled.get(step), &mut changes);
        }
        state_changes(&old.state, &new.state, &mut changes);
        Self { calls: calls(old, new), changes, trapped: new.end.is_trap() && !old.end.is_like(&new.end) }
    }

    /// How alike the runs are.
    #[must_use]
    pub fn likeness(&self) -> Likeness {
        if self.trapped {
            Likeness::Trapped
        } else if self.calls.iter().any(|call| call.fate == CallFate::Unrecorded) {
            Likeness::Diverged
        } else if self.changes.is_empty() && self.calls.iter().all(CallDiff::is_same) {
            Likeness::Same
        } else {
            Likeness::Differs
        }
    }

    /// Only what is different, of at most so many calls.
    #[must_use]
    pub fn pruned(mut self, calls: usize) -> Self {
        self.calls.retain(|call| !call.is_same());
        self.calls.truncate(calls);
        self.changes.truncate(request::CHANGES);
        self
    }
}

/// A recorded delivery that two generations were compared on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    /// The event's id.
    pub event: String,
    /// Its type.
    pub event_type: String,
    /// The delivery.
    pub delivery: DeliveryId,
    /// How alike the runs are.
    pub likeness: Likeness,
    /// How they differ.
    pub diff: Diff,
}

fn calls(old: &OfflineRun, new: &OfflineRun) -> Vec<CallDiff> {
    let place = |run: &OfflineRun| run.calls.iter().enumerate().map(|(at, call)| (call.step.clone(), at)).collect::<BTreeMap<_, _>>();
    let (in_old, in_new) = (place(old), place(new));
    let common: Vec<_> = new.calls.iter().filter_map(|call| in_old.get(&call.step).copied()).collect();
    let in_order = order::longest_rising(&common);
    // The new run broke off where nothing is recorded: what the old one did from there on.
    let broken_off = new.unanswered.as_ref().filter(|step| !in_old.contains_key(*step)).map(|step| {
        let before = new.calls.iter().take_while(|call| call.step != **step).filter_map(|call| in_old.get(&call.step));
        before.max().map_or(0, |last| last + 1)
    });
    let gone = |at: usize, call: &OfflineCall| {
        let fate = if broken_off.is_some_and(|from| at >= from) { CallFate::NotReached } else { CallFate::LeftOut };
        CallDiff { step: call.step.clone(), request: title(&call.request), fate, moved: false, changes: Vec::new() }
    };
    let mut missing = old.calls.iter().enumerate().filter(|(_, call)| !in_new.contains_key(&call.step)).peekable();
    let mut diffs = Vec::new();
    for call in &new.calls {
        let Some(&at) = in_old.get(&call.step) else {
            let fate = if call.answer == Answer::Unrecorded { CallFate::Unrecorded } else { CallFate::Added };
            diffs.push(CallDiff { step: call.step.clone(), request: title(&call.request), fate, moved: false, changes: Vec::new() });
            continue;
        };
        while let Some((at, call)) = missing.next_if(|(missing, _)| *missing < at) {
            diffs.push(gone(at, call));
        }
        let before = &old.calls[at];
        let mut changes = changes(&before.request, &call.request);
        if !before.answer.is_like(&call.answer) {
            changes.push(Change { at: "answer".into(), old: Some(before.answer.told()), new: Some(call.answer.told()) });
        }
        let moved = !in_order.contains(&at);
        diffs.push(CallDiff { step: call.step.clone(), request: title(&call.request), fate: CallFate::Kept, moved, changes });
    }
    diffs.extend(missing.map(|(at, call)| gone(at, call)));
    diffs
}

fn state_changes(old: &[StateMade], new: &[StateMade], changes: &mut Vec<Change>) {
    let by_key = |made: &[StateMade]| made.iter().map(|made| (made.key.clone(), made.value.clone())).collect::<BTreeMap<_, _>>();
    let (old, new) = (by_key(old), by_key(new));
    for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let at = format!("state/{}", json::escaped(key));
        match (old.get(key), new.get(key)) {
            (Some(Some(old)), Some(Some(new))) => json::compare_bytes(&at, Some(old), Some(new), changes),
            (old, new) if old == new => {}
            (old, new) => {
                let told = |value: Option<&Option<Vec<u8>>>| value.map(|value| value.as_ref().map_or("deleted".into(), |v| json::text(v)));
                changes.push(Change { at, old: told(old), new: told(new) });
            }
        }
    }
}

fn title(request: &Request) -> String {
    json::shortened(&format!("{} {}{}", request.method, request.connection, request.path))
}
