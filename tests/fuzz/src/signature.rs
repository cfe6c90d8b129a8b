//! Whether a callback is genuine.

use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use mortar_core::config::{Secret, SourceConfig};
use mortar_core::toml_problems::read_toml;
use mortar_core::verify::Verifier;

/// When the given vectors were signed.
const NOW: i64 = 1_767_225_600;

/// The headers that any of the schemes reads.
const HEADERS: [&str; 7] =
    ["x-masonhub-signature", "x-signature", "x-timestamp", "webhook-id", "webhook-timestamp", "webhook-signature", "authorization"];

/// Every scheme, with a secret whose text is in the place of its variable's name.
const SOURCES: [&str; 9] = [
    "verify = 'masonhub'\nsecrets = [{ env = 'mh_test_secret_0123456789abcdef' }, { env = 'the one before it' }]",
    "verify = [{ scheme = 'base64', header = 'X-Signature', secrets = [{ env = 'mh_test_secret_0123456789abcdef' }] }]",
    "verify = [{ scheme = 't-v1', header = 'X-Signature', secrets = [{ env = 'mh_test_secret_0123456789abcdef' }] }]",
    "verify = [{ scheme = 'v0', header = 'X-Signature', timestamp_header = 'X-Timestamp', secrets = [{ env = 'mh_test_secret_0123456789abcdef' }] }]",
    "verify = [{ scheme = 'standard-webhooks', secrets = [{ env = 'whsec_c3RhbmRhcmQtd2ViaG9va3MtdGVzdC1rZXktMDAwMDE=' }] }]",
    "verify = [{ scheme = 'hex', key = 'hex', header = 'X-Signature', secrets = [{ env = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff' }] }]",
    "verify = [{ scheme = 'token-header', header = 'Authorization', secrets = [{ env = 'a token of many letters' }] }]",
    "verify = [{ scheme = 'token-body', field = 'token', secrets = [{ env = 'a token of many letters' }] }]",
    "verify = [{ scheme = 'token-header', header = 'Authorization', secrets = [{ env = 'a token of many letters' }] },
        { scheme = 'hex', header = 'X-Signature', secrets = [{ env = 'mh_test_secret_0123456789abcdef' }] }]",
];

fn verifiers() -> &'static [Verifier] {
    static VERIFIERS: OnceLock<Vec<Verifier>> = OnceLock::new();
    VERIFIERS.get_or_init(|| {
        let resolve = |secret: &Secret| match secret {
            Secret::Env(text) => Ok(text.clone()),
            Secret::Credential(name) => Err(name.clone()),
            Secret::File(path) => Err(path.display().to_string()),
        };
        let verifier = |source: &&str| {
            let source: SourceConfig = read_toml(source).unwrap();
            Verifier::new(&source.verify, &source.secrets, &resolve).unwrap()
        };
        SOURCES.iter().map(verifier).collect()
    })
}

/// Verifies a callback by every scheme. The bytes are lines of a header's place in `HEADERS` and
/// its value, an empty line, and the body.
pub fn check(data: &[u8]) {
    let (headers, body) = request(data);
    let now = Timestamp::from_second(NOW).unwrap();
    for verifier in verifiers() {
        let verdict = verifier.verify(&headers, body, now);
        assert_eq!(verdict, verifier.verify(&headers, body, now), "verified twice, it says the same");
        let Ok(proof) = verdict else { continue };
        assert!(proof.secret.is_some(), "no secret matched, and still it is genuine");
        for header in headers.keys() {
            let mut twice = headers.clone();
            let value = headers[header].clone();
            twice.append(header, value);
            assert!(verifier.verify(&twice, body, now).is_err() || verifier.verify(&without(&headers, header), body, now).is_ok());
        }
    }
}

/// By which of the schemes it is genuine.
#[must_use]
pub fn genuine(data: &[u8]) -> Vec<usize> {
    let (headers, body) = request(data);
    let now = Timestamp::from_second(NOW).unwrap();
    (0..).zip(verifiers()).filter(|(_, verifier)| verifier.verify(&headers, body, now).is_ok()).map(|(place, _)| place).collect()
}

fn without(headers: &HeaderMap, header: &HeaderName) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(header);
    headers
}

fn request(mut data: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
        let line = &data[..end];
        data = &data[end + 1..];
        let Some((place, value)) = line.split_first() else { break };
        let name = HeaderName::from_static(HEADERS[usize::from(*place) % HEADERS.len()]);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    (headers, data)
}
