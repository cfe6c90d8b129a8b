//! A signed statement of who the client is (RFC 7523), in the place of a secret.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mortar_core::config::{Algorithm, OAuth2Jwt};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::setup::Setup;

/// How long a statement is good, in seconds: long enough for a clock that is a little off.
const LIFETIME: i64 = 300;

/// Makes statements.
pub(crate) struct Assertion {
    key: Key,
    header: Value,
    claims: BTreeMap<&'static str, Value>,
    random: SystemRandom,
}

enum Key {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
}

impl Assertion {
    /// Looks the key up.
    pub(crate) fn new(setup: &mut Setup<'_>, config: &OAuth2Jwt) -> Option<Self> {
        let pem = setup.secret("auth.private_key", &config.private_key)?;
        let key = setup.keep("auth.private_key", Key::read(&pem, config.algorithm))?;
        let mut header = json!({ "typ": "JWT", "alg": config.algorithm.as_str() });
        let named = [("kid", &config.key_id), ("x5t#S256", &config.thumbprint)];
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            header[name] = value.clone().into();
        }
        let audience = config.audience.as_deref().unwrap_or(&config.token_url);
        let mut claims = BTreeMap::from([("iss", json!(config.client_id)), ("sub", json!(config.client_id)), ("aud", json!(audience))]);
        if let Some(scope) = &config.scope {
            // Here for servers that take it from the statement, and in the form for the others.
            claims.insert("scope", scope.split_whitespace().collect());
        }
        Some(Self { key, header, claims, random: SystemRandom::new() })
    }

    /// A statement, good for some minutes. Each `id` is used once.
    pub(crate) fn sign(&self, now: Timestamp, id: &str) -> Result<String, String> {
        let mut claims = self.claims.clone();
        let now = now.as_second();
        claims.extend([("iat", json!(now)), ("exp", json!(now + LIFETIME)), ("jti", json!(id))]);
        let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
        let claims = serde_json::to_vec(&claims).map_err(|error| error.to_string())?;
        let signed = format!("{}.{}", part(self.header.to_string().as_bytes()), part(&claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).map_err(|_| "the private key cannot sign".to_owned())?;
        Ok(format!("{signed}.{}", part(&signature)))
    }
}

impl Key {
    fn read(pem: &str, algorithm: Algorithm) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "not a private key in PEM (`-----BEGIN PRIVATE KEY-----`)".to_owned())?;
        let wrong = |reason: String| format!("not a key for {}: {reason}", algorithm.as_str());
        let encoding: Option<&'static dyn RsaEncoding> = match algorithm {
            Algorithm::Ps256 => Some(&RSA_PSS_SHA256),
            Algorithm::Rs256 => Some(&RSA_PKCS1_SHA256),
            Algorithm::Es256 => None,
        };
        let key = match (&der, encoding) {
            (PrivateKeyDer::Pkcs8(key), Some(encoding)) => {
                RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map(|key| Self::Rsa(key, encoding))
            }
            (PrivateKeyDer::Pkcs1(key), Some(encoding)) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map(|key| Self::Rsa(key, encoding)),
            (PrivateKeyDer::Pkcs8(key), None) => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der(), &SystemRandom::new()).map(Self::Ecdsa)
            }
            _ => return Err(wrong("write it as PKCS #8 (`openssl pkcs8 -topk8 -nodes`)".into())),
        };
        key.map_err(|error| wrong(error.to_string()))
    }

    fn sign(&self, random: &SystemRandom, text: &[u8]) -> Result<Vec<u8>, ring::error::Unspecified> {
        match self {
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(*encoding, random, text, &mut signature)?;
                Ok(signature)
            }
            Self::Ecdsa(key) => Ok(key.sign(random, text)?.as_ref().to_vec()),
        }
    }
}
