//! Benchmarks of the whole path. Every figure is a ratio or a share between things measured
//! interleaved in one run, since machines differ and are shared.
//!
//! | module | what is in it |
//! |---|---|
//! | [`dashboard`] | pages of the dashboard over a full journal and over an empty one |
//! | [`ingest`] | accepting callbacks, against a bare responder and an append-only log |
//! | [`observe`] | accepting callbacks, with and without metrics, traces and logs |
//! | [`deliver`] | from callback to ERP call |
//! | [`flood`] | genuine callbacks among hostile connections |
//! | [`sandbox`] | a handler in the sandbox, against the same mapping as native code |
//! | [`recover`] | starting over a large journal |
//! | [`swap`] | swaps under load, and how soon one takes effect |
//! | [`plugins`] | hundreds of plugins: starting, memory, instances |
//! | [`languages`] | a plugin in each language, against scripts and an embedded engine |
//! | [`in_process`] | plugins without a host |
//! | [`stand_in`] | an ERP that deliveries go to |
//! | [`erp`] | into a real ERP, against a plain client that makes the same calls |
//! | [`load`] | the load generator |
//! | [`responders`] | the servers that the host is compared with |
//! | [`host`] | a `mortar serve` of one's own |
//! | [`figures`] | the table and the JSON file |

#![allow(clippy::print_stderr, reason = "a command-line program")]

mod dashboard;
mod deliver;
mod erp;
mod figures;
mod flood;
mod host;
mod in_process;
mod ingest;
mod languages;
mod load;
mod observe;
mod plugins;
mod recover;
mod responders;
mod sandbox;
mod stand_in;
mod swap;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask bench", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Accepting callbacks
    Ingest(Settings),
    /// Accepting callbacks while the host is observed
    Observe(Settings),
    /// From callback to ERP call
    Deliver(Settings),
    /// Genuine callbacks among hostile connections
    Load(Settings),
    /// A handler in the sandbox
    Sandbox(Settings),
    /// Swaps under load
    Swap(swap::Swapping),
    /// Hundreds of plugins
    Plugins(plugins::Many),
    /// A plugin in each language
    Languages(languages::Settings),
    /// Into a real ERP, Tryton
    Erp(erp::Settings),
    /// Pages of the dashboard over a full journal
    Dashboard(dashboard::Pages),
    /// Starting over a large journal
    Recover(recover::Recovery),
    /// The bare responder (started by `ingest`)
    #[command(hide = true)]
    Bare,
    /// The collector of traces (started by `observe`)
    #[command(hide = true)]
    Collector,
    /// The append-only log (started by `ingest`)
    #[command(hide = true)]
    Log {
        /// Its file.
        file: PathBuf,
    },
}

/// What all benchmarks take.
#[derive(Args, Clone)]
pub(crate) struct Settings {
    /// How often each comparison is made; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that each load lasts, after a second of warming up
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Events stored before the comparison of a full journal with an empty one; 0 leaves it out
    #[arg(long, default_value_t = 5_000_000)]
    stored: u64,
    /// Where the built plugins are
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where NAME.json is written
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

impl Settings {
    fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Cli::parse().bench {
            Bench::Ingest(settings) => ingest::bench(&settings).await,
            Bench::Observe(settings) => observe::bench(&settings).await,
            Bench::Deliver(settings) => deliver::bench(&settings).await,
            Bench::Load(settings) => flood::bench(&settings).await,
            Bench::Sandbox(settings) => sandbox::bench(&settings).await,
            Bench::Swap(swapping) => swap::bench(&swapping).await,
            Bench::Plugins(many) => plugins::bench(&many).await,
            Bench::Languages(settings) => languages::bench(&settings).await,
            Bench::Erp(settings) => erp::bench(&settings).await,
            Bench::Dashboard(pages) => dashboard::bench(&pages).await,
            Bench::Recover(recovery) => recover::bench(&recovery).await,
            Bench::Bare | Bench::Collector => responders::bare().await,
            Bench::Log { file } => responders::log(&file).await,
        }
    })
}
