//! What a plugin reads through the `config` interface: the `[config]` table of its settings.

use serde_json::{Map, Value};

/// The table, ready to be read by every attempt.
pub(crate) struct PluginConfig {
    root: Value,
    json: String,
}

impl PluginConfig {
    pub(crate) fn new(table: &toml::Table) -> Self {
        let root = object(table);
        Self { json: root.to_string(), root }
    }

    /// The whole table as JSON.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// The value of a key, a dot leading into a table: strings as they are, anything else as JSON.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        let value = key.split('.').try_fold(&self.root, |value, name| value.get(name))?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

fn object(table: &toml::Table) -> Value {
    Value::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect::<Map<_, _>>())
}

/// TOML as JSON: dates and times become their text, and numbers that JSON does not have, null.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Table(table) => object(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_given_as_they_are_and_all_else_as_json() {
        let table = "code = \"W 1\"\nopen = 2024-05-01\n[warehouse]\nrate = 1.5\nids = [1, 2]\n".parse().unwrap();
        let config = PluginConfig::new(&table);
        let get = |key| config.get(key);
        assert_eq!(get("code").as_deref(), Some("W 1"));
        assert_eq!(get("open").as_deref(), Some("2024-05-01"));
        assert_eq!(get("warehouse.rate").as_deref(), Some("1.5"));
        assert_eq!(get("warehouse").as_deref(), Some(r#"{"ids":[1,2],"rate":1.5}"#));
        assert_eq!(get("warehouse.rate.x"), None);
        assert_eq!(get("nothing"), None);
        assert_eq!(config.json(), r#"{"code":"W 1","open":"2024-05-01","warehouse":{"ids":[1,2],"rate":1.5}}"#);
    }
}
