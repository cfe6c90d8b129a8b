//! A file that is read as it comes: of any size up to a limit, and never held whole.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;
use uuid::Uuid;

use super::{AGENT, HttpClient};
use crate::auth::Auth;
use crate::classify::Outcome;
use crate::exchange::root_cause;

/// What may be downloaded.
#[derive(Clone, Debug)]
pub struct DownloadLimits {
    /// Hosts beside that of the connection, which are asked without credentials, over HTTPS only.
    pub hosts: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// From the request to the last byte.
    pub time: Duration,
}

/// Why there is no file, or no more of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// The address is not one that may be asked.
    #[error("{0}")]
    Denied(String),
    /// It was not answered with a file.
    #[error("{0}")]
    Refused(String),
    /// It is larger than it may be.
    #[error("the file is over {0} bytes")]
    TooLarge(u64),
    /// It ended before its end.
    #[error("the file was cut off: {0}")]
    Cut(String),
}

/// A file on its way.
pub struct Download {
    response: Response,
    deadline: Instant,
    limit: u64,
    read: u64,
}

impl Download {
    /// What comes next; none at the end.
    ///
    /// # Errors
    /// It is too large, or does not come whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, DownloadError> {
        let chunk = timeout_at(self.deadline, self.response.chunk()).await;
        let late = |_| DownloadError::Cut("it takes too long".into());
        let chunk = chunk.map_err(late)?.map_err(|error| DownloadError::Cut(root_cause(&error)))?;
        self.read += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.read > self.limit { Err(DownloadError::TooLarge(self.limit)) } else { Ok(chunk) }
    }
}

impl HttpClient {
    /// Asks for a file: below the connection's URL with its credentials, elsewhere without.
    pub(crate) async fn download(&self, url: &str, limits: &DownloadLimits) -> Result<Download, DownloadError> {
        let url = Url::parse(url).map_err(|error| DownloadError::Denied(format!("{url:?} is no URL: {error}")))?;
        let deadline = Instant::now() + limits.time;
        let response = if self.allows(&url) { self.with_credentials(url).await? } else { self.elsewhere(url, &limits.hosts).await? };
        match response.status() {
            status if status.is_success() => {}
            status => return Err(DownloadError::Refused(format!("the file was answered {status}"))),
        }
        if response.content_length().is_some_and(|bytes| bytes > limits.size) {
            return Err(DownloadError::TooLarge(limits.size));
        }
        Ok(Download { response, deadline, limit: limits.size, read: 0 })
    }

    async fn elsewhere(&self, url: Url, hosts: &[String]) -> Result<Response, DownloadError> {
        let known = url.host_str().is_some_and(|host| hosts.iter().any(|known| known.eq_ignore_ascii_case(host)));
        if !known || url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            let place = &url[url::Position::BeforeScheme..url::Position::AfterPort];
            let base = self.base.url();
            return Err(DownloadError::Denied(format!("{place} is neither below {base} nor an https address of a host that is allowed")));
        }
        self.open(url, HeaderMap::new(), None).await
    }

    async fn with_credentials(&self, url: Url) -> Result<Response, DownloadError> {
        let headers = self.headers.clone();
        match &self.auth {
            Auth::None | Auth::Header(..) => self.open(url, headers, None).await,
            Auth::OAuth1(signer) => {
                let nonce = Uuid::new_v4().simple().to_string();
                let signature = signer.sign(&Method::GET, &url, &headers, &[], self.clock.now(), &nonce);
                self.open(url, headers, signature.map(|signature| (&AUTHORIZATION, signature))).await
            }
            Auth::Token(tokens) => {
                let token = tokens.token(&self.exchanger, None).await.map_err(|fault| refused(&fault.into()))?;
                let response = self.open(url.clone(), headers.clone(), Some((tokens.header(), token.value))).await?;
                if response.status() != StatusCode::UNAUTHORIZED {
                    return Ok(response);
                }
                let token = tokens.token(&self.exchanger, Some(token.number)).await.map_err(|fault| refused(&fault.into()))?;
                self.open(url, headers, Some((tokens.header(), token.value))).await
            }
        }
    }

    async fn open(
        &self,
        url: Url,
        mut headers: HeaderMap,
        credentials: Option<(&HeaderName, HeaderValue)>,
    ) -> Result<Response, DownloadError> {
        headers.entry(USER_AGENT).or_insert(AGENT);
        if let Some((name, value)) = credentials {
            headers.insert(name, value);
        }
        self.exchanger.open(url, headers).await.map_err(|outcome| refused(&outcome))
    }
}

fn refused(outcome: &Outcome) -> DownloadError {
    DownloadError::Refused(match outcome {
        Outcome::Unsent { reason, .. } | Outcome::Lost(reason) => reason.clone(),
        Outcome::Answered(answer) => answer.words(),
    })
}
