//! `mortar-kits`: the bindings that the kits for C and Go are tested with. `mortar plugin build` has its own.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use mortar_kits::{c, go};

#[derive(Parser)]
#[command(about = "Bindings from the contract", disable_version_flag = true)]
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
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::C { wit, place } => c::bindings(&wit, &place),
        Command::Go { wit, place } => go::bindings(&wit, &place),
    }
}
