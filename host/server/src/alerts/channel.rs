//! A way to operators: what is still to be sent, and when.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mortar_core::call::Request;
use mortar_core::ports::Connector;
use mortar_core::retry::RetryPolicy;
use mortar_pipeline::Ports;
use tokio::time::Instant;

use super::causes::Notice;
use super::text;

/// Notices that wait, at most; of more the oldest are given up.
const WAITING: usize = 1000;

/// Notices of one mail or request; the others follow in the next one.
const TOGETHER: usize = 50;

/// How notices are sent.
pub(super) enum Way {
    /// As an e-mail.
    Mail { to: Vec<String> },
    /// As a signed request.
    Webhook { key: Vec<u8>, path: String },
}

/// A way to operators.
pub(super) struct Channel {
    way: Way,
    connection: String,
    connector: Arc<dyn Connector>,
    pause: Duration,
    waiting: VecDeque<Notice>,
    /// Failures in a row.
    failures: u32,
    /// Nothing is sent before this.
    not_before: Option<Instant>,
}

impl Channel {
    pub(super) fn new(way: Way, connection: &str, connector: Arc<dyn Connector>, pause: Duration) -> Self {
        let connection = connection.to_owned();
        Self { way, connection, connector, pause, waiting: VecDeque::new(), failures: 0, not_before: None }
    }

    /// Its name for operators.
    pub(super) fn name(&self) -> String {
        match &self.way {
            Way::Mail { to } => format!("mail to {}", to.join(", ")),
            Way::Webhook { .. } => "webhook".to_owned(),
        }
    }

    /// Takes notices to be sent.
    pub(super) fn add(&mut self, notices: &[Notice]) {
        self.waiting.extend(notices.iter().cloned());
        let many = self.waiting.len().saturating_sub(WAITING);
        if many > 0 {
            tracing::warn!(channel = self.name(), many, "too many alerts wait: the oldest are not sent");
            self.waiting.drain(..many);
        }
    }

    /// Sends what waits, if it is time; what fails is tried again, later each time.
    pub(super) async fn send_what_is_due(&mut self, ports: &Ports) {
        if self.waiting.is_empty() || self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let notices: Vec<_> = self.waiting.iter().take(TOGETHER).cloned().collect();
        let wait = match self.send(&notices, ports).await {
            Ok(()) => {
                self.waiting.drain(..notices.len());
                self.failures = 0;
                self.pause
            }
            Err(fault) => {
                self.failures = self.failures.saturating_add(1);
                let wait = RetryPolicy::default().backoff(self.failures).max(self.pause);
                tracing::warn!(channel = self.name(), alerts = notices.len(), fault, again_in = ?wait, "alerts could not be sent");
                wait
            }
        };
        self.not_before = Some(Instant::now() + wait);
    }

    /// Sends notices now.
    ///
    /// # Errors
    /// They were not taken; why, in words.
    pub(super) async fn send(&self, notices: &[Notice], ports: &Ports) -> Result<(), String> {
        let id = uuid::Uuid::new_v4().to_string();
        let request = match &self.way {
            Way::Mail { to } => {
                let body = serde_json::to_vec(&text::mail(to, notices)).map_err(|error| error.to_string())?;
                self.request(Request::MAIL, "", Vec::new(), body)
            }
            Way::Webhook { key, path } => {
                let now = ports.clock.now();
                let body = text::webhook(notices, now);
                let headers = text::signed(key, &id, now, &body);
                self.request("POST", path, headers, body.into_bytes())
            }
        };
        let answer = self.connector.send(&request, &id).await.map_err(|error| error.to_string())?;
        // A mail server's 250 is success as well.
        if answer.status < 300 { Ok(()) } else { Err(format!("it answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body))) }
    }

    fn request(&self, method: &str, path: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Request {
        Request { connection: self.connection.clone(), method: method.to_owned(), path: path.to_owned(), headers, body: Some(body) }
    }
}
