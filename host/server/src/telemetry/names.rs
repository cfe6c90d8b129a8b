//! Values of labels: shared, and no more than so many.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// What is counted under a name that is one too many.
const OTHER: &str = "other";

/// A value of a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(Arc<str>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        (&*self.0).encode(encoder)
    }
}

/// The values that a label has had. Types of events come from outside, and plugins come and go: without
/// a limit, the metrics of a host that runs for months would grow for as long.
pub(super) struct Names {
    limit: usize,
    known: RwLock<HashSet<Arc<str>>>,
    other: Name,
}

impl Names {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, known: RwLock::default(), other: Name(OTHER.into()) }
    }

    pub(super) fn get(&self, name: &str) -> Name {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Name(known.clone());
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.limit {
            return known.get(name).cloned().map_or_else(|| self.other.clone(), Name);
        }
        let name: Arc<str> = name.into();
        known.insert(name.clone());
        Name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_too_many_is_other() {
        let names = Names::new(2);
        assert_eq!(names.get("a"), Name("a".into()));
        assert_eq!(names.get("b"), Name("b".into()));
        assert_eq!(names.get("c"), Name("other".into()));
        assert_eq!(names.get("a"), Name("a".into()));
        assert_eq!(names.known.read().unwrap().len(), 2);
    }
}
