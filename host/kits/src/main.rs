//! `mortar-kits`: for languages whose tool chains make modules, what lies between the contract and a
//! component.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use mortar_kits::{c, component, go};

#[derive(Parser)]
#[command(about = "Bindings from the contract, components from modules", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes bindings for C
    C {
        /// The plugin's folder `wit`, with the contract in `wit/deps`
        wit: PathBuf,
        /// The folder that they are written to
        place: PathBuf,
    },
    /// Writes bindings for Go
    Go {
        /// The plugin's folder `wit`, with the contract in `wit/deps`
        wit: PathBuf,
        /// The folder that they are written to
        place: PathBuf,
    },
    /// Makes a component of a module that was compiled with such bindings
    Component {
        /// The plugin's folder `wit`, where the bindings carry no types: with those for Go
        #[arg(long)]
        wit: Option<PathBuf>,
        /// The module
        module: PathBuf,
        /// The component
        component: PathBuf,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::C { wit, place } => c::bindings(&wit, &place),
        Command::Go { wit, place } => go::bindings(&wit, &place),
        Command::Component { wit, module, component } => component::wrap(&module, wit.as_deref(), &component),
    }
}
