//! New projects: a hello plugin with its cases, the kit and the contract, so that nothing has to be fetched
//! from the repository.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::embedded;
use crate::language::Language;

const README: &str = include_str!("new/README.md");
const WORKFLOW: &str = include_str!("new/plugin.yml");

/// Names that something in a project has already.
const TAKEN: [&str; 5] = ["contract", "kit", "mortar", "mortar-sdk", "plugin"];

/// A project that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    name: String,
    language: Language,
    connection: String,
}

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It cannot be called so.
    #[error("`{name}` cannot be a plugin's name: take up to 64 of a-z, 0-9 and -, a letter first, and none of {taken}", taken = TAKEN.join(", "))]
    Name {
        /// As it was given.
        name: String,
    },
    /// Its connection cannot be called so.
    #[error("`{0}` cannot be a connection's name: take a-z, 0-9, - and _, as under [connections] in mortar.toml")]
    Connection(String),
    /// Something is there already.
    #[error("{0} is there and not empty: name another folder with --dir")]
    Taken(PathBuf),
    /// A file cannot be written.
    #[error("{file}: {cause}")]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

impl NewProject {
    /// A project of this name, whose plugin calls an ERP by this connection.
    ///
    /// # Errors
    /// A name cannot be used.
    pub fn new(name: &str, language: Language, connection: &str) -> Result<Self, ProjectError> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let fits = name.len() <= 64 && name.bytes().all(plain) && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !fits || TAKEN.contains(&name) {
            return Err(ProjectError::Name { name: name.to_owned() });
        }
        if connection.is_empty() || !connection.bytes().all(|c| plain(c) || c == b'_') {
            return Err(ProjectError::Connection(connection.to_owned()));
        }
        Ok(Self { name: name.to_owned(), language, connection: connection.to_owned() })
    }

    /// Its files, by their place.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let language = self.language.name();
        let own = embedded::below(&format!("hello/{language}")).map(|(file, text)| (file.to_owned(), self.own(text)));
        let cases = embedded::below("hello/cases").map(|(file, text)| (format!("cases/{file}"), self.own(text)));
        let kit = embedded::below(&format!("kit/{}", self.language.kit()));
        // The Rust kit reads the contract itself.
        let kit = kit.map(|(file, text)| (format!("kit/{file}"), text.replace("\"../../../wit", "\"wit")));
        let written = [("README.md", README), (".github/workflows/plugin.yml", WORKFLOW)];
        let written = written.into_iter().map(|(file, text)| (file.to_owned(), self.filled(text)));
        own.chain(cases).chain(kit).chain(self.contract()).chain(written).collect()
    }

    /// Writes it into a folder that is not there, or empty.
    ///
    /// # Errors
    /// The folder holds something, or cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<(), ProjectError> {
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(ProjectError::Taken(folder.to_owned()));
        }
        for (name, text) in self.files() {
            let file = folder.join(name);
            let made = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::File::create_new(&file));
            let written = made.and_then(|mut made| made.write_all(text.as_bytes()));
            written.map_err(|cause| ProjectError::Write { file, cause })?;
        }
        Ok(())
    }

    /// A file of the hello plugin as this project has it.
    fn own(&self, text: &str) -> String {
        let (language, kit, name) = (self.language.name(), self.language.kit(), &self.name);
        let renamed = text.replace(&format!("hello-{language}"), name).replace("module hello\n", &format!("module {name}\n"));
        let of_kit = renamed.replace(&format!("../../../plugins/sdk/{kit}"), "./kit").replace("\"plugins/sdk/rust\"", "\"kit\"");
        of_kit.replace("\"erp\"", &format!("\"{}\"", self.connection))
    }

    /// The contract, where the language's tools look for it.
    fn contract(&self) -> impl Iterator<Item = (String, String)> {
        let of_kit = self.language == Language::Rust;
        embedded::below("wit").filter_map(move |(file, text)| {
            let place = match file.strip_prefix("deps/") {
                _ if of_kit => format!("kit/wit/{file}"),
                Some(package) => format!("wit/deps/{package}"),
                None if file.contains('/') => return None,
                None => format!("wit/deps/mortar-events/{file}"),
            };
            Some((place, text.to_owned()))
        })
    }

    fn filled(&self, text: &str) -> String {
        let setup = match self.language {
            Language::Rust => "- run: rustup target add wasm32-wasip2",
            Language::Typescript | Language::Javascript => "- uses: actions/setup-node@v4\n        with: { node-version: 22 }",
            Language::Python | Language::C => "- uses: actions/setup-python@v5\n        with: { python-version: \"3.12\" }",
            Language::Go => "- uses: actions/setup-go@v5\n        with: { go-version-file: go.mod }",
        };
        let handlers = match self.language {
            Language::Rust => "`export!` in `src/lib.rs`",
            _ => "`wit/world.wit`",
        };
        let parts = [
            ("{name}", self.name.as_str()),
            ("{language}", self.language.title()),
            ("{source}", self.language.source()),
            ("{connection}", self.connection.as_str()),
            ("{unit tests}", self.language.unit_tests()),
            ("{needs}", self.language.needs()),
            ("{handlers}", handlers),
            ("{setup}", setup),
        ];
        parts.into_iter().fold(text.to_owned(), |text, (place, part)| text.replace(place, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(language: Language) -> NewProject {
        NewProject::new("my-erp", language, "books").unwrap()
    }

    #[test]
    fn a_project_has_all_that_it_needs_and_points_nowhere_else() {
        for language in Language::ALL {
            let files = project(language).files();
            for wanted in [language.source(), "plugin.toml", "cases/order.toml", ".gitignore", "README.md", ".github/workflows/plugin.yml"]
            {
                assert!(files.iter().any(|(file, _)| file == wanted), "{language} has no {wanted}");
            }
            for (file, text) in &files {
                let own = !file.starts_with("kit/");
                let outside = if own { &["../../../", "plugins/sdk"][..] } else { &["path: \"../"] };
                assert!(!outside.iter().any(|outside| text.contains(outside)), "{language}: {file} points out of the project");
                assert!(!own || !text.contains("hello-"), "{language}: {file} has another name");
                assert!(!own || !text.contains("\"erp\""), "{language}: {file} has another connection");
                assert!(own || !text.contains("workspace = true"), "{language}: {file} needs a workspace");
            }
            assert_eq!(Language::of(&written(language)), Some(language));
        }
    }

    /// A project in a folder that the test leaves behind below cargo's own.
    fn written(language: Language) -> PathBuf {
        let folder = tempfile::tempdir().unwrap().keep();
        project(language).write(&folder).unwrap();
        folder
    }

    #[test]
    fn nothing_in_a_readme_or_a_workflow_is_left_to_fill_in() {
        for language in Language::ALL {
            for text in [README, WORKFLOW].map(|text| project(language).filled(text)) {
                let open = text.match_indices('{').filter(|(at, _)| !text[..*at].ends_with("${") && !text[*at..].starts_with("{{"));
                let open: Vec<_> = open.filter(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_lowercase())).collect();
                assert!(open.is_empty(), "{language}: {text}");
            }
        }
    }

    #[test]
    fn a_folder_that_holds_something_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "").unwrap();
        assert!(matches!(project(Language::C).write(folder.path()), Err(ProjectError::Taken(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_are_those_that_a_host_takes() {
        for name in ["", "Shop", "1shop", "my_erp", "mortar", "kit", &"a".repeat(65)] {
            assert!(matches!(NewProject::new(name, Language::Go, "erp"), Err(ProjectError::Name { .. })), "{name}");
        }
        assert!(matches!(NewProject::new("shop", Language::Go, "my erp"), Err(ProjectError::Connection(_))));
    }
}
