//! `[edge.tls]`, `[admin.tls]`: what a listener proves itself with.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// A certificate and its key. Both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The chain as PEM, the own certificate first; relative paths start at the configuration file.
    pub certificate: PathBuf,
    /// The key as PEM.
    pub key: Secret,
}

/// The header in which a trusted proxy says who sent a request. A proxy that is trusted must set it
/// itself: what a client writes there is believed where the proxy passes it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239)
    Forwarded,
}
