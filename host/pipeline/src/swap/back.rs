//! The ways back: what operators ask for, and what probation finds.

use mortar_core::delivery::DeliveryId;
use mortar_core::ports::{Intervention, JournalError, Observation, Record, Replay};

use super::Swaps;
use super::force::Cause;
use crate::probation::News;

impl Swaps {
    /// Puts a generation in force that was so before: the one whose digest begins so, else the one before.
    /// The generation that was in force is not put in force again because its files are there. Answers the
    /// digest.
    ///
    /// # Errors
    /// There is no such plugin or generation, or it cannot be put in force.
    pub async fn roll_back(&self, name: &str, to: Option<&str>) -> Result<String, JournalError> {
        let _turn = self.turn(name).await?;
        let record = self.record(name)?;
        self.has_files(name)?;
        let digest = target(&record, to)?;
        let plugin = self.kept(name, &digest).await?;
        let cause = Cause::Back("an operator went back to another generation".into());
        self.put_in_force(plugin, cause).await.map_err(|problem| JournalError::Refused(problem.to_string()))?;
        self.look_again(name);
        Ok(digest)
    }

    /// Keeps the generation in force whatever files come, or no longer.
    ///
    /// # Errors
    /// There is no such plugin.
    pub async fn pin(&self, name: &str, pinned: bool) -> Result<(), JournalError> {
        let _turn = self.turn(name).await?;
        let record = Record { pinned, ..self.record(name)? };
        self.remember(&record).await;
        self.look_again(name);
        Ok(())
    }

    /// Forgets a parked plugin: it gets no further deliveries. Those that it has still wait for it.
    ///
    /// # Errors
    /// There is no such plugin, or its files are there.
    pub async fn forget(&self, name: &str) -> Result<(), JournalError> {
        let _turn = self.turn(name).await?;
        if self.plugins.get(name).is_some_and(|numbered| !numbered.parked) {
            return Err(JournalError::Refused(format!("plugin {name} is in force: remove its files from the plugin directory first")));
        }
        self.record(name)?;
        self.sandbox.forget(name).await.map_err(|problem| JournalError::Storage(problem.to_string()))?;
        self.plugins.forget(name);
        self.plugins.shadows.stop(name);
        self.lock().remove(name);
        Ok(())
    }

    /// Does what probation leads to.
    pub(super) async fn hear(&self, news: News) {
        match news {
            News::Failed { plugin, digest, reason, dead } => {
                if self.fall_back(&plugin, &digest, &reason).await {
                    for delivery in dead {
                        self.replay(delivery).await;
                    }
                }
            }
            // Of a generation that was taken out of force meanwhile.
            News::Dead(delivery) => self.replay(delivery).await,
        }
    }

    /// Puts the generation in force again that was before the one that failed.
    async fn fall_back(&self, name: &str, digest: &str, reason: &str) -> bool {
        let (Ok(_turn), Ok(record)) = (self.turn(name).await, self.record(name)) else { return false };
        let Some(before) = record.before.clone().filter(|_| record.in_force == digest) else { return false };
        if record.pinned {
            tracing::error!(plugin = name, digest, "a new generation does worse than the one before, but it is pinned: {reason}");
            return false;
        }
        let plugin = match self.sandbox.load_kept(name, &before).await {
            Ok(plugin) => plugin,
            Err(problems) => {
                let said = |problem| {
                    tracing::error!(
                        plugin = name,
                        digest,
                        "a new generation does worse ({reason}), and the one before cannot be loaded: {problem}"
                    )
                };
                problems.iter().for_each(said);
                return false;
            }
        };
        if let Err(problem) = self.put_in_force(plugin, Cause::Back(format!("probation: {reason}"))).await {
            tracing::error!(plugin = name, digest, "a new generation does worse ({reason}), and cannot be taken out of force: {problem}");
            return false;
        }
        tracing::error!(plugin = name, from = digest, to = before, "plugin rolled back by probation: {reason}");
        self.ports.observer.observe(&Observation::Swap { plugin: name, result: "rolled-back" });
        self.look_again(name);
        true
    }

    /// Runs a delivery again that became a dead letter on a generation that failed.
    async fn replay(&self, delivery: DeliveryId) {
        let replay = Intervention::Replay(Replay::Resume);
        match self.ports.journal.intervene(delivery, replay, self.ports.clock.now()).await {
            Ok(()) => tracing::info!(%delivery, "dead on a generation that was rolled back: it runs again on the one before"),
            Err(fault) => tracing::warn!(%delivery, %fault, "dead on a generation that was rolled back, and cannot be replayed"),
        }
    }

    pub(super) async fn turn(&self, name: &str) -> Result<tokio::sync::OwnedMutexGuard<()>, JournalError> {
        let turn = self.lock().get(name).map(|standing| standing.turn.clone());
        Ok(turn.ok_or_else(|| unknown(name))?.lock_owned().await)
    }

    pub(super) fn record(&self, name: &str) -> Result<Record, JournalError> {
        self.lock().get(name).and_then(|standing| standing.record.clone()).ok_or_else(|| unknown(name))
    }

    /// Has a plugin's files taken up again, as if they were new.
    pub(super) fn look_again(&self, name: &str) {
        if let Some(standing) = self.lock().get_mut(name) {
            standing.stamp = None;
        }
        self.again.notify_one();
    }
}

fn unknown(name: &str) -> JournalError {
    JournalError::NotFound(format!("no generation of a plugin `{name}` has been in force; see `mortar plugin list`"))
}

/// The generation that is meant.
fn target(record: &Record, to: Option<&str>) -> Result<String, JournalError> {
    let name = &record.plugin;
    let others = record.kept.iter().map(|kept| &kept.digest).filter(|digest| **digest != record.in_force);
    let Some(to) = to else {
        let held_back = record.held_back.as_ref().map(|held| &held.digest);
        let last = record.before.as_ref().or_else(|| others.clone().find(|digest| Some(*digest) != held_back));
        return last.cloned().ok_or_else(|| JournalError::Refused(format!("no generation of {name} before the one in force is kept")));
    };
    let found: Vec<_> = others.filter(|digest| digest.starts_with(to)).collect();
    match found[..] {
        [digest] => Ok(digest.clone()),
        [] if record.in_force.starts_with(to) => Err(JournalError::Refused(format!("generation {to} of {name} is in force already"))),
        [] => Err(JournalError::NotFound(format!("no generation {to} of {name} is kept; see `mortar plugin show {name}`"))),
        _ => Err(JournalError::Refused(format!("several generations of {name} begin with {to}: give more of the digest"))),
    }
}
