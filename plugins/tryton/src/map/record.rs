//! Tryton's records, as far as the plugin reads them.

use mortar_sdk::Json;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A record that has a state.
pub(crate) trait Stated: DeserializeOwned {
    fn id(&self) -> i64;
    fn state(&self) -> &str;
}

macro_rules! stated {
    ($($record:ty),+) => {
        $(impl Stated for $record {
            fn id(&self) -> i64 {
                self.id
            }

            fn state(&self) -> &str {
                &self.state
            }
        })+
    };
}

stated!(Sale, Shipment, Receipt, Inventory);

/// `sale.sale`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Sale {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) reference: Option<String>,
    pub(crate) shipments: Vec<Shipment>,
    pub(crate) lines: Vec<Line>,
}

/// What is read of a sale.
pub(crate) const SALE: &[&str] = &[
    "state",
    "reference",
    "lines.moves_ignored",
    "lines.moves",
    "shipments.state",
    "shipments.reference",
    "shipments.shipping_reference",
    "shipments.carrier",
    "shipments.inventory_moves.state",
    "shipments.inventory_moves.quantity",
    "shipments.inventory_moves.product.code",
    "shipments.outgoing_moves.state",
    "shipments.outgoing_moves.quantity",
    "shipments.outgoing_moves.product.code",
    "shipments.outgoing_moves.package",
    "shipments.packages.shipping_reference",
];

/// `sale.line`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) moves: Vec<i64>,
    pub(crate) moves_ignored: Vec<i64>,
}

/// `stock.shipment.out`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Shipment {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) reference: Option<String>,
    pub(crate) shipping_reference: Option<String>,
    pub(crate) carrier: Option<i64>,
    /// From the shelf to the dock.
    pub(crate) inventory_moves: Vec<Move>,
    /// From the dock to the customer.
    pub(crate) outgoing_moves: Vec<Move>,
    pub(crate) packages: Vec<Package>,
}

/// What is read of a shipment.
pub(crate) const SHIPMENT: &[&str] = &[
    "state",
    "reference",
    "shipping_reference",
    "carrier",
    "inventory_moves.state",
    "inventory_moves.quantity",
    "inventory_moves.product.code",
    "outgoing_moves.state",
    "outgoing_moves.quantity",
    "outgoing_moves.product.code",
    "outgoing_moves.package",
    "packages.shipping_reference",
];

/// `stock.shipment.in` and `stock.shipment.out.return`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Receipt {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) company: Company,
    pub(crate) warehouse_input: i64,
    /// Where the units come from, by one of two names.
    #[serde(alias = "supplier_location", alias = "customer_location")]
    pub(crate) from_location: i64,
    /// Through the door.
    pub(crate) incoming_moves: Vec<Move>,
    /// From the dock to the shelf.
    pub(crate) inventory_moves: Vec<Move>,
}

/// `company.company`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Company {
    pub(crate) id: i64,
    pub(crate) currency: i64,
}

/// `stock.move`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Move {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) quantity: f64,
    pub(crate) product: Product,
    pub(crate) package: Option<i64>,
    pub(crate) to_location: i64,
    pub(crate) origin: Option<String>,
    pub(crate) unit: i64,
    pub(crate) shipment: Option<String>,
}

impl Move {
    pub(crate) fn units(&self) -> i64 {
        whole(self.quantity)
    }

    /// Its product's code, which is the SKU.
    pub(crate) fn sku(&self) -> &str {
        self.product.code.as_deref().unwrap_or_default()
    }
}

/// `product.product`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) code: Option<String>,
    pub(crate) default_uom: i64,
    /// A decimal, in Tryton's spelling.
    pub(crate) cost_price: Json,
    /// Units at the locations of the query's context.
    pub(crate) quantity: f64,
}

impl Product {
    pub(crate) fn held(&self) -> i64 {
        whole(self.quantity)
    }
}

/// `stock.package`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    pub(crate) id: i64,
    pub(crate) shipping_reference: Option<String>,
    pub(crate) shipment: Option<String>,
}

impl Package {
    pub(crate) fn is_tracked(&self) -> bool {
        self.shipping_reference.as_deref().is_some_and(|reference| !reference.is_empty())
    }

    /// The shipment to a customer that it is in.
    pub(crate) fn shipment_id(&self) -> Option<i64> {
        self.shipment.as_deref()?.strip_prefix("stock.shipment.out,")?.parse().ok()
    }
}

/// `stock.inventory`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Inventory {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) lines: Vec<InventoryLine>,
}

impl Inventory {
    /// True where it was made when its place held this many.
    pub(crate) fn expects(&self, found: i64) -> bool {
        self.lines.iter().all(|line| whole(line.expected_quantity) == found)
    }
}

/// `stock.inventory.line`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct InventoryLine {
    pub(crate) expected_quantity: f64,
}

/// Any record, by its state alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) id: i64,
    pub(crate) state: String,
}

/// Anything that goes by a name or a code.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
    pub(crate) code: Option<String>,
    /// Of a carrier.
    pub(crate) party: Party,
}

/// `party.party`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Party {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
}

/// What [`Named`] is found by, whatever the case.
pub(crate) fn by_name<'a>(found: &'a [Named], name: &str) -> Option<&'a Named> {
    let same = |text: &Option<String>| text.as_deref().is_some_and(|text| text.trim().eq_ignore_ascii_case(name.trim()));
    found.iter().find(|named| same(&named.name) || same(&named.code) || same(&named.party.name))
}

/// Units: Tryton writes them with a fraction, which goods that are counted do not have.
#[allow(clippy::cast_possible_truncation, reason = "no quantity of goods is near the limit")]
fn whole(quantity: f64) -> i64 {
    quantity.round() as i64
}
