//! `mortar plugin`: which versions of plugins are in force, and what keeps others from being so.

use clap::Subcommand;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Cell, Output, Tone, clean, counted, time};
use super::status::short;
use crate::admin_types::{PluginState, PluginStatus};

/// `mortar plugin …`
#[derive(Debug, Subcommand)]
pub(super) enum Plugin {
    /// List plugins
    List,
    /// Show one: its version, and what keeps its files from being in force
    Show {
        /// The plugin
        name: String,
    },
    /// Have a plugin whose files are gone get no further deliveries; those that it has still wait for it
    Forget {
        /// The plugin
        name: String,
    },
}

pub(super) async fn run(command: &Plugin, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
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
        Plugin::Forget { name } => {
            client.forget(name).await?;
            if !output.is_json() {
                output.line(format_args!("plugin {} gets no further deliveries", clean(name)))?;
            }
        }
    }
    Ok(Exit::Done)
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
        let version = short(plugin.digest.as_deref().unwrap_or_default()).into();
        vec![Cell::from(&plugin.name), state, version, plugin.handles.join(", ").into(), plugin.open.into(), problem]
    };
    let rows = plugins.iter().map(row).collect();
    Ok(output.table(&["plugin", "state", "version", "handles", "open", "new files"], rows, "no plugin is there")?)
}

fn show(plugin: &PluginStatus, output: &mut Output<'_>) -> Result<(), Failure> {
    let title = output.paint(Tone::Strong, format_args!("plugin {}", plugin.name));
    let state = output.paint(tone(plugin.state), plugin.state.as_str());
    output.line(format_args!("{title}: {state}, {} open", counted(plugin.open, "delivery")))?;
    if let Some(digest) = &plugin.digest {
        output.line(format_args!("  version    {digest}"))?;
    }
    if let Some(component) = &plugin.component {
        output.line(format_args!("  component  {component}"))?;
    }
    if let Some(since) = plugin.since {
        output.line(format_args!("  since      {}", time(since)))?;
    }
    output.line(format_args!("  handles    {}", plugin.handles.join(", ")))?;
    if plugin.unsettled {
        output.line("  its files are being written; they are looked at again")?;
    }
    for problem in &plugin.problems {
        let problem = output.paint(Tone::Bad, problem);
        output.line(format_args!("  {problem}"))?;
    }
    match plugin.state {
        PluginState::Active => Ok(()),
        PluginState::Failed => Ok(output.line("  no version of it is in force: its event types are stored, and not delivered to it")?),
        PluginState::Parked => Ok(output.line(format_args!(
            "  its files are gone from the plugin directory: its deliveries wait until they are back; \
             `mortar plugin forget {}` has it get no further ones",
            clean(&plugin.name)
        ))?),
    }
}

fn tone(state: PluginState) -> Tone {
    match state {
        PluginState::Active => Tone::Good,
        PluginState::Parked => Tone::Wait,
        PluginState::Failed => Tone::Bad,
    }
}
