//! The configuration is read again while the host serves: what can be changed is, all or nothing, and
//! what needs a restart is named.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use mortar_connect::Connections;
use mortar_core::ports::Clock;
use mortar_sandbox::KnownConnections;
use tokio::sync::Mutex;

use crate::admin_types::{Configuration, Reloaded};
use crate::config::{self, Loaded, Problem};
use crate::edge::{Edge, Rules};
use crate::telemetry::log;
use crate::tls::Certificate;
use crate::wire;

/// What counts only after a restart, of what counts at once otherwise.
const RESTART: [&str; 4] = ["edge.listen", "edge.connections", "edge.tls", "log.format"];

/// What counts at once.
const AT_ONCE: [&str; 4] = ["edge", "sources", "connections", "log"];

/// What below a source counts only after a restart.
const RESTART_OF_SOURCE: [&str; 2] = ["api", "poll"];

/// Reads the configuration again.
pub struct Reloader {
    file: PathBuf,
    clock: Arc<dyn Clock>,
    edge: Arc<Edge>,
    connections: Arc<Connections>,
    /// The names that plugins may be granted.
    known: KnownConnections,
    certificates: Vec<Arc<Certificate>>,
    /// The text that the host was started with: what needs a restart is compared with it.
    started: toml::Table,
    /// The text that counts now. One reload at a time.
    text: Mutex<toml::Table>,
    state: RwLock<Configuration>,
}

impl Reloader {
    /// For a host that was started with this configuration.
    #[must_use]
    pub fn new(
        loaded: &Loaded,
        clock: Arc<dyn Clock>,
        edge: Arc<Edge>,
        connections: Arc<Connections>,
        known: KnownConnections,
        certificates: Vec<Arc<Certificate>>,
    ) -> Self {
        let text = table(&loaded.text);
        let state = Configuration { loaded_at: clock.now(), failed_at: None, problems: Vec::new(), needs_restart: Vec::new() };
        let file = loaded.path.clone();
        let (started, text, state) = (text.clone(), Mutex::new(text), RwLock::new(state));
        Self { file, clock, edge, connections, known, certificates, started, text, state }
    }

    /// How the configuration stands.
    #[must_use]
    pub fn state(&self) -> Configuration {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the configuration again. Callbacks, attempts and calls that are under way end as they began.
    ///
    /// # Errors
    /// Every problem of the new one: nothing was changed.
    pub async fn reload(&self) -> Result<Reloaded, Vec<String>> {
        let mut text = self.text.lock().await;
        let now = self.clock.now();
        let result = self.apply(&mut text);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(reloaded) => {
                let Reloaded { changed, needs_restart } = reloaded;
                tracing::info!(?changed, ?needs_restart, "the configuration was read again");
                let needs_restart = needs_restart.clone();
                *state = Configuration { loaded_at: now, failed_at: None, problems: Vec::new(), needs_restart };
            }
            Err(problems) => {
                tracing::error!(problems = problems.join("\n"), "the configuration has problems; the one before goes on");
                (state.failed_at, state.problems) = (Some(now), problems.clone());
            }
        }
        result
    }

    fn apply(&self, text: &mut toml::Table) -> Result<Reloaded, Vec<String>> {
        let loaded = config::load(&self.file).map_err(|problems| problems.iter().map(Problem::to_string).collect::<Vec<_>>())?;
        let level = log::level(&loaded.config.log).map_err(|why| vec![why])?;
        let sources = wire::sources(&loaded).map_err(|error| vec![error.to_string()])?;
        let sources = Rules::new(loaded.config.edge.clone(), sources);
        let certificates: Result<Vec<_>, _> = self.certificates.iter().map(|certificate| certificate.reload()).collect();
        certificates.map_err(|why| vec![why])?;
        // The last step that can fail.
        let reload = self.connections.reload(&loaded.config.connections, &loaded);
        reload.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = loaded.config.connections.keys().cloned().collect();
        self.edge.set_rules(sources);
        level.set();
        let new = table(&loaded.text);
        let (changed, _) = split(differences(text, &new));
        let (_, needs_restart) = split(differences(&self.started, &new));
        *text = new;
        Ok(Reloaded { changed, needs_restart })
    }
}

fn table(text: &str) -> toml::Table {
    // It was read before.
    text.parse().unwrap_or_default()
}

/// The keys that are not the same, as paths, down to what is no table.
fn differences(old: &toml::Table, new: &toml::Table) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (Some(toml::Value::Table(old)), Some(toml::Value::Table(new))) => {
                found.extend(differences(old, new).into_iter().map(|below| [vec![key.clone()], below].concat()));
            }
            (old, new) if old != new => {
                // What is there on one side only is told by its parts where it is a table.
                let part = [old, new].into_iter().flatten().find_map(toml::Value::as_table).filter(|_| old.is_none() || new.is_none());
                match part.filter(|part| !part.is_empty()) {
                    Some(part) => {
                        let none = toml::Table::new();
                        found.extend(differences(part, &none).into_iter().map(|below| [vec![key.clone()], below].concat()));
                    }
                    None => found.push(vec![key.clone()]),
                }
            }
            _ => {}
        }
    }
    found
}

/// Those that count at once, and those that need a restart.
fn split(keys: Vec<Vec<String>>) -> (Vec<String>, Vec<String>) {
    let (at_once, restart): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| counts_at_once(key));
    let dotted = |keys: Vec<Vec<String>>| keys.iter().map(|key| key.join(".")).collect();
    (dotted(at_once), dotted(restart))
}

fn counts_at_once(key: &[String]) -> bool {
    let begins = |beginning: &str| beginning.split('.').zip(key).filter(|(part, key)| part == key).count() == beginning.split('.').count();
    let of_source = key.first().is_some_and(|first| first == "sources");
    let below = key.get(2).is_some_and(|part| RESTART_OF_SOURCE.contains(&part.as_str()));
    AT_ONCE.iter().any(|part| begins(part)) && !RESTART.iter().any(|part| begins(part)) && !(of_source && below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        split(differences(&table(old), &table(new)))
    }

    #[test]
    fn what_counts_at_once_and_what_needs_a_restart_is_told_key_by_key() {
        let old = "[edge]\nlisten = \"127.0.0.1:1\"\nbody_limit = \"1 MiB\"\n[journal]\npath = \"a\"\n[log]\nlevel = \"info\"";
        let new =
            "[edge]\nlisten = \"127.0.0.1:2\"\nbody_limit = \"2 MiB\"\n[journal]\npath = \"b\"\n[log]\nlevel = \"warn\"\nformat = \"json\"";
        let (changed, restart) = told(old, new);
        assert_eq!(changed, ["edge.body_limit", "log.level"]);
        assert_eq!(restart, ["edge.listen", "journal.path", "log.format"]);
        assert_eq!(told(old, old), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_comes_and_goes_is_told_by_its_parts() {
        let source = "[sources.shop]\nverify = \"none\"\n[sources.shop.poll]\ninterval = \"5m\"";
        for (old, new) in [("", source), (source, "")] {
            let (changed, restart) = told(old, new);
            assert_eq!(changed, ["sources.shop.verify"]);
            assert_eq!(restart, ["sources.shop.poll.interval"]);
        }
    }
}
