//! `[config]` in `plugin.toml`.

use mortar_sdk::mapping::counts::Counted;
use serde::Deserialize;

/// What an operator sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The connection that writes.
    #[serde(default = "Settings::default_connection")]
    pub(crate) connection: String,
    /// The connection that reads.
    #[serde(default = "Settings::default_reads")]
    pub(crate) reads: String,
    /// What stands before an order's number in its name.
    #[serde(default = "Settings::default_order_prefix")]
    pub(crate) order_prefix: String,
    /// The location that ships. Absent: any.
    pub(crate) location: Option<String>,
    /// True where the customer is told of each parcel.
    #[serde(default = "Settings::default_notify_customer")]
    pub(crate) notify_customer: bool,
    /// What a cancellation does beside cancelling.
    #[serde(default)]
    pub(crate) cancel: Cancel,
    /// How counts are set.
    #[serde(default)]
    pub(crate) stock: Stock,
    /// Which counts make up the quantity of which location.
    #[serde(default)]
    pub(crate) counts: Vec<Counted>,
}

/// `[config.cancel]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cancel {
    /// True where what was paid goes back the way it came.
    pub(crate) refund: bool,
    /// True where the units can be sold again.
    pub(crate) restock: bool,
    /// True where the customer is told.
    pub(crate) notify_customer: bool,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { refund: false, restock: true, notify_customer: false }
    }
}

/// `[config.stock]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Stock {
    /// The quantity that is set.
    pub(crate) quantity: Quantity,
    /// What the reference of a change begins with.
    pub(crate) reference: String,
}

impl Default for Stock {
    fn default() -> Self {
        Self { quantity: Quantity::OnHand, reference: "gid://mortar/Event/".into() }
    }
}

/// What Shopify lets one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quantity {
    /// All in the location, what is sold and has not left included.
    OnHand,
    /// What can be sold.
    Available,
}

impl Quantity {
    /// Shopify's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OnHand => "on_hand",
            Self::Available => "available",
        }
    }
}

impl Settings {
    fn default_connection() -> String {
        "shop".into()
    }

    fn default_reads() -> String {
        "shop-reads".into()
    }

    fn default_order_prefix() -> String {
        "#".into()
    }

    fn default_notify_customer() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_are_the_defaults_and_one_location() {
        let file: toml::Table = toml::from_str(include_str!("../../plugin.toml")).unwrap();
        let mut shipped: Settings = file["config"].clone().try_into().unwrap();
        let bare: Settings = toml::from_str("").unwrap();
        assert_eq!(std::mem::take(&mut shipped.counts)[0].place, "MasonHub");
        assert_eq!(format!("{shipped:?}"), format!("{bare:?}"));
    }
}
