//! How a command ends: its exit code, and the error that it prints.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use crate::config::Problem;

/// The exit codes. Scripts rely on them: a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It did not work, or the answer is no.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The configuration is wrong.
    Configuration = 3,
    /// The host does not answer.
    Unreachable = 4,
    /// There is no such thing.
    NotFound = 5,
    /// The host refused: a wrong token or signature, or a state that does not permit it.
    Refused = 6,
    /// What was compared is not the same, or a case of a plugin fails.
    Differs = 7,
}

impl Exit {
    /// Every code.
    pub const ALL: [Self; 8] =
        [Self::Done, Self::Failed, Self::Usage, Self::Configuration, Self::Unreachable, Self::NotFound, Self::Refused, Self::Differs];

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "it did not work, or the answer is no",
            Self::Usage => "the command line makes no sense",
            Self::Configuration => "the configuration is wrong",
            Self::Unreachable => "the host does not answer",
            Self::NotFound => "there is no such thing",
            Self::Refused => "the host refused: wrong token or signature, or a state that does not permit it",
            Self::Differs => "what was compared is not the same, or a case of a plugin fails",
        }
    }

    /// The list of all codes, for `--help`.
    #[must_use]
    pub fn help() -> String {
        Self::ALL.iter().fold("Exit codes:".to_owned(), |mut text, exit| {
            let _ = write!(text, "\n  {}  {}", *exit as u8, exit.meaning());
            text
        })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do its work. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It did not work.
    #[error("{0}")]
    Failed(String),
    /// The command line makes no sense together with the configuration.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error("{}", Problem::list(.0))]
    Configuration(Vec<Problem>),
    /// Nobody answers.
    #[error("{0}")]
    Unreachable(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The other side refused.
    #[error("{0}")]
    Refused(String),
    /// The system did not do what the command needs, for example print.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl Failure {
    /// The exit code that belongs to it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            // Whoever reads has seen enough (`mortar event list | head`).
            Self::System(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Failed(_) | Self::System(_) => Exit::Failed,
            Self::Usage(_) => Exit::Usage,
            Self::Configuration(_) => Exit::Configuration,
            Self::Unreachable(_) => Exit::Unreachable,
            Self::NotFound(_) => Exit::NotFound,
            Self::Refused(_) => Exit::Refused,
        }
    }

    /// Prints the error, and answers with its exit code.
    pub fn report(&self, stderr: &mut dyn io::Write) -> Exit {
        let exit = self.exit();
        // Nothing is left to tell where standard error is gone as well.
        let _ = match self {
            _ if exit == Exit::Done => Ok(()),
            Self::Configuration(_) => writeln!(stderr, "{self}"),
            _ => writeln!(stderr, "mortar: {self}"),
        };
        exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_what_scripts_rely_on() {
        assert_eq!(Exit::ALL.map(|e| e as u8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(Exit::help().contains("\n  5  there is no such thing\n"));
    }

    #[test]
    fn each_failure_has_its_code_and_one_line() {
        let code = |failure: Failure| {
            let mut printed = Vec::new();
            let exit = failure.report(&mut printed);
            (exit as u8, String::from_utf8(printed).unwrap())
        };
        assert_eq!(code(Failure::NotFound("no event 7".into())), (5, "mortar: no event 7\n".into()));
        assert_eq!(code(Failure::Refused("no".into())).0, 6);
        assert_eq!(code(Failure::System(io::Error::other("disk full"))), (1, "mortar: disk full\n".into()));
        assert_eq!(code(Failure::System(io::ErrorKind::BrokenPipe.into())), (0, String::new()));
    }
}
