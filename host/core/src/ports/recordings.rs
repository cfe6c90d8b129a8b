//! Reading deliveries that are over, to run them again offline. A part of the journal, apart from the
//! path of events.

use std::sync::Arc;

use super::{Receipt, StoredEvent};
use crate::delivery::{DeliveryId, PluginNo};
use crate::story;

/// A delivery that is over, with everything that its handler was given and the answers that it got. Of
/// the plugin's state nothing is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The event.
    pub event: Arc<StoredEvent>,
    /// The number of its last attempt.
    pub attempt: u32,
    /// Its calls with requests and answers, mails and settlements, by ordinal.
    pub calls: Vec<story::Call>,
}

/// Which recordings, and how many at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhichRecordings {
    /// The plugin that they were delivered to.
    pub plugin: PluginNo,
    /// Of events of these types; a trailing `*` matches any ending. Empty: of all.
    pub event_types: Vec<String>,
    /// At most so many of the last ones.
    pub last: usize,
    /// At most so many bytes of payloads, requests and answers.
    pub bytes: u64,
}

impl WhichRecordings {
    /// Deliveries of any plugin that one read looks at, at most.
    pub const LOOKED_AT: u32 = 100_000;

    /// True where events of this type are wanted.
    #[must_use]
    pub fn takes(&self, event_type: &str) -> bool {
        let matches = |pattern: &String| pattern.strip_suffix('*').map_or(event_type == pattern, |start| event_type.starts_with(start));
        self.event_types.is_empty() || self.event_types.iter().any(matches)
    }
}

impl Recording {
    /// Bytes of its payload, requests and answers.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let headers = |headers: &[(String, String)]| headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let call = |call: &story::Call| {
            let request = &call.request;
            let answer = match &call.fate {
                story::Fate::Answered { response, .. } => headers(&response.headers) + response.body.len(),
                story::Fate::Intended { .. } | story::Fate::Unsent => 0,
            };
            call.step.len() + request.path.len() + headers(&request.headers) + request.body.as_ref().map_or(0, Vec::len) + answer
        };
        (self.event.payload.len() + self.calls.iter().map(call).sum::<usize>()) as u64
    }
}

/// Reads deliveries that are done, ignored or dead.
pub trait Recordings: Send + Sync {
    /// The last ones, newest event first. Among the last [`WhichRecordings::LOOKED_AT`] deliveries, so
    /// that the read is bounded.
    fn last(&self, which: WhichRecordings) -> Receipt<Vec<Recording>>;

    /// One; none where there is no such delivery, or it is not over.
    fn recording(&self, delivery: DeliveryId) -> Receipt<Option<Recording>>;
}
