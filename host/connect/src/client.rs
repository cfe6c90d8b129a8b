//! A request through an HTTP connection: what it may ask for, what the host adds, which redirects
//! are followed.

mod download;

use std::sync::Arc;

use bytes::Bytes;
use mortar_core::call::Request;
use mortar_core::pattern::Pattern;
use mortar_core::ports::{Clock, SendError};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use url::Url;
use uuid::Uuid;

pub use self::download::{Download, DownloadError, DownloadLimits};

use crate::auth::Auth;
use crate::classify::Outcome;
use crate::exchange::Exchanger;
use crate::header::{self, HeaderError};
use crate::path::Base;
use crate::setup::Setup;

/// What the ERP sees in `User-Agent`, unless the configuration or the plugin says something else.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("mortar/", env!("CARGO_PKG_VERSION")));

/// Redirects that one request may follow.
const REDIRECTS: usize = 3;

/// An HTTP connection.
pub(crate) struct HttpClient {
    exchanger: Exchanger,
    base: Base,
    auth: Auth,
    clock: Arc<dyn Clock>,
    /// Absent: any.
    methods: Option<Vec<Method>>,
    /// Absent: any.
    paths: Option<Vec<Pattern>>,
    /// What each request carries: configured headers and unchanging credentials.
    headers: HeaderMap,
    /// The names of the headers that the connection sets.
    owned: Vec<HeaderName>,
    idempotency_header: Option<HeaderName>,
    request_limit: usize,
    response_limit: usize,
}

/// A request that may be sent.
pub(crate) struct Prepared {
    method: Method,
    url: Url,
    headers: HeaderMap,
}

impl HttpClient {
    /// Builds it, or notes why it cannot be built.
    pub(crate) fn new(setup: &mut Setup<'_>) -> Option<Self> {
        let config = setup.config;
        let base = setup.keep("url", Base::new(&config.url));
        if let Some(base) = &base {
            setup.endpoint("url", base.url());
        }
        if config.from.is_some() {
            setup.problem("from", "only a mail server (smtps:// or smtp://) has a sender");
        }
        let methods = config.methods.as_ref().map(|methods| setup.methods("methods", methods));
        let patterns =
            |setup: &mut Setup<'_>, texts: &[String]| texts.iter().filter_map(|text| setup.keep("paths", Pattern::new(text))).collect();
        let paths = config.paths.as_ref().map(|texts| patterns(setup, texts));
        let idempotency_header = config.idempotency_header.as_ref().and_then(|name| own_name(setup, "idempotency_header", name));
        let auth = Auth::new(setup);
        let mut headers = configured_headers(setup);

        let (base, auth) = (base?, auth?);
        let mut owned: Vec<HeaderName> = headers.keys().cloned().collect();
        let added = [auth.header_name(), idempotency_header.clone()];
        for name in added.into_iter().flatten() {
            if owned.contains(&name) {
                setup.problem("headers", format!("`{name}` is set by `auth`, `idempotency_header` and `headers` at once; keep one"));
            }
            owned.push(name);
        }
        if let Auth::Header(name, value) = &auth {
            headers.insert(name, value.clone());
        }
        let exchanger = setup.keep("url", Exchanger::new(config, setup.tls))?;
        let [request_limit, response_limit] =
            [config.request_limit, config.response_limit].map(|limit| usize::try_from(limit.as_u64()).unwrap_or(usize::MAX));
        let clock = setup.clock.clone();
        Some(Self { exchanger, base, auth, clock, methods, paths, headers, owned, idempotency_header, request_limit, response_limit })
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &Url {
        self.base.url()
    }

    /// True where the ERP dedupes writes by a key.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.idempotency_header.is_some()
    }

    /// Checks a request, and puts together what will be sent.
    ///
    /// # Errors
    /// It is not allowed, or too large.
    pub(crate) fn prepare(&self, request: &Request) -> Result<Prepared, SendError> {
        let method = self.method(&request.method).map_err(SendError::Denied)?;
        let url = self.base.join(&request.path).map_err(SendError::Denied)?;
        if !self.allows(&url) {
            return Err(SendError::Denied(format!("no pattern of `paths` matches {}", url.path())));
        }
        if request.body.as_ref().is_some_and(|body| body.len() > self.request_limit) {
            let reason = format!("the request's body is over {} bytes; send less, or raise `request_limit`", self.request_limit);
            return Err(SendError::TooLarge { reason, sent: false });
        }
        let mut headers = self.headers.clone();
        header::add(&mut headers, &request.headers, &self.owned).map_err(|error| match error {
            HeaderError::Denied(reason) => SendError::Denied(reason),
            HeaderError::TooLarge(reason) => SendError::TooLarge { reason, sent: false },
        })?;
        headers.entry(USER_AGENT).or_insert(AGENT);
        Ok(Prepared { method, url, headers })
    }

    fn method(&self, text: &str) -> Result<Method, String> {
        let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| !text.bytes().any(|b| b.is_ascii_lowercase()));
        let Some(method) = method else { return Err(format!("{text:?} is not an HTTP method; methods are written in capitals")) };
        if text == Request::MAIL {
            return Err("this connection is no mail server; its URL would begin with smtps:// or smtp://".into());
        }
        // CONNECT leads elsewhere, and an answer to TRACE holds the credentials.
        if method == Method::CONNECT || method == Method::TRACE {
            return Err(format!("the method {method} is never allowed"));
        }
        match &self.methods {
            Some(allowed) if !allowed.contains(&method) => Err(format!("the method {method} is not among the connection's `methods`")),
            _ => Ok(method),
        }
    }

    /// True where the URL is below the base and its path on the allow-list.
    fn allows(&self, url: &Url) -> bool {
        let allowed = |path: &str| self.paths.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(path)));
        self.base.below(url).is_some_and(allowed)
    }

    /// Sends a request. `key` goes with it unless the method is safe.
    pub(crate) async fn send(&self, mut prepared: Prepared, body: Option<&[u8]>, safe: bool, key: &str) -> Outcome {
        if let Some(name) = self.idempotency_header.as_ref().filter(|_| !safe) {
            match HeaderValue::from_str(key) {
                Ok(key) => prepared.headers.insert(name, key),
                Err(_) => return Outcome::Unsent { reason: "the idempotency key is no header value".into(), after: None },
            };
        }
        let body = body.map(Bytes::copy_from_slice);
        for _ in 0..REDIRECTS {
            let outcome = self.authorized(&prepared, &body).await;
            match self.redirect(&prepared, &outcome).filter(|_| safe) {
                Some(url) => prepared.url = url,
                None => return outcome,
            }
        }
        self.authorized(&prepared, &body).await
    }

    /// Asks for the head of the base URL, with credentials. Changes nothing.
    ///
    /// # Errors
    /// It cannot be reached, or refuses the credentials.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        let mut headers = self.headers.clone();
        headers.entry(USER_AGENT).or_insert(AGENT);
        let prepared = Prepared { method: Method::HEAD, url: self.base.url().clone(), headers };
        match self.authorized(&prepared, &None).await {
            Outcome::Unsent { reason, .. } | Outcome::Lost(reason) => Err(reason),
            Outcome::Answered(answer) if matches!(answer.status, 401 | 403) => {
                Err(format!("{}; check the credentials in `auth`", answer.words()))
            }
            Outcome::Answered(answer) => Ok(format!("{} {}", self.base.url(), answer.words())),
        }
    }

    /// Sends with credentials. A token that the ERP refuses is replaced, once: what was refused was not
    /// applied, so it may be sent again.
    async fn authorized(&self, prepared: &Prepared, body: &Option<Bytes>) -> Outcome {
        let tokens = match &self.auth {
            Auth::Token(tokens) => tokens,
            Auth::OAuth1(signer) => {
                let (Prepared { method, url, headers }, body_bytes) = (prepared, body.as_deref().unwrap_or_default());
                let nonce = Uuid::new_v4().simple().to_string();
                let signature = signer.sign(method, url, headers, body_bytes, self.clock.now(), &nonce);
                return match signature {
                    Some(signature) => self.exchange(prepared, Some((&AUTHORIZATION, signature)), body).await,
                    None => Outcome::Unsent { reason: "the keys of `auth` are no text for a header".into(), after: None },
                };
            }
            Auth::None | Auth::Header(..) => return self.exchange(prepared, None, body).await,
        };
        let token = match tokens.token(&self.exchanger, None).await {
            Ok(token) => token,
            Err(fault) => return fault.into(),
        };
        let outcome = self.exchange(prepared, Some((tokens.header(), token.value)), body).await;
        if !tokens.is_refused_by(&outcome) {
            return outcome;
        }
        match tokens.token(&self.exchanger, Some(token.number)).await {
            Ok(token) => self.exchange(prepared, Some((tokens.header(), token.value)), body).await,
            Err(fault) => fault.into(),
        }
    }

    async fn exchange(&self, prepared: &Prepared, credentials: Option<(&HeaderName, HeaderValue)>, body: &Option<Bytes>) -> Outcome {
        let mut headers = prepared.headers.clone();
        if let Some((name, value)) = credentials {
            headers.insert(name, value);
        }
        self.exchanger.exchange(prepared.method.clone(), prepared.url.clone(), headers, body.clone(), self.response_limit).await
    }

    /// Where a redirect leads, if it may be followed: a GET or HEAD, to an allowed path of the same
    /// connection. Any other 3xx is an answer, which the plugin judges by its status.
    fn redirect(&self, prepared: &Prepared, outcome: &Outcome) -> Option<Url> {
        let Outcome::Answered(answer) = outcome else { return None };
        let reads = prepared.method == Method::GET || prepared.method == Method::HEAD;
        if !reads || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        prepared.url.join(answer.header("location")?).ok().filter(|url| self.allows(url))
    }
}

/// A header name that the configuration may claim for the connection.
fn own_name(setup: &mut Setup<'_>, key: &str, name: &str) -> Option<HeaderName> {
    let name = setup.header_name(key, name)?;
    if header::is_host_owned(&name) {
        setup.problem(key, format!("`{name}` cannot be set here; credentials belong to `auth`, the rest to the transport"));
        return None;
    }
    Some(name)
}

fn configured_headers(setup: &mut Setup<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &setup.config.headers {
        let key = format!("headers.{name}");
        let value = HeaderValue::from_str(value).map_err(|_| "the value has a character that no header can carry".to_owned());
        if let (Some(name), Some(value)) = (own_name(setup, &key, name), setup.keep(&key, value)) {
            headers.insert(name, value);
        }
    }
    headers
}
