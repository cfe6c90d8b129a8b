//! `[connections.NAME]`: an ERP endpoint or a mail server.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::{Secret, duration, size};

/// `[connections.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// `https://erp.example.com/api`, or `smtp://`, `smtps://` for a mail server.
    pub url: String,
    /// Credentials.
    #[serde(default)]
    pub auth: Auth,
    /// The header that carries the idempotency key, where the ERP honours one.
    pub idempotency_header: Option<String>,
    /// Methods that change nothing.
    #[serde(default = "ConnectionConfig::default_safe")]
    pub safe_methods: Vec<String>,
    /// The only methods that may be used. Absent: any.
    pub methods: Option<Vec<String>>,
    /// The only paths that may be used; `*` stands for any characters. Absent: any.
    pub paths: Option<Vec<String>>,
    /// Headers that are added to each request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Requests at once.
    #[serde(default = "ConnectionConfig::default_concurrency")]
    pub concurrency: usize,
    /// Time to connect.
    #[serde(with = "duration", default = "ConnectionConfig::default_connect_timeout")]
    pub connect_timeout: Duration,
    /// Time from sending to the last byte of the answer.
    #[serde(with = "duration", default = "ConnectionConfig::default_timeout")]
    pub timeout: Duration,
    /// Size of a request's body.
    #[serde(with = "size", default = "ConnectionConfig::default_limit")]
    pub request_limit: ByteSize,
    /// Size of an answer's body.
    #[serde(with = "size", default = "ConnectionConfig::default_limit")]
    pub response_limit: ByteSize,
    /// True where the address may be loopback, private or otherwise not public.
    #[serde(default)]
    pub private_addresses: bool,
    /// For a mail server: the sender's address.
    pub from: Option<String>,
}

impl ConnectionConfig {
    fn default_safe() -> Vec<String> {
        ["GET", "HEAD", "OPTIONS"].map(String::from).to_vec()
    }

    fn default_concurrency() -> usize {
        16
    }

    fn default_connect_timeout() -> Duration {
        Duration::from_secs(5)
    }

    fn default_timeout() -> Duration {
        Duration::from_secs(30)
    }

    fn default_limit() -> ByteSize {
        ByteSize::mib(4)
    }
}

/// Credentials of a connection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer <token>`
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic`, or SMTP AUTH.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A key in a header.
    Header {
        /// The header.
        name: String,
        /// The key.
        value: Secret,
    },
    /// OAuth 2 client credentials: a bearer token that is fetched, cached and refreshed.
    #[serde(rename = "oauth2-client-credentials")]
    OAuth2ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// The scope asked for.
        scope: Option<String>,
    },
}
