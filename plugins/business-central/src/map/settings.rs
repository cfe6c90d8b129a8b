//! `[config]` in `plugin.toml`.

use std::collections::BTreeMap;

use mortar_sdk::mapping::counts::Counted;
use serde::Deserialize;

/// What an operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The connection, whose URL ends with `/api`.
    #[serde(default = "Settings::default_connection")]
    pub(crate) connection: String,
    /// The company's id.
    pub(crate) company: String,
    /// What MasonHub's order numbers are.
    #[serde(default)]
    pub(crate) orders_by: OrdersBy,
    /// The path of the API page that gives shipments their tracking numbers.
    #[serde(default = "Settings::default_tracking_page")]
    pub(crate) tracking_page: String,
    /// What is shipped is invoiced at once.
    #[serde(default = "Settings::default_invoice_shipments")]
    pub(crate) invoice_shipments: bool,
    /// What is received is invoiced at once.
    #[serde(default)]
    pub(crate) invoice_receipts: bool,
    /// What is done with units that are on no line with room for them.
    #[serde(default)]
    pub(crate) extras: Extras,
    /// What a return becomes.
    #[serde(default)]
    pub(crate) returns: Returns,
    /// Carriers that have another code as shipping agents.
    #[serde(default)]
    pub(crate) carriers: BTreeMap<String, String>,
    /// Which counts an item's inventory is.
    pub(crate) count: Option<Count>,
}

/// A field of sales orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OrdersBy {
    #[default]
    Number,
    ExternalDocumentNumber,
}

/// What is done with units that are on no line with room for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Extras {
    /// A line is added to the purchase.
    AddLine,
    /// They are left to the counts.
    #[default]
    Count,
}

/// What a return becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Returns {
    /// A credit memo that people post.
    #[default]
    Draft,
    /// A credit memo that is posted.
    Post,
    /// Nothing.
    Ignore,
}

/// `[config.count]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    statuses: Vec<String>,
    masonhub_location: Option<String>,
}

/// The only place there is.
pub(crate) const INVENTORY: &str = "inventory";

impl OrdersBy {
    /// The field of sales orders, and that of shipments, which outlive their order.
    pub(crate) fn fields(self) -> (&'static str, &'static str) {
        match self {
            Self::Number => ("number", "orderNumber"),
            Self::ExternalDocumentNumber => ("externalDocumentNumber", "externalDocumentNumber"),
        }
    }
}

impl Settings {
    fn default_connection() -> String {
        "business-central".into()
    }

    fn default_tracking_page() -> String {
        "/mortar/warehouse/v1.0".into()
    }

    fn default_invoice_shipments() -> bool {
        true
    }

    /// The code of the shipping agent.
    pub(crate) fn agent<'a>(&'a self, carrier: &'a str) -> &'a str {
        self.carriers.get(carrier).map_or(carrier, String::as_str)
    }

    /// Which counts make up the inventory.
    pub(crate) fn counted(&self) -> Option<Counted> {
        let count = self.count.clone()?;
        Some(Counted { place: INVENTORY.into(), statuses: count.statuses, masonhub_location: count.masonhub_location })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_are_right() {
        let file: toml::Table = toml::from_str(include_str!("../../plugin.toml")).unwrap();
        let settings: Settings = file["config"].clone().try_into().unwrap();
        assert_eq!(
            (settings.orders_by.fields(), settings.extras, settings.returns),
            (("number", "orderNumber"), Extras::Count, Returns::Draft)
        );
        assert!(settings.invoice_shipments && !settings.invoice_receipts);
        assert_eq!(settings.counted().unwrap().statuses, ["available", "allocated"]);
        assert_eq!(settings.agent("UPS"), "UPS");
    }
}
