//! The command line: what can be asked, and who answers it.
//!
//! | module | what is in it |
//! |---|---|
//! | [`exit`] | exit codes and errors |
//! | `output` | tables, JSON and colour |
//! | `client`, `http` | the running host's admin API |
//! | `init`, `check`, `simulate` | commands that need no running host |
//! | `event`, `story` | events |
//! | `send`, `target`, `signing` | callbacks that are sent for a try |
//! | `dead`, `replay`, `quarantine`, `rejected`, `each` | what operators do to what is stuck |
//! | `plugin`, `plugin_sign` | which generations of plugins are in force, who signed a component |
//! | `plugin_author`, `plugin_new`, `plugin_build`, `plugin_inspect`, `plugin_test`, `plugin_run`, `plugin_record` | what authors of plugins need, without a host |
//! | `dev` | a host, an ERP and a screen for the author of a plugin |
//! | `plugin_diff`, `plugin_shadow` | what other generations would do |
//! | `wit` | the contract, to be read and to be written out |
//! | `roundtrip` | what the ERP said when it was read back |
//! | `masonhub` | MasonHub's side: registered callbacks, holds, the data factory of a sandbox |
//! | `reconcile` | what no callback brought, found by a poll |
//! | `reload` | the running host reads its configuration again |
//! | `openapi` | the description of the admin API, for programs |
//! | `token`, `audit` | who may ask the admin API, and what they did |
//! | `alerts` | whether operators are reached |
//! | `explain` | what an error code means, and what to do |
//! | `validate` | MasonHub's validation checklist, with evidence |
//! | `status` | how the host is |
//! | `backup` | copies of the journal: written while the host serves, restored when it does not |

mod alerts;
mod audit;
mod backup;
mod check;
pub(crate) mod client;
mod dead;
mod dev;
mod each;
mod event;
pub mod exit;
mod explain;
#[cfg(test)]
mod fake_edge;
pub(crate) mod http;
mod init;
pub(crate) mod masonhub;
#[cfg(test)]
pub(crate) mod masonhub_setup;
mod openapi;
mod output;
mod plugin;
mod plugin_author;
mod plugin_build;
mod plugin_diff;
mod plugin_inspect;
mod plugin_new;
mod plugin_record;
mod plugin_run;
mod plugin_shadow;
mod plugin_sign;
mod plugin_test;
mod quarantine;
mod reconcile;
mod rejected;
mod reload;
mod replay;
mod roundtrip;
mod send;
mod signing;
mod simulate;
mod status;
mod story;
mod target;
mod token;
pub(crate) mod validate;
mod wit;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use mortar_core::ports::Clock;

pub use self::client::Client;
use self::exit::{Exit, Failure};
use self::output::Output;
use crate::config::{self, Problem};
use crate::demo;
use crate::wire::SystemClock;

const EVERYWHERE: &str = "Options of every command";

/// Receives MasonHub's callbacks, stores each once, and runs the plugins that carry them into an ERP.
#[derive(Debug, Parser)]
#[command(name = "mortar", version, after_help = Exit::help(), max_term_width = 100)]
pub struct Cli {
    /// The configuration
    #[arg(short, long, global = true, env = "MORTAR_CONFIG", value_name = "FILE", default_value = config::DEFAULT_FILE, help_heading = EVERYWHERE)]
    config: PathBuf,
    /// Print JSON instead of tables
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host
    Serve,
    /// Write a commented configuration and make an empty plugin folder
    Init(init::Init),
    /// Prove the configuration, its secrets, plugins, grants and connections
    Check(check::Check),
    /// Send, list and show events
    #[command(subcommand)]
    Event(event::Event),
    /// See after deliveries that were refused or are out of attempts
    #[command(subcommand)]
    Dead(dead::Dead),
    /// See after callbacks that are genuine but could not be read
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// See after callbacks that were not genuine
    #[command(subcommand)]
    Rejected(rejected::Rejected),
    /// See after plugins and their generations
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Show the contract that plugins are written against, or write its files
    #[command(subcommand)]
    Wit(wit::Wit),
    /// See whether what was delivered has arrived, by what the ERP says when it is read back
    #[command(subcommand)]
    Roundtrip(roundtrip::RoundTrips),
    /// Find what no callback brought, and deliver it
    ///
    /// The running host asks MasonHub's API what was changed, compares it with the events that it has,
    /// and makes events of what no callback brought; they are delivered as any other. What a callback
    /// brought is never delivered again, and neither is a callback that comes later. What was changed
    /// within `poll.settle` (five minutes) is left out: its callback may still be on its way.
    Reconcile(reconcile::Command),
    /// Set MasonHub up: registered callbacks, holds, events on demand in a sandbox
    Masonhub(masonhub::Masonhub),
    /// See whether operators are reached
    #[command(subcommand)]
    Alerts(alerts::Alerts),
    /// See after the tokens of operators and programs
    #[command(subcommand)]
    Token(token::Tokens),
    /// Have the running host read its configuration again, as SIGHUP does
    ///
    /// Sources, secrets, connections, limits of the edge, certificates and the log level change at once,
    /// and no connection is dropped; what counts after a restart only is named. Where the new
    /// configuration has a problem, nothing changes.
    Reload,
    /// Print the OpenAPI document of the admin API
    Openapi,
    /// See what operators did
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Go through MasonHub's validation checklist, with evidence for each of its six points
    ///
    /// The running host is judged by what it has seen since --since: callbacks, deliveries, what the ERP
    /// said when it was read back, mails, attempts that failed at first. --trigger and --send make events of
    /// their own and follow them. The exit code is 0 only if all six points hold. It is 1 where one fails or
    /// cannot be judged; what is missing then is said.
    Validate(validate::Validate),
    /// Say what an error code means, and what to do
    Explain(explain::Explain),
    /// Show how the running host is
    Status,
    /// Write a copy of the running host's journal
    Backup(backup::Backup),
    /// Put a backup in the journal's place, while no host serves from it
    Restore(backup::Restore),
    /// Play MasonHub or an ERP, to try things out
    #[command(subcommand)]
    Simulate(simulate::Simulate),
    /// Develop a plugin: a host, an ERP that is played, and what becomes of events, live
    ///
    /// The host has a journal of its own that goes with it. The plugin is built and put in force at each save;
    /// keys send events and have the ERP fail; the calls of each event are shown with status and log. On a
    /// terminal it is a screen, elsewhere lines.
    Dev(dev::Dev),
    /// Show the whole path on this machine: simulated callbacks, the host, a small ERP
    Demo(demo::Demo),
    /// Compile a plugin that comes in by standard input; the host calls this for each new one
    #[command(hide = true)]
    Compile {
        /// Bytes of memory that it may use
        memory: u64,
        /// Where the code is written
        file: PathBuf,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Does what the command line asks for, and says with which code the process ends.
#[must_use]
pub fn main() -> Exit {
    let cli = Cli::parse();
    if let Command::Compile { memory, file } = &cli.command {
        // Before anything else has taken memory or started a thread.
        return match mortar_sandbox::compile_as_child(*memory, file) {
            Ok(()) => Exit::Done,
            Err(why) => {
                let _ = writeln!(io::stderr(), "{why}");
                Exit::Failed
            }
        };
    }
    let mut stdout = io::stdout().lock();
    let mut output = Output::to_stdout(&mut stdout, cli.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let end = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}"))).and_then(|runtime| {
        let end = runtime.block_on(run(&cli, &mut output));
        // What still runs in a thread of its own holds nothing that has to be kept.
        runtime.shutdown_background();
        end
    });
    match end {
        Ok(exit) => exit,
        Err(failure) => failure.report(&mut io::stderr().lock()),
    }
}

async fn run(cli: &Cli, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let now = SystemClock.now();
    match &cli.command {
        Command::Serve => serve(&cli.config).await,
        Command::Init(command) => init::run(command, output),
        Command::Check(command) => check::run(command, &cli.config, output).await,
        Command::Event(event::Event::Send(command)) => send::run(command, &cli.config, now, &mut rand::rng(), output).await,
        Command::Event(event::Event::List(command)) => event::list(command, &client(cli)?, now, output).await,
        Command::Event(event::Event::Show(command)) => event::show(command, &client(cli)?, output).await,
        Command::Dead(command) => dead::run(command, &client(cli)?, now, output).await,
        Command::Quarantine(command) => quarantine::run(command, &client(cli)?, output).await,
        Command::Rejected(command) => rejected::run(command, &client(cli)?, output).await,
        Command::Reconcile(command) => reconcile::run(command, &client(cli)?, now, output).await,
        Command::Masonhub(command) => masonhub::run(command, &cli.config, output).await,
        Command::Plugin(plugin::Plugin::Signing(command)) => plugin_sign::run(command, &cli.config, output),
        Command::Plugin(plugin::Plugin::Author(command)) => plugin_author::run(command, &cli.config, output).await,
        Command::Plugin(command) => plugin::run(command, &client(cli)?, output).await,
        Command::Wit(command) => wit::run(command, output),
        Command::Roundtrip(command) => roundtrip::run(command, &client(cli)?, now, output).await,
        Command::Alerts(command) => alerts::run(command, &client(cli)?, output).await,
        Command::Token(command) => token::run(command, &client(cli)?, now, output).await,
        Command::Reload => reload::run(&client(cli)?, output).await,
        Command::Openapi => openapi::run(output),
        Command::Audit(command) => audit::run(command, &client(cli)?, output).await,
        Command::Validate(command) => validate::run(command, &cli.config, now, &mut rand::rng(), output).await,
        Command::Explain(command) => explain::run(command, output),
        Command::Status => status::run(&client(cli)?, output).await,
        Command::Backup(command) => backup::backup(command, &client(cli)?, output).await,
        Command::Restore(command) => backup::restore(command, &cli.config, now, output),
        Command::Simulate(command) => simulate::run(command, &cli.config, now, &mut rand::rng(), output).await,
        Command::Dev(command) => dev::run(command, now, output).await,
        Command::Demo(command) => demo::run(command, output.writer()).await,
        Command::Compile { .. } => Err(Failure::Usage("a plugin is compiled before anything else".into())),
        Command::Completions { shell } => Ok(completions(*shell, output)?),
    }
}

fn client(cli: &Cli) -> Result<Client, Failure> {
    client_of(&cli.config)
}

/// The admin API of the host with this configuration.
fn client_of(config: &Path) -> Result<Client, Failure> {
    Client::of(&config::glimpse(config).map_err(Failure::Configuration)?)
}

async fn serve(path: &Path) -> Result<Exit, Failure> {
    let (loaded, problems) = config::examine(path);
    let Some(loaded) = loaded.filter(|_| !problems.iter().any(Problem::is_error)) else { return Err(Failure::Configuration(problems)) };
    crate::core_dumps::forbid();
    crate::telemetry::log::start(&loaded.config.log).map_err(Failure::Failed)?;
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    crate::serve::serve(loaded).await.map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(Exit::Done)
}

fn completions(shell: Shell, output: &mut Output<'_>) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mortar", &mut script);
    output.writer().write_all(&script)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_documents_the_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes:\n  0  done\n") && help.contains("\n  4  the host does not answer\n"), "{help}");
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        let code = |line: &str| Cli::try_parse_from(line.split_whitespace()).map_err(|e| e.exit_code());
        assert_eq!(code("mortar dead settle 1-1 --step s").unwrap_err(), Exit::Usage as i32);
        assert_eq!(code("mortar no-such-command").unwrap_err(), Exit::Usage as i32);
        assert!(code("mortar event list --json --state dead --config other.toml").is_ok());
    }

    #[test]
    fn completions_know_the_commands() {
        let mut buffer = Vec::new();
        completions(Shell::Bash, &mut Output::plain(&mut buffer, false)).unwrap();
        assert!(String::from_utf8(buffer).unwrap().contains("quarantine"));
    }
}
