//! TLS towards ERPs: rustls on ring, with the certificate authorities that the machine trusts.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// What all HTTP connections share.
pub(crate) struct Tls {
    /// The settings. Cheap to clone.
    pub(crate) config: ClientConfig,
    /// True where no server can be proven genuine.
    pub(crate) trusts_nobody: bool,
}

impl Tls {
    /// Reads the machine's certificate authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` replace them).
    pub(crate) fn load() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let trusts_nobody = roots.is_empty();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config, trusts_nobody }
    }
}
