//! `[config]` in `plugin.toml`.

use mortar_sdk::mapping::counts::Counted;
use serde::Deserialize;

use super::suiteql::{Kind, PURCHASE, SALE};

/// What an operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The connection whose URL ends with `/services/rest/record/v1`.
    #[serde(default = "Settings::default_connection")]
    pub(crate) connection: String,
    /// The connection whose URL ends with `/services/rest/query/v1`.
    #[serde(default = "Settings::default_query_connection")]
    pub(crate) query_connection: String,
    /// What MasonHub's order numbers are in NetSuite.
    #[serde(default)]
    pub(crate) orders_by: Field,
    /// What its purchase order numbers are.
    #[serde(default)]
    pub(crate) purchases_by: Field,
    /// What its return numbers are.
    #[serde(default)]
    pub(crate) returns_by: Field,
    /// The location that parcels leave from. Absent: that of each order line.
    pub(crate) ship_from: Option<String>,
    /// Where goods that came in are put.
    #[serde(default)]
    pub(crate) receipts: Receipts,
    /// How stock is adjusted.
    pub(crate) adjustments: Option<Adjustments>,
    /// Which counts make up the stock of which location.
    #[serde(default)]
    pub(crate) counts: Vec<Counted>,
}

/// A field of a transaction that a number is looked for in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Field {
    /// The document number.
    #[default]
    TranId,
    /// The external id.
    ExternalId,
    /// The PO or check number.
    OtherRefNum,
}

/// Internal ids of locations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Receipts {
    pub(crate) good: Option<String>,
    pub(crate) damaged: Option<String>,
    /// Lines may be received over what was ordered.
    pub(crate) over: bool,
}

/// What an adjustment is booked to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adjustments {
    pub(crate) account: String,
    pub(crate) subsidiary: Option<String>,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TranId => "tranid",
            Self::ExternalId => "externalid",
            Self::OtherRefNum => "otherrefnum",
        })
    }
}

impl Settings {
    fn default_connection() -> String {
        "netsuite".into()
    }

    fn default_query_connection() -> String {
        "netsuite-query".into()
    }

    /// The field that holds the numbers of such orders.
    pub(crate) fn field(&self, kind: &Kind) -> Field {
        match kind.code {
            code if code == SALE.code => self.orders_by,
            code if code == PURCHASE.code => self.purchases_by,
            _ => self.returns_by,
        }
    }
}

#[cfg(test)]
pub(crate) fn shipped() -> Settings {
    let file: toml::Table = toml::from_str(include_str!("../../plugin.toml")).unwrap();
    file["config"].clone().try_into().unwrap()
}

#[cfg(test)]
mod tests {
    use super::super::suiteql::RETURN;
    use super::*;

    #[test]
    fn the_shipped_settings_are_right() {
        let settings = shipped();
        assert_eq!((settings.connection.as_str(), settings.query_connection.as_str()), ("netsuite", "netsuite-query"));
        assert_eq!((settings.receipts.damaged.as_deref(), settings.receipts.over), (Some("7"), false));
        assert_eq!(settings.counts.iter().map(|c| c.place.as_str()).collect::<Vec<_>>(), ["6", "7"]);
    }

    #[test]
    fn each_kind_of_order_has_a_field_of_its_own() {
        let settings = Settings { orders_by: Field::OtherRefNum, returns_by: Field::ExternalId, ..shipped() };
        let fields = [&SALE, &PURCHASE, &RETURN].map(|kind| settings.field(kind).to_string());
        assert_eq!(fields, ["otherrefnum", "tranid", "externalid"]);
    }
}
