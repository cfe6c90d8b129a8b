//! JWTs, as MasonHub gives them for a secret phrase.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What makes tokens and knows them again. None is kept: each says what it is.
pub(super) struct Tokens {
    account: String,
    lifetime: Duration,
    key: [u8; 32],
    /// Phrases that tokens can be had for, hashed.
    phrases: HashSet<String>,
    /// Tokens made, which makes each unlike the others.
    made: u64,
}

impl Tokens {
    pub(super) fn new(account: &str, phrase: &str, lifetime: Duration, key: [u8; 32]) -> Self {
        Self { account: account.to_owned(), lifetime, key, phrases: HashSet::from([hashed(phrase)]), made: 0 }
    }

    /// A token for a phrase that is in force.
    pub(super) fn make(&mut self, phrase: &str, now: Timestamp) -> Option<String> {
        let phrase = hashed(phrase);
        if !self.phrases.contains(&phrase) {
            return None;
        }
        self.made += 1;
        let expires = now.as_second().saturating_add_unsigned(self.lifetime.as_secs());
        let claims = json!({"sub": self.account, "iat": now.as_second(), "exp": expires, "jti": self.made, "phrase": phrase});
        let signed = format!("{HEADER}.{}", BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(self.mac(&signed).finalize().into_bytes());
        Some(format!("{signed}.{signature}"))
    }

    /// Forgets a phrase, and with it every token made for it. False: it was not in force.
    pub(super) fn revoke(&mut self, phrase: &str) -> bool {
        self.phrases.remove(&hashed(phrase))
    }

    /// Whether a token is good now.
    ///
    /// # Errors
    /// Why it is not, as a code and in words.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<(), (&'static str, &'static str)> {
        const MALFORMED: (&str, &str) = ("INVALID_TOKEN", "the token is malformed or not ours");
        let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let signature = BASE64.decode(signature).map_err(|_| MALFORMED)?;
        self.mac(signed).verify_slice(&signature).map_err(|_| MALFORMED)?;
        let claims = signed.split_once('.').and_then(|(_, claims)| BASE64.decode(claims).ok()).ok_or(MALFORMED)?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| MALFORMED)?;
        if claims["exp"].as_i64().is_none_or(|expires| expires <= now.as_second()) {
            return Err(("TOKEN_EXPIRED", "the token has expired and must be generated anew"));
        }
        if !claims["phrase"].as_str().is_some_and(|phrase| self.phrases.contains(phrase)) {
            return Err(("UNAUTHORIZED", "the token's secret phrase was deleted"));
        }
        Ok(())
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        mac
    }
}

fn hashed(phrase: &str) -> String {
    hex::encode(Sha256::digest(phrase.as_bytes()))
}
