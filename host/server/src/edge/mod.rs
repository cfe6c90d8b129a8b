//! The edge: where callbacks come in.
//!
//! One request goes `route` → address → body → [`Source::verify`] → accept → answer; the order is
//! that of `Edge::answer`. Nothing is parsed before it was proven genuine.

mod address;
mod answer;
mod body;
mod http;
mod listener;
mod proxy;
mod sample;
mod secrets;
mod source;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use mortar_core::config::EdgeConfig;
use mortar_core::ports::{Observation, RejectedCallback};
use mortar_core::verify::Rejection;
use mortar_pipeline::Ports;
use mortar_pipeline::accept::{Genuine, accept};
use mortar_pipeline::plugins::Plugins;
use tokio::sync::watch;
use tokio::time::Instant;

pub use answer::Body;
pub use listener::{H2, listen};
pub use secrets::SecretUse;
pub use source::Source;

use answer::Answer;
use sample::Sampler;

/// What an operator can change while the edge listens.
pub struct Rules {
    config: EdgeConfig,
    sources: Vec<Source>,
}

impl Rules {
    /// Rules for these sources.
    #[must_use]
    pub fn new(config: EdgeConfig, mut sources: Vec<Source>) -> Self {
        // The longest path wins where one source lies below another.
        sources.sort_by_key(|s| std::cmp::Reverse(s.path.len()));
        Self { config, sources }
    }
}

/// Everything that answering a callback needs.
pub struct Edge {
    rules: RwLock<Arc<Rules>>,
    ports: Ports,
    plugins: Arc<Plugins>,
    sampler: Sampler,
    stopping: watch::Receiver<bool>,
}

impl Edge {
    /// An edge with these rules.
    #[must_use]
    pub fn new(rules: Rules, ports: Ports, plugins: Arc<Plugins>, stopping: watch::Receiver<bool>) -> Self {
        let sampler = Sampler::new(ports.clone());
        Self { rules: RwLock::new(Arc::new(rules)), ports, plugins, sampler, stopping }
    }

    /// The rules as they are now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next request on, these rules count. What is under way ends by those it began with.
    pub fn set_rules(&self, rules: Rules) {
        let before = self.rules();
        for source in &rules.sources {
            if let Some(before) = before.sources.iter().find(|before| before.name == source.name) {
                source.uses.go_on(&before.uses);
            }
        }
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// How the secrets of each source are used.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretUse> {
        let rules = self.rules();
        let mut told: Vec<_> = rules.sources.iter().flat_map(|source| source.uses.told(&source.name)).collect();
        told.sort_by(|one, other| (&one.source, one.secret).cmp(&(&other.source, other.secret)));
        told
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Never: every fault has an answer.
    pub async fn serve(self: Arc<Self>, peer: IpAddr, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let started = Instant::now();
        let rules = self.rules();
        let source = rules.sources.iter().find(|s| s.owns(request.uri().path()));
        let answer = match source {
            None => Answer::NoSuchSource,
            Some(_) if request.method() != Method::POST => Answer::NotPost,
            Some(source) => self.answer(&rules.config, source, peer, request).await,
        };
        let name = source.map_or("", |s| &*s.name);
        self.ports.observer.observe(&Observation::Callback { source: name, result: answer.result(), took: started.elapsed() });
        Ok(answer.into_response(rules.config.retry_after))
    }

    async fn answer(&self, config: &EdgeConfig, source: &Source, peer: IpAddr, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let remote = address::client(peer, &head.headers, config);
        if !source.admits(remote) {
            tracing::info!(source = %source.name, %remote, "a callback came from an address that is not allowed");
            return Answer::AddressNotAllowed;
        }
        if *self.stopping.borrow() {
            return Answer::Unavailable("the host is stopping");
        }
        let body = match body::read(body, &head.headers, config).await {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let received_at = self.ports.clock.now();
        let delivery_header = source.delivery_header(&head.headers);
        let secret = match source.verify(&head.headers, &body, received_at) {
            Ok(proof) => {
                source.uses.count(proof.secret, received_at);
                proof.secret
            }
            Err(rejection) => {
                let reason = rejection.to_string();
                let source = source.name.clone();
                let remote = Some(remote);
                self.sampler.take(RejectedCallback { source, received_at, remote, reason, delivery_header, body });
                return not_genuine(&rejection);
            }
        };
        let source = source.name.clone();
        let callback = Genuine { source, received_at, remote: Some(remote), delivery_header, secret, body };
        // A callback that comes too late here may still be stored; then it is a duplicate next time.
        match tokio::time::timeout(config.store_timeout, accept(&self.ports, &self.plugins, callback)).await {
            Ok(Ok(acceptance)) => Answer::Stored(acceptance),
            Ok(Err(fault)) => {
                // What the journal itself has said already is not said again with each callback.
                if self.ports.journal.health().is_ok() {
                    tracing::warn!(%fault, "a genuine callback could not be stored; the sender is asked to come again");
                }
                Answer::Unavailable("the journal cannot store now")
            }
            Err(_) => {
                tracing::warn!(timeout = ?config.store_timeout, "the journal is too slow; the sender is asked to come again");
                Answer::Unavailable("the journal is too slow")
            }
        }
    }
}

fn not_genuine(rejection: &Rejection) -> Answer {
    tracing::debug!(%rejection, "a callback was rejected");
    Answer::NotGenuine(rejection.to_string())
}
