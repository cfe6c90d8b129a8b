//! `mortar init`: a commented configuration and an empty plugin folder.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::{DEFAULT_FILE, template};

/// `mortar init`
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder; it is made where it is not there
    #[arg(default_value = ".")]
    directory: PathBuf,
}

pub(super) fn run(command: &Init, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let directory = &command.directory;
    let plugins = directory.join("plugins");
    fs::create_dir_all(&plugins).map_err(|error| failed(&plugins, &error))?;
    let file = directory.join(DEFAULT_FILE);
    write_new(&file)?;
    if output.is_json() {
        output.json(&json!({ "config": file, "plugins": plugins }))?;
    } else {
        output.line(next_steps(directory, &file, &plugins))?;
    }
    Ok(Exit::Done)
}

/// Writes the configuration, never over one that is there.
fn write_new(file: &Path) -> Result<(), Failure> {
    let written = OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut new| new.write_all(template::TEXT.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::Refused(format!("{} is there already and stays as it is", file.display())),
        _ => failed(file, &error),
    })
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot make {}: {error}", path.display()))
}

fn next_steps(directory: &Path, file: &Path, plugins: &Path) -> String {
    let enter = if directory == Path::new(".") { String::new() } else { format!("cd {} && ", directory.display()) };
    format!(
        "made {} and {}\n\nnext:\n  1. export MASONHUB_SECRET=… (the secret that MasonHub signs callbacks with)\n  \
         2. put a plugin into {}, and its ERP under [connections] into {}\n  \
         3. {enter}mortar check\n  4. {enter}mortar serve\n  \
         5. in another terminal, with the same secret: {enter}mortar event send order.fulfilled && mortar event list",
        file.display(),
        plugins.display(),
        plugins.display(),
        file.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(directory: &Path) -> (Result<Exit, Failure>, String) {
        let mut buffer = Vec::new();
        let end = run(&Init { directory: directory.to_owned() }, &mut Output::plain(&mut buffer, false));
        (end, String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn init_makes_what_check_and_serve_need_and_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("shop");
        let (end, printed) = init(&directory);
        assert_eq!(end.unwrap(), Exit::Done);
        assert!(printed.contains("mortar check") && printed.contains("MASONHUB_SECRET"), "{printed}");
        assert!(directory.join("plugins").is_dir());
        assert!(crate::config::read(&directory.join(DEFAULT_FILE)).is_ok());

        fs::write(directory.join(DEFAULT_FILE), "# mine").unwrap();
        let (end, _) = init(&directory);
        assert!(matches!(end, Err(Failure::Refused(_))), "{end:?}");
        assert_eq!(fs::read_to_string(directory.join(DEFAULT_FILE)).unwrap(), "# mine");
    }
}
