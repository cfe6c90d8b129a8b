//! Tokens: the secret itself, in a header or in the body.

use std::fmt;

use http::HeaderName;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Rejection;
use crate::text::shortened;

/// The tokens of one condition, any one of which may match. Hashes are compared, so that the time
/// taken says nothing of a token's length either.
pub(super) struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    pub(super) fn new(tokens: &[Vec<u8>]) -> Self {
        Self(tokens.iter().map(|token| Sha256::digest(token).into()).collect())
    }

    /// The place, from 1, of the token in a header, bare or after `Bearer `.
    pub(super) fn in_header(&self, header: &HeaderName, value: &str) -> Result<u8, Rejection> {
        const BEARER: &str = "Bearer ";
        let token = match value.split_at_checked(BEARER.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => token.trim_start(),
            _ => value,
        };
        self.matching(token).ok_or_else(|| Rejection::WrongToken { place: format!("the header {header}") })
    }

    /// The place, from 1, of the token in a field of the envelope. In an array of envelopes each
    /// has to carry one.
    pub(super) fn in_body(&self, field: &str, body: &[u8]) -> Result<u8, Rejection> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let found = Envelopes(field).deserialize(&mut reader).and_then(|found| reader.end().map(|()| found));
        let found = found.map_err(|error| Rejection::MalformedBody { reason: shortened(error.to_string()) })?;
        let mut first = None;
        for token in &found {
            let place = self.matching(token).ok_or_else(|| Rejection::WrongToken { place: format!("the field {field} of the body") })?;
            first.get_or_insert(place);
        }
        first.ok_or_else(|| Rejection::MalformedBody { reason: "it has no envelope".to_owned() })
    }

    fn matching(&self, token: &str) -> Option<u8> {
        let hash = Sha256::digest(token.as_bytes());
        (1..=u8::MAX).zip(&self.0).find(|(_, right)| hash.as_slice().ct_eq(right.as_slice()).into()).map(|(place, _)| place)
    }
}

/// Reads the field of one envelope, or of each in an array.
struct Envelopes<'f>(&'f str);

impl<'de> DeserializeSeed<'de> for Envelopes<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Envelopes<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope or an array of envelopes")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Vec<String>, A::Error> {
        Envelope(self.0).visit_map(fields).map(|token| vec![token])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut envelopes: A) -> Result<Vec<String>, A::Error> {
        let mut tokens = Vec::new();
        while let Some(token) = envelopes.next_element_seed(Envelope(self.0))? {
            tokens.push(token);
        }
        Ok(tokens)
    }
}

/// Reads the field of one envelope.
struct Envelope<'f>(&'f str);

impl<'de> DeserializeSeed<'de> for Envelope<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<String, A::Error> {
        let mut token = None;
        while let Some(name) = fields.next_key::<String>()? {
            if name != self.0 {
                fields.next_value::<IgnoredAny>()?;
            } else if token.replace(fields.next_value::<String>()?).is_some() {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
        }
        token.ok_or_else(|| A::Error::custom(format_args!("missing field `{}`", self.0)))
    }
}
