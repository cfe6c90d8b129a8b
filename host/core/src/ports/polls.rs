//! Storing what polls bring. A part of the journal, apart from the path of callbacks.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Accepted, NewCallback, Receipt};
use crate::delivery::EventSeq;
use crate::masonhub::fact::Known;

/// What is stored of some subjects.
#[derive(Clone, Debug, Default)]
pub struct KnownEvents {
    /// Every event below this place was looked at, none from it on.
    pub next: EventSeq,
    /// The events of each subject, oldest first; absent where there is none.
    pub by_subject: HashMap<String, Vec<Known>>,
}

/// Stores what polls bring.
pub trait Polls: Send + Sync {
    /// Every event of these subjects that is kept, of counts only the newest. The first time it reads
    /// the journal from end to end.
    fn known(&self, source: Arc<str>, subjects: BTreeSet<String>) -> Receipt<KnownEvents>;

    /// Stores events of one subject that a poll found missing, all or nothing, as
    /// [`Journal::accept`](super::Journal::accept) does. Where the subject has another event at or
    /// after `next`, nothing is stored, and all are counted as duplicates: what was missing then may
    /// have come meanwhile.
    fn accept_polled(&self, polled: NewCallback, next: EventSeq) -> Receipt<Accepted>;
}
