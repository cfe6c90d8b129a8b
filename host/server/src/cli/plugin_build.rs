//! `mortar plugin build`: from a project to a component, with the tool chain of its language.

use std::path::{Path, PathBuf};

use clap::Args;
use mortar_kits::BuildError;

use super::exit::{Exit, Failure};
use super::output::{Output, Tone};
use super::plugin_inspect;

/// `mortar plugin build`
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The project's folder
    #[arg(default_value = ".", value_name = "DIR")]
    project: PathBuf,
}

pub(super) fn run(command: &Build, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let component = build(&command.project, output)?;
    plugin_inspect::tell(&component, output)
}

/// Builds a project, and tells each command that runs.
pub(super) fn build(project: &Path, output: &mut Output<'_>) -> Result<PathBuf, Failure> {
    let silent = output.is_json();
    let mut told = Ok(());
    let built = mortar_kits::build(project, &mut |command| {
        if !silent && told.is_ok() {
            let command = output.paint(Tone::Faint, format_args!("$ {command}"));
            told = output.line(command);
        }
    });
    told?;
    built.map_err(|error| failure(&error))
}

/// A build's error as a command's.
pub(super) fn failure(error: &BuildError) -> Failure {
    match error {
        BuildError::NoProject(_) | BuildError::Missing { .. } => Failure::NotFound(error.to_string()),
        _ => Failure::Failed(error.to_string()),
    }
}
