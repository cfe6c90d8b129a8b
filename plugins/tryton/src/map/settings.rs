//! `[config]` in `plugin.toml`.

use std::collections::BTreeMap;

use mortar_sdk::mapping::counts::Counted;
use serde::Deserialize;

/// What an operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The connection, whose URL ends with `/rest/model`.
    #[serde(default = "Settings::default_connection")]
    pub(crate) connection: String,
    /// Tryton's id of the company.
    #[serde(default = "Settings::default_company")]
    pub(crate) company: i64,
    /// The name of the package type that parcels are made as. Absent: Tryton's first one.
    pub(crate) package_type: Option<String>,
    /// The carrier in Tryton for one that the event does not name, or that Tryton does not know.
    pub(crate) carrier: Option<String>,
    /// Carriers that have another name in Tryton.
    #[serde(default)]
    pub(crate) carriers: BTreeMap<String, String>,
    /// Codes of the places where goods that came in are put.
    pub(crate) places: Places,
    /// Which counts make up the stock of which place.
    #[serde(default)]
    pub(crate) counts: Vec<Counted>,
}

/// Codes of locations in Tryton.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Places {
    pub(crate) good: String,
    pub(crate) damaged: Option<String>,
}

impl Settings {
    fn default_connection() -> String {
        "erp".into()
    }

    fn default_company() -> i64 {
        1
    }

    /// The name in Tryton of a carrier.
    pub(crate) fn carrier_name<'a>(&'a self, carrier: &'a str) -> &'a str {
        self.carriers.get(carrier).map_or(carrier, String::as_str)
    }
}

#[cfg(test)]
pub(crate) fn shipped() -> Settings {
    let file: toml::Table = toml::from_str(include_str!("../../plugin.toml")).unwrap();
    file["config"].clone().try_into().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_are_right() {
        let settings = shipped();
        assert_eq!((settings.connection.as_str(), settings.company), ("erp", 1));
        assert_eq!(settings.places.damaged.as_deref(), Some("DAMAGED"));
        assert_eq!(settings.counts.iter().map(|c| c.place.as_str()).collect::<Vec<_>>(), ["STOCK", "DAMAGED"]);
    }

    #[test]
    fn a_carrier_can_have_another_name_in_tryton() {
        let mut settings = shipped();
        settings.carriers.insert("UPS".into(), "United Parcel Service".into());
        assert_eq!((settings.carrier_name("UPS"), settings.carrier_name("USPS")), ("United Parcel Service", "USPS"));
    }
}
