//! Configuration and plugins of the host.

use anyhow::{Context, Result};
use mortar_tests::{Setup, paths};
use toml::{Table, Value};

use crate::erps::Erps;

/// Where the journal is, below the host's directory.
pub(crate) const DISK: &str = "disk";

/// An answer may take so long. A doubt is told to the plugin some seconds after twice that.
pub(crate) const TIMEOUT_MS: u64 = 400;

/// Nobody waits for long, and nobody gives up.
const HOST: &str = "[journal]\npath = \"disk/mortar.db\"\n[delivery]\ndrain_timeout = \"3s\"\n\
    [delivery.retry]\nfirst_delay = \"50ms\"\nlongest_delay = \"1s\"\nattempts = 1000\n";

/// A directory whose host delivers every event to each of the ERPs.
pub(crate) fn setup(erps: &Erps) -> Result<Setup> {
    let mut setup = Setup::new().config(HOST).edge("store_timeout = \"2s\"\n");
    std::fs::create_dir(setup.path().join(DISK))?;
    for (name, proxy) in erps.proxies() {
        let key = if name == Erps::KEYED { "idempotency_header = \"Idempotency-Key\"\n" } else { "" };
        let more = format!(
            "{key}concurrency = 32\nconnect_timeout = \"200ms\"\ntimeout = \"{TIMEOUT_MS}ms\"\n\
             [connections.{name}.breaker]\nfailures = 20\nfirst_open = \"100ms\"\nlongest_open = \"500ms\"\n\
             [connections.{name}.retry]\nfirst_delay = \"50ms\"\nlongest_delay = \"1s\"\nattempts = 1000\n"
        );
        setup = setup.connection(name, &proxy.url(), &more).plugin(&format!("rest-{name}"), "rest", &rules(name)?);
    }
    Ok(setup)
}

/// The shipped rules of the plugin `rest`, over this connection. A shipment is posted, so that one
/// that is written twice is there twice.
fn rules(connection: &str) -> Result<String> {
    let shipped = std::fs::read_to_string(paths::root().join("plugins/rest/plugin.toml"))?;
    let mut settings: Table = shipped.parse()?;
    settings.insert("connections".into(), Value::Array(vec![connection.into()]));
    let rules = settings.get_mut("config").and_then(|config| config.get_mut("rules")).and_then(Value::as_table_mut);
    for (_, rules) in rules.context("the plugin has rules")? {
        let rules: Vec<&mut Table> = match rules {
            Value::Array(rules) => rules.iter_mut().filter_map(Value::as_table_mut).collect(),
            rule => rule.as_table_mut().into_iter().collect(),
        };
        for rule in rules {
            rule.insert("connection".into(), connection.into());
            let Some((list, "{parcel.shipment_id}")) = rule["path"].as_str().and_then(|path| path.rsplit_once('/')) else { continue };
            let list = Value::from(list);
            if let Some(find) = rule.insert("path".into(), list) {
                rule.insert("find".into(), find);
            }
            rule.insert("method".into(), "POST".into());
            rule.remove("repeatable");
            let fields = rule.get_mut("fields").and_then(Value::as_table_mut).context("a shipment has fields")?;
            fields.insert("shipment_id".into(), "parcel.shipment_id".into());
        }
    }
    Ok(settings.to_string())
}
