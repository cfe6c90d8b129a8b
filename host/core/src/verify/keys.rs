//! HMAC-SHA256 keys and signatures.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Rejection;

/// Base64 as senders write it: with padding or without.
pub(super) const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// An HMAC-SHA256.
pub(super) type Signature = [u8; 32];

/// The keys of one condition, any one of which may match. The key schedule is done once, here.
pub(super) struct Keys(Vec<Hmac<Sha256>>);

impl Keys {
    pub(super) fn new(keys: &[Vec<u8>]) -> Self {
        Self(keys.iter().map(|key| Hmac::new_from_slice(key).expect("HMAC takes keys of any length")).collect())
    }

    /// The place, from 1, of the key that makes one of the signatures of the parts together.
    pub(super) fn matching(&self, header: &HeaderName, parts: &[&[u8]], signatures: &[Signature]) -> Result<u8, Rejection> {
        if signatures.is_empty() {
            return Err(Rejection::MalformedHeader { header: header.clone(), reason: "it holds no signature of the scheme" });
        }
        for (place, key) in (1..=u8::MAX).zip(&self.0) {
            let mut mac = key.clone();
            parts.iter().for_each(|part| mac.update(part));
            let right = mac.finalize().into_bytes();
            if signatures.iter().any(|signature| right.as_slice().ct_eq(signature).into()) {
                return Ok(place);
            }
        }
        Err(Rejection::WrongSignature { header: header.clone() })
    }
}

/// Reads 64 hex digits, bare or after `sha256=`.
pub(super) fn hex_signature(text: &str) -> Option<Signature> {
    const PREFIX: &str = "sha256=";
    let digits = match text.split_at_checked(PREFIX.len()) {
        Some((prefix, digits)) if prefix.eq_ignore_ascii_case(PREFIX) => digits,
        _ => text,
    };
    let mut signature = Signature::default();
    // Only digits: the decoder would take `0x` before them.
    if digits.len() != 2 * signature.len() {
        return None;
    }
    hex::decode_to_slice(digits, &mut signature).ok().map(|()| signature)
}

/// Reads 32 bytes in base64.
pub(super) fn base64_signature(text: &str) -> Option<Signature> {
    // Room for what the decoder expects at most of 44 characters.
    let mut buffer = [0; 36];
    let length = BASE64.decode_slice(text, &mut buffer).ok()?;
    buffer[..length].try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_32_bytes_or_none() {
        let digits = "0a".repeat(32);
        for text in [digits.clone(), digits.to_uppercase(), format!("sha256={digits}"), format!("SHA256={digits}")] {
            assert_eq!(hex_signature(&text), Some([10; 32]), "{text}");
        }
        for text in ["", "sha256=", &digits[2..], &digits[1..], &format!("{digits}0a"), &format!("sha1={digits}"), &"é".repeat(32)] {
            assert_eq!(hex_signature(text), None, "{text}");
        }
        let encoded = BASE64.encode([10; 32]);
        for text in [encoded.as_str(), encoded.trim_end_matches('=')] {
            assert_eq!(base64_signature(text), Some([10; 32]), "{text}");
        }
        for text in ["", "=", &encoded[4..], &BASE64.encode([10; 33]), &BASE64.encode([10; 100]), &format!(" {encoded}")] {
            assert_eq!(base64_signature(text), None, "{text}");
        }
    }
}
