//! What authors of plugins need, most of it without a running host.

use std::path::Path;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{plugin_build, plugin_inspect, plugin_new, plugin_record, plugin_run, plugin_test};

/// The commands for authors.
#[derive(Debug, Subcommand)]
pub(super) enum Author {
    /// Begin a plugin: a project with source, cases, kit and CI file, which builds and passes at once
    ///
    /// On a terminal it asks for what is not given. The source maps orders, stock and receipts to an ERP that
    /// we pretend to know; everything that it is built with comes along, in `kit`.
    New(plugin_new::New),
    /// Build a plugin's project with the tool chain of its language, and say what came of it
    ///
    /// The language is known by the project's files: Cargo.toml, package.json, go.mod, plugin.py or *.c. What
    /// the project names is installed into it (node_modules, .venv); what is missing on the machine is said,
    /// with the command that installs it. The component is left in plugin.wasm beside plugin.toml, where
    /// `plugin test`, `plugin run`, `dev` and a host find it.
    Build(plugin_build::Build),
    /// Say what a component's file tells: its interfaces and versions, where it comes from, what it needs
    Inspect(plugin_inspect::Inspect),
    /// Run a plugin's golden cases, and prove what has to hold for every plugin
    ///
    /// A case is a file `cases/*.toml` beside plugin.toml: what comes in (`event`, `body` or `file`), what the
    /// ERP answers to which step (`answers`), and what is expected (`expect`). Nothing is sent: the host's own
    /// journal, steps and retries run, with an ERP that is played and a clock that jumps. For every case it is
    /// proven besides that the plugin makes the same calls when it is run twice; that nothing is written twice
    /// when it is run again after a fault at each of its calls; that each step's name is its own; and that
    /// limits are kept. `[state]` of a case is what the plugin remembers of earlier events.
    ///
    /// The exit code is 0 where all cases pass, and 7 where one does not.
    Test(plugin_test::Test),
    /// Take one event through a plugin, and show its calls and its log; nothing is sent
    ///
    /// With --against-connection the calls are sent, through the connections of the configuration (--config),
    /// in one attempt. The exit code is 1 where the delivery becomes a dead letter, or is to be retried.
    Run(plugin_run::Run),
    /// Make cases of deliveries of the running host, without secrets and personal data
    ///
    /// Values in fields of persons (names, e-mail, phone, address, notes) and of secrets (token, password, key)
    /// are replaced wherever they stand; src/cases/mask.rs of the server lists the fields. Fields are told by
    /// their names alone, so look a case through before you share it.
    Record(plugin_record::Record),
}

pub(super) async fn run(command: &Author, config: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Author::New(command) => plugin_new::run(command, output),
        Author::Build(command) => plugin_build::run(command, output),
        Author::Inspect(command) => plugin_inspect::run(command, output),
        Author::Run(command) => plugin_run::run(command, config, output).await,
        Author::Record(command) => plugin_record::run(command, config, output).await,
        Author::Test(command) => plugin_test::run(command, output).await,
    }
}
