//! `mortar masonhub`: what is set up at MasonHub, through its own API. No running host is needed.

mod trigger;

pub(super) use trigger::of_sandbox;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use mortar_core::config::Secret;
use mortar_core::masonhub::MESSAGE_TYPES;
use mortar_core::ports::{Observation, Observer};
use reqwest::Url;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, counted};
use crate::config::{self, Loaded};
use crate::masonhub::{Api, ApiError, NewRegistration, Registered};
use crate::wire::SystemClock;

/// `mortar masonhub`
#[derive(Debug, Args)]
pub(super) struct Masonhub {
    /// The source whose [sources.NAME.api] is asked, where several have one
    #[arg(long, global = true, value_name = "NAME")]
    source: Option<String>,
    /// Only show what would be changed
    #[arg(long, global = true)]
    dry_run: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register callbacks; what is registered already is left as it is
    Register(Register),
    /// List registered callbacks, and what is held
    List,
    /// End registrations
    Unregister(Unregister),
    /// Pause message types at MasonHub. What happens meanwhile is never sent: get it with a poll
    Hold(Types),
    /// Go on with message types that were held
    Release(Types),
    /// Make something happen in a sandbox, by its data factory
    #[command(subcommand)]
    Trigger(trigger::Trigger),
}

/// `mortar masonhub register`
#[derive(Debug, Args)]
struct Register {
    /// Where callbacks go: the source's path on the host's public address
    #[arg(long, value_name = "URL")]
    to: Url,
    #[command(flatten)]
    types: SomeTypes,
    /// The version of the records: 1.0 or 2.0
    #[arg(long, value_name = "VERSION", default_value = "1.0", value_parser = ["1.0", "2.0"])]
    api_version: String,
    /// Have MasonHub send the token in this environment variable with each callback; one that is
    /// registered already keeps its token
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
}

/// `mortar masonhub unregister`
#[derive(Debug, Args)]
struct Unregister {
    /// Their identifiers, as listed
    #[arg(value_name = "ID", required_unless_present = "to", conflicts_with_all = ["to", "types"])]
    ids: Vec<String>,
    /// All that go to this address
    #[arg(long, value_name = "URL")]
    to: Option<Url>,
    #[command(flatten)]
    types: SomeTypes,
}

/// `mortar masonhub hold`, `release`
#[derive(Debug, Args)]
struct Types {
    /// Message types
    #[arg(value_name = "TYPE", value_parser = PossibleValuesParser::new(MESSAGE_TYPES), required_unless_present = "all")]
    types: Vec<String>,
    /// All message types
    #[arg(long, conflicts_with = "types")]
    all: bool,
}

/// Some message types, or all.
#[derive(Debug, Args)]
struct SomeTypes {
    /// Only this message type; may be given several times
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(MESSAGE_TYPES))]
    types: Vec<String>,
}

impl SomeTypes {
    fn includes(&self, message_type: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == message_type)
    }
}

impl Types {
    fn includes(&self, message_type: &str) -> bool {
        self.all || self.types.iter().any(|wanted| wanted == message_type)
    }
}

pub(super) async fn run(command: &Masonhub, config: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let loaded = config::read(config).map_err(Failure::Configuration)?;
    let source = source(&loaded, command.source.as_deref())?;
    let api = Api::new(&loaded, source, Arc::new(SystemClock), Arc::new(Unobserved))?;
    let session = Session { api, loaded: &loaded, dry_run: command.dry_run };
    match &command.command {
        Command::Register(register) => session.register(register, output).await,
        Command::List => session.list(output).await,
        Command::Unregister(unregister) => session.unregister(unregister, output).await,
        Command::Hold(types) => session.hold(types, true, output).await,
        Command::Release(types) => session.hold(types, false, output).await,
        Command::Trigger(trigger) => trigger::run(trigger, &session.api, session.dry_run, output).await,
    }
}

/// The source that is meant: the one with an API, if no other is named.
pub(super) fn source<'a>(loaded: &'a Loaded, named: Option<&str>) -> Result<&'a str, Failure> {
    let sources = &loaded.config.sources;
    let with_api: Vec<_> = sources.iter().filter(|(_, source)| source.api.is_some()).map(|(name, _)| name.as_str()).collect();
    match (named, &with_api[..]) {
        (Some(named), _) => match sources.get_key_value(named) {
            Some((name, _)) => Ok(name),
            None => Err(Failure::Usage(format!("there is no source `{named}`; there are: {}", names(sources.keys())))),
        },
        (None, [one]) => Ok(one),
        (None, []) => {
            let name = sources.keys().next().map_or("NAME", String::as_str);
            let file = loaded.path.display();
            Err(Failure::Usage(format!("{file} has no [sources.{name}.api]: write its url and auth; `mortar init` shows how")))
        }
        (None, several) => Err(Failure::Usage(format!("several sources have an API; say which with --source: {}", several.join(", ")))),
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.cloned().collect::<Vec<_>>().join(", ")
}

struct Session<'a> {
    api: Api,
    loaded: &'a Loaded,
    dry_run: bool,
}

impl Session<'_> {
    async fn register(&self, register: &Register, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let url = register.to.as_str();
        let token = register.token_env.clone().map(|name| self.loaded.secret(&Secret::Env(name))).transpose();
        let token = token.map_err(Failure::Usage)?;
        let known = self.api.registered().await?;
        let held = self.api.holds().await?;
        let at = |message_type: &str| known.iter().find(|known| known.url == url && known.message_type == message_type);
        let other_version = |known: &&Registered| known.api_version.as_deref().unwrap_or("1.0") != register.api_version;
        let (mut new, mut old, mut report) = (Vec::new(), Vec::new(), Vec::new());
        for message_type in MESSAGE_TYPES.into_iter().filter(|name| register.types.includes(name)) {
            let found = at(message_type);
            if found.is_some_and(|found| !other_version(&found)) {
                report.push((message_type, "registered already", Tone::Faint));
                continue;
            }
            report.push(match found {
                Some(found) => {
                    old.push(found.id.clone());
                    (message_type, "another version: to be replaced", Tone::Wait)
                }
                None => (message_type, "new", Tone::Good),
            });
            let (url, message_type) = (url.to_owned(), message_type.to_owned());
            new.push(NewRegistration { url, message_type, api_version: register.api_version.clone(), token: token.clone() });
        }
        let elsewhere: Vec<_> =
            known.iter().filter(|known| known.url != url && register.types.includes(&known.message_type)).cloned().collect();
        if !self.dry_run {
            self.api.unregister(&old).await?;
            self.api.register(&new).await?;
            self.prove(&new).await?;
        }
        if output.is_json() {
            let entry = |(message_type, what, _): &(&str, &str, Tone)| json!({"message_type": message_type, "what": what});
            output.json(&json!({
                "url": url,
                "dry_run": self.dry_run,
                "registrations": report.iter().map(entry).collect::<Vec<_>>(),
                "elsewhere": elsewhere.iter().map(|known| json!({"message_type": known.message_type, "url": known.url})).collect::<Vec<_>>(),
                "held": held,
            }))?;
            return Ok(Exit::Done);
        }
        let rows = report.iter().map(|(message_type, what, tone)| vec![Cell::from(message_type), Cell::toned(what, *tone)]);
        output.table(&["message type", "what"], rows.collect(), "nothing to register")?;
        for known in &elsewhere {
            output.line(format_args!("{} goes to {} as well", known.message_type, known.url))?;
        }
        for message_type in held.iter().filter(|name| register.types.includes(name)) {
            output.line(output.paint(Tone::Wait, format_args!("{message_type} is held: `mortar masonhub release {message_type}`")))?;
        }
        self.conclude(new.len(), "registered", output)
    }

    /// What a success means is told by the list alone.
    async fn prove(&self, new: &[NewRegistration]) -> Result<(), Failure> {
        if new.is_empty() {
            return Ok(());
        }
        let known = self.api.registered().await?;
        let is_there = |new: &&NewRegistration| known.iter().any(|k| k.url == new.url && k.message_type == new.message_type);
        let missing: Vec<_> = new.iter().filter(|new| !is_there(new)).map(|new| new.message_type.as_str()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::Failed(format!("MasonHub said yes, but does not list: {}", missing.join(", "))))
    }

    async fn list(&self, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let (known, held) = (self.api.registered().await?, self.api.holds().await?);
        if output.is_json() {
            let callback = |known: &Registered| {
                json!({
                    "id": known.id, "url": known.url, "message_type": known.message_type, "api_version": known.api_version,
                    "held": held.contains(&known.message_type),
                })
            };
            let callbacks: Vec<_> = known.iter().map(callback).collect();
            output.json(&json!({"callbacks": callbacks, "held": held}))?;
            return Ok(Exit::Done);
        }
        let row = |known: &Registered| {
            let version = known.api_version.as_deref().unwrap_or("1.0");
            let state = if held.contains(&known.message_type) { Cell::toned("held", Tone::Wait) } else { Cell::toned("sent", Tone::Good) };
            vec![Cell::from(&known.message_type), Cell::from(&known.url), version.into(), state, Cell::from(&known.id)]
        };
        let rows = known.iter().map(row).collect();
        output.table(&["message type", "goes to", "version", "state", "id"], rows, "no callback is registered")?;
        let registered: BTreeSet<_> = known.iter().map(|known| known.message_type.as_str()).collect();
        let missing: Vec<_> = MESSAGE_TYPES.into_iter().filter(|name| !registered.contains(name)).collect();
        if !missing.is_empty() {
            output.line(format_args!("not registered: {}", missing.join(", ")))?;
        }
        for message_type in held.iter().filter(|name| !registered.contains(name.as_str())) {
            output.line(output.paint(Tone::Wait, format_args!("{message_type} is held")))?;
        }
        Ok(Exit::Done)
    }

    async fn unregister(&self, unregister: &Unregister, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let meant = |known: &Registered| match &unregister.to {
            Some(url) => known.url == url.as_str() && unregister.types.includes(&known.message_type),
            None => unregister.ids.contains(&known.id),
        };
        let found: Vec<_> = self.api.registered().await?.into_iter().filter(meant).collect();
        let ids: Vec<_> = found.iter().map(|known| known.id.clone()).collect();
        if !self.dry_run {
            self.api.unregister(&ids).await?;
        }
        if output.is_json() {
            output.json(&json!({"dry_run": self.dry_run, "unregistered": ids}))?;
            return Ok(Exit::Done);
        }
        let rows = found.iter().map(|known| vec![Cell::from(&known.message_type), Cell::from(&known.url), Cell::from(&known.id)]);
        output.table(&["message type", "goes to", "id"], rows.collect(), "no such callback is registered")?;
        self.conclude(ids.len(), "unregistered", output)
    }

    async fn hold(&self, types: &Types, hold: bool, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let held = self.api.holds().await?;
        let changed: Vec<_> = MESSAGE_TYPES.into_iter().filter(|name| types.includes(name) && held.contains(*name) != hold).collect();
        if !self.dry_run && !changed.is_empty() {
            if hold { self.api.hold(&changed).await? } else { self.api.release(&changed).await? }
        }
        if output.is_json() {
            output.json(&json!({"dry_run": self.dry_run, (if hold { "held" } else { "released" }): changed}))?;
            return Ok(Exit::Done);
        }
        for message_type in &changed {
            output.line(message_type)?;
        }
        if hold && !changed.is_empty() {
            output.line(output.paint(Tone::Wait, "what happens until they are released is never sent"))?;
        }
        self.conclude(changed.len(), if hold { "held" } else { "released" }, output)
    }

    fn conclude(&self, changed: usize, what: &str, output: &mut Output<'_>) -> Result<Exit, Failure> {
        let changed = match (changed as u64, self.dry_run) {
            (0, _) => "nothing to change".to_owned(),
            (changed, true) => format!("{} would be {what}", counted(changed, "message type")),
            (changed, false) => format!("{} {what}", counted(changed, "message type")),
        };
        output.line(changed)?;
        Ok(Exit::Done)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let text = error.to_string();
        match error {
            ApiError::Configuration(_) => Self::Usage(text),
            ApiError::Credentials { .. } | ApiError::Refused { .. } => Self::Refused(text),
            ApiError::Unreachable { .. } => Self::Unreachable(text),
            ApiError::Later { .. } | ApiError::Strange { .. } => Self::Failed(text),
        }
    }
}

/// What a command asks is no work of the host's, so nobody counts it.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _: &Observation<'_>) {}
}

#[cfg(test)]
mod tests;
