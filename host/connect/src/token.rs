//! OAuth 2, MasonHub and logins: an access token that is fetched once for all who need it, kept until
//! shortly before it expires, and fetched anew when the ERP refuses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use mortar_core::ports::Clock;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::classify::{Answer, BodyFault, Outcome, quote};
use crate::exchange::Exchanger;
use crate::grant::{Grant, Manner};
use crate::header;
use crate::setup::Setup;

/// Size of a token endpoint's answer.
const ANSWER_LIMIT: usize = 64 * 1024;

/// How long a token is kept whose lifetime neither the server nor the token says. One that came by a
/// login is kept until it is refused: each login may be a session more.
const UNSAID_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How long before its end a token is no longer used, at most: requests take their time.
const MARGIN: Duration = Duration::from_secs(60);

/// Where tokens come from.
pub(crate) struct TokenSource {
    endpoint: Url,
    grant: Grant,
    /// The header that carries the token.
    header: HeaderName,
    clock: Arc<dyn Clock>,
    /// Fetches that ended. Changed only under the lock of the cache.
    fetches: AtomicU64,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    token: Option<Token>,
    /// Why the last fetch failed, if it did.
    fault: Option<TokenFault>,
    /// What earlier answers say of how to ask.
    manner: Manner,
}

/// An access token.
#[derive(Clone)]
pub(crate) struct Token {
    /// The value of its header.
    pub(crate) value: HeaderValue,
    /// The fetch that brought it.
    pub(crate) number: u64,
    fresh_until: Timestamp,
}

/// Why there is no token. What it was for has not been sent.
#[derive(Clone, Debug)]
pub(crate) struct TokenFault {
    reason: String,
    after: Option<Duration>,
}

impl From<TokenFault> for Outcome {
    fn from(fault: TokenFault) -> Self {
        Self::Unsent { reason: fault.reason, after: fault.after }
    }
}

/// A token endpoint's answer.
#[derive(Deserialize)]
struct Granted {
    /// MasonHub's name for it is the other one.
    #[serde(alias = "encrypted_token")]
    access_token: String,
    token_type: Option<String>,
    /// Seconds; some servers write the number as text.
    expires_in: Option<serde_json::Value>,
    /// The one to be used next time, where it is not the same.
    refresh_token: Option<String>,
}

impl Granted {
    fn by_login(access_token: String) -> Self {
        Self { access_token, token_type: None, expires_in: None, refresh_token: None }
    }
}

/// A token endpoint's refusal.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl TokenSource {
    /// Fetches nothing yet.
    pub(crate) fn new(setup: &mut Setup<'_>, endpoint: &str, grant: Grant) -> Option<Self> {
        let plain = |url: &Url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        let url = Url::parse(endpoint).ok().filter(plain);
        let url = setup.keep("auth.token_url", url.ok_or_else(|| "not an https URL without credentials in it".to_owned()));
        if let Some(url) = &url {
            setup.endpoint("auth.token_url", url);
        }
        let header = match setup.config.auth.token_header() {
            Some(name) => setup.header_name("auth.header", name),
            None => Some(AUTHORIZATION),
        };
        if header.as_ref().is_some_and(|name| header::is_host_owned(name) && *name != AUTHORIZATION) {
            setup.problem("auth.header", "this header belongs to the transport and cannot carry a token");
        }
        let clock = setup.clock.clone();
        Some(Self { endpoint: url?, grant, header: header?, clock, fetches: AtomicU64::new(0), cache: Mutex::default() })
    }

    /// The header that carries the token.
    pub(crate) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// A token that is fresh, and not the one that was refused. Whoever waits for a fetch that is
    /// under way shares its result, be it a failure.
    pub(crate) async fn token(&self, exchanger: &Exchanger, refused: Option<u64>) -> Result<Token, TokenFault> {
        let before = self.fetches.load(Ordering::Acquire);
        let mut cache = self.cache.lock().await;
        if let Some(token) = &cache.token
            && Some(token.number) != refused
            && self.clock.now() < token.fresh_until
        {
            return Ok(token.clone());
        }
        let now = self.fetches.load(Ordering::Acquire);
        if let Some(fault) = &cache.fault
            && now != before
        {
            return Err(fault.clone());
        }
        let result = self.fetch(exchanger, now + 1, &mut cache.manner).await;
        self.fetches.store(now + 1, Ordering::Release);
        cache.token = result.as_ref().ok().cloned();
        cache.fault = result.as_ref().err().cloned();
        result
    }

    /// True where an answer says that the token is not valid. What it was sent with was not applied.
    pub(crate) fn is_refused_by(&self, outcome: &Outcome) -> bool {
        let Outcome::Answered(answer) = outcome else { return false };
        answer.status == 401 || self.grant.login().is_some_and(|login| login.is_refused_by(answer))
    }

    async fn fetch(&self, exchanger: &Exchanger, number: u64, manner: &mut Manner) -> Result<Token, TokenFault> {
        let mut answer = self.ask(exchanger, manner).await?;
        if matches!(answer.status, 400 | 401)
            && let Some(other) = self.grant.other_manner(manner)
        {
            let second = self.ask(exchanger, &other).await?;
            if second.status == 200 {
                *manner = other;
                answer = second;
            }
        }
        let granted = match (answer.status, &answer.body) {
            (200..=299, Ok(body)) => self.read(&answer, body)?,
            (200..=299, Err(BodyFault::OverLimit(limit))) => return Err(self.fault(&format!("it answered more than {limit} bytes"))),
            (200..=299, Err(BodyFault::Cut(reason))) => return Err(self.fault(reason)),
            _ => return Err(self.refusal(&answer)),
        };
        if let Some(refresh_token) = &granted.refresh_token {
            self.grant.rotate(manner, refresh_token);
        }
        self.accept(&granted, number)
    }

    async fn ask(&self, exchanger: &Exchanger, manner: &Manner) -> Result<Answer, TokenFault> {
        let asked = self.grant.ask(manner, self.clock.now()).map_err(|reason| self.fault(&reason))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(asked.content_type));
        if let Some(authorization) = asked.authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        match exchanger.exchange(Method::POST, self.endpoint.clone(), headers, Some(asked.body.into()), ANSWER_LIMIT).await {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::Unsent { reason, .. } | Outcome::Lost(reason) => Err(self.fault(&reason)),
        }
    }

    fn read(&self, answer: &Answer, body: &[u8]) -> Result<Granted, TokenFault> {
        match self.grant.login() {
            Some(login) => login.token(answer).map(Granted::by_login).ok_or("it answered without a token: are user and password right?"),
            None => serde_json::from_slice(body).map_err(|_| "what it answered holds no access token"),
        }
        .map_err(|reason| self.fault(reason))
    }

    fn accept(&self, granted: &Granted, number: u64) -> Result<Token, TokenFault> {
        if granted.token_type.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(self.fault("its token is not a bearer token"));
        }
        let scheme = if self.header == AUTHORIZATION { "Bearer " } else { "" };
        let Ok(mut value) = HeaderValue::from_str(&format!("{scheme}{}", granted.access_token)) else {
            return Err(self.fault("its token has characters that no header can carry"));
        };
        value.set_sensitive(true);
        let seconds = granted.expires_in.as_ref().and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
        let said = seconds.map(Duration::from_secs).or_else(|| lifetime(&granted.access_token));
        let unsaid = if self.grant.login().is_some() { Duration::MAX } else { UNSAID_LIFETIME };
        let lifetime = said.unwrap_or(unsaid);
        let used_for = lifetime.saturating_sub(MARGIN.min(lifetime / 5));
        let used_for = SignedDuration::try_from(used_for).unwrap_or(SignedDuration::MAX);
        let fresh_until = self.clock.now().checked_add(used_for).unwrap_or(Timestamp::MAX);
        Ok(Token { value, number, fresh_until })
    }

    fn refusal(&self, answer: &Answer) -> TokenFault {
        // Nothing but the standard's fields is quoted: a server may echo what it was sent.
        let body = answer.body.as_deref().unwrap_or_default();
        let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
        let said = quote(format!("{} {}", refused.error, refused.error_description).as_bytes());
        let fault = self.fault(&format!("it answered {} {said}", answer.status));
        TokenFault { after: answer.retry_after(self.clock.now()), ..fault }
    }

    fn fault(&self, reason: &str) -> TokenFault {
        let endpoint = &self.endpoint[..url::Position::AfterPath];
        TokenFault { reason: format!("no access token from {endpoint}: {}", reason.trim_end()), after: None }
    }
}

/// From the issue of a token to its end, where it is a JWT that says so.
fn lifetime(token: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Claims {
        iat: u64,
        exp: u64,
    }
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Claims { iat, exp } = serde_json::from_slice(&claims).ok()?;
    exp.checked_sub(iat).map(Duration::from_secs)
}
