//! One record of any known kind: parsed once on the way in, and again, by the same code, for a run.

use super::event_types::Kind;
use super::goods::Goods;
use super::inventory::{Snapshot, Stock};
use super::json;
use super::order::{Order, Resolution};
use crate::event::{Inventory, SubjectKind, TypedEvent};

pub(super) enum Record<'a> {
    Order(Order<'a>),
    Resolution { resolution: Resolution<'a>, cancel: bool },
    InboundShipment(Goods<'a>),
    Stock(Stock<'a>),
    Snapshot(Snapshot<'a>),
    Return(Goods<'a>),
}

/// What the way in needs of a record.
pub(super) struct Head<'r> {
    pub(super) subject: (SubjectKind, &'r str),
    pub(super) status: &'r str,
    pub(super) as_of: Option<&'r str>,
}

impl<'a> Record<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// It does not have the shape of its kind; the text names the field.
    pub(super) fn parse(kind: Kind, text: &'a str) -> Result<Self, String> {
        Ok(match kind {
            Kind::Order => Self::Order(json::object(text)?),
            Kind::UpdateResolution => Self::Resolution { resolution: json::object(text)?, cancel: false },
            Kind::CancelResolution => Self::Resolution { resolution: json::object(text)?, cancel: true },
            Kind::InboundShipment => Self::InboundShipment(json::object(text)?),
            Kind::Stock => Self::Stock(json::object(text)?),
            Kind::Snapshot => Self::Snapshot(json::object(text)?),
            Kind::Return => Self::Return(json::object(text)?),
        })
    }

    pub(super) fn head(&self) -> Head<'_> {
        let (kind, subject, status, as_of) = match self {
            Self::Order(order) => (SubjectKind::Order, &order.number, order.status.as_str(), &order.updated_at),
            Self::Resolution { resolution, .. } => {
                (SubjectKind::Order, &resolution.order, Some(resolution.status.as_ref()), &resolution.updated_at)
            }
            Self::InboundShipment(goods) => (SubjectKind::InboundShipment, &goods.number, goods.status.as_str(), &goods.as_of),
            Self::Stock(stock) => (SubjectKind::Sku, &stock.sku, None, &stock.as_of),
            Self::Snapshot(snapshot) => (SubjectKind::Snapshot, &snapshot.id, None, &snapshot.requested_at),
            Self::Return(goods) => (SubjectKind::Return, &goods.number, goods.status.as_str(), &goods.as_of),
        };
        Head { subject: (kind, subject), status: status.unwrap_or_default(), as_of: as_of.as_str() }
    }
}

impl From<Record<'_>> for TypedEvent {
    fn from(record: Record<'_>) -> Self {
        match record {
            Record::Order(order) => Self::Order(order.into()),
            Record::Resolution { resolution, cancel } => Self::Resolution(resolution.into_event(cancel)),
            Record::InboundShipment(goods) => Self::InboundShipment(goods.into()),
            Record::Stock(stock) => Self::Inventory(Inventory::Stock(stock.into())),
            Record::Snapshot(snapshot) => Self::Inventory(Inventory::Snapshot(snapshot.into())),
            Record::Return(goods) => Self::Return(goods.into()),
        }
    }
}
