//! HTTP clients of the commands, and what their errors say.

use std::error::Error;
use std::time::Duration;

use super::exit::Failure;

/// How long a server may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client for this machine: no proxy sees what it sends, and it needs no certificate authorities.
pub(crate) fn local() -> Result<reqwest::Client, Failure> {
    build(|builder| builder.no_proxy().tls_certs_only([]))
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
