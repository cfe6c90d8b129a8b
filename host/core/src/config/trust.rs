//! Whose plugins are trusted: keys and digests.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// An Ed25519 public key, written `ed25519:` and its 32 bytes in Base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicKey(pub [u8; 32]);

const KIND: &str = "ed25519:";

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.strip_prefix(KIND).and_then(|key| STANDARD.decode(key).ok());
        let key = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        key.ok_or_else(|| format!("`{text}` is not a public key: `mortar plugin keygen` prints one, {KIND} and 44 characters"))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}{}", STANDARD.encode(self.0))
    }
}

/// The SHA-256 of a file, in hex and small letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256Hex(pub String);

impl TryFrom<String> for Sha256Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        if is_hex { Ok(Self(text)) } else { Err(format!("`{text}` is not a SHA-256: 64 of 0-9 and a-f, as `sha256sum` prints it")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_it_is_read() {
        let text = PublicKey([7; 32]).to_string();
        assert_eq!((text.parse(), text.len()), (Ok(PublicKey([7; 32])), KIND.len() + 44));
        for wrong in ["", "ed25519:", "ed25519:AAAA", &text[KIND.len()..], &text.replace("ed25519", "rsa")] {
            assert!(wrong.parse::<PublicKey>().is_err_and(|words| words.contains("mortar plugin keygen")), "{wrong}");
        }
    }

    #[test]
    fn a_digest_is_64_small_hex_digits() {
        assert!(Sha256Hex::try_from("0a".repeat(32)).is_ok());
        for wrong in ["0a".repeat(31), "0A".repeat(32), "0g".repeat(32), String::new()] {
            assert!(Sha256Hex::try_from(wrong).is_err());
        }
    }
}
