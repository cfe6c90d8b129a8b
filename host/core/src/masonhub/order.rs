//! Order records: `orderEvent`, the two resolutions, and the flat shape.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::event_types::same;
use super::json::{Decimal, List, Text, Whole};
use crate::event;

/// An order that has a number.
pub(super) struct Order<'a> {
    pub(super) number: Cow<'a, str>,
    pub(super) status: Text<'a>,
    pub(super) updated_at: Text<'a>,
    masonhub_id: Text<'a>,
    line_items: Vec<Line<'a>>,
    shipments: Vec<Shipment<'a>>,
    shorts: Vec<Line<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OrderFields<'a> {
    #[serde(borrow)]
    customer_identifier: Text<'a>,
    external_id: Text<'a>,
    order_id: Text<'a>,
    id: Text<'a>,
    status: Text<'a>,
    event_type: Text<'a>,
    updated_at: Text<'a>,
    timestamp: Text<'a>,
    line_items: List<Line<'a>>,
    shipments: List<Shipment<'a>>,
    shorts: List<Line<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Order<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = OrderFields::deserialize(deserializer)?;
        let masonhub_id = fields.order_id.or(fields.id);
        let number = fields.customer_identifier.or(fields.external_id).or(masonhub_id.clone()).cow();
        Ok(Self {
            number: number.ok_or_else(|| D::Error::custom("names no order (customer_identifier, external_id, order_id or id)"))?,
            status: fields.status.or(fields.event_type),
            updated_at: fields.updated_at.or(fields.timestamp),
            masonhub_id,
            line_items: fields.line_items.0,
            shipments: fields.shipments.0,
            shorts: fields.shorts.0,
        })
    }
}

impl From<Order<'_>> for event::Order {
    fn from(order: Order<'_>) -> Self {
        let line_items: Vec<event::LineItem> = order.line_items.into_iter().map(Into::into).collect();
        let parcels: Vec<event::Parcel> = order.shipments.into_iter().enumerate().map(|(index, s)| s.into_parcel(index)).collect();
        let shorts: Vec<event::Short> = order.shorts.into_iter().map(Into::into).collect();
        Self {
            partial: !shorts.is_empty() || ships_less(&line_items, &parcels),
            number: order.number.into_owned(),
            masonhub_id: order.masonhub_id.owned(),
            status: order.status.owned().unwrap_or_default(),
            updated_at: order.updated_at.owned(),
            line_items,
            parcels,
            shorts,
        }
    }
}

/// True where the parcels hold fewer units than were ordered. A parcel that does not say what is
/// in it proves nothing, and neither does an event without parcels.
fn ships_less(ordered: &[event::LineItem], parcels: &[event::Parcel]) -> bool {
    let units = |lines: &[event::LineItem]| lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.quantity));
    let known = !parcels.is_empty() && parcels.iter().all(|parcel| !parcel.line_items.is_empty());
    known && parcels.iter().fold(0_i64, |sum, parcel| sum.saturating_add(units(&parcel.line_items))) < units(ordered)
}

/// Units of a SKU: ordered, packed or short.
pub(super) struct Line<'a> {
    sku: Cow<'a, str>,
    quantity: i64,
    reason: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LineFields<'a> {
    #[serde(borrow)]
    sku_customer_id: Text<'a>,
    customer_sku_id: Text<'a>,
    sku: Text<'a>,
    quantity: Whole,
    reason: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Line<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = LineFields::deserialize(deserializer)?;
        let sku = fields.sku_customer_id.or(fields.customer_sku_id).or(fields.sku).cow();
        Ok(Self {
            sku: sku.ok_or_else(|| D::Error::custom("names no SKU (sku_customer_id, customer_sku_id or sku)"))?,
            quantity: fields.quantity.0.ok_or_else(|| D::Error::missing_field("quantity"))?,
            reason: fields.reason,
        })
    }
}

impl From<Line<'_>> for event::LineItem {
    fn from(line: Line<'_>) -> Self {
        Self { sku: line.sku.into_owned(), quantity: line.quantity }
    }
}

impl From<Line<'_>> for event::Short {
    fn from(line: Line<'_>) -> Self {
        Self { sku: line.sku.into_owned(), quantity: line.quantity, reason: line.reason.owned() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Shipment<'a> {
    #[serde(borrow)]
    shipment_id: Text<'a>,
    tracking_number: Text<'a>,
    tracking_url: Text<'a>,
    shipping_provider: Text<'a>,
    carrier: Text<'a>,
    shipper_service_level: Text<'a>,
    shipping_service_level: Text<'a>,
    service_level: Text<'a>,
    shipment_date_time: Text<'a>,
    shipment_line_items: List<Line<'a>>,
    line_items: List<Line<'a>>,
    shipment_weight: Decimal,
    shipment_weight_uom: Text<'a>,
    carton_id: Text<'a>,
    inventory_location_short_code: Text<'a>,
}

impl Shipment<'_> {
    fn into_parcel(self, index: usize) -> event::Parcel {
        let tracking_number = self.tracking_number.owned();
        let lines = self.shipment_line_items.or(self.line_items);
        event::Parcel {
            shipment_id: self.shipment_id.owned().or_else(|| tracking_number.clone()).unwrap_or_else(|| format!("#{index}")),
            tracking_number,
            tracking_url: self.tracking_url.owned(),
            carrier: self.shipping_provider.or(self.carrier).owned(),
            service: self.shipper_service_level.or(self.shipping_service_level).or(self.service_level).owned(),
            shipped_at: self.shipment_date_time.owned(),
            line_items: lines.0.into_iter().map(Into::into).collect(),
            weight: self.shipment_weight.0,
            weight_unit: self.shipment_weight_uom.owned(),
            carton_id: self.carton_id.owned(),
            location: self.inventory_location_short_code.owned(),
        }
    }
}

/// A decision that names its order.
pub(super) struct Resolution<'a> {
    pub(super) order: Cow<'a, str>,
    pub(super) status: Cow<'a, str>,
    pub(super) updated_at: Text<'a>,
    created_at: Text<'a>,
    reason: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResolutionFields<'a> {
    #[serde(borrow)]
    customer_order_id: Text<'a>,
    customer_identifier: Text<'a>,
    external_id: Text<'a>,
    order_id: Text<'a>,
    status: Text<'a>,
    reason: Text<'a>,
    created_at: Text<'a>,
    updated_at: Text<'a>,
    timestamp: Text<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Resolution<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ResolutionFields::deserialize(deserializer)?;
        // `id` is the decision's own and says nothing of the order.
        let order = fields.customer_order_id.or(fields.customer_identifier).or(fields.external_id).or(fields.order_id).cow();
        Ok(Self {
            order: order.ok_or_else(|| D::Error::custom("names no order (customer_order_id, customer_identifier or order_id)"))?,
            status: fields.status.cow().ok_or_else(|| D::Error::missing_field("status"))?,
            updated_at: fields.updated_at.or(fields.timestamp),
            created_at: fields.created_at,
            reason: fields.reason,
        })
    }
}

impl Resolution<'_> {
    pub(super) fn into_event(self, cancel: bool) -> event::Resolution {
        event::Resolution {
            order: self.order.into_owned(),
            cancel,
            succeeded: same(&self.status, "success"),
            status: self.status.into_owned(),
            reason: self.reason.owned(),
            created_at: self.created_at.owned(),
            updated_at: self.updated_at.owned(),
        }
    }
}
