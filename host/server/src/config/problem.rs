//! What is wrong with a configuration, and where, as a compiler would print it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Something that is wrong, or not as it should be, in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the host can serve with it.
    pub severity: Severity,
    /// The file, as the user named it.
    pub file: PathBuf,
    /// From 1; absent where the file as a whole is meant.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The host does not serve with it.
    Error,
    /// The host serves, but somebody should look at it.
    Warning,
}

impl Problem {
    /// An error in a file as a whole.
    pub fn error(file: &Path, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: Severity::Error, file: file.to_owned(), line: None, column: None, message, suggestion: None }
    }

    /// A warning about a file as a whole.
    pub fn warning(file: &Path, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, message) }
    }

    /// The same at a line and column.
    #[must_use]
    pub fn at(mut self, place: Option<(usize, usize)>) -> Self {
        (self.line, self.column) = place.unzip();
        self
    }

    /// True where the host does not serve with it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Problems, one on each line.
    #[must_use]
    pub fn list(problems: &[Self]) -> String {
        problems.iter().map(Self::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        let kind = if self.is_error() { "" } else { "warning: " };
        write!(f, ": {kind}{}", self.message)?;
        self.suggestion.as_ref().map_or(Ok(()), |suggestion| write!(f, "; did you mean `{suggestion}`?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_printed_as_a_compiler_does() {
        let mut problem = Problem::error(Path::new("mortar.toml"), "unknown key `listn`").at(Some((12, 1)));
        problem.suggestion = Some("listen".into());
        let warning = Problem::warning(Path::new("key"), "others can read it");
        let expected = "mortar.toml:12:1: unknown key `listn`; did you mean `listen`?\nkey: warning: others can read it";
        assert_eq!(Problem::list(&[problem, warning]), expected);
    }
}
