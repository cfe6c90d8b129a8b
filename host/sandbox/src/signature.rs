//! Signatures of components: Ed25519, in custom sections at the end of the file. So a component and its
//! signature are one file, and one rename swaps both.
//!
//! ```text
//! component | section "mortar-signature": public key (32), signature (64) | perhaps more such sections
//! ```
//!
//! What is signed is everything before the first of them. They say nothing of `plugin.toml`: what a
//! plugin is granted is for the operator to say, not for its author.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mortar_core::config::PublicKey;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// How the section begins: custom, its length, the length of its name, its name.
const HEAD: &[u8] = b"\0\x71\x10mortar-signature";

/// What is signed begins so, lest a signature made for something else be taken for one of ours.
const CONTEXT: &[u8] = b"mortar plugin 1\0";

const KEY: usize = 32;
const SECTION: usize = HEAD.len() + KEY + 64;

const PEM: (&str, &str) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");

/// A private key that signs components.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key. Answers it as PEM too (PKCS #8), which is how it is kept.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate() -> Result<(Self, String), String> {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| "the system has no randomness".to_owned())?;
        let pem = format!("{}\n{}\n{}\n", PEM.0, STANDARD.encode(&der), PEM.1);
        Self::read(&pem).map(|key| (key, pem))
    }

    /// Reads a key that was kept as PEM.
    ///
    /// # Errors
    /// It is none. What it says is not told.
    pub fn read(pem: &str) -> Result<Self, String> {
        let inside = pem.trim().strip_prefix(PEM.0).and_then(|rest| rest.strip_suffix(PEM.1));
        let der = inside.and_then(|base64| STANDARD.decode(base64.split_whitespace().collect::<String>()).ok());
        let key = der.and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()).map(Self);
        key.ok_or_else(|| "this is no Ed25519 private key in PEM: `mortar plugin keygen` makes one".to_owned())
    }

    /// The key that others know the signatures by.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; KEY];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The section to put behind a component, and behind signatures that it has already.
    #[must_use]
    pub fn sign(&self, component: &[u8]) -> Vec<u8> {
        let (signed, _) = split(component);
        [HEAD, &self.public().0, self.0.sign(&message(signed)).as_ref()].concat()
    }
}

/// Who has signed a component: every key whose signature is right, and how many are wrong.
#[must_use]
pub fn signers(component: &[u8]) -> (Vec<PublicKey>, usize) {
    let (signed, sections) = split(component);
    let message = message(signed);
    let mut signers = Vec::new();
    let mut wrong = 0;
    for section in sections.chunks_exact(SECTION) {
        let (key, signature) = section[HEAD.len()..].split_at(KEY);
        match <[u8; KEY]>::try_from(key) {
            Ok(bytes) if UnparsedPublicKey::new(&ED25519, key).verify(&message, signature).is_ok() => signers.push(PublicKey(bytes)),
            _ => wrong += 1,
        }
    }
    (signers, wrong)
}

/// The component without its signatures, and these.
fn split(component: &[u8]) -> (&[u8], &[u8]) {
    let mut at = component.len();
    while at >= SECTION && component[at - SECTION..].starts_with(HEAD) {
        at -= SECTION;
    }
    component.split_at(at)
}

fn message(signed: &[u8]) -> Vec<u8> {
    [CONTEXT, &Sha256::digest(signed)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(component: &[u8], keys: &[&SigningKey]) -> Vec<u8> {
        keys.iter().fold(component.to_vec(), |component, key| {
            let section = key.sign(&component);
            [component, section].concat()
        })
    }

    #[test]
    fn each_signer_is_told_and_signs_the_same() {
        let component = wat::parse_str("(component)").unwrap();
        let ((one, pem), (two, _)) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        assert_eq!(signers(&component), (Vec::new(), 0));
        let both = signed(&component, &[&one, &two]);
        assert_eq!(signers(&both), (vec![one.public(), two.public()], 0));
        assert_eq!(SigningKey::read(&pem).unwrap().sign(&both), one.sign(&component), "a key that was kept signs the same");
        wasmtime::component::Component::new(&wasmtime::Engine::default(), &both).unwrap();
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let key = SigningKey::generate().unwrap().0;
        let good = signed(&wat::parse_str("(component (core module (memory 1)))").unwrap(), &[&key]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(signers(&bad).0.is_empty(), "byte {at}");
        }
        assert!(signers(&[&good[..], b"\0\x02\x01x"].concat()).0.is_empty(), "what comes behind it is not signed");
    }

    #[test]
    fn what_is_no_key_is_refused_without_a_word_of_it() {
        for text in ["", "secret", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"] {
            assert!(SigningKey::read(text).is_err_and(|words| words.contains("keygen") && !words.contains("c2VjcmV0")));
        }
    }
}
