//! MasonHub's signature and the headers of its requests.

use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue, USER_AGENT};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE: &str = "x-masonhub-signature";
/// The header that names the message type.
pub const EVENT: &str = "x-masonhub-event";
/// The header that identifies the delivery.
pub const DELIVERY: &str = "x-masonhub-delivery";

/// How the signature is written; MasonHub's pages disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureForm {
    /// `sha256=` and hex.
    #[default]
    Prefixed,
    /// Hex alone.
    Bare,
}

/// The value of `X-MasonHub-Signature`: HMAC-SHA256 of the raw body, the key being the bytes of
/// `secret`.
#[must_use]
pub fn sign(secret: &str, body: &[u8], form: SignatureForm) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    let digest = hex::encode(mac.finalize().into_bytes());
    match form {
        SignatureForm::Prefixed => format!("sha256={digest}"),
        SignatureForm::Bare => digest,
    }
}

/// All headers of one request as MasonHub sends it: signature, message type, delivery, user agent
/// and content type.
///
/// # Errors
/// Where `message_type` or `delivery` cannot stand in a header.
pub fn headers(signature: &str, message_type: &str, delivery: &str) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(signature)?);
    headers.insert(EVENT, HeaderValue::from_str(message_type)?);
    headers.insert(DELIVERY, HeaderValue::from_str(delivery)?);
    headers.insert(USER_AGENT, HeaderValue::from_static("MasonHub-Webhook/1.0"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_vectors() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../tests/fixtures/signature-vectors.json")).unwrap();
        let (secret, body) = (vectors["secret"].as_str().unwrap(), vectors["body"].as_str().unwrap());
        let expected = |scheme: &str| {
            let all = vectors["vectors"].as_array().unwrap();
            all.iter().find(|v| v["scheme"] == scheme).unwrap()["expect"].as_str().unwrap().to_owned()
        };
        assert_eq!(sign(secret, body.as_bytes(), SignatureForm::Bare), expected("hex"));
        assert_eq!(sign(secret, body.as_bytes(), SignatureForm::Prefixed), expected("sha256-prefixed hex"));
    }

    #[test]
    fn a_request_carries_masonhubs_headers() {
        let headers = headers("sha256=ab", "orderEvent", "d-1").unwrap();
        for (name, value) in [
            ("X-MasonHub-Signature", "sha256=ab"),
            ("X-MasonHub-Event", "orderEvent"),
            ("X-MasonHub-Delivery", "d-1"),
            ("User-Agent", "MasonHub-Webhook/1.0"),
        ] {
            assert_eq!(headers[name], value);
        }
    }
}
