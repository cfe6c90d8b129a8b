//! Outgoing calls: what a step sends, what it gets, and how a step answers when it is called again.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// A request through a connection, before the host adds base URL and credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// The connection's name.
    pub connection: String,
    /// HTTP method in capitals, or [`Request::MAIL`].
    pub method: String,
    /// Path and query below the base URL; empty for mail.
    pub path: String,
    /// Extra headers, as the plugin gave them.
    pub headers: Vec<(String, String)>,
    /// The body; for mail the message as JSON ([`Mail`]).
    #[serde(with = "text_or_base64::optional")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// The method of a request that is an e-mail.
    pub const MAIL: &str = "MAIL";
}

/// The key that a write carries: the same for every repetition of the step, unlike any other.
#[must_use]
pub fn idempotency_key(source: &str, event_id: &str, plugin: &str, step: &str) -> String {
    let mut hash = Sha256::new();
    for part in [source, event_id, plugin, step] {
        // The length keeps ("a", "bc") apart from ("ab", "c").
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// An e-mail: the body of a request whose method is [`Request::MAIL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Recipients, 1 to 50.
    pub to: Vec<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// An HTML part.
    pub html: Option<String>,
}

/// What the ERP answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Response {
    /// HTTP status; for mail the SMTP code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    #[serde(with = "text_or_base64")]
    #[schema(value_type = serde_json::Value)]
    pub body: Vec<u8>,
}

/// Why a call has no answer: what the plugin sees (`connection.call-error`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Unknown or not granted connection, or not allowed on it.
    #[error("denied: {0}")]
    Denied(String),
    /// Over a limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Called before with another request, and answered.
    #[error("diverged: {0}")]
    Diverged(String),
    /// Sent once, answer lost.
    #[error("in doubt: {0}")]
    InDoubt(String),
    /// Certainly not applied.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// For the operator.
        reason: String,
        /// Milliseconds until another try is worth it.
        after_ms: Option<u64>,
    },
}

/// What became of a step that was in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// Not applied: send it again.
    Resend,
    /// Applied, with this answer.
    Answered(Response),
}

/// Bodies in JSON: text where they are UTF-8, `{"base64": …}` otherwise.
pub mod text_or_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Body<'a> {
        Text(std::borrow::Cow<'a, str>),
        Bytes { base64: String },
    }

    /// Writes the bytes as text or base64.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Body::Text(text.into()),
            Err(_) => Body::Bytes { base64: STANDARD.encode(bytes) },
        }
        .serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// Neither text nor valid base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        match Body::deserialize(deserializer)? {
            Body::Text(text) => Ok(text.into_owned().into_bytes()),
            Body::Bytes { base64 } => STANDARD.decode(base64).map_err(serde::de::Error::custom),
        }
    }

    /// The same for a body that may be absent.
    pub mod optional {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        #[derive(Serialize, Deserialize)]
        struct Wrap(#[serde(with = "super")] Vec<u8>);

        /// Writes the bytes, if any.
        ///
        /// # Errors
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
            bytes.as_ref().map(|b| Wrap(b.clone())).serialize(serializer)
        }

        /// Reads what [`serialize`] wrote.
        ///
        /// # Errors
        /// Neither text nor valid base64.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
            Ok(Option::<Wrap>::deserialize(deserializer)?.map(|w| w.0))
        }
    }
}
