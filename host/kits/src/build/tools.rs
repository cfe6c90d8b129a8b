//! Commands in a project, and what is installed into it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::BuildError;

/// The oldest Python that componentize-py and the kits take, with what makes environments.
const PYTHON: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Where commands run.
pub(super) struct Tools<'a> {
    /// The project's folder.
    pub(super) folder: PathBuf,
    tell: &'a mut dyn FnMut(&str),
}

impl<'a> Tools<'a> {
    pub(super) fn new(folder: PathBuf, tell: &'a mut dyn FnMut(&str)) -> Self {
        Self { folder, tell }
    }

    /// Runs a command in the project, and answers with what it prints. What it says otherwise is only of
    /// interest where it fails.
    pub(super) fn run(&mut self, command: &mut Command) -> Result<String, BuildError> {
        let shown = self.shown(command);
        (self.tell)(&shown);
        let ran = command.current_dir(&self.folder).stdin(Stdio::null()).output();
        let output = ran.map_err(|cause| system(&shown, cause))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let said = format!("{}\n{}", text.trim(), String::from_utf8_lossy(&output.stderr).trim());
        Err(BuildError::Failed { command: shown, status: output.status, said: said.trim().to_owned() })
    }

    /// What a command prints that only looks; none where it cannot be run or fails.
    pub(super) fn looked(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(program).args(arguments).current_dir(&self.folder).stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Has something installed into the project, unless it was already, out of files that say the same.
    pub(super) fn installed(
        &mut self,
        place: &str,
        of: &[&str],
        install: impl FnOnce(&mut Self) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let stamp = self.folder.join("build").join(format!("installed{}", place.replace('/', "-")));
        let texts = of.iter().map(|file| fs::read_to_string(self.folder.join(file)).unwrap_or_default());
        let wanted = texts.collect::<Vec<_>>().join("\n");
        if self.folder.join(place).exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        install(self)?;
        fs::write(&stamp, wanted).map_err(|cause| system(&stamp, cause))
    }

    /// Installs what a file pins from the Python package index into an environment of the project.
    pub(super) fn environment(&mut self, requirements: &str) -> Result<PathBuf, BuildError> {
        let venv = self.folder.join(".venv");
        self.installed(".venv", &[requirements], |tools| {
            if tools.looked("python3", &["-c", PYTHON]).is_none() {
                return Err(missing(
                    "Python 3.10 or newer with venv is needed",
                    "install it from python.org, or on Debian with `apt install python3 python3-venv`",
                ));
            }
            tools.run(Command::new("python3").args(["-m", "venv", ".venv"]))?;
            let pip = tools.folder.join(".venv/bin/pip");
            tools.run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "-r", requirements])).map(drop)
        })?;
        Ok(venv)
    }

    /// A command as one would type it, without the way to the project.
    fn shown(&self, command: &Command) -> String {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        words.join(" ").replace(&format!("{}/", self.folder.display()), "")
    }
}

/// A version by its first two numbers, wherever they begin in what a tool says.
pub(super) fn version(said: &str) -> Option<(u32, u32)> {
    let from = said.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = said[from..].split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

pub(super) fn missing(what: &str, install: &str) -> BuildError {
    BuildError::Missing { what: what.to_owned(), install: install.to_owned() }
}

pub(super) fn system(what: impl AsRef<std::ffi::OsStr>, cause: std::io::Error) -> BuildError {
    BuildError::System { what: what.as_ref().to_string_lossy().into_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_out_of_what_tools_say() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version("go version go1.27.3 linux/amd64"), Some((1, 27)));
        assert_eq!(version("no digits"), None);
    }

    #[test]
    fn a_command_that_fails_tells_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let mut tell = |command: &str| told.push(command.to_owned());
        let mut tools = Tools::new(folder.path().to_owned(), &mut tell);
        let error = tools.run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("out\nerr") && error.contains("exit status: 3"), "{error}");
        assert!(matches!(tools.run(&mut Command::new("no-such-tool")), Err(BuildError::System { .. })));
        assert_eq!(told[1], "no-such-tool");
    }

    #[test]
    fn what_was_installed_is_installed_again_only_for_another_reason() {
        let folder = tempfile::tempdir().unwrap();
        let mut tell = |_: &str| {};
        let mut tools = Tools::new(folder.path().to_owned(), &mut tell);
        fs::create_dir(folder.path().join("build")).unwrap();
        let mut times = 0;
        for pins in ["a", "a", "b"] {
            fs::write(folder.path().join("pins"), pins).unwrap();
            let install = |tools: &mut Tools<'_>| {
                times += 1;
                fs::create_dir_all(tools.folder.join("place")).map_err(|cause| system("place", cause))
            };
            tools.installed("place", &["pins"], install).unwrap();
        }
        assert_eq!(times, 2);
    }
}
