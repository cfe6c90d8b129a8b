//! The tool chain of each language: from a project to a component.
//!
//! | module | what is in it |
//! |---|---|
//! | `tools` | commands in a project, and what is installed into it |
//! | `rust` | cargo |
//! | `javascript` | npm, with the project's own script `build`; TypeScript too |
//! | `python` | componentize-py, in an environment of the project |
//! | `go` | Go, between bindings and component |
//! | `c` | clang as PyPI has it, between bindings and component |

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use self::tools::Tools;
use crate::language::Language;

/// Where the component of a project is put: beside its settings, as in a host's plugin directory.
pub const COMPONENT: &str = "plugin.wasm";

/// What tools make in a project's folder, beside the component: no change of it is a change of the project.
pub const MADE: [&str; 7] = [".git", ".venv", "__pycache__", "build", "node_modules", "package-lock.json", "target"];

/// Why a project cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nobody knows how.
    #[error(
        "{0} holds no project: none of Cargo.toml, package.json, go.mod, plugin.py and *.c is there; `mortar plugin new` makes a project"
    )]
    NoProject(PathBuf),
    /// A tool is missing, or too old.
    #[error("{what}: {install}")]
    Missing {
        /// What is missing.
        what: String,
        /// How it is installed.
        install: String,
    },
    /// A tool says no.
    #[error("`{command}` failed ({status})\n{said}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it printed.
        said: String,
    },
    /// It was built, and there is no component.
    #[error("there is no component after the build: {0}")]
    NoComponent(String),
    /// A file or a command of the system.
    #[error("{what}: {cause}")]
    System {
        /// Which.
        what: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Bindings or component.
    #[error("{0:#}")]
    Kit(anyhow::Error),
}

/// Builds a project, and answers with its component. `tell` hears each command before it runs.
///
/// # Errors
/// What is missing or wrong, with what the tool said.
pub fn build(project: &Path, tell: &mut dyn FnMut(&str)) -> Result<PathBuf, BuildError> {
    let folder = project.canonicalize().map_err(|cause| tools::system(project, cause))?;
    let language = Language::of(&folder).ok_or_else(|| BuildError::NoProject(project.to_owned()))?;
    let made = folder.join("build");
    fs::create_dir_all(&made).map_err(|cause| tools::system(&made, cause))?;
    let mut tools = Tools::new(folder, tell);
    let component = match language {
        Language::Rust => rust::build(&mut tools)?,
        Language::Typescript | Language::Javascript => javascript::build(&mut tools)?,
        Language::Python => python::build(&mut tools)?,
        Language::Go => go::build(&mut tools)?,
        Language::C => c::build(&mut tools)?,
    };
    place(&component, project)
}

/// Puts the component where it belongs, whole at once: a host may look at any time.
fn place(component: &Path, project: &Path) -> Result<PathBuf, BuildError> {
    let (place, new) = (project.join(COMPONENT), project.join("build/plugin.new"));
    fs::copy(component, &new).map_err(|cause| tools::system(component, cause))?;
    fs::rename(&new, &place).map_err(|cause| tools::system(&place, cause))?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_project_says_how_one_begins() {
        let folder = tempfile::tempdir().unwrap();
        let error = build(folder.path(), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("mortar plugin new"), "{error}");
    }

    #[test]
    fn a_component_is_replaced_whole() {
        let project = tempfile::tempdir().unwrap();
        let made = project.path().join("build");
        fs::create_dir(&made).unwrap();
        fs::write(made.join("made.wasm"), "new").unwrap();
        fs::write(project.path().join(COMPONENT), "old").unwrap();
        let placed = place(&made.join("made.wasm"), project.path()).unwrap();
        assert_eq!(fs::read_to_string(placed).unwrap(), "new");
        assert!(!made.join("plugin.new").exists());
    }
}
