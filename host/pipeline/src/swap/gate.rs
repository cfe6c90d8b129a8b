//! The gate: before a new generation is put in force, it runs offline on recorded deliveries.

use std::time::Duration;

use mortar_core::comparison::Comparison;
use mortar_core::diff::{Compared, Likeness};
use mortar_core::plugin::{GatePolicy, PluginProblem, code};
use mortar_core::ports::{HeldBack, JournalError, Observation, Plugin, Record, Recording, WhichRecordings};
use tokio::time::Instant;

use super::{Swaps, held_back};
use crate::offline;

/// The longest pause after a comparison.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Swaps {
    /// Tries a new generation on the last deliveries of its plugin, beside the one in force. Answers how
    /// it did; nothing where there is nothing to compare it with.
    ///
    /// # Errors
    /// It is not to be put in force by itself.
    pub(super) async fn pass_gate(&self, new: &Plugin) -> Result<Option<Comparison>, PluginProblem> {
        let gate = &new.settings.gate;
        let before = self.plugins.get(&new.name).filter(|before| before.plugin.digest != new.digest);
        let Some(before) = before.filter(|_| gate.policy != GatePolicy::Off) else { return Ok(None) };
        // One at a time, so that all gates together take less than one processor.
        let Ok(_alone) = self.gate.acquire().await else { return Ok(None) };
        let blocks = gate.policy == GatePolicy::Block;
        let deadline = Instant::now() + gate.time;
        let last = usize::try_from(gate.last).unwrap_or(usize::MAX);
        let which = WhichRecordings { plugin: before.no, event_types: Vec::new(), last, bytes: gate.size.as_u64() };
        let read = tokio::time::timeout_at(deadline, self.recordings.last(which)).await;
        let recordings = match read.unwrap_or_else(|_| Err(JournalError::Storage(format!("not within gate.time, {:?}", gate.time)))) {
            Ok(recordings) => recordings,
            Err(fault) if blocks => {
                let message = format!("the gate blocks, and the recorded deliveries cannot be read: {fault}; it is tried again");
                return Err(PluginProblem::new(&new.name, &self.config.directory, code::UNREADABLE, message));
            }
            Err(fault) => {
                tracing::warn!(plugin = new.name, %fault, "a new generation is not compared: the recorded deliveries cannot be read");
                return Ok(None);
            }
        };
        let mut comparison = Comparison::new(&before.plugin.digest, self.ports.clock.now());
        let skipped = self.compare_all(&before.plugin, new, &recordings, deadline, |compared| comparison.add(compared)).await;
        comparison.skipped = skipped;
        self.observe("gate", &new.name, &comparison);
        self.tell(new, &comparison);
        if !blocks || comparison.same == recordings.len() as u64 {
            return Ok(Some(comparison));
        }
        Err(self.hold_back(new, comparison).await)
    }

    /// Compares two generations on recorded deliveries until the deadline. Answers how many were not
    /// compared.
    pub(super) async fn compare_all(
        &self,
        old: &Plugin,
        new: &Plugin,
        recordings: &[Recording],
        deadline: Instant,
        mut each: impl FnMut(Compared),
    ) -> u64 {
        let mut left = recordings.len() as u64;
        for recording in recordings {
            match tokio::time::timeout_at(deadline, self.compare(old, new, recording)).await {
                Ok(Some(compared)) => {
                    each(compared);
                    left -= 1;
                }
                Ok(None) => {}
                Err(_) => break,
            }
        }
        left
    }

    /// Compares two generations on one delivery, and then pauses for as long as that took: deliveries
    /// that run meanwhile go first.
    pub(super) async fn compare(&self, old: &Plugin, new: &Plugin, recording: &Recording) -> Option<Compared> {
        let started = Instant::now();
        let compared = offline::compare(old, new, recording, &self.ports.connector, &self.ports.journal).await;
        tokio::time::sleep(started.elapsed().min(LONGEST_PAUSE)).await;
        compared
    }

    fn observe(&self, by: &'static str, plugin: &str, comparison: &Comparison) {
        let counts = [
            (Likeness::Same.as_str(), comparison.same),
            (Likeness::Differs.as_str(), comparison.differs),
            (Likeness::Diverged.as_str(), comparison.diverged),
            (Likeness::Trapped.as_str(), comparison.trapped),
            ("skipped", comparison.skipped),
        ];
        for (result, count) in counts {
            (0..count).for_each(|_| self.ports.observer.observe(&Observation::Compared { plugin, by, result }));
        }
    }

    fn tell(&self, new: &Plugin, comparison: &Comparison) {
        let events: Vec<_> = comparison.samples.iter().map(|sample| sample.event.as_str()).collect();
        let (plugin, from, to, told) = (&new.name, &comparison.with, &*new.digest, comparison.told());
        if comparison.others() + comparison.skipped == 0 {
            tracing::info!(plugin, from, to, "gate: {told}");
        } else {
            tracing::warn!(plugin, from, to, ?events, "gate: {told}; see `mortar plugin show {plugin}`");
        }
    }

    /// Remembers that the gate holds a generation back.
    async fn hold_back(&self, new: &Plugin, comparison: Comparison) -> PluginProblem {
        let reason = comparison.told();
        let held = HeldBack { digest: new.digest.to_string(), reason: reason.clone(), gate: Some(comparison) };
        self.ports.observer.observe(&Observation::Swap { plugin: &new.name, result: "blocked" });
        let told = match self.record(&new.name) {
            Ok(record) => {
                let record = Record { held_back: Some(held), ..record };
                self.remember(&record).await;
                held_back(&record, &new.digest)
            }
            Err(_) => None,
        };
        let (code, message) = told.unwrap_or((code::GATE, reason));
        PluginProblem::new(&new.name, &self.config.directory, code, message)
    }

    /// Forgets what the gate holds back, if other files are in the plugin directory by now.
    pub(super) async fn let_go(&self, name: &str, there: &str) {
        let Ok(record) = self.record(name) else { return };
        if record.held_back.as_ref().is_some_and(|held| held.gate.is_some() && held.digest != there) {
            self.remember(&Record { held_back: None, ..record }).await;
        }
    }

    /// Puts the generation in force that the gate holds back. Answers its digest.
    ///
    /// # Errors
    /// The gate holds none of this plugin back, or it cannot be put in force.
    pub async fn promote(&self, name: &str) -> Result<String, JournalError> {
        let _turn = self.turn(name).await?;
        let record = self.record(name)?;
        let held = record.held_back.filter(|held| held.gate.is_some());
        let held = held.ok_or_else(|| {
            JournalError::Refused(format!("the gate holds no generation of {name} back; see `mortar plugin show {name}`"))
        })?;
        let plugin = self.kept(name, &held.digest).await?;
        self.put_in_force_from_files(plugin, held.gate).await?;
        self.look_again(name);
        Ok(held.digest)
    }
}
