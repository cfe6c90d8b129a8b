//! MasonHub's own API, as the host asks it: through a connection of the source's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mortar_connect::{Connections, Download, DownloadError, DownloadLimits};
use mortar_core::call::{Request, Response};
use mortar_core::config::{SnapshotConfig, dotted};
use mortar_core::ports::{Clock, Connector, Observer, SendError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Loaded;

/// Records of one page; more are not given.
const PAGE: usize = 100;

/// Pages of one list.
const PAGES: usize = 1000;

/// Records that one request may carry.
pub const BATCH: usize = 30;

/// The API of a source.
pub struct Api {
    source: String,
    connections: Connections,
}

/// Why the API did not do it. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The configuration has no API, or one that cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// The credentials are not accepted.
    #[error("MasonHub does not accept the credentials: {reason}; look at {key}")]
    Credentials {
        /// What it said.
        reason: String,
        /// Where they are configured.
        key: String,
    },
    /// Not now: too many requests, or MasonHub is down and says until when.
    #[error("MasonHub does not want to be asked now: {reason}; try again in {} s", .after.as_secs().max(1))]
    Later {
        /// What it said.
        reason: String,
        /// When it may be asked again.
        after: Duration,
    },
    /// No answer, or none to the question for a token.
    #[error("MasonHub cannot be asked: {reason}; look at {key}")]
    Unreachable {
        /// What is in the way.
        reason: String,
        /// Where it is configured.
        key: String,
    },
    /// It does not do what was asked.
    #[error("MasonHub refuses {asked}: {reason}")]
    Refused {
        /// Method and path.
        asked: String,
        /// The status of its answer; a batch can be answered 200 and still fail.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// What came is no answer of MasonHub's.
    #[error("what answers {asked} is not MasonHub's API: {reason}; is `url` in {key} the right one?")]
    Strange {
        /// Method and path.
        asked: String,
        /// What is wrong with it.
        reason: String,
        /// Where it is configured.
        key: String,
    },
}

/// A registered callback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Registered {
    /// MasonHub's identifier.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// What it tells.
    pub message_type: String,
    /// Absent: 1.0.
    #[serde(default)]
    pub api_version: Option<String>,
}

/// A callback to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRegistration {
    /// Where it goes.
    pub url: String,
    /// What it tells.
    pub message_type: String,
    /// `1.0` or `2.0`.
    pub api_version: String,
    /// What MasonHub is to send with it.
    pub token: Option<String>,
}

impl Api {
    /// The API of a source.
    ///
    /// # Errors
    /// The configuration has none, or one that cannot be used.
    pub fn new(loaded: &Loaded, source: &str, clock: Arc<dyn Clock>, observer: Arc<dyn Observer>) -> Result<Self, ApiError> {
        let configured = loaded.config.sources.get(source).and_then(|source| source.api.clone());
        let Some(api) = configured else {
            let at = dotted(&["sources", source, "api"]);
            let file = loaded.path.display();
            return Err(ApiError::Configuration(format!("{file} has no [{at}]: write its url and auth; `mortar init` shows how")));
        };
        let one = BTreeMap::from([(source.to_owned(), api)]);
        let connections = Connections::new(&one, loaded, clock, observer).map_err(|problems| {
            let line = |problem: &mortar_connect::ConnectError| {
                format!("{}: {}", dotted(&["sources", source, "api"]) + "." + &problem.key, problem.reason)
            };
            ApiError::Configuration(problems.iter().map(line).collect::<Vec<_>>().join("\n"))
        })?;
        Ok(Self { source: source.to_owned(), connections })
    }

    /// Every record of a list, page by page.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn list(&self, resource: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, ApiError> {
        let mut all = Vec::new();
        for page in 0..PAGES {
            let mut path = format!("/{resource}?limit={PAGE}&offset={}", page * PAGE);
            for (name, value) in query {
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
            let records = records(self.ask("GET", &path, None).await?, resource);
            let records = records.ok_or_else(|| self.strange(&format!("GET {path}"), "no list of records"))?;
            let last = records.len() < PAGE;
            all.extend(records);
            if last {
                return Ok(all);
            }
        }
        let reason = format!("more than {} records; ask for a shorter time", PAGE * PAGES);
        Err(ApiError::Refused { asked: format!("GET /{resource}"), status: 200, reason })
    }

    /// The registered callbacks.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn registered(&self) -> Result<Vec<Registered>, ApiError> {
        let path = "/callbacks?message_type=all";
        let listed = records(self.ask("GET", path, None).await?, "callbacks").unwrap_or_default();
        let read = listed.into_iter().map(serde_json::from_value).collect::<Result<_, _>>();
        read.map_err(|error| self.strange(&format!("GET {path}"), &error.to_string()))
    }

    /// Registers callbacks.
    ///
    /// # Errors
    /// See [`ApiError`]; some may be registered all the same.
    pub async fn register(&self, wanted: &[NewRegistration]) -> Result<(), ApiError> {
        for batch in wanted.chunks(BATCH) {
            let record = |new: &NewRegistration| {
                let mut record = json!({"url": new.url, "message_type": new.message_type, "api_version": new.api_version});
                if let Some(token) = &new.token {
                    record["token"] = json!(token);
                }
                record
            };
            self.change("POST", "/callbacks", &batch.iter().map(record).collect()).await?;
        }
        Ok(())
    }

    /// Ends registrations.
    ///
    /// # Errors
    /// See [`ApiError`]; some may be ended all the same.
    pub async fn unregister(&self, ids: &[String]) -> Result<(), ApiError> {
        for batch in ids.chunks(BATCH) {
            self.change("DELETE", "/callbacks", &json!(batch)).await?;
        }
        Ok(())
    }

    /// The message types that are held.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn holds(&self) -> Result<BTreeSet<String>, ApiError> {
        let path = "/callback_holds";
        let answer = self.ask("GET", path, None).await?;
        let held = records(answer, "holds").ok_or_else(|| self.strange(&format!("GET {path}"), "no list of holds"))?;
        // One page has names, another has records that name them.
        let name = |held: &Value| held.as_str().or(held["message_type"].as_str()).map(str::to_owned);
        Ok(held.iter().filter_map(name).collect())
    }

    /// Holds message types: what happens until they are released is not sent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn hold(&self, message_types: &[&str]) -> Result<(), ApiError> {
        self.change("POST", "/callback_holds", &json!(message_types)).await.map(drop)
    }

    /// Releases held message types.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn release(&self, message_types: &[&str]) -> Result<(), ApiError> {
        self.change("DELETE", "/callback_holds", &json!(message_types)).await.map(drop)
    }

    /// Asks for a snapshot of all stock, which a callback announces.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn request_snapshot(&self) -> Result<(), ApiError> {
        self.ask("POST", "/snapshot_request", Some(&json!({ "snapshot_type": "full" }))).await.map(drop)
    }

    /// Asks for a file that MasonHub has named.
    ///
    /// # Errors
    /// It may not be asked for, or is not there.
    pub async fn download(&self, url: &str, config: &SnapshotConfig) -> Result<Download, DownloadError> {
        let limits = DownloadLimits { hosts: config.hosts.clone(), size: config.limit.as_u64(), time: config.time };
        self.connections.download(&self.source, url, &limits).await
    }

    /// Has the data factory of a sandbox make something happen.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn trigger(&self, trigger: &str, asked: &Value) -> Result<Value, ApiError> {
        self.change("POST", &format!("/data_factory/{trigger}"), &json!([asked])).await
    }

    /// A batch that changes something. It is answered 200 even where records failed.
    async fn change(&self, method: &str, path: &str, body: &Value) -> Result<Value, ApiError> {
        let answer = self.ask(method, path, Some(body)).await?;
        let results = ["results", "deleted", "callbacks"].iter().filter_map(|field| answer[*field].as_array()).flatten();
        let failed: Vec<_> = results.filter(|result| matches!(result["status"].as_str(), Some("failure" | "failed"))).collect();
        if failed.is_empty() {
            return Ok(answer);
        }
        let words = |result: &&Value| {
            let named = ["message_type", "customer_identifier", "id"].iter().find_map(|field| result[*field].as_str());
            let message = result["error_message"].as_str().unwrap_or("it does not say why");
            named.map_or_else(|| message.to_owned(), |named| format!("{named}: {message}"))
        };
        let reason = failed.iter().map(words).collect::<Vec<_>>().join("; ");
        Err(ApiError::Refused { asked: format!("{method} {path}"), status: 200, reason })
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
        headers.extend(body.map(|_| ("Content-Type".to_owned(), "application/json".to_owned())));
        let body = body.map(|body| body.to_string().into_bytes());
        let request = Request { connection: self.source.clone(), method: method.to_owned(), path: path.to_owned(), headers, body };
        let asked = format!("{method} {path}");
        let response = self.connections.send(&request, "").await.map_err(|error| match error {
            SendError::NotSent { reason, after: Some(after), .. } => ApiError::Later { reason, after },
            other => ApiError::Unreachable { reason: other.to_string(), key: dotted(&["sources", &self.source, "api"]) },
        })?;
        self.understand(&asked, &response)
    }

    fn understand(&self, asked: &str, response: &Response) -> Result<Value, ApiError> {
        let body: Option<Value> = serde_json::from_slice(&response.body).ok();
        match (response.status, body) {
            (200..=299, Some(body)) => Ok(body),
            (200..=299, None) if response.body.is_empty() => Ok(Value::Null),
            (200..=299, None) => Err(self.strange(asked, "its answer is not JSON")),
            (401, body) => Err(ApiError::Credentials { reason: said(401, body.as_ref()), key: self.key("auth") }),
            (404, None) => Err(self.strange(asked, "it answered 404")),
            (status, body) => Err(ApiError::Refused { asked: asked.to_owned(), status, reason: said(status, body.as_ref()) }),
        }
    }

    fn strange(&self, asked: &str, reason: &str) -> ApiError {
        let key = dotted(&["sources", &self.source, "api"]);
        ApiError::Strange { asked: asked.to_owned(), reason: reason.to_owned(), key }
    }

    fn key(&self, key: &str) -> String {
        dotted(&["sources", &self.source, "api", key])
    }
}

/// The status and what the answer says of it, in either of MasonHub's forms.
fn said(status: u16, body: Option<&Value>) -> String {
    let error = body.map(|body| &body["error"]);
    let message = error.and_then(|error| error["message"].as_str().or(error.as_str()));
    message.map_or_else(|| format!("it answered {status}"), |message| format!("{message} ({status})"))
}

/// The records of a list: bare, as `data`, or under the resource's name.
fn records(answer: Value, resource: &str) -> Option<Vec<Value>> {
    match answer {
        Value::Array(records) => Some(records),
        Value::Object(mut fields) => match fields.remove("data").or_else(|| fields.remove(resource))? {
            Value::Array(records) => Some(records),
            _ => None,
        },
        _ => None,
    }
}

/// A value in a query.
fn encoded(value: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
}

#[cfg(test)]
mod tests;
