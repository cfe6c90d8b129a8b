//! Where callbacks are sent for a try, and what proves them genuine there.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use clap::Args;
use mortar_core::config::{Preset, Secret, SourceConfig, Verify};
use reqwest::Url;

use super::exit::Failure;
use crate::config::{self, Loaded, secrets};

/// Where to send. A configuration is needed only for what the command line leaves open.
#[derive(Debug, Default, Args)]
pub(super) struct Aim {
    /// The source to send to, where the configuration has several
    #[arg(long, value_name = "NAME")]
    pub(super) source: Option<String>,
    /// Send there instead of to the configured edge and path
    #[arg(long, value_name = "URL")]
    to: Option<Url>,
    /// Sign with the secret in this environment variable instead of the configured one
    #[arg(long, value_name = "VARIABLE")]
    secret_env: Option<String>,
}

/// Where callbacks go, and how they are verified there.
pub(super) struct Target {
    /// The source's address.
    pub(super) url: Url,
    /// How the source verifies.
    pub(super) verify: Verify,
    /// The secrets of a preset.
    pub(super) secrets: Vec<Secret>,
    /// Instead of every configured secret.
    given: Option<Secret>,
    /// What relative secret files start at, if there is a configuration.
    loaded: Option<Loaded>,
}

impl Aim {
    /// Finds the target: the one that is given whole, or a source of the configuration.
    pub(super) fn target(&self, path: &Path) -> Result<Target, Failure> {
        let given = self.secret_env.clone().map(Secret::Env);
        if let (Some(url), Some(secret), None) = (&self.to, &given, &self.source) {
            let (verify, secrets) = (Verify::Preset(Preset::Masonhub), vec![secret.clone()]);
            return Ok(Target { url: url.clone(), verify, secrets, given, loaded: None });
        }
        let loaded = config::read(path).map_err(Failure::Configuration)?;
        let (name, source) = self.source(&loaded)?;
        let url = self.to.clone().map_or_else(|| edge_url(&loaded, name, source), Ok)?;
        let (verify, secrets) = (source.verify.clone(), source.secrets.clone());
        Ok(Target { url, verify, secrets, given, loaded: Some(loaded) })
    }

    /// The secret that callbacks are signed with. A configuration is needed only where none is given.
    pub(super) fn signing_secret(&self, path: &Path) -> Result<String, Failure> {
        if let Some(name) = &self.secret_env {
            let found = secrets::resolve(&Secret::Env(name.clone()), Path::new(""), &|name| std::env::var_os(name));
            return found.map_err(|error| Failure::Usage(format!("cannot sign: {error}")));
        }
        let target = self.target(path)?;
        target.secret(&target.secrets).map_err(Failure::Failed)
    }

    fn source<'a>(&self, loaded: &'a Loaded) -> Result<(&'a str, &'a SourceConfig), Failure> {
        let sources = &loaded.config.sources;
        let names = || sources.keys().cloned().collect::<Vec<_>>().join(", ");
        let found = match &self.source {
            Some(name) => sources.get_key_value(name).ok_or_else(|| format!("there is no source `{name}`; there are: {}", names())),
            None if sources.len() > 1 => Err(format!("there are several sources; say which with --source: {}", names())),
            None => sources.first_key_value().ok_or_else(|| format!("{} has no [sources.NAME] to send to", loaded.path.display())),
        };
        found.map(|(name, source)| (name.as_str(), source)).map_err(Failure::Usage)
    }
}

impl Target {
    /// The secret to use where any of `configured` is accepted.
    pub(super) fn secret(&self, configured: &[Secret]) -> Result<String, String> {
        let secret = self.given.as_ref().or(configured.first()).ok_or("the source has no secret")?;
        let base = self.loaded.as_ref().map_or(Path::new(""), |loaded| &loaded.base);
        secrets::resolve(secret, base, &|name| std::env::var_os(name)).map_err(|error| format!("cannot sign: {error}"))
    }
}

fn edge_url(loaded: &Loaded, name: &str, source: &SourceConfig) -> Result<Url, Failure> {
    let mut listen = loaded.config.edge.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let path = source.base_path(name);
    Url::parse(&format!("http://{listen}{path}")).map_err(|error| Failure::Usage(format!("the source {name} has no usable path: {error}")))
}
