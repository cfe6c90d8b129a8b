//! Registered callbacks and holds.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::query::Query;
use super::{Answer, batch, records, text};

/// The message types that a callback can be registered for.
pub const MESSAGE_TYPES: [&str; 7] = [
    "orderEvent",
    "orderUpdateResolution",
    "orderCancelResolution",
    "inboundShipmentEvent",
    "skuInventoryChange",
    "snapshotReady",
    "rmaEvent",
];

/// Where callbacks go.
#[derive(Default)]
pub(super) struct Registry {
    /// As they are listed, in the order of their registration.
    callbacks: Vec<Value>,
    holds: BTreeSet<String>,
}

/// A registered address that a callback is to be sent to.
pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) api_version: String,
    pub(super) token: Option<String>,
}

impl Registry {
    /// Who gets a message type; nobody while it is held.
    pub(super) fn receivers(&self, message_type: &str) -> Vec<Receiver> {
        if self.holds.contains(message_type) {
            return Vec::new();
        }
        let receiver = |callback: &Value| Receiver {
            url: text(callback, "url").unwrap_or_default().to_owned(),
            api_version: text(callback, "api_version").unwrap_or("1.0").to_owned(),
            token: text(callback, "token").map(str::to_owned),
        };
        self.callbacks.iter().filter(|callback| callback["message_type"] == message_type).map(receiver).collect()
    }

    pub(super) fn list(&self, query: &Query) -> Answer {
        let wanted = query.get("message_type").filter(|wanted| *wanted != "all");
        let fits = |callback: &&Value| wanted.is_none_or(|wanted| callback["message_type"] == wanted);
        Answer::ok(self.callbacks.iter().filter(fits).cloned().collect())
    }

    pub(super) fn register(&mut self, body: &[u8], now: Timestamp, mut id: impl FnMut() -> String) -> Result<Answer, Answer> {
        let results = records(body)?.into_iter().map(|wanted| {
            let named = json!({"url": wanted["url"], "message_type": wanted["message_type"]});
            let result = self.add(&wanted, now, &mut id);
            (named, result)
        });
        Ok(batch(results.collect()))
    }

    fn add(&mut self, wanted: &Value, now: Timestamp, id: &mut impl FnMut() -> String) -> Result<Value, String> {
        let url = text(wanted, "url").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        let url = url.ok_or("`url` must be a URL")?;
        let message_type = text(wanted, "message_type").filter(|name| MESSAGE_TYPES.contains(name));
        let message_type = message_type.ok_or_else(|| format!("message types are {}", MESSAGE_TYPES.join(", ")))?;
        if self.callbacks.iter().any(|known| known["url"] == url && known["message_type"] == message_type) {
            return Err("a callback exists already for this URL and message type".to_owned());
        }
        let id = id();
        let api_version = text(wanted, "api_version").unwrap_or("1.0");
        let mut callback = json!({
            "id": id, "url": url, "message_type": message_type, "api_version": api_version, "created_at": now.to_string(),
        });
        if let Some(token) = text(wanted, "token") {
            callback["token"] = json!(token);
        }
        self.callbacks.push(callback);
        Ok(json!({"id": id, "api_version": api_version}))
    }

    pub(super) fn unregister(&mut self, body: &[u8]) -> Result<Answer, Answer> {
        let results = records(body)?.into_iter().map(|id| {
            let before = self.callbacks.len();
            self.callbacks.retain(|callback| callback["id"] != id);
            let found = self.callbacks.len() < before;
            (json!({"id": id}), if found { Ok(json!({})) } else { Err("callback not found".to_owned()) })
        });
        Ok(batch(results.collect()))
    }

    pub(super) fn holds(&self) -> Answer {
        Answer::ok(json!({"holds": self.holds}))
    }

    /// Holds message types, or no longer: all of them or none.
    pub(super) fn hold(&mut self, body: &[u8], held: bool) -> Result<Answer, Answer> {
        let records = records(body)?;
        let names: Vec<&str> = records.iter().filter_map(Value::as_str).filter(|name| MESSAGE_TYPES.contains(name)).collect();
        if names.len() < records.len() {
            return Err(Answer::bad("INVALID_MESSAGE_TYPE", format!("message types are {}", MESSAGE_TYPES.join(", "))));
        }
        for name in names {
            if held {
                self.holds.insert(name.to_owned());
            } else {
                self.holds.remove(name);
            }
        }
        Ok(self.holds())
    }
}
