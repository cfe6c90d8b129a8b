//! `[connections.NAME]`: an ERP endpoint or a mail server.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::{Problem, Secret, duration, size};
use crate::retry::RetryPolicy;

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
    },
}
