//! `mortar plugin`: which generations of plugins are in force, and what keeps others from being so.

use clap::Subcommand;
use mortar_core::plugin::Provenance;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, counted, time};
use super::plugin_sign;
use super::status::short;
use super::{plugin_author, plugin_diff, plugin_shadow};
use crate::admin_types::{DiscardedOpen, PluginState, PluginStatus, RollBack};

/// `mortar plugin …`
#[derive(Debug, Subcommand)]
pub(super) enum Plugin {
    /// List plugins
    List,
    /// Show one: its generation, and what keeps its files from being in force
    Show {
        /// The plugin
        name: String,
    },
    #[command(flatten)]
    Signing(plugin_sign::Signing),
    #[command(flatten)]
    Author(plugin_author::Author),
    /// Put an earlier generation in force; the one that is now stays out until its files change
    Rollback {
        /// The plugin
        name: String,
        /// The generation, by the beginning of its digest; without it the one before
        #[arg(long, value_name = "DIGEST")]
        to: Option<String>,
    },
    /// Keep the generation in force, whatever files come
    Pin {
        /// The plugin
        name: String,
    },
    /// Let the files in the plugin directory decide again
    Unpin {
        /// The plugin
        name: String,
    },
    /// Compare two generations on recorded deliveries, call by call
    ///
    /// The running host runs both generations offline on the same recorded deliveries: their calls answer
    /// from the journal, and nothing is sent or stored. A generation is named by the beginning of its
    /// digest (`mortar plugin show`), by `in-force`, or by a file: a component with the settings beside it
    /// (NAME.toml or plugin.toml; else those in force), or settings (.toml) for the component in force.
    ///
    /// The exit code is 0 where both do the same on all of them, and 7 where they differ, or could not be
    /// compared on all.
    Diff(plugin_diff::Diff),
    /// Put the generation in force that the gate holds back
    Promote {
        /// The plugin
        name: String,
    },
    /// Have a candidate run beside the generation in force
    ///
    /// It runs on each delivery of the plugin that is over, offline: its calls answer from the journal of the
    /// generation in force, and nothing is sent or stored. It goes on over restarts of the host, after which
    /// it is counted anew.
    #[command(subcommand)]
    Shadow(plugin_shadow::Shadow),
    /// Have a plugin whose files are gone get no further deliveries; those that it has still wait for it
    Forget {
        /// The plugin
        name: String,
        /// Discard those that it has, too; they become ignored
        #[arg(long)]
        discard: bool,
    },
}

pub(super) async fn run(command: &Plugin, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Plugin::Author(_) => return Err(Failure::Usage("authors' commands are run before".into())),
        Plugin::Signing(_) => return Err(Failure::Usage("components are signed without a host".into())),
        Plugin::List => {
            let plugins = client.plugins().await?;
            if output.is_json() {
                output.json(&plugins)?;
            } else {
                table(&plugins, output)?;
            }
        }
        Plugin::Show { name } => {
            let plugin = client.plugin(name).await?;
            if output.is_json() {
                output.json(&plugin)?;
            } else {
                show(&plugin, output)?;
            }
        }
        Plugin::Rollback { name, to } => {
            let back = client.roll_back(name, &RollBack { to: to.clone() }).await?;
            if output.is_json() {
                output.json(&back)?;
            } else {
                output.line(format_args!("plugin {}: generation {} is in force", clean(name), short(&back.digest)))?;
            }
        }
        Plugin::Pin { name } => {
            client.pin(name, true).await?;
            say(output, format_args!("plugin {}: the generation in force stays so", clean(name)))?;
        }
        Plugin::Unpin { name } => {
            client.pin(name, false).await?;
            say(output, format_args!("plugin {}: the files in the plugin directory decide again", clean(name)))?;
        }
        Plugin::Diff(command) => return plugin_diff::run(command, client, output).await,
        Plugin::Shadow(command) => return plugin_shadow::run(command, client, output).await,
        Plugin::Promote { name } => {
            let promoted = client.promote(name).await?;
            if output.is_json() {
                output.json(&promoted)?;
            } else {
                output.line(format_args!("plugin {}: generation {} is in force", clean(name), short(&promoted.digest)))?;
            }
        }
        Plugin::Forget { name, discard } => {
            let forgotten = client.forget(name).await;
            let discarded = match (forgotten, discard) {
                (Ok(()), true) => discard_all(name, client).await?,
                // One that was forgotten before still has its deliveries.
                (Err(Failure::NotFound(unknown)), true) => match discard_all(name, client).await? {
                    0 => return Err(Failure::NotFound(unknown)),
                    discarded => discarded,
                },
                (forgotten, _) => forgotten.map(|()| 0)?,
            };
            if output.is_json() {
                output.json(&DiscardedOpen { discarded })?;
            } else {
                output.line(format_args!("plugin {} gets no further deliveries", clean(name)))?;
                if *discard {
                    output.line(format_args!("{} discarded", counted(discarded as u64, "delivery")))?;
                }
            }
        }
    }
    Ok(Exit::Done)
}

async fn discard_all(name: &str, client: &Client) -> Result<usize, Failure> {
    let mut all = 0;
    loop {
        match client.discard_open(name).await?.discarded {
            0 => return Ok(all),
            more => all += more,
        }
    }
}

fn say(output: &mut Output<'_>, words: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    if output.is_json() { Ok(()) } else { Ok(output.line(words)?) }
}

/// The table of plugins, also of `mortar status`.
pub(super) fn table(plugins: &[PluginStatus], output: &mut Output<'_>) -> Result<(), Failure> {
    let row = |plugin: &PluginStatus| {
        let problem = match (plugin.problems.len(), plugin.unsettled) {
            (0, false) => Cell::from(""),
            (0, true) => Cell::toned("its files are being written", Tone::Wait),
            (count, _) => Cell::toned(counted(count as u64, "problem"), Tone::Bad),
        };
        let state = Cell::toned(plugin.state.as_str(), tone(plugin.state));
        let generation = short(plugin.digest.as_deref().unwrap_or_default()).into();
        vec![Cell::from(&plugin.name), state, generation, plugin.handles.join(", ").into(), plugin.open.into(), problem]
    };
    let rows = plugins.iter().map(row).collect();
    Ok(output.table(&["plugin", "state", "generation", "handles", "open", "new files"], rows, "no plugin is there")?)
}

fn show(plugin: &PluginStatus, output: &mut Output<'_>) -> Result<(), Failure> {
    let title = output.paint(Tone::Strong, format_args!("plugin {}", plugin.name));
    let state = output.paint(tone(plugin.state), plugin.state.as_str());
    output.line(format_args!("{title}: {state}, {} open", counted(plugin.open, "delivery")))?;
    if let Some(digest) = &plugin.digest {
        output.line(format_args!("  generation {digest}"))?;
    }
    if let Some(component) = &plugin.component {
        output.line(format_args!("  component  {component}"))?;
    }
    if let Some(since) = plugin.since {
        output.line(format_args!("  since      {}", time(since)))?;
    }
    output.line(format_args!("  handles    {}", plugin.handles.join(", ")))?;
    if let Some(provenance) = &plugin.provenance {
        from(provenance, output)?;
    }
    if plugin.pinned {
        output.line("  pinned     no other generation is put in force, whatever files come")?;
    }
    if let Some(trial) = plugin.probation {
        let attempts = counted(trial.attempts.into(), "attempt");
        output.line(format_args!("  probation  {} s left: {} of {attempts} failed", trial.seconds_left, trial.failed))?;
    }
    for kept in &plugin.kept {
        let mark = if plugin.digest.as_ref() == Some(&kept.digest) { "in force since" } else { "kept, out of force since" };
        output.line(format_args!("  {}  {mark} {}", short(&kept.digest), time(kept.at)))?;
    }
    let in_force = plugin.kept.iter().find(|kept| plugin.digest.as_ref() == Some(&kept.digest));
    if let Some(gate) = in_force.and_then(|kept| kept.gate.as_ref()) {
        plugin_diff::comparison("gate      ", gate, output)?;
    }
    if let Some(shadow) = &plugin.shadow {
        plugin_shadow::show(shadow, output)?;
    }
    if let Some(blocked) = &plugin.blocked {
        let what = format!("held back  {}:", short(&blocked.digest));
        blocked.gate.iter().try_for_each(|gate| plugin_diff::comparison(&what, gate, output))?;
    }
    if plugin.unsettled {
        output.line("  its files are being written; they are looked at again")?;
    }
    for problem in &plugin.problems {
        let problem = output.paint(Tone::Bad, problem);
        output.line(format_args!("  {problem}"))?;
    }
    match plugin.state {
        PluginState::Active => Ok(()),
        PluginState::Failed => Ok(output.line("  no generation of it is in force: its event types are stored, and not delivered to it")?),
        PluginState::Parked => Ok(output.line(format_args!(
            "  its files are gone from the plugin directory: its deliveries wait until they are back; \
             `mortar plugin forget {}` has it get no further ones",
            clean(&plugin.name)
        ))?),
    }
}

/// Where it comes from. What stands in its file is its author's to say, but for the signatures.
fn from(provenance: &Provenance, output: &mut Output<'_>) -> Result<(), Failure> {
    let Provenance { signed_by, languages, tools, imports, exports } = provenance;
    let signed: &[String] = if signed_by.is_empty() { &["nobody".to_owned()] } else { signed_by };
    for (what, told) in
        [("signed by", signed), ("languages", languages), ("tools    ", tools), ("imports  ", imports), ("exports  ", exports)]
    {
        if !told.is_empty() {
            output.line(format_args!("  {what}  {}", clean(&told.join(", "))))?;
        }
    }
    Ok(())
}

fn tone(state: PluginState) -> Tone {
    match state {
        PluginState::Active => Tone::Good,
        PluginState::Parked => Tone::Wait,
        PluginState::Failed => Tone::Bad,
    }
}
