//! Orders and what was posted of them, as the API shows them.

use mortar_sdk::mapping::units::{Open, Units, sum};
use serde::Deserialize;

/// A sales or purchase order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) number: String,
    #[serde(default)]
    pub(crate) customer_number: String,
    #[serde(alias = "salesOrderLines", alias = "purchaseOrderLines", default)]
    pub(crate) lines: Vec<Line>,
}

/// A line of an order. Sales and purchases have other words for the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line {
    pub(crate) id: String,
    #[serde(rename = "@odata.etag")]
    pub(crate) etag: String,
    pub(crate) line_type: String,
    #[serde(rename = "lineObjectNumber")]
    pub(crate) sku: String,
    pub(crate) quantity: f64,
    /// Shipped or received so far.
    #[serde(alias = "shippedQuantity", alias = "receivedQuantity")]
    pub(crate) moved: f64,
    /// To be shipped or received by the next posting.
    #[serde(alias = "shipQuantity", alias = "receiveQuantity")]
    pub(crate) next: f64,
    /// To be invoiced by the next posting.
    pub(crate) invoice_quantity: f64,
}

/// A posted shipment or receipt, or a credit memo.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Posted {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) number: String,
    #[serde(default)]
    pub(crate) customer_number: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(alias = "salesShipmentLines", alias = "purchaseReceiptLines", alias = "salesCreditMemoLines", default)]
    pub(super) lines: Vec<PostedLine>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PostedLine {
    line_type: String,
    line_object_number: String,
    quantity: f64,
}

/// What the tracking page says of a shipment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Tracking {
    pub(crate) id: String,
    #[serde(rename = "@odata.etag")]
    pub(crate) etag: String,
    pub(crate) package_tracking_no: String,
}

/// Units are whole numbers, also where Business Central keeps decimals.
#[allow(clippy::cast_possible_truncation, reason = "far below the limits of either type")]
pub(crate) fn whole(quantity: f64) -> i64 {
    quantity.round() as i64
}

impl Line {
    pub(crate) fn is_item(&self) -> bool {
        self.line_type == "Item"
    }

    /// Units that are still to be shipped or received.
    pub(crate) fn left(&self) -> i64 {
        whole(self.quantity - self.moved).max(0)
    }
}

impl Order {
    /// The lines of products that have something left.
    pub(crate) fn open(&self) -> Vec<Open<String>> {
        let open = self.lines.iter().filter(|line| line.is_item());
        open.map(|line| Open { id: line.id.clone(), sku: line.sku.clone(), left: line.left() }).filter(|line| line.left > 0).collect()
    }
}

impl Posted {
    /// The products in it.
    pub(crate) fn contents(&self) -> Units {
        let lines = self.lines.iter().filter(|line| line.line_type == "Item");
        sum(lines.map(|line| (line.line_object_number.clone(), whole(line.quantity))))
    }
}

#[cfg(test)]
mod tests {
    use mortar_sdk::mapping::units::words;

    use super::*;

    #[test]
    fn sales_and_purchases_are_read_alike() {
        let sale = r#"{"id":"o","number":"SO","salesOrderLines":[
            {"@odata.etag":"W/\"1\"","id":"a","lineType":"Item","lineObjectNumber":"TEE","quantity":5,"shippedQuantity":2,"shipQuantity":3,"invoiceQuantity":3},
            {"id":"b","lineType":"Comment","lineObjectNumber":"","quantity":0}]}"#;
        let sale: Order = serde_json::from_str(sale).unwrap();
        assert_eq!(sale.open(), [Open { id: "a".into(), sku: "TEE".into(), left: 3 }]);
        assert_eq!((sale.lines[0].etag.as_str(), whole(sale.lines[0].next)), ("W/\"1\"", 3));
        let purchase = r#"{"id":"p","number":"PO","purchaseOrderLines":[
            {"id":"a","lineType":"Item","lineObjectNumber":"TEE","quantity":5,"receivedQuantity":5,"receiveQuantity":0}]}"#;
        assert!(serde_json::from_str::<Order>(purchase).unwrap().open().is_empty());
        let shipment = r#"{"id":"s","salesShipmentLines":[{"lineType":"Item","lineObjectNumber":"TEE","quantity":2},{"lineType":"Account","lineObjectNumber":"4","quantity":1}]}"#;
        assert_eq!(words(&serde_json::from_str::<Posted>(shipment).unwrap().contents()), "2 TEE");
    }
}
