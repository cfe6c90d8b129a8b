//! Alerts: operators are told when something is wrong, once for each cause until it is over, and then
//! of that.
//!
//! Now and then the host is looked at, at the same data that `mortar status` shows: so nothing on the
//! way of a callback waits for an alert, and what is told again after a start is what is still wrong.
//!
//! | file | what is in it |
//! |---|---|
//! | `look.rs` | what is wrong now |
//! | `causes.rs` | what is new about it, and what is over |
//! | `channel.rs` | a mail server or a webhook: what is still to be sent, and when |
//! | `text.rs` | what is sent: an e-mail, or JSON with its signature |

mod causes;
mod channel;
mod look;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use mortar_connect::Connections;
use mortar_core::config::{AlertWebhook, AlertsConfig, Problem};
use mortar_core::ports::{Clock, Observer};
use mortar_pipeline::Ports;
use tokio::sync::{Mutex, watch};

use self::causes::{Causes, Notice, What};
use self::channel::{Channel, Way};
pub use self::look::Look;
use crate::admin_types::{AlertRaised, AlertSent};
use crate::config::Loaded;

/// The connection that the webhook goes through.
const WEBHOOK: &str = "alerts.webhook";

/// Tells operators.
pub struct Alerts {
    config: AlertsConfig,
    ports: Ports,
    channels: Vec<Mutex<Channel>>,
    causes: std::sync::Mutex<Causes>,
}

/// The way to a webhook, and the key that it is signed with.
///
/// # Errors
/// What cannot be used, by its key in the configuration.
pub fn webhook_of(
    loaded: &Loaded,
    webhook: &AlertWebhook,
    clock: &Arc<dyn Clock>,
    observer: &Arc<dyn Observer>,
) -> Result<(Connections, Vec<u8>), Vec<Problem>> {
    let only = BTreeMap::from([(WEBHOOK.to_owned(), webhook.connection())]);
    let connections = Connections::new(&only, loaded, clock.clone(), observer.clone());
    let key = loaded.secret(&webhook.secret).and_then(|secret| text::key(&secret));
    match (connections, key) {
        (Ok(connections), Ok(key)) => Ok((connections, key)),
        (connections, key) => {
            let problems = connections.err().unwrap_or_default();
            let problems =
                problems.into_iter().map(|problem| Problem { key: format!("{WEBHOOK}.{}", problem.key), message: problem.reason });
            Err(problems.chain(key.err().map(|message| Problem { key: format!("{WEBHOOK}.secret"), message })).collect())
        }
    }
}

impl Alerts {
    /// The alerts of a configuration.
    ///
    /// # Errors
    /// What cannot be used of it, in words.
    pub fn new(loaded: &Loaded, ports: &Ports) -> Result<Self, String> {
        let config = loaded.config.alerts.clone();
        let mut channels = Vec::new();
        if let Some(mail) = &config.mail {
            channels.push(Channel::new(Way::Mail { to: mail.to.clone() }, &mail.connection, ports.connector.clone(), config.pause));
        }
        if let Some(webhook) = &config.webhook {
            let (connections, key) = webhook_of(loaded, webhook, &ports.clock, &ports.observer)
                .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
            let way = Way::Webhook { key, path: webhook.path().to_owned() };
            channels.push(Channel::new(way, WEBHOOK, Arc::new(connections), config.pause));
        }
        Ok(Self {
            config,
            ports: ports.clone(),
            channels: channels.into_iter().map(Mutex::new).collect(),
            causes: std::sync::Mutex::default(),
        })
    }

    /// What is wrong now, as far as the last look saw.
    #[must_use]
    pub fn raised(&self) -> Vec<AlertRaised> {
        self.causes().raised()
    }

    fn causes(&self) -> std::sync::MutexGuard<'_, Causes> {
        self.causes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Looks and tells until the host stops. What is wrong is known also where there is nobody to tell.
    pub async fn run(self: Arc<Self>, mut look: Look, mut stop: watch::Receiver<bool>) {
        loop {
            let seen = look.take(&self.ports, &self.config).await;
            let notices = self.causes().compare(&seen, self.ports.clock.now());
            for notice in &notices {
                let (kind, about) = (notice.cause.kind.title(), &notice.cause.about);
                tracing::warn!(kind, about, over = notice.what == What::Over, text = notice.text, "alert");
            }
            for channel in &self.channels {
                let mut channel = channel.lock().await;
                channel.add(&notices);
                channel.send_what_is_due(&self.ports).await;
            }
            tokio::select! {
                () = tokio::time::sleep(self.config.look) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Sends a test over each channel at once, and says what came of it.
    pub async fn test(&self) -> Vec<AlertSent> {
        let mut sent = Vec::new();
        for channel in &self.channels {
            let channel = channel.lock().await;
            let error = channel.send(&[Notice::test(self.ports.clock.now())], &self.ports).await.err();
            sent.push(AlertSent { channel: channel.name(), error });
        }
        sent
    }
}
