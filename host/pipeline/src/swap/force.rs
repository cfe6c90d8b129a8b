//! What is in force, and what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::comparison::Comparison;
use mortar_core::config::PluginsConfig;
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{HeldBack, JournalError, Kept, Observation, Plugin, Record};

use super::Swaps;

/// Why a generation is put in force.
pub(super) enum Cause {
    /// Its files are in the plugin directory. How it did on recorded deliveries, if it was tried on some.
    Files(Option<Comparison>),
    /// The one in force is taken out of it, for this reason.
    Back(String),
}

impl Swaps {
    /// Puts a generation in force.
    pub(super) async fn put_in_force(&self, plugin: Plugin, cause: Cause) -> Result<(), PluginProblem> {
        let (name, digest) = (plugin.name.clone(), plugin.digest.clone());
        let before = self.plugins.get(&name);
        if before.as_ref().is_some_and(|n| n.plugin.digest == digest && !n.parked) {
            return Ok(());
        }
        self.plugins.activate(plugin.clone(), &*self.ports.journal).await.map_err(|fault| {
            let message = format!("the journal has no number for it: {fault}");
            PluginProblem::new(&name, &self.config.directory, code::UNNUMBERED, message)
        })?;
        let now = self.ports.clock.now();
        if self.plugins.shadows.is_candidate(&plugin) {
            self.plugins.shadows.stop(&name);
        }
        let old = self.lock().get(&name).and_then(|standing| standing.record.clone());
        let record = next(old, &plugin, &cause, now, &self.config);
        let policy = plugin.settings.probation.clone();
        let over = Duration::try_from(now.duration_since(record.since)).unwrap_or_default();
        let left = policy.time.saturating_sub(over);
        // Before the record is on disk, which may take its time: attempts on the generation run already.
        self.plugins.probation.starts(&name, &digest, record.before.is_some().then_some((policy, left)));
        self.remember(&record).await;
        match before {
            Some(before) if before.plugin.digest != digest => {
                tracing::info!(plugin = name, from = &*before.plugin.digest, to = &*digest, "plugin swapped");
            }
            Some(_) => tracing::info!(plugin = name, digest = &*digest, "plugin is back: its deliveries go on"),
            None => tracing::info!(plugin = name, digest = &*digest, "plugin loaded"),
        }
        self.ports.observer.observe(&Observation::Swap { plugin: &name, result: "activated" });
        Ok(())
    }

    /// The same, for a generation that an operator wants in force, and whose files are there.
    pub(super) async fn put_in_force_from_files(&self, plugin: Plugin, gate: Option<Comparison>) -> Result<(), JournalError> {
        self.has_files(&plugin.name)?;
        self.put_in_force(plugin, Cause::Files(gate)).await.map_err(|problem| JournalError::Refused(problem.to_string()))
    }

    /// Refuses what cannot be done to a plugin that is parked.
    pub(super) fn has_files(&self, name: &str) -> Result<(), JournalError> {
        if self.plugins.get(name).is_none_or(|numbered| numbered.parked) {
            return Err(JournalError::Refused(format!("the files of {name} are gone from the plugin directory: put some back first")));
        }
        Ok(())
    }

    /// A generation whose files are kept.
    pub(super) async fn kept(&self, name: &str, digest: &str) -> Result<Plugin, JournalError> {
        super::shadow::loaded(self.sandbox.load_kept(name, digest).await)
    }

    /// Puts that generation in force again that was, if it is not. False where that cannot be.
    pub(super) async fn restore(&self, name: &str) -> bool {
        let plugin = match self.plugins.get(name) {
            Some(numbered) if !numbered.parked => return true,
            Some(numbered) => Ok(numbered.plugin),
            None => {
                let record = self.lock().get(name).and_then(|standing| standing.record.clone());
                let Some(record) = record else { return false };
                self.sandbox.load_kept(name, &record.in_force).await
            }
        };
        match plugin {
            Ok(plugin) => match self.put_in_force(plugin, Cause::Files(None)).await {
                Ok(()) => return true,
                Err(problem) => tracing::error!(plugin = name, "the generation that was in force cannot be so again: {problem}"),
            },
            Err(problems) => {
                let said = |problem| tracing::error!(plugin = name, "the generation that was in force cannot be loaded: {problem}");
                problems.iter().for_each(said);
            }
        }
        false
    }

    /// Remembers what is in force. What cannot be stored still holds until the host stops.
    pub(super) async fn remember(&self, record: &Record) {
        if let Err(problem) = self.sandbox.remember(record).await {
            tracing::error!("{problem}; what is in force stays so until the host stops");
        }
        self.lock().entry(record.plugin.clone()).or_default().record = Some(record.clone());
    }
}

/// The record once this generation is in force.
fn next(old: Option<Record>, plugin: &Plugin, cause: &Cause, now: Timestamp, config: &PluginsConfig) -> Record {
    let digest = plugin.digest.to_string();
    let Some(old) = old else {
        let (plugin, kept) = (plugin.name.clone(), vec![kept(plugin, None, now)]);
        return Record { plugin, in_force: digest, since: now, before: None, pinned: false, held_back: None, shadow: None, kept };
    };
    if old.in_force == digest {
        return old;
    }
    let known = || old.kept.iter().find(|kept| kept.digest == digest).and_then(|kept| kept.gate.clone());
    // Whoever goes back does not come from there: nothing follows that could fall back again.
    let (before, held_back, gate) = match cause {
        Cause::Files(gate) => (Some(old.in_force.clone()), None, gate.clone().or_else(known)),
        Cause::Back(reason) => (None, Some(HeldBack { digest: old.in_force.clone(), reason: reason.clone(), gate: None }), known()),
    };
    let mut all = vec![kept(plugin, gate, now)];
    let out = old.kept.into_iter().filter(|kept| kept.digest != digest);
    all.extend(out.map(|kept| if kept.digest == old.in_force { Kept { at: now, ..kept } } else { kept }));
    let longest = SignedDuration::try_from(config.keep_time).unwrap_or(SignedDuration::MAX);
    let needed = |kept: &Kept| kept.digest == digest || before.as_ref().is_some_and(|before| kept.digest == *before);
    let mut place = 0;
    all.retain(|kept| {
        place += 1;
        needed(kept) || place <= config.keep_generations && now.duration_since(kept.at) <= longest
    });
    let shadow = old.shadow.filter(|shadow| shadow.digest != digest);
    Record { plugin: old.plugin, in_force: digest, since: now, before, pinned: old.pinned, held_back, shadow, kept: all }
}

fn kept(plugin: &Plugin, gate: Option<Comparison>, at: Timestamp) -> Kept {
    let text = |digest: &Arc<str>| digest.to_string();
    Kept { digest: text(&plugin.digest), component: text(&plugin.component), at, gate }
}
