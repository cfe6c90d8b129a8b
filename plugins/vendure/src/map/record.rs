//! Vendure's records, as far as the plugin reads them.

use serde::Deserialize;

/// An order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) code: String,
    pub(crate) state: String,
    /// True while its customer has not placed it.
    pub(crate) active: bool,
    pub(crate) next_states: Vec<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) fulfillments: Option<Vec<Fulfillment>>,
}

/// A line of an order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// Units, those that were cancelled left out.
    pub(crate) quantity: i64,
    /// Units when the order was placed.
    pub(crate) order_placed_quantity: i64,
    pub(crate) product_variant: Variant,
}

/// What a line sells.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Variant {
    pub(crate) sku: String,
}

/// A parcel, as Vendure has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Fulfillment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) tracking_code: Option<String>,
    pub(crate) lines: Vec<Held>,
}

/// Units of an order's line in a parcel.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Held {
    pub(crate) order_line_id: String,
    pub(crate) quantity: i64,
}

/// A list of anything.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
}

/// A product variant and its stock.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Stocked {
    pub(crate) id: String,
    pub(crate) stock_levels: Vec<Level>,
}

/// Its stock at a location.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Level {
    pub(crate) stock_on_hand: i64,
    pub(crate) stock_location: Location,
}

/// A stock location.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Order {
    /// The fulfilments that hold goods: of one that is cancelled, its order wants the goods again.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Fulfillment> {
        self.fulfillments.iter().flatten().filter(|fulfillment| fulfillment.state != "Cancelled")
    }

    /// The fulfilments of a tracking number.
    pub(crate) fn tracked(&self, tracking: &str) -> impl Iterator<Item = &Fulfillment> {
        self.live().filter(move |fulfillment| fulfillment.tracking_code.as_deref() == Some(tracking))
    }

    /// Units of a line that are in no parcel yet.
    pub(crate) fn left(&self, line: &Line) -> i64 {
        let held = self.live().flat_map(|fulfillment| &fulfillment.lines).filter(|held| held.order_line_id == line.id);
        line.quantity - held.map(|held| held.quantity).sum::<i64>()
    }
}

impl Fulfillment {
    /// True where its goods have left.
    pub(crate) fn has_left(&self) -> bool {
        matches!(self.state.as_str(), "Shipped" | "Delivered")
    }

    /// True where it can be followed. Vendure keeps an empty code where none was given.
    pub(crate) fn has_code(&self) -> bool {
        self.tracking_code.as_deref().is_some_and(|code| !code.is_empty())
    }
}
