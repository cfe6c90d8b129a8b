//! `mortar check`: proves a configuration before it serves, and tells every problem at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use futures::future::join_all;
use mortar_connect::Connections;
use mortar_core::config::{ConnectionConfig, Secret, dotted};
use mortar_core::plugin::PluginProblem;
use mortar_core::ports::{Clock, Observer, Plugin};
use mortar_core::verify::Verifier;
use mortar_journal::Contents;
use serde::Serialize;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::backup::described;
use super::exit::{Exit, Failure};
use super::masonhub::Unobserved;
use super::output::{Output, Tone, counted};
use super::status::short;
use crate::alerts;
use crate::config::{self, Loaded, Problem};
use crate::masonhub::Api;
use crate::telemetry::traces::Traces;
use crate::tls::Certificate;
use crate::wire::{self, SystemClock};

/// `mortar check`
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Do not try to reach the connections
    #[arg(long)]
    offline: bool,
    /// Read the whole journal and prove that it is sound, and look at nothing else; the host must
    /// not be running. A start looks at the schema, both ends of each table, and the last events
    #[arg(long, conflicts_with = "offline")]
    journal: bool,
}

/// What was looked at.
#[derive(Default, Serialize)]
struct Report {
    /// What holds, in words.
    proven: Vec<String>,
    /// What does not.
    problems: Vec<Problem>,
    /// Connections that are configured well and cannot be reached.
    unreachable: Vec<Problem>,
}

pub(super) async fn run(command: &Check, path: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    if command.journal {
        return sound(path, output);
    }
    let (loaded, problems) = config::examine(path);
    let mut report = Report { problems, ..Report::default() };
    if let Some(loaded) = &loaded {
        if !report.problems.iter().any(Problem::is_error) {
            report.proven.push(format!("configuration {}", path.display()));
        }
        log_level(loaded, &mut report);
        certificates(loaded, &mut report);
        sources(loaded, &mut report);
        journal(loaded, &mut report);
        plugins(loaded, &mut report).await;
        connections(loaded, command.offline, &mut report).await;
        apis(loaded, command.offline, &mut report).await;
        alert_ways(loaded, &mut report);
        traces(loaded, &mut report);
    }
    if output.is_json() {
        output.json(&report)?
    } else {
        report.print(output)?
    }
    Ok(report.exit())
}

/// `mortar check --journal`
fn sound(path: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let loaded = config::read(path).map_err(Failure::Configuration)?;
    let journal = loaded.path(&loaded.config.journal.path);
    let contents = mortar_journal::check(&journal)?;
    if output.is_json() {
        let Contents { events, open, newest } = contents;
        output.json(&json!({ "journal": journal, "events": events, "open": open, "newest": newest }))?;
    } else {
        let ok = output.paint(Tone::Good, "ok");
        output.line(format_args!("{ok}  journal {}: {}", journal.display(), described(&contents)))?;
    }
    Ok(Exit::Done)
}

impl Report {
    fn exit(&self) -> Exit {
        if self.problems.iter().any(Problem::is_error) {
            Exit::Configuration
        } else if self.unreachable.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        }
    }

    fn print(&self, output: &mut Output<'_>) -> Result<(), Failure> {
        for proven in &self.proven {
            let ok = output.paint(Tone::Good, "ok");
            let proven = output.paint(Tone::Plain, proven);
            output.line(format_args!("{ok}  {proven}"))?;
        }
        let all = || self.problems.iter().chain(&self.unreachable);
        for problem in all() {
            let line = output.paint(if problem.is_error() { Tone::Bad } else { Tone::Wait }, problem);
            output.line(line)?;
        }
        let errors = all().filter(|problem| problem.is_error()).count() as u64;
        let warnings = all().count() as u64 - errors;
        Ok(output.line(format_args!("{}, {}", counted(errors, "problem"), counted(warnings, "warning")))?)
    }

    /// Takes note of a problem, unless an error is told of the same place already.
    fn problem(&mut self, new: Problem) {
        let told =
            |old: &Problem| old.is_error() && old.line.is_some() && (&old.file, old.line, old.column) == (&new.file, new.line, new.column);
        if !self.problems.iter().any(told) {
            self.problems.push(new);
        }
    }
}

fn log_level(loaded: &Loaded, report: &mut Report) {
    if let Err(error) = EnvFilter::try_new(&loaded.config.log.level) {
        report.problem(loaded.error_at("log.level", format!("log.level: {error}")));
    }
}

fn certificates(loaded: &Loaded, report: &mut Report) {
    for (what, tls) in [("edge", &loaded.config.edge.tls), ("admin", &loaded.config.admin.tls)] {
        match tls.as_ref().map(|tls| Certificate::load(loaded, tls)) {
            Some(Ok(_)) => report.proven.push(format!("certificate of {what}")),
            Some(Err(why)) => report.problem(loaded.error_at(&format!("{what}.tls"), format!("{what}.tls: {why}"))),
            None => {}
        }
    }
}

fn sources(loaded: &Loaded, report: &mut Report) {
    for (name, source) in &loaded.config.sources {
        let key = |key: &str| format!("{}.{key}", dotted(&["sources", name]));
        match Verifier::new(&source.verify, &source.secrets, &|secret: &Secret| loaded.secret(secret)) {
            Ok(verifier) => {
                report.proven.push(format!("source {name} at {}", source.base_path(name)));
                for weak in verifier.weak() {
                    let message = format!("{}: the secret is short enough to be guessed; take 16 bytes or more", key(weak));
                    report.problem(loaded.warning_at(&key(weak), message));
                }
            }
            Err(errors) => {
                for error in errors {
                    report.problem(loaded.error_at(&key(&error.key), format!("{}: {}", key(&error.key), error.message)));
                }
            }
        }
    }
}

/// The journal's folder can be written to, and so can the file where it is there already.
fn journal(loaded: &Loaded, report: &mut Report) {
    let path = loaded.path(&loaded.config.journal.path);
    let proof = path.with_file_name(".mortar-check");
    let writable = OpenOptions::new().write(true).create(true).truncate(false).open(&proof).and_then(|_| fs::remove_file(&proof));
    let journal = if path.exists() { OpenOptions::new().write(true).open(&path).map(drop) } else { Ok(()) };
    match writable.and(journal) {
        Ok(()) => report.proven.push(format!("journal {}", path.display())),
        Err(error) => {
            let message = format!("the journal {} cannot be written: {error}; make its folder, or mend `journal.path`", path.display());
            report.problem(loaded.error_at("journal.path", message));
        }
    }
}

async fn plugins(loaded: &Loaded, report: &mut Report) {
    // As the user would write it, so that problems name files that can be clicked on.
    let directory = loaded.path.parent().unwrap_or(Path::new("")).join(&loaded.config.plugins.directory);
    if let Err(error) = fs::read_dir(&directory) {
        let message = format!("the plugin directory {} cannot be read: {error}; make it, or mend `plugins.directory`", directory.display());
        report.problem(loaded.error_at("plugins.directory", message));
        return;
    }
    let sandbox = match wire::open_sandbox(loaded, &directory, false, Arc::new(SystemClock)) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            report.problem(loaded.error_at("plugins.cache", error.to_string()));
            return;
        }
    };
    let (plugins, problems) = sandbox.load_all().await;
    if plugins.is_empty() && problems.is_empty() {
        let message = format!("there is no plugin in {}: events are stored, and nothing handles them", directory.display());
        report.problems.push(Problem::warning(&loaded.path, message));
    }
    report.problems.extend(problems.into_iter().map(of_plugin));
    for plugin in &plugins {
        report.proven.push(format!("plugin {} handles {}, component {}", plugin.name, handled(plugin), short(&plugin.digest)));
    }
    report.problems.extend(unused(&plugins, loaded));
}

fn of_plugin(problem: PluginProblem) -> Problem {
    let place = problem.line.zip(problem.column);
    Problem::error(&problem.file, format!("{} [{}]", problem.message, problem.code)).at(place)
}

fn handled(plugin: &Plugin) -> String {
    let typed = plugin.families.iter().map(|family| family.interface());
    typed.chain(plugin.any_event.then_some("any-event")).collect::<Vec<_>>().join(", ")
}

/// Connections that no plugin may use.
fn unused(plugins: &[Plugin], loaded: &Loaded) -> Vec<Problem> {
    let granted: BTreeSet<_> = plugins.iter().flat_map(|plugin| &plugin.settings.connections).collect();
    let idle = loaded.config.connections.keys().filter(|name| !plugins.is_empty() && !granted.contains(name));
    let warning = |name: &String| {
        let message = format!("no plugin may use the connection {name}: name it in `connections` of a plugin.toml");
        loaded.warning_at(&dotted(&["connections", name]), message)
    };
    idle.map(warning).collect()
}

async fn connections(loaded: &Loaded, offline: bool, report: &mut Report) {
    let mut ready = Vec::new();
    for (name, config) in &loaded.config.connections {
        match connection(name, config, loaded) {
            Ok(connection) => ready.push((name, connection)),
            Err(problems) => problems.into_iter().for_each(|problem| report.problem(problem)),
        }
    }
    if offline {
        report.proven.extend(ready.iter().map(|(name, _)| format!("connection {name} (not tried)")));
        return;
    }
    let probes = ready.iter().map(|(name, connection)| async move { (*name, connection.probe(name).await) });
    for (name, seen) in join_all(probes).await {
        match seen {
            Ok(seen) => report.proven.push(format!("connection {name}: {seen}")),
            Err(why) => {
                report.unreachable.push(loaded.error_at(&dotted(&["connections", name, "url"]), format!("connections.{name}: {why}")))
            }
        }
    }
}

/// MasonHub's own API, of each source that has one.
/// Whether operators can be told; `mortar alerts test` tells them.
fn alert_ways(loaded: &Loaded, report: &mut Report) {
    let Some(webhook) = &loaded.config.alerts.webhook else { return };
    let (clock, observer): (Arc<dyn Clock>, Arc<dyn Observer>) = (Arc::new(SystemClock), Arc::new(Unobserved));
    match alerts::webhook_of(loaded, webhook, &clock, &observer) {
        Ok(_) => report.proven.push(format!("alerts to {}", webhook.url)),
        Err(problems) => problems.iter().for_each(|problem| report.problem(loaded.error_at(&problem.key, problem.to_string()))),
    }
}

/// Whether traces can be sent, where they are.
fn traces(loaded: &Loaded, report: &mut Report) {
    let (clock, observer): (Arc<dyn Clock>, Arc<dyn Observer>) = (Arc::new(SystemClock), Arc::new(Unobserved));
    match Traces::of(loaded, &clock, &observer) {
        Ok(None) => {}
        Ok(Some(_)) => report.proven.push("traces".to_owned()),
        Err(problems) => problems.iter().for_each(|problem| report.problem(loaded.error_at(&problem.key, problem.to_string()))),
    }
}

async fn apis(loaded: &Loaded, offline: bool, report: &mut Report) {
    for name in loaded.config.sources.iter().filter(|(_, source)| source.api.is_some()).map(|(name, _)| name) {
        let at = dotted(&["sources", name, "api"]);
        match Api::new(loaded, name, Arc::new(SystemClock), Arc::new(Unobserved)) {
            Err(error) => report.problem(loaded.error_at(&at, error.to_string())),
            Ok(_) if offline => report.proven.push(format!("API of source {name} (not tried)")),
            Ok(api) => match api.registered().await {
                Ok(known) => report.proven.push(format!("API of source {name}: {} registered", counted(known.len() as u64, "callback"))),
                Err(error) => report.unreachable.push(loaded.error_at(&at, format!("{at}: {error}"))),
            },
        }
    }
}

/// One connection by itself, so that the problems of one do not hide what can be said of others.
fn connection(name: &str, config: &ConnectionConfig, loaded: &Loaded) -> Result<Connections, Vec<Problem>> {
    let one = BTreeMap::from([(name.to_owned(), config.clone())]);
    Connections::new(&one, loaded, Arc::new(SystemClock), Arc::new(Unobserved)).map_err(|errors| {
        let problem = |error: mortar_connect::ConnectError| {
            loaded.error_at(&format!("{}.{}", dotted(&["connections", name]), error.key), error.to_string())
        };
        errors.into_iter().map(problem).collect()
    })
}

#[cfg(test)]
mod tests;
