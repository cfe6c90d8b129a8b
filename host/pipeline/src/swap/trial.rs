//! Two generations of a plugin are compared because an operator asks for it.

use std::path::PathBuf;
use std::time::Duration;

use mortar_core::diff::Compared;
use mortar_core::event::Family;
use mortar_core::ports::{Candidate, JournalError, Plugin, Recording, WhichRecordings};
use tokio::time::Instant;

use super::Swaps;
use super::shadow::loaded;
use crate::plugins::Numbered;

/// At most so much of payloads, requests and answers is read.
const SIZE: u64 = 64 << 20;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What it is compared with.
    pub old: Side,
    /// What is compared.
    pub new: Side,
    /// Ids of events, and types, with which a trailing `*` matches any ending.
    pub events: Vec<String>,
    /// At most so many of the last deliveries of events of these types, or of any.
    pub last: usize,
    /// For at most so long.
    pub time: Duration,
}

/// A generation of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one in force.
    InForce,
    /// One whose files are kept, by the beginning of its digest.
    Kept(String),
    /// One whose files are somewhere else.
    File(PathBuf),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The digest of the old generation.
    pub old: String,
    /// The digest of the new one.
    pub new: String,
    /// The deliveries that were compared.
    pub compared: Vec<Compared>,
    /// Those that could not be, or not in time.
    pub skipped: u64,
}

impl Swaps {
    /// Compares two generations on recorded deliveries.
    ///
    /// # Errors
    /// There is no such plugin, generation or event, or a generation cannot be loaded.
    pub async fn compare_generations(&self, name: &str, trial: &Trial) -> Result<Tried, JournalError> {
        let deadline = Instant::now() + trial.time;
        let unknown = || JournalError::NotFound(format!("there is no plugin `{name}`; see `mortar plugin list`"));
        let numbered = self.plugins.get(name).ok_or_else(unknown)?;
        let (old, new) = (self.side(&numbered, &trial.old).await?, self.side(&numbered, &trial.new).await?);
        let recordings = self.recordings_of(&numbered, trial).await?;
        let mut compared = Vec::new();
        let skipped = self.compare_all(&old, &new, &recordings, deadline, |one| compared.push(one)).await;
        Ok(Tried { old: old.digest.to_string(), new: new.digest.to_string(), compared, skipped })
    }

    async fn side(&self, numbered: &Numbered, side: &Side) -> Result<Plugin, JournalError> {
        let name = &numbered.plugin.name;
        match side {
            Side::InForce => Ok(numbered.plugin.clone()),
            Side::Kept(start) if numbered.plugin.digest.starts_with(start.as_str()) => Ok(numbered.plugin.clone()),
            Side::Kept(start) => {
                let record = self.record(name)?;
                let mut found: Vec<_> = record.generations().filter(|digest| digest.starts_with(start.as_str())).collect();
                found.sort_unstable();
                found.dedup();
                match found[..] {
                    [digest] => self.kept(name, digest).await,
                    [] => Err(JournalError::NotFound(format!("no generation {start} of {name} is kept; see `mortar plugin show {name}`"))),
                    _ => Err(JournalError::Refused(format!("several generations of {name} begin with {start}: give more of the digest"))),
                }
            }
            Side::File(file) => {
                let candidate = Candidate { plugin: name.clone(), file: file.clone(), like: numbered.plugin.digest.to_string() };
                loaded(self.sandbox.load_candidate(&candidate, false).await)
            }
        }
    }

    async fn recordings_of(&self, numbered: &Numbered, trial: &Trial) -> Result<Vec<Recording>, JournalError> {
        let (types, ids): (Vec<_>, Vec<_>) = trial.events.iter().cloned().partition(|event| is_type(event));
        let mut recordings = Vec::new();
        for id in &ids {
            let story = self.ports.journal.story(id.clone()).await?;
            let story = story.ok_or_else(|| JournalError::NotFound(format!("there is no event `{id}`, and no such event type")))?;
            let name = &numbered.plugin.name;
            let delivery = story.deliveries.iter().map(|story| &story.delivery).find(|delivery| delivery.plugin == *name);
            let delivery = delivery.ok_or_else(|| JournalError::NotFound(format!("event `{id}` has no delivery to {name}")))?;
            let recording = self.recordings.recording(delivery.id).await?;
            recordings.push(recording.ok_or_else(|| {
                let (id, state) = (delivery.id, delivery.state);
                JournalError::Refused(format!("delivery {id} is {state}: only what is done, ignored or dead is recorded to its end"))
            })?);
        }
        if ids.is_empty() || !types.is_empty() {
            let which = WhichRecordings { plugin: numbered.no, event_types: types, last: trial.last, bytes: SIZE };
            recordings.extend(self.recordings.last(which).await?);
        }
        Ok(recordings)
    }
}

/// True for what is a type of events, and not the id of one.
fn is_type(event: &str) -> bool {
    event.ends_with('*') || Family::of(event).is_some()
}
