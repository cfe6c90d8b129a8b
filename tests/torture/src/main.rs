//! The real binary with a real plugin, under load from many connections, in front of ERPs that are
//! hard to reach. Meanwhile it is killed, stopped, terminated, and its disk fills up. When all that
//! is over, everything that was acked has to be in the ERPs: once, and in order.
//!
//! | module | what is in it |
//! |---|---|
//! | [`setup`] | configuration and plugins of the host |
//! | [`host`] | the host as a process that is started again when it dies |
//! | [`erps`] | the ERPs, one that honours idempotency keys and one that does not |
//! | [`proxy`] | what stands before an ERP and loses answers |
//! | [`disk`] | a small disk for the journal |
//! | [`load`] | what MasonHub sends, and what was acked |
//! | [`blows`] | what is done to the host and the ERPs, and when |
//! | [`audit`] | whether all of it arrived |

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod audit;
mod blows;
mod disk;
mod erps;
mod host;
mod load;
mod proxy;
mod setup;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use mortar_sim::chance::Chance;

use crate::audit::Found;
use crate::blows::{Blow, Table};
use crate::disk::Disk;
use crate::erps::Erps;
use crate::host::Process;
use crate::load::Load;

/// How long senders may take to their last ack, and deliveries to their end, once nothing fails.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Parser)]
#[command(name = "cargo xtask torture", about = "Tortures the real host and audits what arrived", disable_version_flag = true)]
struct Cli {
    /// How often the host is killed
    #[arg(long, default_value_t = 30)]
    kills: u32,
    /// About how long all that takes, in seconds; left out: four for each kill
    #[arg(long)]
    seconds: Option<u64>,
    /// What is left to chance; the same number draws the same callbacks, blows and faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Callbacks per second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// The first ERP forgets its idempotency keys, which has to be noticed: shows that this can fail
    #[arg(long)]
    forgetful_erp: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before there are other threads: the program continues where it may mount something.
    let no_disk = disk::enter().err();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.context("no runtime").and_then(|runtime| runtime.block_on(torture(&cli, no_disk)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True where everything arrived.
async fn torture(cli: &Cli, no_disk: Option<anyhow::Error>) -> Result<bool> {
    let chance = Chance::new(cli.seed);
    let lasting = Duration::from_secs(cli.seconds.unwrap_or(u64::from(cli.kills) * 4));
    let table = Table::default();
    let erps = Erps::start(&chance, !cli.forgetful_erp).await?;
    let mut setup = setup::setup(&erps)?;
    let disk = match no_disk {
        None => Disk::mount(&setup.path().join(setup::DISK)).await,
        Some(reason) => Err(reason),
    };
    let disk = match disk {
        Ok(disk) => Some(disk),
        Err(reason) => {
            println!("skipped: full disk, because {reason:#}");
            None
        }
    };
    println!("seed {}, {} kills in about {} s, in {}", cli.seed, cli.kills, lasting.as_secs(), setup.path().display());

    let mut host = Process::start(&setup).await?;
    let load = Load::start(&setup, cli.seed, cli.rate);
    erps.faults(true);
    let told = blows::strike(&mut host, &erps, disk.as_ref(), &chance.fork(), &Blow::all(cli.kills), lasting, &table).await;
    erps.faults(false);
    // What the host could not stand is part of what is found.
    let told = match told {
        Ok(()) => host.up().await,
        error => error,
    };
    let sent = load.finish(PATIENCE).await;
    let drained = audit::drain(&setup, PATIENCE).await;
    let mut found = Found::default();
    found.problems = [host.problems(), sent.wrong.clone()].concat();
    let audited = audit::audit(&setup, &sent, &erps, &mut found).await;
    let endings = [told, drained, audited, host.stop().await];
    found.problems.extend(endings.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")));

    table.add("callbacks sent again", sent.repeated);
    sent.answers.iter().for_each(|(answer, count)| table.add(&format!("callbacks answered {answer}"), *count));
    erps.proxies().for_each(|(name, proxy)| proxy.met().iter().for_each(|(what, count)| table.add(&format!("{name}: {what}"), *count)));
    println!("\n{table}\n{found}");
    if let Some(disk) = disk {
        if !found.holds() {
            disk.save(&setup.path().join("journal")).await?;
        }
        disk.unmount().await?;
    }
    if !found.holds() {
        let place = setup.keep();
        println!("journal, host.log and configuration are kept in {}", place.display());
        println!("again with: cargo xtask torture --kills {} --seconds {} --seed {}", cli.kills, lasting.as_secs(), cli.seed);
    }
    Ok(found.holds())
}
