//! From the configuration to connections: every problem at once, none of them with a secret in it.

use std::sync::Arc;

use mortar_core::config::{Auth, ConnectionConfig, Secret};
use mortar_core::ports::{Clock, Observer};
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use url::Url;

use crate::address;
use crate::tls::Tls;

/// Something in a connection's configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connections.{connection}.{key}: {reason}")]
pub struct ConnectError {
    /// The connection's name.
    pub connection: String,
    /// The key below `[connections.NAME]`, dotted (`auth.token`).
    pub key: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Where secrets are.
pub trait Secrets {
    /// Looks one up.
    ///
    /// # Errors
    /// What is missing.
    fn resolve(&self, secret: &Secret) -> Result<String, String>;

    /// What puts another secret in the place of this one, for good; none where that cannot be done.
    fn keeper(&self, _secret: &Secret) -> Option<Keeper> {
        None
    }
}

impl<F: Fn(&Secret) -> Result<String, String>> Secrets for F {
    fn resolve(&self, secret: &Secret) -> Result<String, String> {
        self(secret)
    }
}

/// Keeps a secret; the error says why it could not.
pub type Keeper = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What a connection is built from, and where its problems are gathered.
pub(crate) struct Setup<'a> {
    pub(crate) name: &'a str,
    pub(crate) config: &'a ConnectionConfig,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) observer: &'a Arc<dyn Observer>,
    pub(crate) tls: &'a Tls,
    pub(crate) secrets: &'a dyn Secrets,
    pub(crate) problems: Vec<ConnectError>,
    /// What was looked up, to tell whether it is the same at another time.
    seen: Sha256,
}

/// The hash of a connection's secrets.
pub(crate) type SecretsHash = [u8; 32];

impl<'a> Setup<'a> {
    pub(crate) fn new(
        name: &'a str,
        config: &'a ConnectionConfig,
        clock: &'a Arc<dyn Clock>,
        observer: &'a Arc<dyn Observer>,
        tls: &'a Tls,
        secrets: &'a dyn Secrets,
    ) -> Self {
        Self { name, config, clock, observer, tls, secrets, problems: Vec::new(), seen: Sha256::new() }
    }

    /// The hash of all secrets that were looked up.
    pub(crate) fn hash(&self) -> SecretsHash {
        self.seen.clone().finalize().into()
    }

    /// Takes note of a problem.
    pub(crate) fn problem(&mut self, key: &str, reason: impl Into<String>) {
        self.problems.push(ConnectError { connection: self.name.to_owned(), key: key.to_owned(), reason: reason.into() });
    }

    /// The value, or none and a problem.
    pub(crate) fn keep<T>(&mut self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|reason| self.problem(key, reason)).ok()
    }

    /// Looks a secret up.
    pub(crate) fn secret(&mut self, key: &str, secret: &Secret) -> Option<String> {
        let found =
            self.secrets.resolve(secret).and_then(|text| if text.is_empty() { Err("the secret is empty".into()) } else { Ok(text) });
        let found = self.keep(key, found)?;
        self.seen.update((found.len() as u64).to_be_bytes());
        self.seen.update(&found);
        Some(found)
    }

    /// A secret as (a part of) a header's value, which is kept out of every debug output.
    pub(crate) fn secret_header(&mut self, key: &str, text: &str) -> Option<HeaderValue> {
        let value = HeaderValue::from_str(text)
            .map_err(|_| "the secret has a character that no header can carry; is there a line break in it?".to_owned());
        let mut value = self.keep(key, value)?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A header's name.
    pub(crate) fn header_name(&mut self, key: &str, name: &str) -> Option<HeaderName> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is not a header name"));
        self.keep(key, name)
    }

    /// Methods, as they are written in requests.
    pub(crate) fn methods(&mut self, key: &str, methods: &[String]) -> Vec<Method> {
        let read = |method: &String| {
            let upper = !method.bytes().any(|b| b.is_ascii_lowercase());
            let method = Method::from_bytes(method.as_bytes()).ok().filter(|_| upper);
            method.ok_or_else(|| "methods are written in capitals, such as \"POST\"".to_owned())
        };
        methods.iter().filter_map(|method| self.keep(key, read(method))).collect()
    }

    /// Checks that an HTTP endpoint may be used at all: what it is by its address, and that it does
    /// not expose credentials.
    pub(crate) fn endpoint(&mut self, key: &str, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        if self.config.private_addresses {
            // Anything goes.
        } else if let Some(address) = address::literal(host).filter(|address| !address::is_public(*address)) {
            self.problem(key, address::refusal(host, address));
        } else if url.scheme() == "http" && self.config.auth != Auth::None {
            self.problem(
                key,
                "credentials would travel unencrypted: use https, or set `private_addresses = true` where the network is yours",
            );
        }
        if url.scheme() == "https" && self.tls.trusts_nobody {
            self.problem(key, "this machine trusts no certificate authority: install its `ca-certificates`, or set SSL_CERT_FILE");
        }
    }

    /// Checks what every kind of connection has.
    pub(crate) fn limits(&mut self) {
        for problem in self.config.limit_problems() {
            self.problem(&problem.key, problem.message);
        }
    }
}
