//! `[traces]`: where traces go.

use serde::Deserialize;

use super::{Auth, ConnectionConfig};

/// `[traces]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// The collector's base URL, which takes OTLP over HTTP (protobuf) at `/v1/traces`. Absent: nothing
    /// is traced.
    pub url: Option<String>,
    /// Which share of the callbacks is traced, from 0 to 1.
    pub share: f64,
    /// What the host is called in the traces.
    pub service: String,
    /// Credentials, as of a connection.
    pub auth: Auth,
    /// True where the address may be loopback, private or otherwise not public.
    pub private_addresses: bool,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { url: None, share: 0.01, service: "mortar".into(), auth: Auth::None, private_addresses: false }
    }
}

impl TracesConfig {
    /// The connection that traces go through, where they do.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionConfig> {
        let url = self.url.clone()?;
        Some(ConnectionConfig { auth: self.auth.clone(), private_addresses: self.private_addresses, ..ConnectionConfig::to(url) })
    }
}
