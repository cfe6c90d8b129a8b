//! What listeners prove themselves with: a certificate that is read again when it changes.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mortar_core::config::TlsConfig;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::config::Loaded;

/// How often the files are looked at. Those who renew certificates do it days ahead.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The certificate of a listener, as it is now.
pub struct Certificate {
    loaded: Loaded,
    config: TlsConfig,
    current: RwLock<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    /// The text of both files: what they say now is compared with it.
    pem: (Vec<u8>, String),
}

impl Certificate {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// What keeps it from being used, in words.
    pub fn load(loaded: &Loaded, config: &TlsConfig) -> Result<Self, String> {
        let pem = read(loaded, config)?;
        let key = Arc::new(certified(&pem)?);
        Ok(Self { loaded: loaded.clone(), config: config.clone(), current: RwLock::new(Current { key, pem }) })
    }

    /// Reads the files again; says whether they are others.
    ///
    /// # Errors
    /// What is there now cannot be used: the certificate before goes on.
    pub fn reload(&self) -> Result<bool, String> {
        let pem = read(&self.loaded, &self.config)?;
        if self.current.read().unwrap_or_else(PoisonError::into_inner).pem == pem {
            return Ok(false);
        }
        let key = Arc::new(certified(&pem)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { key, pem };
        Ok(true)
    }

    /// Follows the files until the host stops.
    pub async fn follow(self: Arc<Self>, what: &'static str, mut stop: watch::Receiver<bool>) {
        let mut told = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let looked = self.reload();
            match &looked {
                Ok(true) => tracing::info!(what, certificate = %self.file().display(), "the certificate was read again"),
                Ok(false) => {}
                Err(why) if told.as_ref() != Some(why) => {
                    tracing::error!(what, why, "the certificate that is there now cannot be used; the one before goes on");
                }
                Err(_) => {}
            }
            told = looked.err();
        }
    }

    /// What takes connections with it, and speaks these protocols.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn acceptor(self: &Arc<Self>, protocols: &[&str]) -> Result<TlsAcceptor, String> {
        let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = versions.map_err(|fault| fault.to_string())?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn file(&self) -> PathBuf {
        self.loaded.path(&self.config.certificate)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}

impl std::fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Certificate").field(&self.file()).finish()
    }
}

/// What does the arithmetic.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The chain of certificates in a file.
///
/// # Errors
/// There is none.
pub(crate) fn chain(loaded: &Loaded, config: &TlsConfig) -> Result<Vec<CertificateDer<'static>>, String> {
    parse_chain(&read_chain(loaded, config)?)
}

fn read(loaded: &Loaded, config: &TlsConfig) -> Result<(Vec<u8>, String), String> {
    Ok((read_chain(loaded, config)?, loaded.secret(&config.key)?))
}

fn read_chain(loaded: &Loaded, config: &TlsConfig) -> Result<Vec<u8>, String> {
    let file = loaded.path(&config.certificate);
    std::fs::read(&file).map_err(|fault| format!("the certificate {} cannot be read: {fault}", file.display()))
}

fn parse_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|fault| format!("the certificate is no PEM: {fault}"))?;
    if chain.is_empty() { Err("there is no certificate in the file: it begins with -----BEGIN CERTIFICATE-----".into()) } else { Ok(chain) }
}

fn certified((chain, key): &(Vec<u8>, String)) -> Result<CertifiedKey, String> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|fault| format!("the key is no PEM: {fault}"))?;
    CertifiedKey::from_der(parse_chain(chain)?, key, &provider()).map_err(|fault| format!("the key does not fit the certificate: {fault}"))
}
