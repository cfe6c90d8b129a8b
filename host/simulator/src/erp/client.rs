//! The control paths of an ERP in another process.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::ledger::Ledger;
use crate::fault::Fault;
use crate::http::{self, causes};

/// Speaks to the control paths of an ERP.
#[derive(Clone)]
pub struct Client {
    http: http::Client,
    base: String,
}

/// Why the ERP could not be asked.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There was no answer.
    #[error("the simulated ERP does not answer at {url}: {reason}; is it running?")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer was not the expected one.
    #[error("what answers at {url} is not a simulated ERP: {reason}")]
    Strange {
        /// What was asked.
        url: String,
        /// What it answered.
        reason: String,
    },
}

impl Client {
    /// For the ERP at this base URL, for example `http://127.0.0.1:9090`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self { http: http::client(), base: base.trim_end_matches('/').to_owned() }
    }

    /// Everything that is on record.
    ///
    /// # Errors
    /// Where the ERP does not answer, or something else does.
    pub async fn ledger(&self) -> Result<Ledger, ClientError> {
        self.ask(Method::GET, "/audit", None::<&()>).await
    }

    /// Sets a fault.
    ///
    /// # Errors
    /// Where the ERP does not answer, or something else does.
    pub async fn fault(&self, fault: &Fault) -> Result<(), ClientError> {
        self.ask::<serde_json::Value>(Method::POST, "/faults", Some(fault)).await.map(drop)
    }

    /// Ends all faults.
    ///
    /// # Errors
    /// Where the ERP does not answer, or something else does.
    pub async fn clear_faults(&self) -> Result<(), ClientError> {
        self.ask::<serde_json::Value>(Method::DELETE, "/faults", None::<&()>).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        let unreachable = |reason: String| ClientError::Unreachable { url: url.clone(), reason };
        let strange = |reason: String| ClientError::Strange { url: url.clone(), reason };
        let body = body.map(serde_json::to_vec).transpose().map_err(|e| strange(e.to_string()))?.unwrap_or_default();
        let request = Request::builder().method(method).uri(&url).body(Full::new(Bytes::from(body)));
        let response = self.http.request(request.map_err(|e| unreachable(e.to_string()))?).await;
        let response = response.map_err(|e| unreachable(causes(&e)))?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|e| unreachable(causes(&e)))?.to_bytes();
        if !status.is_success() {
            return Err(strange(format!("{status} {}", String::from_utf8_lossy(&bytes))));
        }
        serde_json::from_slice(&bytes).map_err(|e| strange(e.to_string()))
    }
}
