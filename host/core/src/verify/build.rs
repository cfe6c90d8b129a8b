//! From the configuration to a verifier.

use http::HeaderName;
use jiff::SignedDuration;

use super::keys::{BASE64, Keys};
use super::token::Tokens;
use super::{Condition, Tolerance, Verifier, VerifyConfigError};
use crate::config::{self, KeyEncoding, Preset, Scheme, Secret, Verify};
use base64::Engine;

/// A secret of fewer bytes might be guessed.
const WEAK: usize = 16;

/// What the `masonhub` preset reads.
const MASONHUB_SIGNATURE: HeaderName = HeaderName::from_static("x-masonhub-signature");

impl Verifier {
    /// Prepares the verification of a source. `preset_secrets` are those of a preset; `resolve`
    /// looks a secret up.
    ///
    /// # Errors
    /// Every setting that no verification can be made of.
    pub fn new(
        config: &Verify,
        preset_secrets: &[Secret],
        resolve: &dyn Fn(&Secret) -> Result<String, String>,
    ) -> Result<Self, Vec<VerifyConfigError>> {
        let mut builder = Builder { resolve, weak: Vec::new(), errors: Vec::new() };
        let conditions = match config {
            Verify::Preset(Preset::None) => Vec::new(),
            Verify::Preset(Preset::Masonhub) => {
                let keys = builder.secrets("", preset_secrets, KeyEncoding::Text, Scheme::Hex);
                vec![Condition::Hex { header: MASONHUB_SIGNATURE, keys: Keys::new(&keys) }]
            }
            Verify::All(conditions) => {
                if conditions.is_empty() {
                    builder.error("verify", "an empty list would accept anything: write \"none\" if that is meant");
                }
                conditions.iter().enumerate().filter_map(|(index, c)| builder.condition(&format!("verify[{index}]."), c)).collect()
            }
        };
        if builder.errors.is_empty() { Ok(Self { conditions, weak: builder.weak }) } else { Err(builder.errors) }
    }
}

struct Builder<'r> {
    resolve: &'r dyn Fn(&Secret) -> Result<String, String>,
    weak: Vec<String>,
    errors: Vec<VerifyConfigError>,
}

impl Builder<'_> {
    fn error(&mut self, key: &str, message: impl Into<String>) {
        self.errors.push(VerifyConfigError { key: key.to_owned(), message: message.into() });
    }

    /// None where an error was noted.
    fn condition(&mut self, at: &str, config: &config::Condition) -> Option<Condition> {
        let before = self.errors.len();
        for setting in config.missing() {
            self.error(&format!("{at}{setting}"), format!("the scheme `{}` needs it", config.scheme));
        }
        let header = self.header(&format!("{at}header"), config.header.as_deref());
        let timestamp = self.header(&format!("{at}timestamp_header"), config.timestamp_header.as_deref());
        let secrets = self.secrets(at, &config.secrets, config.key, config.scheme);
        if self.errors.len() > before {
            return None;
        }
        let tolerance = Tolerance { past: signed(config.past), future: signed(config.future) };
        Some(match config.scheme {
            Scheme::Hex => Condition::Hex { header: header?, keys: Keys::new(&secrets) },
            Scheme::Base64 => Condition::Base64 { header: header?, keys: Keys::new(&secrets) },
            Scheme::TV1 => Condition::TV1 { header: header?, keys: Keys::new(&secrets), tolerance },
            Scheme::V0 => Condition::V0 { header: header?, timestamp: timestamp?, keys: Keys::new(&secrets), tolerance },
            Scheme::StandardWebhooks => Condition::StandardWebhooks { keys: Keys::new(&secrets), tolerance },
            Scheme::TokenHeader => Condition::TokenHeader { header: header?, tokens: Tokens::new(&secrets) },
            Scheme::TokenBody => Condition::TokenBody { field: config.field.clone()?, tokens: Tokens::new(&secrets) },
        })
    }

    fn header(&mut self, key: &str, name: Option<&str>) -> Option<HeaderName> {
        match HeaderName::from_bytes(name?.as_bytes()) {
            Ok(header) => Some(header),
            Err(_) => {
                self.error(key, "not a header's name");
                None
            }
        }
    }

    /// The secrets' bytes; those that cannot be had are noted.
    fn secrets(&mut self, at: &str, secrets: &[Secret], encoding: KeyEncoding, scheme: Scheme) -> Vec<Vec<u8>> {
        if secrets.is_empty() {
            self.error(&format!("{at}secrets"), "there is none, so nothing could ever be genuine");
        }
        let mut keys = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            let key = format!("{at}secrets[{index}]");
            match (self.resolve)(secret).and_then(|text| decode(&text, encoding, scheme)) {
                Ok(bytes) => {
                    if bytes.len() < WEAK {
                        self.weak.push(key);
                    }
                    keys.push(bytes);
                }
                Err(message) => self.error(&key, message),
            }
        }
        keys
    }
}

/// The key that a secret's text stands for. An error never shows the text.
fn decode(text: &str, encoding: KeyEncoding, scheme: Scheme) -> Result<Vec<u8>, String> {
    let from_base64 = |text: &str| BASE64.decode(text).map_err(|_| "the secret is not base64".to_owned());
    if text.trim().is_empty() {
        return Err("the secret is empty, so anyone could sign".to_owned());
    }
    Ok(match (encoding, scheme) {
        (KeyEncoding::Text | KeyEncoding::Base64, Scheme::StandardWebhooks) => from_base64(text.strip_prefix("whsec_").unwrap_or(text))?,
        (KeyEncoding::Text, _) => text.as_bytes().to_vec(),
        (KeyEncoding::Base64, _) => from_base64(text)?,
        (KeyEncoding::Hex, _) => hex::decode(text).map_err(|_| "the secret is not hex".to_owned())?,
    })
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
