//! Shopify's records, as far as the plugin reads them.

use serde::Deserialize;

/// A page of anything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    #[serde(default)]
    pub(crate) page_info: PageInfo,
    pub(crate) nodes: Vec<T>,
}

/// Whether there is more.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PageInfo {
    pub(crate) has_next_page: bool,
}

/// An order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) cancelled_at: Option<String>,
    pub(crate) fulfillments: Vec<Fulfillment>,
}

/// A parcel, as Shopify has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Fulfillment {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) delivered_at: Option<String>,
    pub(crate) tracking_info: Vec<Tracking>,
}

/// How it can be followed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Tracking {
    pub(crate) number: Option<String>,
}

/// An order's fulfillment orders.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToFulfil {
    pub(crate) fulfillment_orders: Page<FulfillmentOrder>,
}

/// What one location has to fulfil of an order.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfillmentOrder {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) assigned_location: Assigned,
    pub(crate) line_items: Page<Item>,
}

/// The location that fulfils, by its name at that time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Assigned {
    pub(crate) name: String,
    pub(crate) location: Option<Location>,
}

/// A location.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A line of a fulfillment order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) sku: Option<String>,
    pub(crate) remaining_quantity: i64,
}

/// What is stocked of a SKU.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stocked {
    pub(crate) id: String,
    pub(crate) sku: Option<String>,
    pub(crate) tracked: bool,
    pub(crate) inventory_levels: Page<Level>,
}

/// Its stock at a location.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Level {
    pub(crate) location: Location,
    pub(crate) quantities: Vec<Quantity>,
}

/// A quantity by its name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Quantity {
    pub(crate) name: String,
    pub(crate) quantity: i64,
}

impl Order {
    /// The fulfillments that stand: of one that was cancelled, its order wants the goods again.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Fulfillment> {
        self.fulfillments.iter().filter(|fulfillment| !matches!(fulfillment.status.as_str(), "CANCELLED" | "ERROR" | "FAILURE"))
    }

    /// The fulfillments of a tracking number.
    pub(crate) fn tracked(&self, tracking: &str) -> impl Iterator<Item = &Fulfillment> {
        self.live().filter(move |fulfillment| fulfillment.has(tracking))
    }
}

impl Fulfillment {
    pub(crate) fn has(&self, tracking: &str) -> bool {
        self.tracking_info.iter().any(|info| info.number.as_deref() == Some(tracking))
    }
}
