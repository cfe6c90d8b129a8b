//! What is in force, and what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::config::PluginsConfig;
use mortar_core::plugin::{PluginProblem, code};
use mortar_core::ports::{HeldBack, Kept, Observation, Plugin, Record};

use super::Swaps;

/// Why a generation is put in force.
pub(super) enum Cause {
    /// Its files are in the plugin directory.
    Files,
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
        let old = self.lock().get(&name).and_then(|standing| standing.record.clone());
        let record = next(old, &plugin, &cause, now, &self.config);
        self.remember(&record).await;
        let policy = plugin.settings.probation.clone();
        let over = Duration::try_from(now.duration_since(record.since)).unwrap_or_default();
        let left = policy.time.saturating_sub(over);
        self.plugins.probation.starts(&name, &digest, record.before.is_some().then_some((policy, left)));
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
            Ok(plugin) => match self.put_in_force(plugin, Cause::Files).await {
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
        let kept = vec![kept(plugin, now)];
        return Record { plugin: plugin.name.clone(), in_force: digest, since: now, before: None, pinned: false, held_back: None, kept };
    };
    if old.in_force == digest {
        return old;
    }
    // Whoever goes back does not come from there: nothing follows that could fall back again.
    let (before, held_back) = match cause {
        Cause::Files => (Some(old.in_force.clone()), None),
        Cause::Back(reason) => (None, Some(HeldBack { digest: old.in_force.clone(), reason: reason.clone() })),
    };
    let mut all = vec![kept(plugin, now)];
    let out = old.kept.into_iter().filter(|kept| kept.digest != digest);
    all.extend(out.map(|kept| if kept.digest == old.in_force { Kept { at: now, ..kept } } else { kept }));
    let longest = SignedDuration::try_from(config.keep_time).unwrap_or(SignedDuration::MAX);
    let needed = |kept: &Kept| kept.digest == digest || before.as_ref().is_some_and(|before| kept.digest == *before);
    let mut place = 0;
    all.retain(|kept| {
        place += 1;
        needed(kept) || place <= config.keep_generations && now.duration_since(kept.at) <= longest
    });
    Record { plugin: old.plugin, in_force: digest, since: now, before, pinned: old.pinned, held_back, kept: all }
}

fn kept(plugin: &Plugin, at: Timestamp) -> Kept {
    let text = |digest: &Arc<str>| digest.to_string();
    Kept { digest: text(&plugin.digest), component: text(&plugin.component), at }
}
