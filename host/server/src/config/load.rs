//! Reads a configuration file and proves it, as far as the file alone allows.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mortar_core::config::{Config, Secret};
use mortar_core::toml_problems::{TomlProblem, locate, read_toml};

use super::problem::Problem;
use super::secrets;

/// The configuration file, where the user names no other.
pub const DEFAULT_FILE: &str = "mortar.toml";

/// A configuration that was read from a file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// The file, as the user named it.
    pub path: PathBuf,
    /// The folder that it is in, absolute: relative paths start there.
    pub base: PathBuf,
    /// The file's text, to find the place of a problem.
    pub text: String,
}

impl Loaded {
    /// A path of the configuration, made absolute.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Looks a secret up.
    ///
    /// # Errors
    /// Where it should be and why it is not, in words; never the value.
    pub fn secret(&self, secret: &Secret) -> Result<String, String> {
        secrets::resolve(secret, &self.base, &|name| std::env::var_os(name)).map_err(|error| error.to_string())
    }

    /// An error at a dotted key, or at the nearest table above it that is written down.
    #[must_use]
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem::error(&self.path, message).at(locate(&self.text, key))
    }

    /// A warning at a dotted key.
    #[must_use]
    pub fn warning_at(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem::warning(&self.path, message).at(locate(&self.text, key))
    }

    /// What is wrong with secrets: those that are missing, and files that others can read.
    fn secret_problems(&self, environment: &dyn Fn(&str) -> Option<OsString>) -> Vec<Problem> {
        let problem = |(key, secret): (String, &Secret)| {
            if let Err(error) = secrets::resolve(secret, &self.base, environment) {
                return Some(self.error_at(&key, format!("{key}: {error}")));
            }
            match secret {
                Secret::File(path) if secrets::readable_by_others(&self.path(path)) => {
                    let message = format!("{key}: other accounts can read the file; `chmod o-r {}`", self.path(path).display());
                    Some(self.warning_at(&key, message))
                }
                Secret::File(_) | Secret::Env(_) | Secret::Credential(_) => None,
            }
        };
        secrets::all(&self.config).into_iter().filter_map(problem).collect()
    }
}

/// Reads a configuration for a command that needs none of its secrets but the admin token.
///
/// # Errors
/// Every problem of the file.
pub fn read(path: &Path) -> Result<Loaded, Vec<Problem>> {
    accepted(parse(path))
}

/// Reads a configuration as far as it takes to find a running host, which keeps the one before and says
/// itself what is wrong with this one.
///
/// # Errors
/// Every problem of the file, where not even that can be read.
pub fn glimpse(path: &Path) -> Result<Loaded, Vec<Problem>> {
    let (loaded, problems) = parse(path);
    loaded.or_else(|| whereabouts(path)).ok_or(problems)
}

/// Where the host of a file is: all that is read of it.
fn whereabouts(path: &Path) -> Option<Loaded> {
    let mut table: toml::Table = std::fs::read_to_string(path).ok()?.parse().ok()?;
    table.retain(|name, _| matches!(name, "admin" | "journal"));
    understand(path, folder(path), table.to_string()).0
}

/// Reads and proves a configuration, secrets included, so that a host can serve with it.
///
/// # Errors
/// Every problem of the file and its secrets.
pub fn load(path: &Path) -> Result<Loaded, Vec<Problem>> {
    accepted(examine(path))
}

/// The configuration, as far as it can be read at all, and every problem and warning.
#[must_use]
pub fn examine(path: &Path) -> (Option<Loaded>, Vec<Problem>) {
    let (loaded, mut problems) = parse(path);
    problems.extend(loaded.iter().flat_map(|loaded| loaded.secret_problems(&|name| std::env::var_os(name))));
    (loaded, problems)
}

fn accepted((loaded, problems): (Option<Loaded>, Vec<Problem>)) -> Result<Loaded, Vec<Problem>> {
    match loaded {
        Some(loaded) if !problems.iter().any(Problem::is_error) => Ok(loaded),
        _ => Err(problems),
    }
}

fn parse(path: &Path) -> (Option<Loaded>, Vec<Problem>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = "there is no such file; `mortar init` writes one, `--config FILE` names another";
            return (None, vec![Problem::error(path, message)]);
        }
        Err(error) => return (None, vec![Problem::error(path, format!("cannot be read: {error}"))]),
    };
    understand(path, folder(path), text)
}

/// What relative paths of a file start at.
fn folder(path: &Path) -> PathBuf {
    let base = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    base.parent().map(Path::to_owned).unwrap_or_default()
}

fn understand(path: &Path, base: PathBuf, text: String) -> (Option<Loaded>, Vec<Problem>) {
    match read_toml::<Config>(&text) {
        Ok(config) => {
            let loaded = Loaded { config, path: path.to_owned(), base, text };
            let problems = loaded.config.problems();
            let problems = problems.iter().map(|problem| loaded.error_at(&problem.key, problem.to_string())).collect();
            (Some(loaded), problems)
        }
        Err(problems) => {
            let problem = |TomlProblem { line, column, message, suggestion }| Problem {
                suggestion,
                ..Problem::error(path, message).at(Some((line, column)))
            };
            (None, problems.into_iter().map(problem).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The problems of a text, `secrets/open` and `secrets/empty` beside it, and no environment.
    fn problems(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        std::fs::write(folder.path().join("secrets/open"), "0123456789abcdef\n").unwrap();
        std::fs::set_permissions(folder.path().join("secrets/open"), std::fs::Permissions::from_mode(0o644)).unwrap();
        std::fs::write(folder.path().join("secrets/empty"), "\n").unwrap();
        let file = folder.path().join("mortar.toml");
        std::fs::write(&file, text).unwrap();
        let (loaded, mut problems) = parse(&file);
        problems.extend(loaded.iter().flat_map(|loaded| loaded.secret_problems(&|_| None)));
        let folder = format!("{}/", folder.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
    }

    #[test]
    fn every_key_that_cannot_be_read_is_told_at_once() {
        let text = "[edge]\nlistn = \"127.0.0.1:80\"\nconnections = \"many\"\n\n[delivery]\ndrain_timeout = \"soon\"\n\n[jurnal]\n";
        let found = problems(text);
        assert_eq!(found.len(), 4, "{found:#?}");
        assert_eq!(found[0], "mortar.toml:2:1: unknown key `listn`; did you mean `listen`?");
        assert!(found[1].starts_with("mortar.toml:3:15: invalid type: string \"many\""), "{}", found[1]);
        assert!(found[2].starts_with("mortar.toml:6:17: `soon` is not a duration"), "{}", found[2]);
        assert_eq!(found[3], "mortar.toml:8:2: unknown key `jurnal`; did you mean `journal`?");
    }

    #[test]
    fn what_makes_no_sense_and_missing_secrets_are_told_at_once() {
        let text = r#"
[sources.a]
path = "/in"
verify = "masonhub"
secrets = [{ file = "secrets/open" }, { env = "UNSET" }]

[sources.b]
path = "/in"
verify = "none"

[connections.erp]
url = "erp.example.com"
auth = { kind = "bearer", token = { file = "secrets/empty" } }
"#;
        let found = problems(text);
        let expected = [
            "mortar.toml:8:1: sources.b.path: the source `a` has this path too: /in",
            "mortar.toml:12:1: connections.erp.url: `erp.example.com` is not a URL that starts with",
            "mortar.toml:5:12: warning: sources.a.secrets[0]: other accounts can read the file; `chmod o-r secrets/open`",
            "mortar.toml:5:39: sources.a.secrets[1]: the environment variable `UNSET` is not set",
            "mortar.toml:13:27: connections.erp.auth.token: the secret file secrets/empty is empty",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
        }
    }

    #[test]
    fn a_warning_alone_does_not_stop_anything() {
        let warning = Problem::warning(Path::new("mortar.toml"), "odd");
        let loaded = || Loaded { config: Config::default(), path: "mortar.toml".into(), base: "/".into(), text: String::new() };
        assert!(accepted((Some(loaded()), vec![warning])).is_ok());
        let error = Problem::error(Path::new("mortar.toml"), "wrong");
        assert_eq!(accepted((Some(loaded()), vec![error.clone()])).unwrap_err(), [error]);
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_get_one() {
        let problems = read(Path::new("/nowhere/mortar.toml")).unwrap_err();
        assert!(problems[0].to_string().starts_with("/nowhere/mortar.toml: there is no such file; `mortar init`"), "{problems:?}");
    }

    #[test]
    fn relative_paths_start_at_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mortar.toml");
        std::fs::write(&file, "").unwrap();
        let loaded = read(&file).unwrap();
        assert_eq!(loaded.path(Path::new("mortar.db")), folder.path().join("mortar.db"));
        assert_eq!(loaded.path(Path::new("/var/mortar.db")), Path::new("/var/mortar.db"));
    }
}
