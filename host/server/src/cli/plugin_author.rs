//! What authors of plugins need, most of it without a running host.

use std::path::Path;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{plugin_inspect, plugin_record, plugin_run, plugin_test};

/// The commands for authors.
#[derive(Debug, Subcommand)]
pub(super) enum Author {
    /// Say what a component's file tells: its interfaces and versions, where it comes from, what it needs
    Inspect(plugin_inspect::Inspect),
    /// Run a plugin's golden cases, and prove what has to hold for every plugin
    ///
    /// A case is a file `cases/*.toml` beside plugin.toml: what comes in (`event`, `body` or `file`), what the
    /// ERP answers to which step (`answers`), and what is expected (`expect`). Nothing is sent: the host's own
    /// journal, steps and retries run, with an ERP that is played and a clock that jumps. For every case it is
    /// proven besides that the plugin makes the same calls when it is run twice; that nothing is written twice
    /// when it is run again after a fault at each of its calls; that each step's name is its own; and that
    /// limits are kept.
    ///
    /// The exit code is 0 where all cases pass, and 7 where one does not.
    Test(plugin_test::Test),
    /// Take one event through a plugin, and show its calls and its log; nothing is sent
    ///
    /// The exit code is 1 where the delivery becomes a dead letter.
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
        Author::Inspect(command) => plugin_inspect::run(command, output),
        Author::Run(command) => plugin_run::run(command, config, output).await,
        Author::Record(command) => plugin_record::run(command, config, output).await,
        Author::Test(command) => plugin_test::run(command, output).await,
    }
}
