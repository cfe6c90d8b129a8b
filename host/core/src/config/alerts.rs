//! `[alerts]`: who is told when something is wrong, and of what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConnectionConfig, Secret, duration};

/// `[alerts]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// Mails to operators.
    pub mail: Option<AlertMail>,
    /// Requests to a server of the operators.
    pub webhook: Option<AlertWebhook>,
    /// What is told of.
    pub kinds: Vec<AlertKind>,
    /// How often the host is looked at.
    #[serde(with = "duration")]
    pub look: Duration,
    /// The least time between two mails, or two requests: what comes up meanwhile is told together.
    #[serde(with = "duration")]
    pub pause: Duration,
    /// A source that sends nothing for so long is told of; with 0 none is.
    #[serde(with = "duration")]
    pub silence: Duration,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            mail: None,
            webhook: None,
            kinds: AlertKind::ALL.to_vec(),
            look: Duration::from_secs(15),
            pause: Duration::from_secs(60),
            silence: Duration::ZERO,
        }
    }
}

/// `alerts.mail`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertMail {
    /// A mail server among the connections.
    pub connection: String,
    /// Recipients.
    pub to: Vec<String>,
}

/// `alerts.webhook`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertWebhook {
    /// Where requests go.
    pub url: String,
    /// What they are signed with, as Standard Webhooks has it: base64 after `whsec_`.
    pub secret: Secret,
    /// True where the address may be loopback, private or otherwise not public.
    #[serde(default)]
    pub private_addresses: bool,
}

impl AlertWebhook {
    /// The connection that requests go through: to the server of the URL.
    #[must_use]
    pub fn connection(&self) -> ConnectionConfig {
        let server = self.url.split_at(self.path_start()).0.to_owned();
        ConnectionConfig { private_addresses: self.private_addresses, ..ConnectionConfig::to(server) }
    }

    /// Where on that server they go.
    #[must_use]
    pub fn path(&self) -> &str {
        let path = self.url.split_at(self.path_start()).1;
        if path.is_empty() { "/" } else { path }
    }

    /// Where the path of the URL begins.
    fn path_start(&self) -> usize {
        let host = self.url.find("://").map_or(0, |at| at + 3);
        self.url[host..].find('/').map_or(self.url.len(), |at| host + at)
    }
}

/// What alerts can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// The ERP says something else than the event that was delivered to it.
    RoundTripMismatch,
    /// A poll found events that no callback brought.
    MissedCallbacks,
    /// A delivery was refused or is out of attempts.
    DeadLetter,
    /// Nothing is sent to a connection, because nothing came of it.
    BreakerOpen,
    /// A plugin's version was taken out of force.
    PluginRolledBack,
    /// Callbacks cannot be stored: the disk is full, or the journal failed.
    Storage,
    /// A source sends nothing.
    SilentSource,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::RoundTripMismatch,
        Self::MissedCallbacks,
        Self::DeadLetter,
        Self::BreakerOpen,
        Self::PluginRolledBack,
        Self::Storage,
        Self::SilentSource,
    ];

    /// In words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::RoundTripMismatch => "round-trip mismatch",
            Self::MissedCallbacks => "missed callbacks",
            Self::DeadLetter => "dead letter",
            Self::BreakerOpen => "breaker open",
            Self::PluginRolledBack => "plugin rolled back",
            Self::Storage => "callbacks cannot be stored",
            Self::SilentSource => "silent source",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_webhook_is_a_server_and_a_path_on_it() {
        for (url, server, path) in
            [("https://a.example", "https://a.example", "/"), ("https://a.example:8443/mortar/in", "https://a.example:8443", "/mortar/in")]
        {
            let webhook = AlertWebhook { url: url.into(), secret: Secret::File(PathBuf::new()), private_addresses: true };
            assert_eq!((webhook.connection().url.as_str(), webhook.path()), (server, path));
            assert!(webhook.connection().private_addresses);
        }
    }
}
