//! `mortar plugin run`: one event through a plugin. Nothing is sent, unless the author says so.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use mortar_connect::Connections;
use mortar_core::call::Response;
use mortar_core::delivery::State;
use mortar_core::ports::Plugin;
use mortar_simulator::samples;

use super::exit::{Exit, Failure};
use super::masonhub::Unobserved;
use super::output::{Output, Tone};
use super::{client_of, story};
use crate::cases::case::Case;
use crate::cases::{Subject, record};
use crate::config;
use crate::rehearsal::{Canned, Incoming, Script, carry_out, rehearse};
use crate::wire::SystemClock;

/// `mortar plugin run`
#[derive(Debug, Args)]
pub(super) struct Run {
    /// A built-in sample, a file with a callback's body, or the id of an event of the running host
    #[arg(long, value_name = "TYPE|FILE|ID")]
    event: String,
    /// Which event of the body, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    record: usize,
    /// The plugin's folder, or a component
    #[arg(long, value_name = "DIR|FILE", default_value = ".")]
    plugin: PathBuf,
    /// The component, where it is not in the folder
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// What the ERP answers to a step (`*` at its end stands for any ending): a status, with a body behind
    /// it if need be, or `lost` or `unavailable`. A step that is not named is answered with 200 and `{}`
    #[arg(long = "answer", value_name = "STEP=STATUS[:BODY]", value_parser = answer)]
    answers: Vec<(String, Canned)>,
    #[command(flatten)]
    earnest: Earnest,
}

/// Whether calls are sent.
#[derive(Debug, Args)]
pub(super) struct Earnest {
    /// Send the plugin's calls, through the connections of the configuration
    #[arg(long, conflicts_with = "answers")]
    against_connection: bool,
    /// Do not ask whether that is meant
    #[arg(long, requires = "against_connection")]
    yes: bool,
}

pub(super) async fn run(command: &Run, config: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let failed = |error: crate::rehearsal::RehearsalError| Failure::Failed(error.to_string());
    let incoming = Incoming { record: command.record, ..incoming(&command.event, config).await? };
    let subject = Subject::at(&command.plugin, command.component.as_deref()).map_err(failed)?;
    let plugin = subject.load(&toml::Table::new()).await.map_err(failed)?.plugin;
    let rehearsed = if command.earnest.against_connection {
        let connections = command.earnest.connections(&plugin, config, output)?;
        carry_out(&plugin, &incoming, connections).await.map_err(failed)?
    } else {
        let connections = Case::default().connections(&plugin.settings).map_err(Failure::Failed)?;
        let mut answers: BTreeMap<String, Vec<Canned>> = BTreeMap::new();
        for (step, answer) in &command.answers {
            answers.entry(step.clone()).or_default().push(answer.clone());
        }
        rehearse(&plugin, &incoming, &connections, &Script { answers, fault: None }).await.map_err(failed)?
    };
    if output.is_json() {
        output.json(&rehearsed.story)?;
    }
    let Some(delivery) = rehearsed.delivery() else {
        let event_type = &rehearsed.story.event.event_type;
        return Err(Failure::Failed(format!(
            "the plugin takes no events of type {event_type}: see its exports, and `events` in plugin.toml"
        )));
    };
    if !output.is_json() {
        story::delivery(delivery, true, output)?;
    }
    let over = matches!(delivery.delivery.state, State::Done | State::Ignored);
    Ok(if over { Exit::Done } else { Exit::Failed })
}

impl Earnest {
    /// The connections that a plugin is granted, once the author means it.
    fn connections(&self, plugin: &Plugin, config: &Path, output: &mut Output<'_>) -> Result<Arc<Connections>, Failure> {
        let loaded = config::read(config).map_err(Failure::Configuration)?;
        let mut granted = BTreeMap::new();
        for name in &plugin.settings.connections {
            let connection = loaded.config.connections.get(name);
            let connection =
                connection.ok_or_else(|| Failure::NotFound(format!("there is no [connections.{name}] in {}", config.display())))?;
            granted.insert(name.clone(), connection.clone());
        }
        let places: Vec<_> = granted.iter().map(|(name, connection)| format!("{name} ({})", connection.url)).collect();
        let warning = format!("what the plugin calls is SENT, to {}", places.join(", "));
        confirm(&warning, self.yes, output)?;
        let observer = Arc::new(Unobserved);
        let made = Connections::new(&granted, &loaded, Arc::new(SystemClock), observer);
        made.map(Arc::new).map_err(|errors| Failure::Failed(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
    }
}

/// Warns, and goes on only where the author means it.
pub(super) fn confirm(warning: &str, yes: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    if !output.is_json() {
        let warning = output.paint(Tone::Bad, warning);
        output.line(warning)?;
    }
    if yes || meant(warning)? { Ok(()) } else { Err(Failure::Refused("nothing was sent".into())) }
}

/// Asks on a terminal; elsewhere nobody can be asked.
fn meant(warning: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("{warning}: say --yes if that is meant")));
    }
    let asked = inquire::Confirm::new("Is that meant?").with_default(false).prompt();
    Ok(asked.unwrap_or(false))
}

/// What comes in: of a sample, of a file, or of an event that the host has.
async fn incoming(event: &str, config: &Path) -> Result<Incoming, Failure> {
    let is_sample = samples::stored(event).is_ok();
    let case = Case { event: is_sample.then(|| event.to_owned()), file: (!is_sample).then(|| event.into()), ..Case::default() };
    if is_sample || Path::new(event).is_file() {
        return case.incoming(Path::new("")).map_err(Failure::Failed);
    }
    let nothing = |why: &Failure| Failure::NotFound(format!("`{event}` is no sample (`mortar event send --samples`), no file, and: {why}"));
    let client = client_of(config).map_err(|why| nothing(&why))?;
    let story = client.story(event).await.map_err(|why| nothing(&why))?;
    let message = story.event.id.strip_suffix(":0").unwrap_or(&story.event.id);
    let body = record::callback(&story.event.event_type, message, &story.payload).map_err(Failure::Failed)?;
    let (source, received_at) = (story.event.source.as_str().into(), story.event.received_at);
    Ok(Incoming { body: body.into(), record: 0, source, received_at, state: BTreeMap::new() })
}

/// `STEP=STATUS[:BODY]`; a step's name may hold `=` itself.
fn answer(text: &str) -> Result<(String, Canned), String> {
    let wrong = || format!("`{text}` is not STEP=STATUS[:BODY], STEP=lost or STEP=unavailable");
    let (step, told) = text.rsplit_once('=').filter(|(_, told)| is_answer(told)).or_else(|| text.split_once('=')).ok_or_else(wrong)?;
    let canned = match told {
        "lost" => Canned::Lost,
        "unavailable" => Canned::Unavailable,
        told => {
            let (status, body) = told.split_once(':').unwrap_or((told, "{}"));
            let status = status.parse().map_err(|_| wrong())?;
            Canned::Answer(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        }
    };
    Ok((step.to_owned(), canned))
}

fn is_answer(told: &str) -> bool {
    matches!(told, "lost" | "unavailable") || told.split(':').next().is_some_and(|status| status.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_with_a_body_or_a_fault() {
        use super::answer as read;
        let full = |status, body: &str| Canned::Answer(Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() });
        assert_eq!(read("ship/*=503").unwrap(), ("ship/*".to_owned(), full(503, "{}")));
        assert_eq!(read("find a=b=404:{\"x\":1}").unwrap(), ("find a=b".to_owned(), full(404, "{\"x\":1}")));
        assert_eq!(read("order=200:{\"q\":\"a=b\"}").unwrap(), ("order".to_owned(), full(200, "{\"q\":\"a=b\"}")));
        assert_eq!(read("order=lost").unwrap().1, Canned::Lost);
        assert!(read("order").is_err() && read("order=soon").is_err());
    }
}
