//! Goods that come into the warehouse: inbound shipments and returns.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::event_types::same;
use super::json::{List, Object, Text, Whole};
use crate::event;

/// An inbound shipment or a return that has a number.
pub(super) struct Goods<'a> {
    pub(super) number: Cow<'a, str>,
    pub(super) status: Text<'a>,
    pub(super) as_of: Text<'a>,
    masonhub_id: Text<'a>,
    details: Details<'a>,
    lines: Vec<Line<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GoodsFields<'a> {
    #[serde(borrow)]
    customer_identifier: Text<'a>,
    external_id: Text<'a>,
    inbound_shipment_id: Text<'a>,
    rma_id: Text<'a>,
    id: Text<'a>,
    status: Text<'a>,
    event_type: Text<'a>,
    as_of: Text<'a>,
    timestamp: Text<'a>,
    details: Option<Object<Details<'a>>>,
    received_items: List<Line<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    customer_purchase_order_id: Text<'a>,
    inventory_location_id: Text<'a>,
    arrived_at: Text<'a>,
    started_receiving_at: Text<'a>,
    finished_receiving_at: Text<'a>,
    exceptions: Text<'a>,
    package_id: Text<'a>,
    return_type: Text<'a>,
    line_items: List<Line<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Goods<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = GoodsFields::deserialize(deserializer)?;
        let masonhub_id = fields.id.or(fields.inbound_shipment_id).or(fields.rma_id);
        let number = fields.customer_identifier.or(fields.external_id).or(masonhub_id.clone()).cow();
        let mut details = fields.details.unwrap_or_default().0;
        let lines = std::mem::take(&mut details.line_items).or(fields.received_items).0;
        Ok(Self {
            number: number.ok_or_else(|| D::Error::custom("has no number (customer_identifier, external_id or id)"))?,
            status: fields.status.or(fields.event_type),
            as_of: fields.as_of.or(fields.timestamp),
            masonhub_id,
            details,
            lines,
        })
    }
}

impl From<Goods<'_>> for event::InboundShipment {
    fn from(goods: Goods<'_>) -> Self {
        let details = goods.details;
        Self {
            number: goods.number.into_owned(),
            masonhub_id: goods.masonhub_id.owned(),
            status: goods.status.owned().unwrap_or_default(),
            as_of: goods.as_of.owned(),
            purchase_order: details.customer_purchase_order_id.owned(),
            location_id: details.inventory_location_id.owned(),
            arrived_at: details.arrived_at.owned(),
            receiving_started_at: details.started_receiving_at.owned(),
            receiving_finished_at: details.finished_receiving_at.owned(),
            exceptions: details.exceptions.owned(),
            lines: goods.lines.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Goods<'_>> for event::Return {
    fn from(goods: Goods<'_>) -> Self {
        let details = goods.details;
        Self {
            number: goods.number.into_owned(),
            masonhub_id: goods.masonhub_id.owned(),
            status: goods.status.owned().unwrap_or_default(),
            as_of: goods.as_of.owned(),
            package_id: details.package_id.owned(),
            kind: details.return_type.owned(),
            lines: goods.lines.into_iter().map(Into::into).collect(),
        }
    }
}

/// One line, with what came counted.
struct Line<'a> {
    sku: Cow<'a, str>,
    expected: i64,
    received: i64,
    damaged: i64,
    unexpected: bool,
    order: Text<'a>,
    reason: Text<'a>,
    inventory_status: Text<'a>,
    receipts: Vec<Receipt<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LineFields<'a> {
    #[serde(borrow)]
    customer_sku_id: Text<'a>,
    sku_customer_id: Text<'a>,
    sku: Text<'a>,
    quantity: Whole,
    expected_quantity: Whole,
    total_quantity_received: Whole,
    quantity_received: Whole,
    received_quantity: Whole,
    not_on_original_shipment: Option<bool>,
    not_on_original_rma: Option<bool>,
    receiving_details: Receipts<'a>,
    customer_order_id: Text<'a>,
    discrepancy_reason: Text<'a>,
    return_reason_code: Text<'a>,
    return_inventory_status: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Line<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = LineFields::deserialize(deserializer)?;
        let sku = fields.customer_sku_id.or(fields.sku_customer_id).or(fields.sku).cow();
        let receipts = fields.receiving_details.0;
        let units = |wanted: fn(&Receipt<'_>) -> bool| {
            receipts.iter().filter(|r| wanted(r)).fold(0_i64, |sum, receipt| sum.saturating_add(receipt.quantity))
        };
        let expected = fields.quantity.or(fields.expected_quantity).0;
        let received = fields.total_quantity_received.or(fields.quantity_received).or(fields.received_quantity).0;
        Ok(Self {
            sku: sku.ok_or_else(|| D::Error::custom("names no SKU (customer_sku_id, sku_customer_id or sku)"))?,
            expected: expected.unwrap_or(0),
            received: received.unwrap_or_else(|| units(|_| true)),
            damaged: units(|receipt| same(&receipt.status, "damaged")),
            unexpected: fields.not_on_original_shipment.or(fields.not_on_original_rma).unwrap_or(expected == Some(0)),
            order: fields.customer_order_id,
            reason: fields.discrepancy_reason.or(fields.return_reason_code),
            inventory_status: fields.return_inventory_status,
            receipts,
        })
    }
}

impl From<Line<'_>> for event::InboundLine {
    fn from(line: Line<'_>) -> Self {
        Self {
            sku: line.sku.into_owned(),
            expected: line.expected,
            received: line.received,
            damaged: line.damaged,
            unexpected: line.unexpected,
            discrepancy_reason: line.reason.owned(),
            receipts: line.receipts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Line<'_>> for event::ReturnLine {
    fn from(line: Line<'_>) -> Self {
        Self {
            order: line.order.owned(),
            sku: line.sku.into_owned(),
            expected: line.expected,
            received: line.received,
            damaged: line.damaged,
            reason: line.reason.owned(),
            inventory_status: line.inventory_status.owned(),
            unexpected: line.unexpected,
            receipts: line.receipts.into_iter().map(Into::into).collect(),
        }
    }
}

struct Receipt<'a> {
    status: Cow<'a, str>,
    quantity: i64,
    notes: Text<'a>,
}

impl From<Receipt<'_>> for event::Receipt {
    fn from(receipt: Receipt<'_>) -> Self {
        Self { status: receipt.status.into_owned(), quantity: receipt.quantity, notes: receipt.notes.owned() }
    }
}

/// `receiving_details`: lists of receipts by inventory status, in the order as sent.
#[derive(Default)]
struct Receipts<'a>(Vec<Receipt<'a>>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReceiptFields<'a> {
    quantity: Whole,
    #[serde(borrow)]
    notes: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Receipts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Receipts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("lists of receipts by inventory status")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut statuses: A) -> Result<Receipts<'de>, A::Error> {
                let mut receipts: Vec<Receipt<'de>> = Vec::new();
                while let Some(status) = statuses.next_key::<Text<'de>>()? {
                    let status = status.cow().unwrap_or_default();
                    if receipts.iter().any(|receipt| receipt.status == status) {
                        return Err(A::Error::custom(format_args!("duplicate field `{status}`")));
                    }
                    for receipt in statuses.next_value::<List<ReceiptFields<'de>>>()?.0 {
                        let quantity = receipt.quantity.0.ok_or_else(|| A::Error::missing_field("quantity"))?;
                        receipts.push(Receipt { status: status.clone(), quantity, notes: receipt.notes });
                    }
                }
                Ok(Receipts(receipts))
            }

            fn visit_unit<E>(self) -> Result<Receipts<'de>, E> {
                Ok(Receipts::default())
            }
        }
        deserializer.deserialize_any(Visit)
    }
}
