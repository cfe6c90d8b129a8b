//! The admin API of the running host, as the commands use it: how it is found and asked.
//! [`operations`] has what it can be asked.

mod operations;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exit::Failure;
use super::http;
use crate::admin::guard::Remote;
use crate::admin_types::{ErrorBody, Page};
use crate::config::Loaded;
use crate::tls;

/// Speaks to the host that runs with a configuration.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The API itself, where it is in this process.
    inside: Option<Inside>,
    base: Url,
    token: String,
    /// Which configuration, for error texts.
    config: String,
}

impl Client {
    /// A client for the host that runs with this configuration. It presents the token in the variable
    /// MORTAR_TOKEN, or the host's own.
    ///
    /// # Errors
    /// There is no token: the host has never run, or the file belongs to somebody else.
    pub fn of(loaded: &Loaded) -> Result<Self, Failure> {
        let presented = std::env::var("MORTAR_TOKEN").ok().filter(|token| !token.is_empty());
        let token = match (presented, &loaded.config.admin.token) {
            (Some(token), _) => token,
            (None, Some(secret)) => loaded.secret(secret).map_err(|e| Failure::Failed(format!("the admin token is not there: {e}")))?,
            (None, None) => token_of_host(loaded)?,
        };
        let config = loaded.path.display().to_string();
        let at = reachable(loaded.config.admin.listen);
        match &loaded.config.admin.tls {
            None => Self::new(&format!("http://{at}/"), token, config),
            Some(tls) => {
                let chain = tls::chain(loaded, tls).map_err(|why| Failure::Failed(format!("admin.tls: {why}")))?;
                Self::over(http::pinned(chain)?, &format!("https://{at}/"), token, config)
            }
        }
    }

    /// A client for the host at this address.
    ///
    /// # Errors
    /// It is no URL, or the HTTP client cannot be built.
    pub fn new(base: &str, token: String, config: String) -> Result<Self, Failure> {
        Self::over(http::local()?, base, token, config)
    }

    fn over(http: reqwest::Client, base: &str, token: String, config: String) -> Result<Self, Failure> {
        let base = Url::parse(base).map_err(|e| Failure::Usage(format!("`{base}` is not a URL: {e}")))?;
        Ok(Self { http, inside: None, base, token, config })
    }

    /// A client for the host that this process is; without a token, see [`Client::for_somebody`].
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn inside(api: Router) -> Result<Self, Failure> {
        let client = Self::new("http://localhost/", String::new(), String::new())?;
        Ok(Self { inside: Some(Inside { api, remote: None }), ..client })
    }

    /// The same for somebody with this token, who is there.
    #[must_use]
    pub fn for_somebody(&self, token: String, remote: Option<Remote>) -> Self {
        let inside = self.inside.clone().map(|inside| Inside { remote, ..inside });
        Self { token, inside, ..self.clone() }
    }

    /// The first page of a list.
    async fn page<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<Vec<T>, Failure> {
        Ok(self.get::<Page<T>>(path, query).await?.items)
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<T, Failure> {
        let mut url = self.url(path);
        let query = serde_json::to_value(query).map_err(|e| Failure::Failed(e.to_string()))?;
        for (name, value) in query.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            url.query_pairs_mut().append_pair(name, &text);
        }
        let body = self.send(self.http.request(Method::GET, url)).await?;
        self.read(&body)
    }

    async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<String, Failure> {
        self.send(self.posting(path, body)?).await
    }

    fn posting(&self, path: &[&str], body: &impl Serialize) -> Result<reqwest::RequestBuilder, Failure> {
        let body = serde_json::to_string(body).map_err(|e| Failure::Failed(e.to_string()))?;
        Ok(self.http.request(Method::POST, self.url(path)).header("content-type", "application/json").body(body))
    }

    /// The address of a resource; what stands in an event's id cannot change where it leads.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<String, Failure> {
        let request = request.bearer_auth(&self.token);
        let answered = match &self.inside {
            Some(inside) => inside.clone().ask(request).await,
            None => ask(request).await,
        };
        let (status, body) = answered.map_err(|why| self.unreachable(&why))?;
        if status.is_success() { Ok(body) } else { Err(self.refused(status, &body)) }
    }

    fn read<T: DeserializeOwned>(&self, body: &str) -> Result<T, Failure> {
        let strange = |e| Failure::Failed(format!("the host at {} answers what this version does not know: {e}; update both", self.base));
        serde_json::from_str(body).map_err(strange)
    }

    fn unreachable(&self, why: &str) -> Failure {
        let Self { base, config, .. } = self;
        Failure::Unreachable(format!("no answer from the host at {base} ({why}); is `mortar serve` running with {config}?"))
    }

    fn refused(&self, status: StatusCode, body: &str) -> Failure {
        let Self { base, config, .. } = self;
        let Ok(ErrorBody { error, .. }) = serde_json::from_str(body) else {
            return Failure::Failed(format!("what answers at {base} is not this host ({status}); does another program use that port?"));
        };
        match status {
            StatusCode::UNAUTHORIZED => {
                Failure::Refused(format!("the host at {base} does not accept the token: {error}; is it the one that runs with {config}?"))
            }
            StatusCode::NOT_FOUND => Failure::NotFound(error),
            status if status.is_client_error() => Failure::Refused(error),
            _ => Failure::Failed(error),
        }
    }
}

/// Asks over a connection; an error says why there is no answer.
async fn ask(request: reqwest::RequestBuilder) -> Result<(StatusCode, String), String> {
    let answered = async {
        let response = request.send().await?;
        Ok((response.status(), response.text().await?))
    };
    answered.await.map_err(|error: reqwest::Error| http::root_cause(&error))
}

/// The admin API of this process, which is asked without a connection.
#[derive(Clone)]
struct Inside {
    api: Router,
    /// From where somebody asks, for the audit log.
    remote: Option<Remote>,
}

impl Inside {
    async fn ask(self, request: reqwest::RequestBuilder) -> Result<(StatusCode, String), String> {
        let request = request.build().and_then(Request::<reqwest::Body>::try_from);
        let mut request = request.map_err(|error| error.to_string())?;
        if let Some(remote) = self.remote {
            request.extensions_mut().insert(ConnectInfo(remote));
        }
        let Ok(response) = TowerToHyperService::new(self.api).call(request).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// Where a host that listens everywhere can be reached on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}

/// The token that the host made at its first start.
fn token_of_host(loaded: &Loaded) -> Result<String, Failure> {
    let file = crate::admin::token::path(&loaded.path(&loaded.config.journal.path));
    let shown = file.display();
    match std::fs::read_to_string(&file) {
        Ok(token) => Ok(token.trim_end().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::Unreachable(format!(
            "the host has not run with {} yet: it makes {shown} at its first start; run `mortar serve`",
            loaded.path.display()
        ))),
        Err(error) => Err(Failure::Failed(format!("cannot read the admin token {shown}: {error}; use the account that the host runs as"))),
    }
}

#[cfg(test)]
mod tests;
