//! Which callbacks are genuine: the given signature vectors, and what must not pass.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use mortar_core::config::{Secret, SourceConfig};
use mortar_core::verify::{Proof, Rejection, Verifier, VerifyConfigError};
use serde_json::Value;

const BODY: &[u8] = b"{\"message_type\":\"orderEvent\"}";
const NOW: i64 = 1_767_225_600;

/// A verifier of a source in TOML. A secret is the name of its variable.
fn build(source: &str) -> Result<Verifier, Vec<VerifyConfigError>> {
    let source: SourceConfig = toml::from_str(source).unwrap();
    Verifier::new(&source.verify, &source.secrets, &|secret| match secret {
        Secret::Env(name) => Ok(name.clone()),
        Secret::Credential(name) => Err(format!("there is no credential {name}")),
        Secret::File(path) => Err(format!("there is no file {}", path.display())),
    })
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
    pairs.iter().map(pair).fold(HeaderMap::new(), |mut map, (name, value)| {
        map.append(name, value);
        map
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// A vector, made into the source that accepts it and the request that it signs.
struct Vector {
    scheme: String,
    source: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    time: Timestamp,
}

fn vectors() -> Vec<Vector> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/signature-vectors.json");
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 8);
    vectors.iter().map(|vector| to_request(&file, vector)).collect()
}

fn to_request(file: &Value, vector: &Value) -> Vector {
    let field = |name: &str| vector.get(name).unwrap_or(&file[name]).as_str().unwrap().to_owned();
    let (scheme, expect, secret, timestamp) = (field("scheme"), field("expect"), field("secret"), field("timestamp"));
    let header = Some(field("header")).filter(|header| header != "any").unwrap_or_else(|| "X-Signature".into());
    let mut headers = vec![(header.clone(), expect)];
    let settings = match scheme.as_str() {
        "hex" | "sha256-prefixed hex" => None,
        "base64" => Some(format!("scheme = 'base64', header = '{header}'")),
        "t=,v1= over '<timestamp>.<body>'" => Some(format!("scheme = 't-v1', header = '{header}'")),
        "v0:<timestamp>:<body>, 'v0=' + hex" => {
            headers.push(("X-Timestamp".into(), timestamp.clone()));
            Some(format!("scheme = 'v0', header = '{header}', timestamp_header = 'X-Timestamp'"))
        }
        "hex, key decoded from hex" => Some(format!("scheme = 'hex', key = 'hex', header = '{header}'")),
        name if name.starts_with("Standard Webhooks") => {
            headers.push(("webhook-id".into(), field("message_id")));
            headers.push(("webhook-timestamp".into(), timestamp.clone()));
            Some("scheme = 'standard-webhooks'".into())
        }
        other => panic!("unknown scheme {other}"),
    };
    let source = match settings {
        None => format!("verify = 'masonhub'\nsecrets = [{{ env = '{secret}' }}]"),
        Some(settings) => format!("verify = [{{ {settings}, secrets = [{{ env = '{secret}' }}] }}]"),
    };
    Vector { scheme, source, headers, body: field("body").into_bytes(), time: at(timestamp.parse().unwrap()) }
}

impl Vector {
    fn headers(&self) -> HeaderMap {
        headers(&self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Proof, Rejection> {
        build(&self.source).unwrap().verify(headers, body, self.time)
    }
}

#[test]
fn every_given_vector_is_genuine() {
    for vector in vectors() {
        assert_eq!(vector.verify(&vector.headers(), &vector.body), Ok(Proof { secret: Some(1) }), "{}", vector.scheme);
    }
}

#[test]
fn no_vector_passes_with_a_changed_body_signature_or_secret() {
    for vector in vectors() {
        let mut body = vector.body.clone();
        body[0] ^= 1;
        let wrong = vector.verify(&vector.headers(), &body);
        assert!(matches!(wrong, Err(Rejection::WrongSignature { .. })), "{}: {wrong:?}", vector.scheme);

        // The last character but one: the last of base64 is padding.
        let mut headers = vector.headers.clone();
        let value = &mut headers[0].1;
        let place = value.len() - 2;
        let other = if value.as_bytes()[place] == b'0' { "1" } else { "0" };
        value.replace_range(place..=place, other);
        let changed = Vector { headers, ..vector };
        let wrong = changed.verify(&changed.headers(), &changed.body);
        assert!(wrong.is_err(), "{}", changed.scheme);
    }
    for vector in vectors() {
        // Another secret of the same form.
        let source = vector.source.replace("mh_test", "mh_tset").replace("whsec_c3R", "whsec_d3R").replace("whsec_MfK", "whsec_NfK");
        let source = source.replace("env = '0011", "env = '1100");
        assert_ne!(source, vector.source);
        let wrong = build(&source).unwrap().verify(&vector.headers(), &vector.body, vector.time);
        assert!(matches!(wrong, Err(Rejection::WrongSignature { .. })), "{}: {wrong:?}", vector.scheme);
    }
}

#[test]
fn every_header_of_a_vector_must_come_once_and_be_of_its_form() {
    for vector in vectors() {
        for (name, value) in &vector.headers {
            let name: HeaderName = name.parse().unwrap();
            let verdict = |values: &[&[u8]]| {
                let mut headers = vector.headers();
                headers.remove(&name);
                values.iter().for_each(|value| {
                    headers.append(&name, HeaderValue::from_bytes(value).unwrap());
                });
                vector.verify(&headers, &vector.body).unwrap_err()
            };
            assert_eq!(verdict(&[]), Rejection::MissingHeader { header: name.clone() });
            assert_eq!(verdict(&[value.as_bytes(); 2]), Rejection::DuplicatedHeader { header: name.clone() });
            for bad in ["x".repeat(5000).as_bytes(), b"\xff\xfe"] {
                let verdict = verdict(&[bad]);
                assert!(matches!(&verdict, Rejection::MalformedHeader { header, .. } if *header == name), "{verdict}");
            }
        }
        for bad in ["", "sha256=", "deadbeef", "v1=", "t=5", "v0=zz", "v1,", "!!!"] {
            let mut headers = vector.headers();
            headers.insert(vector.headers[0].0.parse::<HeaderName>().unwrap(), bad.parse().unwrap());
            let verdict = vector.verify(&headers, &vector.body).unwrap_err();
            assert!(matches!(verdict, Rejection::MalformedHeader { .. }), "{} `{bad}`: {verdict}", vector.scheme);
        }
    }
}

#[test]
fn a_signed_timestamp_may_be_a_little_off() {
    for vector in vectors().iter().filter(|v| ["t=", "v0", "Sta"].iter().any(|timed| v.scheme.starts_with(timed))) {
        let verifier = build(&vector.source).unwrap();
        let verdict = |seconds: i64| {
            let now = vector.time + SignedDuration::from_secs(seconds);
            verifier.verify(&vector.headers(), &vector.body, now)
        };
        assert!(verdict(300).is_ok() && verdict(-60).is_ok(), "{}", vector.scheme);
        let (age, allowed) = (SignedDuration::from_secs(301), SignedDuration::from_secs(300));
        assert_eq!(verdict(301), Err(Rejection::Stale { age, allowed }));
        let (ahead, allowed) = (SignedDuration::from_secs(61), SignedDuration::from_secs(60));
        assert_eq!(verdict(-61), Err(Rejection::Future { ahead, allowed }));
        assert!(verdict(-61).unwrap_err().to_string().contains("1m 1s in the future"));
    }
}

#[test]
fn a_wrong_signature_counts_before_a_wrong_time() {
    let source = "verify = [{ scheme = 't-v1', header = 'X-S', secrets = [{ env = 'a secret of 24 characters' }] }]";
    let value = format!("t=1,v1={}", "0".repeat(64));
    let verdict = build(source).unwrap().verify(&headers(&[("X-S", &value)]), BODY, at(NOW));
    assert_eq!(verdict, Err(Rejection::WrongSignature { header: HeaderName::from_static("x-s") }));
}

#[test]
fn several_secrets_and_several_signatures_can_be_valid_at_once() {
    for mut vector in vectors() {
        vector.source = vector.source.replace("secrets = [", "secrets = [{ env = '00112233445566778899aabbccddeeff' }, ");
        assert_eq!(vector.verify(&vector.headers(), &vector.body), Ok(Proof { secret: Some(2) }), "{}", vector.scheme);
    }
    for mut vector in vectors() {
        let value = &mut vector.headers[0].1;
        if let Some(signature) = value.strip_prefix("v1,").map(str::to_owned) {
            *value = format!("v1,AAAA v1a,{signature} v1,{} v1,{signature}", "A".repeat(43));
        } else if let Some((time, signature)) = value.clone().split_once(",v1=") {
            *value = format!("v1={}, {time} ,v0=x,v1={signature}", "0".repeat(64));
        } else {
            continue;
        }
        assert!(vector.verify(&vector.headers(), &vector.body).is_ok(), "{}", vector.scheme);
    }
}

#[test]
fn a_token_stands_in_a_header_or_in_every_envelope() {
    let header =
        build("verify = [{ scheme = 'token-header', header = 'Authorization', secrets = [{ env = 'old token' }, { env = 'token' }] }]");
    let header = header.unwrap();
    let verdict = |value: &str| header.verify(&headers(&[("authorization", value)]), BODY, at(NOW));
    assert_eq!(verdict("old token"), Ok(Proof { secret: Some(1) }));
    for value in ["token", "Bearer token", "bearer  token"] {
        assert_eq!(verdict(value), Ok(Proof { secret: Some(2) }), "{value}");
    }
    for value in ["", "Bearer", "Bearer ", "toke", "token2", "Basic token"] {
        assert_eq!(verdict(value), Err(Rejection::WrongToken { place: "the header authorization".into() }), "{value}");
    }

    let body = build("verify = [{ scheme = 'token-body', field = 'token', secrets = [{ env = 'tökén' }] }]").unwrap();
    let verdict = |text: &str| body.verify(&HeaderMap::new(), text.as_bytes(), at(NOW));
    assert!(verdict("{\"a\": {\"token\": 1}, \"token\": \"t\\u00f6kén\"}").is_ok());
    assert!(verdict("[{\"token\":\"tökén\"},{\"token\":\"tökén\"}]").is_ok());
    assert!(matches!(verdict("[{\"token\":\"tökén\"},{\"token\":\"other\"}]"), Err(Rejection::WrongToken { .. })));
    for text in [
        "",
        "{",
        "[]",
        "5",
        "{}",
        "{\"token\":5}",
        "{\"token\":null}",
        "[{\"token\":\"tökén\"},{}]",
        "{\"token\":\"tökén\",\"token\":\"tökén\"}",
        "{\"token\":\"tökén\"} x",
    ] {
        assert!(matches!(verdict(text), Err(Rejection::MalformedBody { .. })), "{text}");
    }
    let long = verdict(&format!("\"{}\"", "ä".repeat(10_000))).unwrap_err().to_string();
    assert!(long.len() < 400, "what was sent is not repeated at length");
}

#[test]
fn all_conditions_must_hold() {
    let source = "verify = [
        { scheme = 'token-header', header = 'X-Token', secrets = [{ env = 'a' }, { env = 'b' }] },
        { scheme = 'token-body', field = 'token', secrets = [{ env = 'c' }] },
    ]";
    let verifier = build(source).unwrap();
    let verdict = |header: &str, body: &str| {
        let body = format!("{{\"token\":\"{body}\"}}");
        verifier.verify(&headers(&[("x-token", header)]), body.as_bytes(), at(NOW))
    };
    assert_eq!(verdict("b", "c"), Ok(Proof { secret: Some(2) }), "the first condition's secret is the one that counts");
    assert!(verdict("b", "x").is_err());
    assert!(verdict("x", "c").is_err());
    assert_eq!(verifier.weak(), ["verify[0].secrets[0]", "verify[0].secrets[1]", "verify[1].secrets[0]"]);

    let none = build("verify = 'none'").unwrap();
    assert_eq!(none.verify(&HeaderMap::new(), b"", at(NOW)), Ok(Proof { secret: None }));
}

#[test]
fn settings_that_verify_nothing_are_refused_all_at_once() {
    let errors = |source: &str| build(source).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(errors("verify = 'masonhub'"), ["secrets: there is none, so nothing could ever be genuine"]);
    assert_eq!(errors("verify = []"), ["verify: an empty list would accept anything: write \"none\" if that is meant"]);
    assert_eq!(
        errors(
            "verify = [
                { scheme = 'hex', secrets = [{ env = ' ' }, { file = 'nowhere' }] },
                { scheme = 'v0', header = 'not a header', secrets = [] },
                { scheme = 'token-body', secrets = [{ env = '0g' }], key = 'hex' },
                { scheme = 'standard-webhooks', secrets = [{ env = 'whsec_!' }] },
            ]"
        ),
        [
            "verify[0].header: the scheme `hex` needs it",
            "verify[0].secrets[0]: the secret is empty, so anyone could sign",
            "verify[0].secrets[1]: there is no file nowhere",
            "verify[1].timestamp_header: the scheme `v0` needs it",
            "verify[1].header: not a header's name",
            "verify[1].secrets: there is none, so nothing could ever be genuine",
            "verify[2].field: the scheme `token-body` needs it",
            "verify[2].secrets[0]: the secret is not hex",
            "verify[3].secrets[0]: the secret is not base64",
        ]
    );
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let verifier = build("verify = 'masonhub'\nsecrets = [{ env = 'very secret indeed' }]").unwrap();
    assert_eq!(format!("{verifier:?}"), "Verifier { conditions: 1, .. }");
    assert!(verifier.weak().is_empty());
    let error = build("verify = [{ scheme = 'hex', header = 'x', key = 'hex', secrets = [{ env = 'oops' }] }]").unwrap_err();
    assert!(!format!("{error:?}").contains("oops"));
}

mod properties {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    fn sign(key: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }

    /// The source and the headers of a callback that is signed with the key by the scheme.
    fn signed(scheme: &str, key: &str, body: &[u8], seconds: i64) -> (String, Vec<(String, String)>) {
        let time = seconds.to_string();
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let headers = match scheme {
            "hex" => vec![pair("x-s", hex::encode(sign(key, &[body])))],
            "base64" => vec![pair("x-s", STANDARD.encode(sign(key, &[body])))],
            "t-v1" => vec![pair("x-s", format!("t={time},v1={}", hex::encode(sign(key, &[time.as_bytes(), b".", body]))))],
            "v0" => {
                let signature = hex::encode(sign(key, &[b"v0:", time.as_bytes(), b":", body]));
                vec![pair("x-s", format!("v0={signature}")), pair("x-t", time)]
            }
            _ => {
                let signature = STANDARD.encode(sign(key, &[b"id.", time.as_bytes(), b".", body]));
                vec![pair("webhook-signature", format!("v1,{signature}")), pair("webhook-id", "id".into()), pair("webhook-timestamp", time)]
            }
        };
        let secret = if scheme == "standard-webhooks" { format!("whsec_{}", STANDARD.encode(key)) } else { key.to_owned() };
        let settings = format!("scheme = '{scheme}', header = 'x-s', timestamp_header = 'x-t', secrets = [{{ env = '{secret}' }}]");
        (format!("verify = [{{ {settings} }}]"), headers)
    }

    const SCHEMES: [&str; 5] = ["hex", "base64", "t-v1", "v0", "standard-webhooks"];

    proptest! {
        #[test]
        fn what_is_signed_passes_and_no_other_byte_does(
            scheme in prop::sample::select(&SCHEMES),
            key in "[a-zA-Z0-9_+/-]{1,100}",
            mut body in vec(any::<u8>(), 1..400),
            skew in -60_i64..=300,
            at_byte in any::<prop::sample::Index>(),
            change in 1_u8..,
        ) {
            let (source, pairs) = signed(scheme, &key, &body, NOW - skew);
            let verifier = build(&source).unwrap();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(verifier.verify(&headers(&pairs), &body, at(NOW)), Ok(Proof { secret: Some(1) }));
            let place = at_byte.index(body.len());
            body[place] ^= change;
            let verdict = verifier.verify(&headers(&pairs), &body, at(NOW));
            let wrong = matches!(verdict, Err(Rejection::WrongSignature { .. }));
            prop_assert!(wrong, "{:?}", verdict);
        }

        #[test]
        fn no_header_whatever_passes_or_panics(
            scheme in prop::sample::select(&SCHEMES),
            values in vec("[ -~]{0,80}|(t=|v0=|v1=|v1,|sha256=)[0-9a-fA-F,= ]{0,140}|[0-9]{0,25}", 3),
            body in vec(any::<u8>(), 0..50),
        ) {
            let (source, pairs) = signed(scheme, "key", &body, NOW);
            let pairs: Vec<_> = pairs.iter().zip(&values).map(|((name, _), value)| (name.as_str(), value.as_str())).collect();
            prop_assert!(build(&source).unwrap().verify(&headers(&pairs), &body, at(NOW)).is_err());
        }
    }
}
