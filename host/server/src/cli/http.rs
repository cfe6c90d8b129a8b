//! HTTP clients of the commands, and what their errors say.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::exit::Failure;
use crate::tls;

/// How long a server may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client for this machine: no proxy sees what it sends, and it needs no certificate authorities.
pub(crate) fn local() -> Result<reqwest::Client, Failure> {
    build(|builder| builder.no_proxy().tls_certs_only([]))
}

/// A client for the host on this machine, which proves itself with the first of these certificates: the
/// one that its configuration names, whoever issued it and whatever name it has.
pub(crate) fn pinned(chain: Vec<CertificateDer<'static>>) -> Result<reqwest::Client, Failure> {
    let verifier = Pinned { chain, provider: tls::provider() };
    let versions = rustls::ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions();
    let builder = versions.map_err(|fault| Failure::Failed(format!("cannot speak TLS: {fault}")))?;
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    build(|builder| builder.no_proxy().tls_backend_preconfigured(config))
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Pinned {
    chain: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.chain.first().is_some_and(|own| own == presented) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General("it has another certificate than admin.tls of the configuration names".into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A client for any address.
pub(crate) fn public() -> Result<reqwest::Client, Failure> {
    build(|builder| builder)
}

fn build(configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    // An error means that a provider is installed already, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    configure(builder).build().map_err(|error| Failure::Failed(format!("cannot make HTTP requests: {}", root_cause(&error))))
}

/// The innermost reason, which is the one that tells something ("connection refused").
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
