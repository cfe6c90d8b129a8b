//! `mortar plugin new`: a project that builds and passes at once.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use inquire::{InquireError, Select, Text};
use mortar_kits::{Language, NewProject, ProjectError};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::Output;

/// The connection that a plugin calls its ERP by, where nobody says otherwise.
const CONNECTION: &str = "erp";

/// `mortar plugin new`
#[derive(Debug, Args)]
pub(super) struct New {
    /// The plugin's name: a-z, 0-9 and -
    name: Option<String>,
    /// The language: rust, typescript, javascript, python, go or c
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
    /// The connection of mortar.toml that it calls the ERP by; without it, `erp`
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// The project's folder; without it, one of the plugin's name
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(command: &New, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let asks = !output.is_json() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let (name, language, connection) = match (&command.name, command.lang) {
        (Some(name), Some(language)) => (name.clone(), language, command.connection.clone().unwrap_or_else(|| CONNECTION.to_owned())),
        _ if asks => ask(command)?,
        _ => return Err(Failure::Usage("say the plugin's name, and its language with --lang".into())),
    };
    let project = NewProject::new(&name, language, &connection).map_err(|error| failure(&error))?;
    let folder = command.dir.clone().unwrap_or_else(|| PathBuf::from(&name));
    project.write(&folder).map_err(|error| failure(&error))?;
    if output.is_json() {
        output.json(&json!({ "project": folder, "name": name, "language": language.name(), "connection": connection }))?;
    } else {
        output.line(format_args!(
            "made {}, a plugin in {language} with its cases and kit; you need {}\n\nnext:\n  cd {}\n  mortar plugin build\n  \
             mortar plugin test\n  {}\n  mortar dev",
            folder.display(),
            language.needs(),
            folder.display(),
            language.unit_tests(),
        ))?;
    }
    Ok(Exit::Done)
}

/// Asks for what the command line leaves open.
fn ask(command: &New) -> Result<(String, Language, String), Failure> {
    let name = match &command.name {
        Some(name) => name.clone(),
        None => Text::new("What is the plugin called?").with_placeholder("my-erp").prompt().map_err(stopped)?,
    };
    let language = match command.lang {
        Some(language) => language,
        None => Select::new("Which language is it written in?", Language::ALL.to_vec()).prompt().map_err(stopped)?,
    };
    let connection = match &command.connection {
        Some(connection) => connection.clone(),
        None => Text::new("Which connection of mortar.toml leads to the ERP?").with_default(CONNECTION).prompt().map_err(stopped)?,
    };
    Ok((name, language, connection))
}

fn stopped(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => Failure::Failed("nothing was made".into()),
        other => Failure::Failed(other.to_string()),
    }
}

fn failure(error: &ProjectError) -> Failure {
    match error {
        ProjectError::Name { .. } | ProjectError::Connection(_) => Failure::Usage(error.to_string()),
        ProjectError::Taken(_) => Failure::Refused(error.to_string()),
        ProjectError::Write { .. } => Failure::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: Option<&str>, dir: &std::path::Path) -> (Result<Exit, Failure>, String) {
        let command = New { name: name.map(str::to_owned), lang: Some(Language::Go), connection: None, dir: Some(dir.to_owned()) };
        let mut buffer = Vec::new();
        let end = run(&command, &mut Output::plain(&mut buffer, false));
        (end, String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn a_new_project_says_what_comes_next_and_nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("shop");
        let (end, printed) = new(Some("shop"), &place);
        assert_eq!(end.unwrap(), Exit::Done);
        assert!(printed.contains("mortar plugin build") && printed.contains("Go 1.25"), "{printed}");
        assert!(place.join("plugin.go").is_file() && place.join("cases/order.toml").is_file());
        assert!(matches!(new(Some("shop"), &place).0, Err(Failure::Refused(_))));
        assert!(matches!(new(Some("My Shop"), &folder.path().join("other")).0, Err(Failure::Usage(_))));
    }
}
