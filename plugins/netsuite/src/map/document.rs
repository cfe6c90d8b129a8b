//! Orders, their lines, and what was made of them.

use mortar_sdk::Failure;
use mortar_sdk::mapping::units::{Open, Units};
use serde::Deserialize;

use super::suiteql::{number, optional_text, text};

/// A sales order, purchase order or return authorization.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Order {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    /// One letter; some accounts say the kind before it.
    #[serde(default)]
    pub(crate) status: Option<String>,
}

impl Order {
    /// Goes on where goods can be moved against it.
    pub(crate) fn is_open(&self, moved: &str) -> Result<(), Failure> {
        match self.status.as_deref().and_then(|status| status.chars().last()) {
            Some('A') => {
                Err(Failure::retry(format!("order {} waits for approval in NetSuite, so nothing of it can be {moved} yet", self.id)))
            }
            Some('C') => {
                Err(Failure::reject(format!("order {} is cancelled or rejected in NetSuite, but goods of it were {moved}", self.id)))
            }
            Some('H') => Err(Failure::reject(format!(
                "order {} is closed in NetSuite, but goods of it were {moved}: open its lines, then replay",
                self.id
            ))),
            _ => Ok(()),
        }
    }
}

/// A line of an order.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Line {
    #[serde(deserialize_with = "number")]
    pub(crate) line: i64,
    pub(crate) sku: String,
    #[serde(deserialize_with = "number")]
    pub(crate) ordered: i64,
    /// Units that were shipped or received.
    #[serde(deserialize_with = "number")]
    pub(crate) moved: i64,
    #[serde(default)]
    pub(crate) closed: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    pub(crate) location: Option<String>,
}

impl Line {
    /// Units that are still to be shipped or received.
    pub(crate) fn left(&self) -> i64 {
        if self.closed.as_deref() == Some("T") { 0 } else { (self.ordered - self.moved).max(0) }
    }
}

/// The lines that have something left.
pub(crate) fn open(lines: &[Line]) -> Vec<Open<i64>> {
    let open = lines.iter().map(|line| Open { id: line.line, sku: line.sku.clone(), left: line.left() });
    open.filter(|line| line.left > 0).collect()
}

/// An item fulfilment or item receipt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) external_id: String,
    pub(crate) tracking: Vec<String>,
    pub(crate) contents: Units,
}

const OURS: &str = "masonhub.";

impl Document {
    /// True where nobody has said yet which parcel or shipment it is.
    pub(crate) fn is_unclaimed(&self) -> bool {
        self.tracking.is_empty() && !self.external_id.to_ascii_lowercase().starts_with(OURS)
    }
}

/// The external id of what is known by these names.
pub(crate) fn external_id(names: &[&str]) -> String {
    format!("{OURS}{}", names.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_line_has_nothing_left_and_none_has_less_than_nothing() {
        let line = |ordered, moved, closed: Option<&str>| Line { ordered, moved, closed: closed.map(Into::into), ..Line::default() };
        assert_eq!([line(3, 1, None), line(3, 1, Some("F")), line(3, 1, Some("T")), line(3, 5, None)].map(|l| l.left()), [2, 2, 0, 0]);
    }

    #[test]
    fn an_order_waits_for_its_approval_and_is_refused_when_it_is_closed() {
        let order = |status: &str| Order { id: "1".into(), status: Some(status.into()) }.is_open("shipped");
        assert!(order("B").is_ok() && order("SalesOrd:D").is_ok() && Order::default().is_open("shipped").is_ok());
        assert!(matches!(order("SalesOrd:A"), Err(Failure::Retry(_))));
        assert!(matches!(order("C"), Err(Failure::Reject(_))) && matches!(order("H"), Err(Failure::Reject(_))));
    }

    #[test]
    fn what_has_our_name_or_a_number_is_claimed() {
        let with = |external_id: &str, tracking: &[&str]| Document {
            external_id: external_id.into(),
            tracking: tracking.iter().map(|t| (*t).to_owned()).collect(),
            ..Document::default()
        };
        assert!(with("", &[]).is_unclaimed() && with("EDI-4", &[]).is_unclaimed());
        assert!(!with("Masonhub.SO-1.shp_1", &[]).is_unclaimed() && !with("", &["1Z"]).is_unclaimed());
        assert_eq!(external_id(&["SO-1", "shp_1"]), "masonhub.SO-1.shp_1");
    }
}
