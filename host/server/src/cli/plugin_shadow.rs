//! `mortar plugin shadow`: a candidate runs beside the generation in force, and nothing of it is sent.

use std::path::{PathBuf, absolute};

use clap::Subcommand;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{Output, clean};
use super::plugin_diff::comparison;
use super::status::short;
use crate::admin_types::{ShadowStatus, StartShadow};

/// `mortar plugin shadow …`
#[derive(Debug, Subcommand)]
pub(super) enum Shadow {
    /// Have a candidate run beside the generation in force, in the place of the one that did
    Start {
        /// The plugin
        name: String,
        /// The candidate: a component (.wasm), or settings (.toml) for the component in force
        file: PathBuf,
    },
    /// Show on how many deliveries it does the same, and a sample of those where it does not
    Report {
        /// The plugin
        name: String,
    },
    /// Put its files into the plugin directory, and it in force
    Promote {
        /// The plugin
        name: String,
    },
    /// End it
    Stop {
        /// The plugin
        name: String,
    },
}

pub(super) async fn run(command: &Shadow, client: &Client, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Shadow::Start { name, file } => {
            let started = client.start_shadow(name, &StartShadow { file: absolute(file)? }).await?;
            if output.is_json() {
                output.json(&started)?;
            } else {
                let digest = short(&started.digest);
                output.line(format_args!("plugin {}: candidate {digest} runs beside the generation in force", clean(name)))?;
            }
        }
        Shadow::Report { name } => {
            let plugin = client.plugin(name).await?;
            let none =
                || Failure::NotFound(format!("no candidate runs beside {name}: `mortar plugin shadow start {name} FILE` has one do so"));
            let shadow = plugin.shadow.ok_or_else(none)?;
            if output.is_json() {
                output.json(&shadow)?;
            } else {
                output.line(format_args!("plugin {}", clean(name)))?;
                show(&shadow, output)?;
            }
        }
        Shadow::Promote { name } => {
            let promoted = client.promote_shadow(name).await?;
            if output.is_json() {
                output.json(&promoted)?;
            } else {
                output.line(format_args!("plugin {}: generation {} is in force", clean(name), short(&promoted.digest)))?;
            }
        }
        Shadow::Stop { name } => {
            client.stop_shadow(name).await?;
            if !output.is_json() {
                output.line(format_args!("plugin {}: no candidate runs any more", clean(name)))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// How the candidate does.
pub(super) fn show(shadow: &ShadowStatus, output: &mut Output<'_>) -> Result<(), Failure> {
    match &shadow.comparison {
        Some(found) => comparison(&format!("shadow     {}:", short(&shadow.digest)), found, output),
        None => Ok(output.line(format_args!("  shadow     {}: it does not run yet", short(&shadow.digest)))?),
    }
}
