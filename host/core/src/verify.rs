//! Whether a callback is genuine: by the raw bytes, in constant time, before anything is parsed.

mod build;
mod keys;
mod token;

use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};

use self::keys::{Keys, Signature, base64_signature, hex_signature};
use self::token::Tokens;

/// The longest header that carries one signature or token, in bytes.
const MAX_HEADER: usize = 1024;
/// The longest `webhook-signature`, which is a list, in bytes.
const MAX_SIGNATURE_LIST: usize = 4096;

/// The verification of one source, ready to be used: all keys are resolved and prepared.
pub struct Verifier {
    conditions: Vec<Condition>,
    weak: Vec<String>,
}

/// That a callback is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Which secret of the first condition matched, from 1. None where nothing is verified.
    pub secret: Option<u8>,
}

/// Why a callback is not genuine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A header that the scheme needs is absent.
    #[error("the header {header} is missing: the sender does not sign, signs elsewhere, or a proxy took it away")]
    MissingHeader {
        /// Its name.
        header: HeaderName,
    },
    /// It cannot be told which one counts.
    #[error("the header {header} comes more than once")]
    DuplicatedHeader {
        /// Its name.
        header: HeaderName,
    },
    /// A header does not have the form of the scheme.
    #[error("the header {header} is malformed: {reason}")]
    MalformedHeader {
        /// Its name.
        header: HeaderName,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The body does not say where the token is.
    #[error("the body has no token to compare: {reason}")]
    MalformedBody {
        /// What is wrong with it.
        reason: String,
    },
    /// No secret makes this signature of this body.
    #[error("the signature in {header} is wrong: the sender has another secret, or the body was changed on its way")]
    WrongSignature {
        /// The header that carries it.
        header: HeaderName,
    },
    /// Rightly signed, but too long ago.
    #[error("signed {age:#} ago, which is over the {allowed:#} allowed: an old callback was sent again, or a clock is wrong")]
    Stale {
        /// How old the timestamp is.
        age: SignedDuration,
        /// How old it may be.
        allowed: SignedDuration,
    },
    /// Rightly signed, but by a clock that is ahead.
    #[error("signed {ahead:#} in the future, which is over the {allowed:#} allowed: a clock is wrong")]
    Future {
        /// How far ahead the timestamp is.
        ahead: SignedDuration,
        /// How far ahead it may be.
        allowed: SignedDuration,
    },
    /// No secret is this token.
    #[error("the token in {place} is wrong")]
    WrongToken {
        /// Where it stands.
        place: String,
    },
}

/// A setting that no verification can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct VerifyConfigError {
    /// The setting below its source, as in `verify[0].secrets[1]`.
    pub key: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl Verifier {
    /// Proves that a callback is genuine.
    ///
    /// # Errors
    /// It is not.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Proof, Rejection> {
        let mut proof = Proof { secret: None };
        for condition in &self.conditions {
            let secret = condition.verify(headers, body, now)?;
            proof.secret.get_or_insert(secret);
        }
        Ok(proof)
    }

    /// The settings of secrets that hold less than 16 bytes and might be guessed.
    #[must_use]
    pub fn weak(&self) -> &[String] {
        &self.weak
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nothing that was derived from a secret belongs into a log.
        f.debug_struct("Verifier").field("conditions", &self.conditions.len()).finish_non_exhaustive()
    }
}

/// A condition with its keys prepared.
enum Condition {
    Hex { header: HeaderName, keys: Keys },
    Base64 { header: HeaderName, keys: Keys },
    TV1 { header: HeaderName, keys: Keys, tolerance: Tolerance },
    V0 { header: HeaderName, timestamp: HeaderName, keys: Keys, tolerance: Tolerance },
    StandardWebhooks { keys: Keys, tolerance: Tolerance },
    TokenHeader { header: HeaderName, tokens: Tokens },
    TokenBody { field: String, tokens: Tokens },
}

impl Condition {
    /// Which secret matched, from 1.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<u8, Rejection> {
        match self {
            Self::Hex { header, keys } => {
                let signature = hex_signature(value(headers, header, MAX_HEADER)?);
                keys.matching(header, &[body], signature.as_slice())
            }
            Self::Base64 { header, keys } => {
                let signature = base64_signature(value(headers, header, MAX_HEADER)?);
                keys.matching(header, &[body], signature.as_slice())
            }
            Self::TV1 { header, keys, tolerance } => {
                let (timestamp, signatures) = t_v1(header, value(headers, header, MAX_HEADER)?)?;
                let secret = keys.matching(header, &[timestamp.as_bytes(), b".", body], &signatures)?;
                tolerance.check(header, timestamp, now).map(|()| secret)
            }
            Self::V0 { header, timestamp: timestamp_header, keys, tolerance } => {
                let signature = value(headers, header, MAX_HEADER)?.strip_prefix("v0=").and_then(hex_signature);
                let timestamp = value(headers, timestamp_header, MAX_HEADER)?;
                let secret = keys.matching(header, &[b"v0:", timestamp.as_bytes(), b":", body], signature.as_slice())?;
                tolerance.check(timestamp_header, timestamp, now).map(|()| secret)
            }
            Self::StandardWebhooks { keys, tolerance } => standard_webhooks(headers, body, now, keys, tolerance),
            Self::TokenHeader { header, tokens } => tokens.in_header(header, value(headers, header, MAX_HEADER)?),
            Self::TokenBody { field, tokens } => tokens.in_body(field, body),
        }
    }
}

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

fn standard_webhooks(headers: &HeaderMap, body: &[u8], now: Timestamp, keys: &Keys, tolerance: &Tolerance) -> Result<u8, Rejection> {
    let id = value(headers, &WEBHOOK_ID, MAX_HEADER)?;
    let timestamp = value(headers, &WEBHOOK_TIMESTAMP, MAX_HEADER)?;
    let list = value(headers, &WEBHOOK_SIGNATURE, MAX_SIGNATURE_LIST)?;
    let signatures: Vec<Signature> = list.split(' ').filter_map(|entry| base64_signature(entry.strip_prefix("v1,")?)).collect();
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let secret = keys.matching(&WEBHOOK_SIGNATURE, &signed, &signatures)?;
    tolerance.check(&WEBHOOK_TIMESTAMP, timestamp, now).map(|()| secret)
}

/// The parts of `t=<timestamp>,v1=<hex>[,v1=<hex>]`. Other parts are from other versions.
fn t_v1<'h>(header: &HeaderName, value: &'h str) -> Result<(&'h str, Vec<Signature>), Rejection> {
    let malformed = |reason| Rejection::MalformedHeader { header: header.clone(), reason };
    let (mut timestamp, mut signatures) = (None, Vec::new());
    for (name, value) in value.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" if timestamp.is_some() => return Err(malformed("more than one t=")),
            "t" => timestamp = Some(value),
            "v1" => signatures.extend(hex_signature(value)),
            _ => {}
        }
    }
    Ok((timestamp.ok_or_else(|| malformed("no t="))?, signatures))
}

/// The one value of a header.
fn value<'h>(headers: &'h HeaderMap, header: &HeaderName, limit: usize) -> Result<&'h str, Rejection> {
    let malformed = |reason| Rejection::MalformedHeader { header: header.clone(), reason };
    let mut values = headers.get_all(header).iter();
    let value = values.next().ok_or_else(|| Rejection::MissingHeader { header: header.clone() })?;
    if values.next().is_some() {
        return Err(Rejection::DuplicatedHeader { header: header.clone() });
    }
    if value.len() > limit {
        return Err(malformed("longer than any signature or token"));
    }
    value.to_str().map(str::trim).map_err(|_| malformed("not visible ASCII"))
}

/// How far a signed timestamp may be from now.
struct Tolerance {
    past: SignedDuration,
    future: SignedDuration,
}

impl Tolerance {
    /// Looks at a timestamp, in seconds since 1970, whose signature is right.
    fn check(&self, header: &HeaderName, seconds: &str, now: Timestamp) -> Result<(), Rejection> {
        let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
        let signed = digits.then(|| seconds.parse().ok().and_then(|s| Timestamp::from_second(s).ok())).flatten();
        let signed = signed.ok_or_else(|| Rejection::MalformedHeader {
            header: header.clone(),
            reason: "its timestamp does not count the seconds since 1970",
        })?;
        let age = now.duration_since(signed);
        if age > self.past {
            Err(Rejection::Stale { age, allowed: self.past })
        } else if -age > self.future {
            Err(Rejection::Future { ahead: -age, allowed: self.future })
        } else {
            Ok(())
        }
    }
}
