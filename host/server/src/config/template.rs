//! The commented configuration that `mortar init` writes: every key, its default, its meaning.

/// The text of the file.
pub const TEXT: &str = include_str!("mortar.toml.template");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mortar_core::config::{
        AdminConfig, AlertMail, AlertWebhook, AlertsConfig, Auth, BreakerConfig, Condition, Config, ConnectionConfig, DeliveryConfig,
        EdgeConfig, JournalConfig, LogConfig, MetricsConfig, PluginsConfig, PollConfig, SnapshotConfig, SourceConfig, TlsConfig,
        TracesConfig,
    };
    use mortar_core::retry::RetryPolicy;
    use serde::de::DeserializeOwned;

    use super::*;

    /// The template with every example and default in force: `#key = …` and `#[table]` lose their
    /// `#`, `# prose` stays.
    fn uncommented() -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        };
        TEXT.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn what_init_writes_is_the_defaults_and_one_source() {
        let written = config(TEXT);
        let mut default = Config::default();
        let source = "[sources.masonhub]\nverify = \"masonhub\"\nsecrets = [{ env = \"MASONHUB_SECRET\" }]";
        default.sources = config(source).sources;
        assert_eq!(format!("{written:#?}"), format!("{default:#?}"));
    }

    #[test]
    fn what_it_shows_as_defaults_are_the_defaults() {
        let mut shown = config(&uncommented());
        assert_eq!(shown.problems(), []);
        // The keys that are marked (optional) show an example where the default is nothing.
        shown.admin.token = None;
        (shown.edge.tls, shown.admin.tls) = (None, None);
        (shown.alerts.mail, shown.alerts.webhook, shown.traces.url) = (None, None, None);
        (shown.plugins.cache, shown.plugins.generations) = (None, None);
        for (name, source) in &mut shown.sources {
            source.path.take_if(|path| *path == format!("/webhooks/{name}"));
            source.api = None;
            if let Some(mut poll) = source.poll.take() {
                assert_eq!(poll.snapshot.take(), Some(SnapshotConfig::default()));
                assert_eq!(poll, PollConfig::default());
            }
        }
        let erp = shown.connections.get_mut("erp").unwrap();
        (erp.idempotency_header, erp.methods, erp.paths, erp.rate) = (None, None, None, None);
        assert_eq!(erp.retry.take(), Some(RetryPolicy::default()));
        erp.headers.clear();
        shown.connections.get_mut("mail").unwrap().from = None;
        shown.connections.values_mut().for_each(|connection| connection.auth = Auth::None);
        let least = r#"
            [sources.masonhub]
            verify = "masonhub"
            secrets = [{ env = "MASONHUB_SECRET" }]
            [[sources.another.verify]]
            scheme = "v0"
            header = "X-Signature"
            timestamp_header = "X-Request-Timestamp"
            field = "token"
            secrets = [{ file = "secrets/another" }]
            [connections]
            erp.url = "https://erp.example.com/api"
            mail.url = "smtps://smtp.example.com"
            carrier.url = "https://carrier.example.com"
            accounting.url = "https://accounting.example.com"
            netsuite.url = "https://1234567.suitetalk.api.netsuite.com/services/rest"
            shop.url = "https://shop.example.com/admin-api"
            warehouse.url = "https://warehouse.example.com/api"
            ledger.url = "https://1234567.suitetalk.api.netsuite.com/services/rest"
        "#;
        assert_eq!(format!("{shown:#?}"), format!("{:#?}", config(least)));
    }

    /// What the template writes at a path; the first of several conditions.
    fn written(path: &str) -> toml::Table {
        let whole: toml::Table = uncommented().parse().unwrap();
        let at = path.split_terminator('.').fold(toml::Value::Table(whole), |at, name| at[name].clone());
        let table = if at.is_array() { at[0].clone() } else { at };
        table.try_into().unwrap()
    }

    /// The keys that a `T` can have, told by the error about one that it cannot have.
    fn possible<T: DeserializeOwned + std::fmt::Debug>(mut table: toml::Table) -> BTreeSet<String> {
        table.insert("no_such_key".into(), true.into());
        let error = table.try_into::<T>().unwrap_err();
        let expected = error.message().split_once("expected").unwrap_or_else(|| panic!("{error}")).1;
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn all_of<T: DeserializeOwned + std::fmt::Debug>(paths: &[&str]) {
        let keys: BTreeSet<_> = paths.iter().flat_map(|path| written(path).into_iter().map(|(key, _)| key)).collect();
        assert_eq!(keys, possible::<T>(written(paths[0])), "in {paths:?}");
    }

    #[test]
    fn every_key_is_in_it() {
        all_of::<Config>(&[""]);
        all_of::<EdgeConfig>(&["edge"]);
        all_of::<AdminConfig>(&["admin"]);
        all_of::<TlsConfig>(&["edge.tls", "admin.tls"]);
        all_of::<JournalConfig>(&["journal"]);
        all_of::<DeliveryConfig>(&["delivery"]);
        all_of::<RetryPolicy>(&["delivery.retry"]);
        all_of::<PluginsConfig>(&["plugins"]);
        all_of::<AlertsConfig>(&["alerts"]);
        all_of::<AlertMail>(&["alerts.mail"]);
        all_of::<AlertWebhook>(&["alerts.webhook"]);
        all_of::<LogConfig>(&["log"]);
        all_of::<MetricsConfig>(&["metrics"]);
        all_of::<TracesConfig>(&["traces"]);
        all_of::<SourceConfig>(&["sources.masonhub"]);
        all_of::<PollConfig>(&["sources.masonhub.poll"]);
        all_of::<SnapshotConfig>(&["sources.masonhub.poll.snapshot"]);
        all_of::<Condition>(&["sources.another.verify"]);
        all_of::<ConnectionConfig>(&["connections.erp", "connections.mail"]);
        all_of::<BreakerConfig>(&["connections.erp.breaker"]);
        all_of::<RetryPolicy>(&["connections.erp.retry"]);
    }

    #[test]
    fn every_kind_of_credentials_is_in_it() {
        let names = ["erp", "mail", "carrier", "accounting", "netsuite", "shop", "warehouse", "ledger"];
        let kinds = names.map(|name| written(&format!("connections.{name}.auth"))["kind"].clone());
        let api = written("sources.masonhub.api.auth")["kind"].clone();
        let mut kinds: BTreeSet<_> = kinds.iter().chain([&api]).map(|kind| kind.as_str().unwrap()).collect();
        kinds.insert("none");
        let unknown = toml::from_str::<Auth>("kind = \"no such kind\"").unwrap_err();
        let known: BTreeSet<_> = unknown.message().split('`').skip(3).step_by(2).collect();
        assert_eq!(kinds, known);
    }
}
