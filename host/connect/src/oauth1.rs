//! OAuth 1.0a with tokens (RFC 5849), signed with HMAC-SHA256: what NetSuite calls token-based
//! authentication.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use mortar_core::config::OAuth1;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use crate::setup::Setup;

/// All that a parameter keeps as it is (RFC 3986).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Signs requests.
pub(crate) struct Signer {
    consumer_key: String,
    token: String,
    realm: Option<String>,
    key: Hmac<Sha256>,
}

impl Signer {
    /// Looks the secrets up.
    pub(crate) fn new(setup: &mut Setup<'_>, config: &OAuth1) -> Option<Self> {
        let consumer_secret = setup.secret("auth.consumer_secret", &config.consumer_secret);
        let token_secret = setup.secret("auth.token_secret", &config.token_secret);
        let key = format!("{}&{}", encode(&consumer_secret?), encode(&token_secret?));
        let key = Hmac::new_from_slice(key.as_bytes()).map_err(|error| error.to_string());
        let (consumer_key, token, realm) = (config.consumer_key.clone(), config.token.clone(), config.realm.clone());
        Some(Self { consumer_key, token, realm, key: setup.keep("auth", key)? })
    }

    /// The value of the `Authorization` header. Each nonce is used once.
    pub(crate) fn sign(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
        nonce: &str,
    ) -> Option<HeaderValue> {
        let timestamp = now.as_second().to_string();
        let own = [
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", &timestamp),
            ("oauth_token", &self.token),
            ("oauth_version", "1.0"),
        ];
        let is_form = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let form = form_urlencoded::parse(if is_form { body } else { b"" });
        let signed = own.iter().map(|(name, value)| (encode(name), encode(value)));
        let sent = url.query_pairs().chain(form).map(|(name, value)| (encode(&name), encode(&value)));
        let mut parameters: Vec<_> = signed.chain(sent).collect();
        parameters.sort_unstable();
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let endpoint = &url[..url::Position::AfterPath];
        let base = format!("{method}&{}&{}", encode(endpoint), encode(&parameters.join("&")));
        let mut mac = self.key.clone();
        mac.update(base.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());

        let mut header = "OAuth ".to_owned();
        let realm = self.realm.as_deref().map(|realm| ("realm", realm));
        let all = realm.into_iter().chain(own).chain([("oauth_signature", signature.as_str())]);
        for (index, (name, value)) in all.enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            // The realm is quoted as it is: it is an account's name.
            let value = if name == "realm" { value.to_owned() } else { encode(value) };
            let _ = write!(header, "{separator}{name}=\"{value}\"");
        }
        let mut header = HeaderValue::from_str(&header).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        let key = Hmac::new_from_slice(b"consumer%20secret&token%2Fsecret").unwrap();
        Signer { consumer_key: "ck".into(), token: "tk".into(), realm: Some("1234567_SB1".into()), key }
    }

    fn signed(url: &str, headers: &HeaderMap, body: &[u8]) -> String {
        let header = signer().sign(&Method::POST, &url.parse().unwrap(), headers, body, Timestamp::UNIX_EPOCH, "n1");
        header.unwrap().to_str().unwrap().to_owned()
    }

    /// The signature of this base string, made apart from the code under test.
    fn expected(base: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"consumer%20secret&token%2Fsecret").unwrap();
        mac.update(base.as_bytes());
        format!("oauth_signature=\"{}\"", encode(&STANDARD.encode(mac.finalize().into_bytes())))
    }

    #[test]
    fn method_address_and_parameters_are_signed_in_order() {
        let header = signed("https://1234567.example.com/record/v1/salesOrder?b=2%20x&a=1", &HeaderMap::new(), b"{}");
        let start = "OAuth realm=\"1234567_SB1\", oauth_consumer_key=\"ck\", oauth_nonce=\"n1\", oauth_signature_method=\"HMAC-SHA256\", \
                     oauth_timestamp=\"0\", oauth_token=\"tk\", oauth_version=\"1.0\", ";
        assert!(header.starts_with(start), "{header}");
        let base = "POST&https%3A%2F%2F1234567.example.com%2Frecord%2Fv1%2FsalesOrder&a%3D1%26b%3D2%2520x%26oauth_consumer_key%3Dck%26\
                    oauth_nonce%3Dn1%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D0%26oauth_token%3Dtk%26oauth_version%3D1.0";
        assert!(header.ends_with(&expected(base)), "{header}");
    }

    #[test]
    fn a_form_is_signed_with_the_rest_and_a_port_is_part_of_the_address() {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))]);
        let header = signed("http://erp.example.com:8080/x", &headers, b"z=1&a=%2B");
        let base = "POST&http%3A%2F%2Ferp.example.com%3A8080%2Fx&a%3D%252B%26oauth_consumer_key%3Dck%26oauth_nonce%3Dn1%26\
                    oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D0%26oauth_token%3Dtk%26oauth_version%3D1.0%26z%3D1";
        assert!(header.ends_with(&expected(base)), "{header}");
    }
}
