//! What is new about what is wrong, and what is over.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mortar_core::config::AlertKind;
use serde::Serialize;

use crate::admin_types::AlertRaised;

/// Something that is wrong, under the name by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Cause {
    pub(super) kind: AlertKind,
    /// A delivery, a source, a connection, a plugin.
    pub(super) about: String,
}

/// What a look saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// What is wrong now, and what to say of it.
    pub(super) wrong: BTreeMap<Cause, String>,
    /// Kinds of which not everything could be looked at: of those nothing is over.
    pub(super) partly: BTreeSet<AlertKind>,
}

/// What is said of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    /// It has come up.
    Raised,
    /// It is no longer so.
    Over,
    /// Nothing is wrong: an operator wants to see whether this arrives.
    Test,
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    pub(super) what: What,
    #[serde(flatten)]
    pub(super) cause: Cause,
    pub(super) text: String,
    /// When it was seen.
    pub(super) at: Timestamp,
}

impl Notice {
    /// A notice of nothing.
    pub(super) fn test(at: Timestamp) -> Self {
        let cause = Cause { kind: AlertKind::RoundTripMismatch, about: "test".into() };
        Self { what: What::Test, cause, text: "a test: `mortar alerts test` sent it, and nothing is wrong".into(), at }
    }
}

/// What operators were told of and is not over.
#[derive(Debug, Default)]
pub(super) struct Causes(BTreeMap<Cause, Raised>);

/// What was told of a cause, and when.
#[derive(Clone, Debug)]
struct Raised {
    text: String,
    since: Timestamp,
}

impl Causes {
    /// What is to be told after a look.
    pub(super) fn compare(&mut self, seen: &Seen, now: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (cause, text) in &seen.wrong {
            if !self.0.contains_key(cause) {
                self.0.insert(cause.clone(), Raised { text: text.clone(), since: now });
                notices.push(Notice { what: What::Raised, cause: cause.clone(), text: text.clone(), at: now });
            }
        }
        let over = |cause: &Cause| !seen.wrong.contains_key(cause) && !seen.partly.contains(&cause.kind);
        for (cause, Raised { since, .. }) in self.0.extract_if(.., |cause, _| over(cause)) {
            notices.push(Notice { what: What::Over, cause, text: format!("over; it was told of at {since:.0}"), at: now });
        }
        notices
    }

    /// What operators were told of, the oldest first.
    pub(super) fn raised(&self) -> Vec<AlertRaised> {
        let raised = self.0.iter().map(|(cause, Raised { text, since })| AlertRaised {
            kind: cause.kind.title().to_owned(),
            about: cause.about.clone(),
            text: text.clone(),
            since: *since,
        });
        let mut raised: Vec<_> = raised.collect();
        raised.sort_by_key(|raised| raised.since);
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(wrong: &[(AlertKind, &str)]) -> Seen {
        let cause = |(kind, about): &(AlertKind, &str)| (Cause { kind: *kind, about: (*about).to_owned() }, "why".to_owned());
        Seen { wrong: wrong.iter().map(cause).collect(), partly: BTreeSet::new() }
    }

    fn told(notices: &[Notice]) -> Vec<(What, &str)> {
        notices.iter().map(|notice| (notice.what, notice.cause.about.as_str())).collect()
    }

    #[test]
    fn a_cause_is_told_once_until_it_is_over_and_again_when_it_comes_back() {
        let mut causes = Causes::default();
        let open = seen(&[(AlertKind::BreakerOpen, "erp")]);
        assert_eq!(told(&causes.compare(&open, at(1))), [(What::Raised, "erp")]);
        assert_eq!(told(&causes.compare(&open, at(2))), []);
        let closed = causes.compare(&seen(&[]), at(3));
        assert_eq!(told(&closed), [(What::Over, "erp")]);
        assert_eq!(closed[0].text, "over; it was told of at 1970-01-01T00:00:01Z");
        assert_eq!(told(&causes.compare(&open, at(4))), [(What::Raised, "erp")]);
    }

    #[test]
    fn each_cause_is_told_by_itself() {
        let mut causes = Causes::default();
        causes.compare(&seen(&[(AlertKind::DeadLetter, "1-1")]), at(1));
        let both = seen(&[(AlertKind::DeadLetter, "1-1"), (AlertKind::DeadLetter, "2-1")]);
        assert_eq!(told(&causes.compare(&both, at(2))), [(What::Raised, "2-1")]);
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_over() {
        let mut causes = Causes::default();
        causes.compare(&seen(&[(AlertKind::DeadLetter, "1-1"), (AlertKind::Storage, "journal")]), at(1));
        let mut partly = seen(&[]);
        partly.partly.insert(AlertKind::DeadLetter);
        assert_eq!(told(&causes.compare(&partly, at(2))), [(What::Over, "journal")]);
        assert_eq!(told(&causes.compare(&seen(&[]), at(3))), [(What::Over, "1-1")]);
    }
}
