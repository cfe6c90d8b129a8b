//! Proves a callback genuine, the way a source's configuration asks for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use mortar_core::config::{Condition, KeyEncoding, Preset, Scheme, Verify};
use mortar_simulator::signing::{SIGNATURE, SignatureForm, sign};
use sha2::Sha256;

use super::target::Target;

/// How to sign.
pub(super) struct Signer {
    proofs: Vec<Proof>,
    /// Sign with secrets that are nobody's.
    forge: bool,
}

/// One condition of a source, with a secret that it accepts.
enum Proof {
    Masonhub(String),
    Condition(Condition, String),
}

/// A header of a callback.
pub(super) type Header = (String, String);

impl Signer {
    /// A signer for a target, by the first secret of each condition; or, to forge, by none of them.
    pub(super) fn new(target: &Target, forge: bool) -> Result<Self, String> {
        let proofs = match &target.verify {
            Verify::Preset(Preset::None) => Vec::new(),
            Verify::Preset(Preset::Masonhub) => vec![Proof::Masonhub(target.secret(&target.secrets)?)],
            Verify::All(conditions) => {
                let proof = |c: &Condition| Ok(Proof::Condition(c.clone(), target.secret(&c.secrets)?));
                conditions.iter().map(proof).collect::<Result<_, String>>()?
            }
        };
        Ok(Self { proofs, forge })
    }

    /// Puts tokens into a body that wants them there.
    pub(super) fn complete(&self, body: Vec<u8>) -> Vec<u8> {
        let tokens = self.proofs.iter().filter_map(|proof| match proof {
            Proof::Condition(Condition { scheme: Scheme::TokenBody, field: Some(field), .. }, secret) => Some((field, secret)),
            Proof::Condition(..) | Proof::Masonhub(_) => None,
        });
        let tokens: Vec<_> = tokens.collect();
        let Some(mut json) = serde_json::from_slice::<serde_json::Value>(&body).ok().filter(|_| !tokens.is_empty()) else { return body };
        let envelopes = match &mut json {
            serde_json::Value::Array(several) => several.iter_mut().collect(),
            one => vec![one],
        };
        for envelope in envelopes.into_iter().filter_map(serde_json::Value::as_object_mut) {
            for (field, secret) in &tokens {
                envelope.insert((*field).clone(), self.used(secret).into());
            }
        }
        json.to_string().into_bytes()
    }

    /// The headers that prove the body genuine at `now`; `id` names the delivery.
    pub(super) fn headers(&self, body: &[u8], id: &str, now: Timestamp) -> Result<Vec<Header>, String> {
        let mut headers = Vec::new();
        for proof in &self.proofs {
            match proof {
                Proof::Masonhub(secret) => {
                    headers.push((SIGNATURE.to_owned(), sign(&self.used(secret), body, SignatureForm::Prefixed)));
                }
                Proof::Condition(condition, secret) => headers.extend(self.condition(condition, secret, body, id, now.as_second())?),
            }
        }
        Ok(headers)
    }

    fn condition(&self, condition: &Condition, secret: &str, body: &[u8], id: &str, now: i64) -> Result<Vec<Header>, String> {
        let named = |name: &Option<String>, key: &str| name.clone().ok_or_else(|| format!("the condition has no `{key}`"));
        let mac = |prefix: String| self.mac(condition, secret, &[prefix.as_bytes(), body].concat());
        Ok(match condition.scheme {
            Scheme::Hex => vec![(named(&condition.header, "header")?, hex::encode(mac(String::new())?))],
            Scheme::Base64 => vec![(named(&condition.header, "header")?, STANDARD.encode(mac(String::new())?))],
            Scheme::TV1 => {
                vec![(named(&condition.header, "header")?, format!("t={now},v1={}", hex::encode(mac(format!("{now}."))?)))]
            }
            Scheme::V0 => vec![
                (named(&condition.timestamp_header, "timestamp_header")?, now.to_string()),
                (named(&condition.header, "header")?, format!("v0={}", hex::encode(mac(format!("v0:{now}:"))?))),
            ],
            Scheme::StandardWebhooks => vec![
                ("webhook-id".to_owned(), id.to_owned()),
                ("webhook-timestamp".to_owned(), now.to_string()),
                ("webhook-signature".to_owned(), format!("v1,{}", STANDARD.encode(mac(format!("{id}.{now}."))?))),
            ],
            Scheme::TokenHeader => vec![(named(&condition.header, "header")?, format!("Bearer {}", self.used(secret)))],
            Scheme::TokenBody => Vec::new(),
        })
    }

    fn mac(&self, condition: &Condition, secret: &str, signed: &[u8]) -> Result<Vec<u8>, String> {
        let mut key = match (condition.key, condition.scheme) {
            (KeyEncoding::Text, Scheme::StandardWebhooks) => {
                STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(|e| format!("the secret is not base64: {e}"))?
            }
            (KeyEncoding::Text, _) => secret.as_bytes().to_vec(),
            (KeyEncoding::Hex, _) => hex::decode(secret).map_err(|e| format!("the secret is not hex: {e}"))?,
            (KeyEncoding::Base64, _) => STANDARD.decode(secret).map_err(|e| format!("the secret is not base64: {e}"))?,
        };
        if self.forge {
            key.push(b'!');
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|e| e.to_string())?;
        mac.update(signed);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn used(&self, secret: &str) -> String {
        if self.forge { format!("not {secret}") } else { secret.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../../tests/fixtures/signature-vectors.json")).unwrap()
    }

    fn condition(toml: &str) -> Condition {
        toml::from_str(&format!("secrets = []\n{toml}")).unwrap()
    }

    fn signer(proof: Proof, forge: bool) -> Signer {
        Signer { proofs: vec![proof], forge }
    }

    /// The values of the headers by which a condition is met, signed as the vectors say.
    fn signed(toml: &str, secret: Option<&str>) -> Vec<String> {
        let vectors = vectors();
        let text = |key: &str| vectors[key].as_str().unwrap();
        let secret = secret.unwrap_or(text("secret")).to_owned();
        let now = Timestamp::from_second(text("timestamp").parse().unwrap()).unwrap();
        let signer = signer(Proof::Condition(condition(toml), secret), false);
        let headers = signer.headers(text("body").as_bytes(), text("message_id"), now).unwrap();
        headers.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn every_scheme_signs_as_the_vectors_say() {
        let vectors = vectors();
        let all = vectors["vectors"].as_array().unwrap();
        let vector = |scheme: &str| all.iter().find(|vector| vector["scheme"].as_str().unwrap().starts_with(scheme)).unwrap();
        for (scheme, toml) in [
            ("hex", "scheme = \"hex\"\nheader = \"any\""),
            ("base64", "scheme = \"base64\"\nheader = \"any\""),
            ("t=,v1=", "scheme = \"t-v1\"\nheader = \"any\""),
            ("v0:", "scheme = \"v0\"\nheader = \"any\"\ntimestamp_header = \"any-timestamp\""),
            ("Standard Webhooks", "scheme = \"standard-webhooks\""),
            ("hex, key decoded from hex", "scheme = \"hex\"\nheader = \"any\"\nkey = \"hex\""),
        ] {
            let vector = vector(scheme);
            let last = signed(toml, vector["secret"].as_str()).pop();
            assert_eq!(last.as_deref(), vector["expect"].as_str(), "{scheme}");
        }
    }

    #[test]
    fn tokens_go_where_the_source_wants_them() {
        assert_eq!(signed("scheme = \"token-header\"\nheader = \"X-Token\"", Some("s3cret")), ["Bearer s3cret"]);
        let in_body = || Proof::Condition(condition("scheme = \"token-body\"\nfield = \"token\""), "s3cret".into());
        let complete = |body: &str, forge| String::from_utf8(signer(in_body(), forge).complete(body.into())).unwrap();
        assert_eq!(complete(r#"{"data":[]}"#, false), r#"{"data":[],"token":"s3cret"}"#);
        assert_eq!(complete("[{},{}]", false), r#"[{"token":"s3cret"},{"token":"s3cret"}]"#);
        assert_eq!(complete("{}", true), r#"{"token":"not s3cret"}"#);
    }

    #[test]
    fn a_forged_signature_is_another_one() {
        let header = |forge| signer(Proof::Masonhub("s3cret".into()), forge).headers(b"{}", "id", Timestamp::UNIX_EPOCH).unwrap().remove(0);
        let ((name, genuine), (_, forged)) = (header(false), header(true));
        assert_eq!(name, "x-masonhub-signature");
        assert!(genuine.starts_with("sha256=") && genuine.len() == forged.len() && genuine != forged);
    }

    #[test]
    fn a_condition_without_its_header_says_so() {
        let signer = signer(Proof::Condition(condition("scheme = \"hex\""), "s".into()), false);
        assert_eq!(signer.headers(b"{}", "id", Timestamp::UNIX_EPOCH).unwrap_err(), "the condition has no `header`");
    }
}
