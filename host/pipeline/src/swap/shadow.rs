//! A candidate runs beside the generation in force, on every delivery that is over, and is never in force
//! before it is promoted.

use std::path::Path;
use std::sync::Arc;

use mortar_core::ports::{Candidate, JournalError, Observation, Plugin, Record, Shadow};
use tokio::sync::watch;

use super::{Swaps, told};
use crate::shadow::Waiting;

impl Swaps {
    /// Has a candidate run beside the generation in force. Answers its digest.
    ///
    /// # Errors
    /// No generation of the plugin is in force, or the candidate cannot be loaded, or is the one in force.
    pub async fn start_shadow(&self, name: &str, file: &Path) -> Result<String, JournalError> {
        let _turn = self.turn(name).await?;
        let record = self.record(name)?;
        let candidate = Candidate { plugin: name.to_owned(), file: file.to_owned(), like: record.in_force.clone() };
        let plugin = loaded(self.sandbox.load_candidate(&candidate, true).await)?;
        if *plugin.digest == *record.in_force {
            return Err(JournalError::Refused(format!("these are the files of the generation of {name} that is in force")));
        }
        let (digest, now) = (plugin.digest.to_string(), self.ports.clock.now());
        let shadow = Some(Shadow { digest: digest.clone(), since: now });
        self.remember(&Record { shadow, ..record.clone() }).await;
        self.plugins.shadows.start(plugin, &record.in_force, now);
        tracing::info!(plugin = name, digest, in_force = record.in_force, "a candidate runs beside the generation in force");
        Ok(digest)
    }

    /// Ends it.
    ///
    /// # Errors
    /// There is no candidate.
    pub async fn stop_shadow(&self, name: &str) -> Result<(), JournalError> {
        let _turn = self.turn(name).await?;
        let (record, _) = self.shadowed(name)?;
        self.end_shadow(record).await;
        Ok(())
    }

    /// Puts the candidate's files into the plugin directory, and the candidate in force. Answers its digest.
    ///
    /// # Errors
    /// There is no candidate, or its files cannot be written.
    pub async fn promote_shadow(&self, name: &str) -> Result<String, JournalError> {
        let _turn = self.turn(name).await?;
        let (_, shadow) = self.shadowed(name)?;
        self.has_files(name)?;
        let plugin = self.kept(name, &shadow.digest).await?;
        let installed = self.sandbox.install(name, &shadow.digest).await;
        installed.map_err(|problem| JournalError::Storage(problem.to_string()))?;
        // What was counted is kept with the generation, as what a gate finds.
        let counted = self.plugins.shadows.of(name);
        self.put_in_force_from_files(plugin, counted).await?;
        let record = self.record(name)?;
        self.end_shadow(record).await;
        self.look_again(name);
        Ok(shadow.digest)
    }

    /// Lets the candidates run again that ran when the host stopped. They are counted anew.
    pub(super) async fn resume_shadows(&self) {
        for (name, standing) in self.standings() {
            let Some(record) = standing.record else { continue };
            let Some(shadow) = &record.shadow else { continue };
            match self.sandbox.load_kept(&name, &shadow.digest).await {
                Ok(plugin) => self.plugins.shadows.start(plugin, &record.in_force, self.ports.clock.now()),
                Err(problems) => {
                    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                    tracing::error!(plugin = name, "a candidate no longer runs beside the generation in force: {}", problems.join("; "));
                    self.end_shadow(record).await;
                }
            }
        }
    }

    /// Compares deliveries that are over with what candidates do on them, until `stop` says so. What waits
    /// then is not compared.
    pub async fn shadow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let (Waiting { delivery, active }, candidate) = tokio::select! {
                biased;
                () = told(&mut stop) => return,
                next = self.plugins.shadows.next() => next,
            };
            let compared = async {
                match self.recordings.recording(delivery).await {
                    Ok(recording) => self.compare(&active, &candidate, &recording?).await,
                    Err(fault) => {
                        tracing::warn!(%delivery, %fault, "a delivery cannot be read to be compared");
                        None
                    }
                }
            };
            let compared = tokio::time::timeout(candidate.settings.gate.time, compared).await.ok().flatten();
            let result = compared.as_ref().map_or("skipped", |compared| compared.likeness.as_str());
            self.ports.observer.observe(&Observation::Compared { plugin: &active.name, by: "shadow", result });
            self.plugins.shadows.count(&candidate, &active, compared, self.ports.clock.now());
        }
    }

    fn shadowed(&self, name: &str) -> Result<(Record, Shadow), JournalError> {
        let record = self.record(name)?;
        let none =
            || JournalError::NotFound(format!("no candidate runs beside {name}: `mortar plugin shadow start {name} FILE` has one do so"));
        let shadow = record.shadow.clone().ok_or_else(none)?;
        Ok((record, shadow))
    }

    async fn end_shadow(&self, record: Record) {
        self.plugins.shadows.stop(&record.plugin);
        self.remember(&Record { shadow: None, ..record }).await;
    }
}

/// A plugin that was asked for, or why it cannot be had.
pub(super) fn loaded(plugin: Result<Plugin, Vec<mortar_core::plugin::PluginProblem>>) -> Result<Plugin, JournalError> {
    plugin.map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        JournalError::Refused(problems.join("; "))
    })
}
