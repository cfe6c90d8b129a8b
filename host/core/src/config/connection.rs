//! `[connections.NAME]`: an ERP endpoint or a mail server.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::{Problem, Secret, duration, size};
use crate::retry::RetryPolicy;

/// `[connections.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// Requests per second, 0.001 to 1000. Absent: as many as the other limits allow.
    pub rate: Option<f64>,
    /// Requests that `rate` lets go at once after a quiet time, 1 to 10,000.
    #[serde(default = "ConnectionConfig::default_burst")]
    pub burst: u32,
    /// When nothing is sent for a while because nothing comes of it.
    #[serde(default)]
    pub breaker: BreakerConfig,
    /// When an attempt that ended because this connection was unavailable is followed by another
    /// one. A plugin's own policy goes before it, the host's comes after it.
    pub retry: Option<RetryPolicy>,
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
    /// A connection with this URL and the defaults of everything else.
    #[must_use]
    pub fn to(url: String) -> Self {
        Self {
            url,
            auth: Auth::None,
            idempotency_header: None,
            safe_methods: Self::default_safe(),
            methods: None,
            paths: None,
            headers: BTreeMap::new(),
            concurrency: Self::default_concurrency(),
            rate: None,
            burst: Self::default_burst(),
            breaker: BreakerConfig::default(),
            retry: None,
            connect_timeout: Self::default_connect_timeout(),
            timeout: Self::default_timeout(),
            request_limit: Self::default_limit(),
            response_limit: Self::default_limit(),
            private_addresses: false,
            from: None,
        }
    }

    /// The limits that make no sense, with their keys below `[connections.NAME]`.
    #[must_use]
    pub fn limit_problems(&self) -> Vec<Problem> {
        const ZERO: &str = "must be more than zero";
        let breaker = &self.breaker;
        let rules = [
            ("concurrency", (1..=4096).contains(&self.concurrency), "must be 1 to 4096"),
            ("rate", self.rate.is_none_or(|rate| (0.001..=1000.0).contains(&rate)), "must be 0.001 to 1000 requests per second"),
            ("burst", (1..=10_000).contains(&self.burst), "must be 1 to 10000"),
            ("burst", self.rate.is_some() || self.burst == Self::default_burst(), "means nothing without `rate`"),
            ("breaker.failures", (1..=1000).contains(&breaker.failures), "must be 1 to 1000"),
            ("breaker.probes", (1..=100).contains(&breaker.probes), "must be 1 to 100"),
            ("breaker.first_open", !breaker.first_open.is_zero(), ZERO),
            ("breaker.first_open", breaker.first_open <= breaker.longest_open, "must not be longer than `longest_open`"),
            ("connect_timeout", !self.connect_timeout.is_zero(), ZERO),
            ("timeout", !self.timeout.is_zero(), ZERO),
            ("request_limit", self.request_limit.0 != 0, ZERO),
            ("response_limit", self.response_limit.0 != 0, ZERO),
        ];
        let broken = rules.into_iter().filter(|(_, holds, _)| !holds);
        broken.map(|(key, _, message)| Problem { key: key.into(), message: message.into() }).collect()
    }

    fn default_safe() -> Vec<String> {
        ["GET", "HEAD", "OPTIONS"].map(String::from).to_vec()
    }

    fn default_concurrency() -> usize {
        16
    }

    fn default_burst() -> u32 {
        1
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

/// `[connections.NAME.breaker]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Failures in a row that open it, 1 to 1000: no connection, no answer, or a 5xx.
    pub failures: u32,
    /// How long nothing is sent after it opened; twice as long each further time, until the
    /// connection has its full concurrency again.
    #[serde(with = "duration")]
    pub first_open: Duration,
    /// Nothing keeps it open for longer than this.
    #[serde(with = "duration")]
    pub longest_open: Duration,
    /// Requests that are then sent to see whether it may close, 1 to 100. All have to succeed.
    pub probes: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 10, first_open: Duration::from_secs(5), longest_open: Duration::from_secs(60), probes: 1 }
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
        /// The header that carries the token, bare. Absent: `Authorization: Bearer`.
        header: Option<String>,
    },
    /// OAuth 2 client credentials, with a signed statement instead of a secret.
    #[serde(rename = "oauth2-jwt")]
    OAuth2Jwt(Box<OAuth2Jwt>),
    /// OAuth 2 with a refresh token that somebody who may has obtained once.
    #[serde(rename = "oauth2-refresh-token")]
    OAuth2RefreshToken(Box<OAuth2RefreshToken>),
    /// OAuth 1.0a with tokens, signed with HMAC-SHA256.
    #[serde(rename = "oauth1")]
    OAuth1(Box<OAuth1>),
    /// A bearer token that MasonHub makes for a secret phrase, fetched, cached and renewed.
    SecretPhrase {
        /// Where tokens are made: `…/api/v1/secrets`.
        token_url: String,
        /// The phrase.
        secret_phrase: Secret,
    },
    /// A bearer token that one gets by logging in, kept until it is refused.
    Login(Box<Login>),
}

/// `kind = "oauth2-jwt"`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Jwt {
    /// The token endpoint.
    pub token_url: String,
    /// The client.
    pub client_id: String,
    /// Its private key, in PEM.
    pub private_key: Secret,
    /// How the statement is signed.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// The key's name at the server, sent as `kid`.
    pub key_id: Option<String>,
    /// The SHA-256 of the key's certificate in base64url, sent as `x5t#S256`.
    pub thumbprint: Option<String>,
    /// Whom the statement is for. Absent: the token endpoint.
    pub audience: Option<String>,
    /// The scope asked for.
    pub scope: Option<String>,
}

/// How a statement is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// RSA-PSS with SHA-256.
    #[default]
    Ps256,
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// `kind = "oauth2-refresh-token"`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2RefreshToken {
    /// The token endpoint.
    pub token_url: String,
    /// The client.
    pub client_id: String,
    /// Its secret, where it has one.
    pub client_secret: Option<Secret>,
    /// The refresh token. Where the server gives another one each time, it takes this one's place in
    /// its file.
    pub refresh_token: Secret,
    /// The scope asked for.
    pub scope: Option<String>,
}

/// `kind = "oauth1"`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth1 {
    /// The application.
    pub consumer_key: String,
    /// Its secret.
    pub consumer_secret: Secret,
    /// The token.
    pub token: String,
    /// Its secret.
    pub token_secret: Secret,
    /// The account, where the server wants it named.
    pub realm: Option<String>,
}

/// `kind = "login"`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Where one logs in.
    pub token_url: String,
    /// What is posted there, as JSON. A text in it that is nothing but `{password}` is the password.
    pub body: serde_json::Value,
    /// The password.
    pub password: Secret,
    /// Where the answer has the token: a header's name, or the JSON pointer `/to/the/token`.
    pub token: String,
    /// An answer that says that the token is not valid, beside 401. It must also say that nothing was
    /// done: the request is sent again.
    pub refused: Option<Refused>,
}

/// `refused = { at = "/errors/0/extensions/code", is = "FORBIDDEN" }`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// A JSON pointer into an answer.
    pub at: String,
    /// The text there.
    pub is: String,
}

impl Auth {
    /// Every secret, with the key below `auth` that it stands at.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        match self {
            Self::None => Vec::new(),
            Self::Bearer { token } => vec![("token", token)],
            Self::Basic { password, .. } => vec![("password", password)],
            Self::Header { value, .. } => vec![("value", value)],
            Self::OAuth2ClientCredentials { client_secret, .. } => vec![("client_secret", client_secret)],
            Self::OAuth2Jwt(jwt) => vec![("private_key", &jwt.private_key)],
            Self::OAuth2RefreshToken(refresh) => {
                let own = refresh.client_secret.as_ref().map(|secret| ("client_secret", secret));
                own.into_iter().chain([("refresh_token", &refresh.refresh_token)]).collect()
            }
            Self::SecretPhrase { secret_phrase, .. } => vec![("secret_phrase", secret_phrase)],
            Self::Login(login) => vec![("password", &login.password)],
            Self::OAuth1(oauth) => vec![("consumer_secret", &oauth.consumer_secret), ("token_secret", &oauth.token_secret)],
        }
    }

    /// The header that carries a token that is fetched, where it is not `Authorization`.
    #[must_use]
    pub fn token_header(&self) -> Option<&str> {
        match self {
            Self::OAuth2ClientCredentials { header, .. } => header.as_deref(),
            _ => None,
        }
    }

    /// The token endpoint, where there is one.
    #[must_use]
    pub fn token_url(&self) -> Option<&str> {
        match self {
            Self::OAuth2ClientCredentials { token_url, .. } | Self::SecretPhrase { token_url, .. } => Some(token_url),
            Self::OAuth2Jwt(jwt) => Some(&jwt.token_url),
            Self::OAuth2RefreshToken(refresh) => Some(&refresh.token_url),
            Self::Login(login) => Some(&login.token_url),
            Self::None | Self::Bearer { .. } | Self::Basic { .. } | Self::Header { .. } | Self::OAuth1(_) => None,
        }
    }
}
