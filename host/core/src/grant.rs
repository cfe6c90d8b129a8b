//! What a plugin may ask of a connection that it is granted.

use serde::Deserialize;

use crate::call::Request;
use crate::pattern::Pattern;
use crate::plugin::PluginSettings;

/// `[grants.NAME]` of `plugin.toml`: less of a connection than the connection itself allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grant {
    /// The only methods. Absent: any.
    pub methods: Option<Vec<String>>,
    /// The only paths, without the query; `*` stands for any characters. Absent: any.
    pub paths: Option<Vec<Pattern>>,
}

impl PluginSettings {
    /// Says whether the plugin may make this request; the connection may still refuse it.
    ///
    /// # Errors
    /// Why not, and what to do, in words.
    pub fn grants(&self, request: &Request) -> Result<(), String> {
        let Request { connection, method, path, .. } = request;
        if !self.connections.contains(connection) {
            return Err(format!("connection `{connection}` is not granted: add it to `connections` in plugin.toml"));
        }
        let Some(Grant { methods, paths }) = self.grants.get(connection) else { return Ok(()) };
        if methods.as_ref().is_some_and(|methods| !methods.contains(method)) {
            return Err(format!("the method {method:?} is not granted: `methods` of [grants.{connection}] in plugin.toml leaves it out"));
        }
        let path = path.split_once('?').map_or(path.as_str(), |(path, _)| path);
        if paths.as_ref().is_some_and(|paths| !paths.iter().any(|pattern| pattern.matches(path))) {
            return Err(format!(
                "the path {path:?} is not granted: no pattern of `paths` of [grants.{connection}] in plugin.toml matches it"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> PluginSettings {
        let text = "connections = [\"erp\", \"shop\"]\n[grants.erp]\nmethods = [\"GET\", \"PUT\"]\npaths = [\"/orders/*\", \"/stock\"]\n";
        toml::from_str(text).expect("settings")
    }

    fn refused(connection: &str, method: &str, path: &str) -> String {
        let (connection, method, path) = (connection.into(), method.into(), path.into());
        settings().grants(&Request { connection, method, path, headers: Vec::new(), body: None }).err().unwrap_or_default()
    }

    #[test]
    fn what_is_granted_may_be_asked() {
        for (connection, method, path) in
            [("erp", "GET", "/orders/1"), ("erp", "PUT", "/stock?sku=/x"), ("erp", "GET", "/orders/1?a=?"), ("shop", "DELETE", "/anything")]
        {
            assert_eq!(refused(connection, method, path), "", "{method} {path}");
        }
    }

    #[test]
    fn what_is_not_granted_says_why() {
        for (connection, method, path, words) in [
            ("other", "GET", "/orders/1", "connection `other` is not granted"),
            ("erp", "DELETE", "/orders/1", "`methods` of [grants.erp]"),
            ("erp", "get", "/orders/1", "`methods` of [grants.erp]"),
            ("erp", "GET", "/customers", "`paths` of [grants.erp]"),
            ("erp", "GET", "/orders", "`paths` of [grants.erp]"),
            ("erp", "GET", "/stock/../customers", "`paths` of [grants.erp]"),
            ("erp", "GET", "/%6frders/1", "`paths` of [grants.erp]"),
            ("erp", "GET", "/customers?/orders/1", "`paths` of [grants.erp]"),
            ("erp", "GET", "https://example.com/orders/1", "`paths` of [grants.erp]"),
        ] {
            assert!(refused(connection, method, path).contains(words), "{method} {path}: {}", refused(connection, method, path));
        }
    }
}
