//! The project's own commands. `cargo xtask --help` lists them; each installs what it needs, or
//! says what is missing.
//!
//! | module | command |
//! |---|---|
//! | [`mod@test`] | `cargo xtask test` |
//! | [`plugins`] | `cargo xtask plugins` |
//! | [`hello`] | `cargo xtask hello` |
//! | [`demo`] | `cargo demo` |
//! | [`mod@bench`] | `cargo xtask bench` |
//! | [`sim`] | `cargo xtask sim` |
//! | [`torture`] | `cargo xtask torture` |
//! | [`erp`] | `cargo xtask erp` |
//! | [`e2e`] | `cargo xtask e2e` |
//! | [`conformance`] | `cargo xtask conformance` |
//! | [`browser`] | `cargo xtask browser` |
//! | [`fuzz`] | `cargo xtask fuzz` |
//! | [`audit`] | `cargo xtask audit` |
//! | [`deb`] | `cargo xtask deb` |
//! | [`run`] | how commands are run |

#![allow(clippy::print_stderr, reason = "a command-line program")]

mod audit;
mod bench;
mod browser;
mod conformance;
mod deb;
mod demo;
mod e2e;
mod erp;
mod fuzz;
mod hello;
mod plugins;
mod run;
mod sim;
mod test;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Mortar's own commands", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, lints, every test, the documentation build
    Test {
        /// Only formatting, lints and the tests that need no WebAssembly plugins
        #[arg(long)]
        fast: bool,
    },
    /// Licences, banned crates and sources of every dependency; advisories where they can be had
    Audit,
    /// Builds every Rust plugin to target/plugins
    Plugins,
    /// Tests the author kits, follows their tutorials, and puts the plugins into target/plugins
    Hello {
        /// Only these; without, all whose tool chains can be had
        languages: Vec<hello::Language>,
    },
    /// Shows the whole path: simulated warehouse, host, plugin, ERP stand-in, validation checklist. With
    /// `--erp tryton`, one order's way through a real ERP, which is installed by itself
    Demo {
        /// What `mortar demo --help` lists
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures, in release, and writes target/bench/NAME.json
    Bench {
        /// ingest, observe, deliver, load, sandbox, recover or erp, and what `--help` behind it lists
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
    /// A real ERP on this machine: Tryton on PostgreSQL, installed, seeded and started
    Erp {
        #[command(subcommand)]
        command: erp::Erp,
    },
    /// The dashboard in a real browser, which is installed if it can be; pictures go to target/screenshots
    Browser {
        /// What goes to the tests, for example the name of one
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The round trip with a real ERP: every test of tests/e2e, and a table of what arrived
    E2e {
        /// What the test binary takes, for example the name of a test
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The admin API against its OpenAPI document, by schemathesis, which is installed by itself
    Conformance,
    /// Simulates hosts under crashes and faults, from seeds; a seed is a run
    Sim {
        /// --seeds N, --from S, --seed S, --trace
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kills, stops and starves the real host under load, then audits what arrived
    Torture {
        /// --kills N, --seconds S, --seed N, and what `--help` lists
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds the Debian package to target/debian
    Deb,
    /// Looks for bytes that break what reads them: callbacks, signatures, settings, the journal
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Only this one: callback, config, journal, plugin or signature
        #[arg(long)]
        target: Option<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test { fast } => test::test(fast),
        Command::Audit => audit::audit(),
        Command::Plugins => plugins::build(),
        Command::Hello { languages } => hello::build(&languages),
        Command::Demo { arguments } => demo::demo(&arguments),
        Command::Bench { arguments } => bench::bench(&arguments),
        Command::Conformance => conformance::conformance(),
        Command::E2e { arguments } => e2e::e2e(&arguments),
        Command::Erp { command } => erp::erp(&command),
        Command::Browser { arguments } => browser::browser(&arguments),
        Command::Sim { arguments } => sim::sim(&arguments),
        Command::Torture { arguments } => torture::torture(&arguments),
        Command::Deb => deb::deb(),
        Command::Fuzz { seconds, target } => fuzz::fuzz(seconds, target.as_deref()),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
