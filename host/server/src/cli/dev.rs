//! `mortar dev`: what an author has running while a plugin is written. A host on a journal that is thrown
//! away, an ERP that is played, the plugin built and swapped at each save, events at the press of a key.
//!
//! | module | what is in it |
//! |---|---|
//! | `setting` | the folder, the host and the ERP |
//! | `seen` | what is known of plugin and events: the picture that is shown |
//! | `screen` | the picture on a terminal, and its keys |
//! | `plain` | the same in lines |

mod plain;
mod screen;
mod seen;
mod setting;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use mortar_kits::Language;
use mortar_simulator::erp::{Fault, What};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use self::seen::{Key, Seen};
use self::setting::Setting;
use super::exit::{Exit, Failure};
use super::output::{Output, Tone};
use super::plugin_run;
use crate::watching::Watching;

/// How often the host is asked what is new.
const LOOK: Duration = Duration::from_millis(300);

/// Requests that the ERP refuses when it is told to be out of order.
const REFUSED: u32 = 3;

/// `mortar dev`
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The plugin's project, or a folder with a component and its plugin.toml
    #[arg(default_value = ".", value_name = "DIR")]
    plugin: PathBuf,
    /// Print lines, and take keys as lines, also on a terminal
    #[arg(long)]
    plain: bool,
    /// Send calls through the connections of this mortar.toml, in the place of the ERP that is played
    #[arg(long, value_name = "FILE")]
    connections: Option<PathBuf>,
    /// Do not ask whether that is meant
    #[arg(long, requires = "connections")]
    yes: bool,
}

/// What there is to do next.
enum Next {
    Key(Key),
    Changed,
    Told(String),
    Built(Result<PathBuf, String>),
    Look,
}

/// Where the picture is shown.
enum View {
    Screen(Box<screen::Screen>),
    Plain(plain::Plain),
}

pub(super) async fn run(command: &Dev, now: Timestamp, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let folder = &command.plugin;
    if !folder.is_dir() {
        return Err(Failure::NotFound(format!("{} is no folder", folder.display())));
    }
    if let Some(file) = &command.connections {
        plugin_run::confirm(&format!("what the plugin calls is SENT, through the connections of {}", file.display()), command.yes, output)?;
    }
    let mut setting = Setting::start(folder, command.connections.as_deref()).await?;
    let (keys, mut pressed) = mpsc::unbounded_channel();
    let plain = command.plain || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal();
    let mut view = if plain { View::Plain(plain::Plain::start(keys)) } else { View::Screen(Box::new(screen::Screen::start(keys)?)) };
    let mut seen = Seen::new(&setting.name, &setting.erp_url);
    let ended = follow(&mut setting, &mut seen, &mut view, &mut pressed, now, output).await;
    // The terminal is given back before anything else is said.
    drop(view);
    setting.stop().await?;
    ended.map(|()| Exit::Done)
}

async fn follow(
    setting: &mut Setting,
    seen: &mut Seen,
    view: &mut View,
    pressed: &mut mpsc::UnboundedReceiver<Key>,
    now: Timestamp,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let (send, mut built) = mpsc::unbounded_channel();
    let mut watching = build(setting, seen, &send)?;
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let next = tokio::select! {
            Some(key) = pressed.recv() => Next::Key(key),
            Some(next) = built.recv() => next,
            () = watching.changed(), if !seen.building => Next::Changed,
            _ = ticks.tick() => Next::Look,
            _ = &mut interrupted => return Ok(()),
        };
        match next {
            Next::Key(Key::Quit) => return Ok(()),
            Next::Key(Key::Build) if !seen.building => watching = build(setting, seen, &send)?,
            Next::Changed => watching = build(setting, seen, &send)?,
            Next::Key(key) => act(key, setting, seen, now).await,
            Next::Told(command) => seen.note(Tone::Faint, format!("$ {command}")),
            Next::Built(end) => {
                seen.building = false;
                match end.map(|component| setting.put(&component)) {
                    Ok(Ok(())) => seen.note(Tone::Plain, "the plugin is handed to the host"),
                    Ok(Err(error)) => seen.note(Tone::Bad, error.to_string()),
                    Err(why) => seen.note(Tone::Bad, why),
                }
            }
            Next::Look => look(setting, seen).await?,
        }
        match view {
            View::Screen(screen) => screen.draw(seen)?,
            View::Plain(plain) => plain.print(seen, output)?,
        }
    }
}

/// Has the plugin built, where it is a project, beside everything else. What watches it starts before that, so
/// that no change is missed.
fn build(setting: &Setting, seen: &mut Seen, send: &mpsc::UnboundedSender<Next>) -> Result<Watching, Failure> {
    let folder = setting.plugin.clone();
    let watching = Watching::start(&folder, &folder.join("cases"));
    let watching = watching.map_err(|error| Failure::Failed(format!("{} cannot be watched: {error}", folder.display())))?;
    seen.building = true;
    let send = send.clone();
    tokio::task::spawn_blocking(move || {
        let end = match Language::of(&folder) {
            Some(_) => {
                let tell = send.clone();
                // Nobody listens any more only where all of it ends.
                let built = mortar_kits::build(&folder, &mut |command| drop(tell.send(Next::Told(command.to_owned()))));
                built.map_err(|error| error.to_string())
            }
            None => crate::cases::subject::only_component(&folder).map_err(|error| error.to_string()),
        };
        drop(send.send(Next::Built(end)));
    });
    Ok(watching)
}

async fn act(key: Key, setting: &Setting, seen: &mut Seen, now: Timestamp) {
    match key {
        Key::Sample(at) => {
            let Some(event_type) = seen.types.get(at).cloned() else { return };
            match super::send::sample(&event_type, &setting.config(), now, &mut rand::rng()).await {
                Ok(()) => seen.note(Tone::Plain, format!("sent {event_type}")),
                Err(failure) => seen.note(Tone::Bad, failure.to_string()),
            }
        }
        Key::Refuse if setting.is_played() => {
            setting.erp.fault(Fault::new(What::Unavailable { retry_after: Some(1) }).next(REFUSED));
            seen.note(Tone::Wait, format!("the ERP answers 503 to the next {REFUSED} requests"));
        }
        Key::Lose if setting.is_played() => {
            setting.erp.fault(Fault::new(What::Cut).after_applying().next(1));
            seen.note(Tone::Wait, "the ERP does what the next request asks for, and its answer is lost");
        }
        Key::Refuse | Key::Lose => seen.note(Tone::Wait, "the ERP is no played one: it has no faults on demand"),
        Key::Up => seen.select(-1),
        Key::Down => seen.select(1),
        Key::Build | Key::Quit => {}
    }
}

/// Asks the host what is new.
async fn look(setting: &mut Setting, seen: &mut Seen) -> Result<(), Failure> {
    let mut said = Vec::new();
    setting.host.look_after(&mut said).await?;
    String::from_utf8_lossy(&said).lines().for_each(|line| seen.note(Tone::Bad, line));
    let client = setting.host.client();
    // A plugin that could never be put in force is not known yet.
    if let Ok(plugin) = client.plugin(&setting.name).await {
        seen.plugin(&plugin, &setting.settings());
    }
    if let Ok(events) = client.events(&crate::admin_types::EventQuery { limit: Some(seen::EVENTS), ..Default::default() }).await {
        seen.events(events);
    }
    for id in seen.unread() {
        if let Ok(story) = client.story(&id).await {
            seen.story(story);
        }
    }
    Ok(())
}

/// The folder's name as a plugin's.
fn name_of(folder: &Path) -> String {
    crate::cases::subject::name_of(folder)
}
