//! Looks secrets up where the configuration says. Errors name the place, never the value.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mortar_core::config::{Config, Secret, Verify, dotted};

/// The largest file that can be a secret, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

/// Where the service manager says that credentials are.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment variable `{0}` is not set; set it for the host, or use {{ file = \"path\" }}")]
    NotSet(String),
    /// The service manager hands no credentials over.
    #[error(
        "the credential `{0}` is not there: no $CREDENTIALS_DIRECTORY is set; \
         write LoadCredential={0}:/path into the unit, or use {{ file = \"path\" }}"
    )]
    NoCredentials(String),
    /// The file cannot be read.
    #[error("the secret file {path} cannot be read: {cause}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file is too large.
    #[error("the secret file {} has more than {FILE_LIMIT} bytes; is it the right one?", .0.display())]
    TooLarge(PathBuf),
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// It is not UTF-8.
    #[error("{0} is not text; write binary keys in hex or base64")]
    NotText(String),
}

/// Looks a secret up. Relative files start at `base`; `environment` looks up a variable.
///
/// # Errors
/// It is not there, is empty, or is no text.
pub fn resolve(secret: &Secret, base: &Path, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<String, SecretError> {
    let (place, text) = match secret {
        Secret::Credential(name) => {
            let folder = environment(CREDENTIALS).ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
            (format!("the credential `{name}`"), read(&Path::new(&folder).join(name))?)
        }
        Secret::Env(name) => {
            let value = environment(name).ok_or_else(|| SecretError::NotSet(name.clone()))?;
            (format!("the environment variable `{name}`"), value.into_string().ok())
        }
        Secret::File(path) => {
            let path = base.join(path);
            (format!("the secret file {}", path.display()), read(&path)?)
        }
    };
    let text = text.ok_or_else(|| SecretError::NotText(place.clone()))?;
    if text.trim().is_empty() { Err(SecretError::Empty(place)) } else { Ok(text) }
}

/// The text of a secret file without its last line break; none where it is no text.
fn read(path: &Path) -> Result<Option<String>, SecretError> {
    let unreadable = |cause| SecretError::Unreadable { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_LIMIT + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(SecretError::TooLarge(path.to_owned()));
    }
    let text = String::from_utf8(bytes).ok();
    Ok(text.map(|text| {
        let line = text.strip_suffix('\n').unwrap_or(&text);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    }))
}

/// Writes another secret in the place of the one in a file, all or nothing, readable by the owner only.
///
/// # Errors
/// The system's.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_added_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// True where accounts other than owner and group can read the file.
#[must_use]
pub fn readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

/// Every secret of a configuration, with the dotted key that it stands at.
#[must_use]
pub fn all(config: &Config) -> Vec<(String, &Secret)> {
    let mut found = Vec::new();
    found.extend(config.admin.token.as_ref().map(|secret| ("admin.token".to_owned(), secret)));
    found.extend(config.edge.tls.as_ref().map(|tls| ("edge.tls.key".to_owned(), &tls.key)));
    found.extend(config.admin.tls.as_ref().map(|tls| ("admin.tls.key".to_owned(), &tls.key)));
    for (name, source) in &config.sources {
        let at = dotted(&["sources", name]);
        found.extend(numbered(at.clone(), &source.secrets));
        if let Verify::All(conditions) = &source.verify {
            found.extend(conditions.iter().enumerate().flat_map(|(index, c)| numbered(format!("{at}.verify[{index}]"), &c.secrets)));
        }
    }
    found.extend(config.alerts.webhook.as_ref().map(|webhook| ("alerts.webhook.secret".to_owned(), &webhook.secret)));
    let connections = config.connections.iter().map(|(name, connection)| (vec!["connections", name], connection));
    let apis = config.sources.iter().filter_map(|(name, source)| Some((vec!["sources", name, "api"], source.api.as_ref()?)));
    for (at, connection) in connections.chain(apis) {
        let secrets = connection.auth.secrets().into_iter();
        found.extend(secrets.map(|(field, secret)| (dotted(&[&at[..], &["auth", field]].concat()), secret)));
    }
    found.extend(config.traces.auth.secrets().into_iter().map(|(field, secret)| (dotted(&["traces", "auth", field]), secret)));
    found
}

fn numbered(at: String, secrets: &[Secret]) -> impl Iterator<Item = (String, &Secret)> {
    secrets.iter().enumerate().map(move |(index, secret)| (format!("{at}.secrets[{index}]"), secret))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn from_file(content: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), content).unwrap();
        let error = |e: SecretError| e.to_string().replace(&folder.path().display().to_string(), "");
        resolve(&Secret::File("key".into()), folder.path(), &|_| None).map_err(error)
    }

    #[test]
    fn a_file_is_a_secret_without_its_last_line_break() {
        assert_eq!(from_file(b"s3cret\n").unwrap(), "s3cret");
        assert_eq!(from_file(b"s3cret\r\n").unwrap(), "s3cret");
        assert_eq!(from_file(b" two\nlines\n\n").unwrap(), " two\nlines\n");
    }

    #[test]
    fn what_is_no_secret_is_named_by_its_place_alone() {
        assert_eq!(from_file(b"\n").unwrap_err(), "the secret file /key is empty");
        assert_eq!(from_file(b"s3cret\xff").unwrap_err(), "the secret file /key is not text; write binary keys in hex or base64");
        let large = from_file(&[b'a'; FILE_LIMIT as usize + 1]).unwrap_err();
        assert_eq!(large, "the secret file /key has more than 65536 bytes; is it the right one?");
        let missing = resolve(&Secret::File("/nowhere/key".into()), Path::new("."), &|_| None).unwrap_err().to_string();
        assert!(missing.starts_with("the secret file /nowhere/key cannot be read: No such file"), "{missing}");
    }

    #[test]
    fn variables_are_looked_up_by_name() {
        let environment = |name: &str| match name {
            "SET" => Some("s3cret".into()),
            "EMPTY" => Some(OsString::new()),
            _ => None,
        };
        let from = |name: &str| resolve(&Secret::Env(name.into()), Path::new("."), &environment).map_err(|e| e.to_string());
        assert_eq!(from("SET").unwrap(), "s3cret");
        assert_eq!(from("EMPTY").unwrap_err(), "the environment variable `EMPTY` is empty");
        assert!(from("UNSET").unwrap_err().starts_with("the environment variable `UNSET` is not set; "));
    }

    #[test]
    fn credentials_are_files_that_the_service_manager_hands_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("masonhub"), "s3cret\n").unwrap();
        let environment = |name: &str| (name == CREDENTIALS).then(|| folder.path().into());
        let secret = Secret::Credential("masonhub".into());
        assert_eq!(resolve(&secret, Path::new("."), &environment).unwrap(), "s3cret");
        let none = resolve(&secret, Path::new("."), &|_| None).unwrap_err().to_string();
        assert!(none.contains("no $CREDENTIALS_DIRECTORY is set; write LoadCredential=masonhub:"), "{none}");
    }

    #[test]
    fn a_replaced_secret_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "old\n").unwrap();
        replace(&file, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn open_files_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "s").unwrap();
        let readable = |mode| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            readable_by_others(&file)
        };
        assert_eq!([0o600, 0o640, 0o644].map(readable), [false, false, true]);
    }

    #[test]
    fn every_secret_of_a_configuration_is_found() {
        let text = r#"
            admin.token = { env = "A" }
            alerts.webhook = { url = "https://g.example", secret = { env = "J" } }
            traces.auth = { kind = "bearer", token = { env = "K" } }
            [sources.masonhub]
            verify = "masonhub"
            secrets = [{ env = "B" }, { env = "C" }]
            [[sources.shop.verify]]
            scheme = "hex"
            header = "X-Signature"
            secrets = [{ env = "D" }]
            [connections]
            a = { url = "https://a.example", auth = { kind = "bearer", token = { env = "E" } } }
            b = { url = "https://b.example", auth = { kind = "basic", user = "u", password = { env = "F" } } }
            c = { url = "https://c.example", auth = { kind = "header", name = "X-Key", value = { env = "G" } } }
            d = { url = "https://d.example" }
            [connections.e]
            url = "https://e.example"
            [connections.e.auth]
            kind = "oauth2-client-credentials"
            token_url = "https://e.example/token"
            client_id = "c"
            client_secret = { env = "H" }
            [connections.g]
            url = "https://g.example"
            auth = { kind = "login", token_url = "https://g.example/login", body = { p = "{password}" }, password = { env = "J" }, token = "/token" }
            [sources.masonhub.api]
            url = "https://f.example"
            auth = { kind = "secret-phrase", token_url = "https://f.example/secrets", secret_phrase = { env = "I" } }
        "#;
        let config: Config = toml::from_str(text).unwrap();
        let named: Vec<_> = all(&config)
            .into_iter()
            .map(|(key, secret)| match secret {
                Secret::Env(name) => format!("{key} {name}"),
                Secret::File(_) | Secret::Credential(_) => unreachable!("all are variables"),
            })
            .collect();
        let expected = [
            "admin.token A",
            "sources.masonhub.secrets[0] B",
            "sources.masonhub.secrets[1] C",
            "sources.shop.verify[0].secrets[0] D",
            "alerts.webhook.secret J",
            "connections.a.auth.token E",
            "connections.b.auth.password F",
            "connections.c.auth.value G",
            "connections.e.auth.client_secret H",
            "connections.g.auth.password J",
            "sources.masonhub.api.auth.secret_phrase I",
            "traces.auth.token K",
        ];
        assert_eq!(named, expected);
    }
}
