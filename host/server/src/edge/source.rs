//! A configured sender of callbacks.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::HeaderMap;
use ipnet::IpNet;
use jiff::Timestamp;
use mortar_core::config::{Secret, SourceConfig};
use mortar_core::verify::{Proof, Rejection, Verifier, VerifyConfigError};

use super::secrets::Uses;

/// The header by which MasonHub names a delivery, kept so that its support can be asked about it.
const DELIVERY_HEADER: &str = "x-masonhub-delivery";

/// Longest value of it that is kept.
const DELIVERY_HEADER_LIMIT: usize = 64;

/// A source, ready to be used.
pub struct Source {
    /// Its name.
    pub name: Arc<str>,
    /// Its path, without a slash at the end.
    pub path: String,
    pub(super) uses: Uses,
    verifier: Verifier,
    allow: Vec<IpNet>,
}

impl Source {
    /// Takes a source from the configuration.
    ///
    /// # Errors
    /// Every secret that is missing or unusable.
    pub fn new(
        name: &str,
        config: &SourceConfig,
        resolve: &dyn Fn(&Secret) -> Result<String, String>,
    ) -> Result<Self, Vec<VerifyConfigError>> {
        let verifier = Verifier::new(&config.verify, &config.secrets, resolve)?;
        Ok(Self { name: name.into(), path: config.base_path(name), uses: Uses::new(config), verifier, allow: config.allow.clone() })
    }

    /// True where the path is the source's, or below it: one URL is registered per message type.
    #[must_use]
    pub fn owns(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// True where this address may send.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|net| net.contains(&address))
    }

    /// Whether a callback is genuine.
    ///
    /// # Errors
    /// Why it is not.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Proof, Rejection> {
        self.verifier.verify(headers, body, now)
    }

    /// The sender's identifier of this delivery.
    #[must_use]
    pub fn delivery_header(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(DELIVERY_HEADER)?.to_str().ok()?;
        (value.len() <= DELIVERY_HEADER_LIMIT).then(|| value.to_owned())
    }
}
