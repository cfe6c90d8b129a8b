//! `[config]` in `plugin.toml`.

use mortar_sdk::mapping::counts::Counted;
use serde::Deserialize;

/// What an operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The connection, whose URL is that of the shop.
    #[serde(default = "Settings::default_connection")]
    pub(crate) connection: String,
    /// The path of the admin API.
    #[serde(default = "Settings::default_path")]
    pub(crate) path: String,
    /// The code of the fulfilment handler.
    #[serde(default = "Settings::default_handler")]
    pub(crate) handler: String,
    /// Which counts make up the stock of which location.
    #[serde(default)]
    pub(crate) counts: Vec<Counted>,
}

impl Settings {
    fn default_connection() -> String {
        "shop".into()
    }

    fn default_path() -> String {
        "/admin-api".into()
    }

    fn default_handler() -> String {
        "manual-fulfillment".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_are_the_defaults_and_one_location() {
        let file: toml::Table = toml::from_str(include_str!("../../plugin.toml")).unwrap();
        let shipped: Settings = file["config"].clone().try_into().unwrap();
        let bare: Settings = toml::from_str("").unwrap();
        let all = |settings: &Settings| [settings.connection.clone(), settings.path.clone(), settings.handler.clone()];
        assert_eq!(all(&shipped), all(&bare));
        assert_eq!(shipped.counts[0].place, "Default Stock Location");
        assert!(bare.counts.is_empty());
    }
}
