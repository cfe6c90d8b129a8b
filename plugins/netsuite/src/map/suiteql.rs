//! SuiteQL: the questions, and how rows are read.

use serde::{Deserialize, Deserializer};

use super::settings::Field;

/// A kind of order, and what is made of it.
#[derive(Debug)]
pub(crate) struct Kind {
    /// SuiteQL's code of the order.
    pub(crate) code: &'static str,
    /// The record service's name of it.
    pub(crate) record: &'static str,
    /// In words.
    pub(crate) name: &'static str,
    /// SuiteQL's code of what is made of it.
    document: &'static str,
    /// In words.
    pub(crate) document_name: &'static str,
}

/// A sales order, which is fulfilled.
pub(crate) const SALE: Kind =
    Kind { code: "SalesOrd", record: "salesOrder", name: "sales order", document: "ItemShip", document_name: "fulfilment" };

/// A purchase order, which is received.
pub(crate) const PURCHASE: Kind =
    Kind { code: "PurchOrd", record: "purchaseOrder", name: "purchase order", document: "ItemRcpt", document_name: "receipt" };

/// A return authorization, which is received.
pub(crate) const RETURN: Kind =
    Kind { code: "RtnAuth", record: "returnAuthorization", name: "return authorization", document: "ItemRcpt", document_name: "receipt" };

/// Units of a SKU.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) sku: String,
    #[serde(deserialize_with = "number")]
    pub(crate) quantity: i64,
}

/// An order by its number.
pub(crate) fn order(kind: &Kind, by: Field, number: &str) -> String {
    format!("SELECT t.id, t.status FROM transaction t WHERE t.type = '{}' AND t.{by} = {}", kind.code, quote(number))
}

/// The lines of an order that products are on. `id` is what a transformation knows as `orderLine`.
pub(crate) fn lines(order: &str) -> String {
    format!(
        "SELECT tl.id AS line, i.itemid AS sku, ABS(NVL(tl.quantity, 0)) AS ordered, ABS(NVL(tl.quantityshiprecv, 0)) AS moved, \
         tl.isclosed AS closed, tl.location AS location FROM transactionline tl JOIN item i ON i.id = tl.item \
         WHERE tl.transaction = {order} AND tl.mainline = 'F' AND tl.taxline = 'F' \
         AND (tl.itemtype IN ('InvtPart', 'Assembly', 'Kit') OR (tl.itemtype = 'NonInvtPart' AND i.isfulfillable = 'T')) \
         ORDER BY tl.linesequencenumber"
    )
}

/// What was made of an order: a row for each tracking number, or one without.
pub(crate) fn documents(kind: &Kind, order: &str) -> String {
    format!(
        "SELECT d.id AS id, d.externalid AS externalid, n.trackingnumber AS tracking FROM transaction d \
         LEFT JOIN trackingnumbermap m ON m.transaction = d.id LEFT JOIN trackingnumber n ON n.id = m.trackingnumber \
         WHERE d.type = '{}' AND d.id IN (SELECT l.transaction FROM transactionline l WHERE l.createdfrom = {order}) ORDER BY d.id",
        kind.document
    )
}

/// What is in them.
pub(crate) fn contents(kind: &Kind, order: &str) -> String {
    format!(
        "SELECT d.id AS id, i.itemid AS sku, SUM(ABS(l.quantity)) AS quantity FROM transactionline l \
         JOIN transaction d ON d.id = l.transaction JOIN item i ON i.id = l.item \
         WHERE d.type = '{}' AND l.createdfrom = {order} AND l.mainline = 'F' AND NVL(l.iscogs, 'F') = 'F' GROUP BY d.id, i.itemid",
        kind.document
    )
}

/// Transactions by their external ids.
pub(crate) fn by_external_id(external_ids: &[&str]) -> String {
    format!("SELECT t.id, t.externalid FROM transaction t WHERE t.externalid IN ({})", list(external_ids.iter().copied()))
}

/// What is in transactions of these external ids, in all.
pub(crate) fn units_of(external_ids: &[&str]) -> String {
    format!(
        "SELECT i.itemid AS sku, SUM(ABS(l.quantity)) AS quantity FROM transactionline l \
         JOIN transaction t ON t.id = l.transaction JOIN item i ON i.id = l.item \
         WHERE t.externalid IN ({}) AND l.mainline = 'F' AND NVL(l.iscogs, 'F') = 'F' GROUP BY i.itemid",
        list(external_ids.iter().copied())
    )
}

/// The fulfilments that tracking numbers are on.
pub(crate) fn tracked(numbers: &[&str]) -> String {
    format!(
        "SELECT d.id AS id, d.status AS status, n.trackingnumber AS tracking FROM trackingnumber n \
         JOIN trackingnumbermap m ON m.trackingnumber = n.id JOIN transaction d ON d.id = m.transaction \
         WHERE d.type = 'ItemShip' AND n.trackingnumber IN ({})",
        list(numbers.iter().copied())
    )
}

/// A product, with a row for each of the locations that has a quantity on hand.
pub(crate) fn stock<'a>(sku: &str, locations: impl IntoIterator<Item = &'a str>) -> String {
    let locations = list(locations);
    let locations = if locations.is_empty() { "NULL" } else { &locations };
    format!(
        "SELECT i.id AS item, a.location AS location, NVL(a.quantityonhand, 0) AS held FROM item i \
         LEFT JOIN aggregateitemlocation a ON a.item = i.id AND a.location IN ({locations}) WHERE i.itemid = {}",
        quote(sku)
    )
}

fn list<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(quote).collect::<Vec<_>>().join(", ")
}

fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// SuiteQL answers most numbers as texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Number(f64),
    Text(String),
}

/// Reads an id, which may come as a number.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text,
    })
}

/// The same, of a column that may be empty.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Value>::deserialize(from)?.map(|value| match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text,
    }))
}

/// Reads units, which may come as a text, or not at all.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let number = match Option::<Value>::deserialize(from)? {
        None => 0.0,
        Some(Value::Number(number)) => number,
        Some(Value::Text(text)) => text.trim().parse().map_err(serde::de::Error::custom)?,
    };
    #[allow(clippy::cast_possible_truncation, reason = "units are whole numbers far below the limits of either type")]
    Ok(number.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_cannot_end_its_text() {
        let sql = order(&SALE, Field::TranId, "SO' OR '1'='1");
        assert_eq!(sql, "SELECT t.id, t.status FROM transaction t WHERE t.type = 'SalesOrd' AND t.tranid = 'SO'' OR ''1''=''1'");
        assert!(stock("TEE", ["6", "7"]).contains("a.location IN ('6', '7')"));
        assert!(stock("TEE", []).contains("a.location IN (NULL)"), "a list of none is no list in SQL");
    }

    #[test]
    fn numbers_are_read_as_numbers_and_as_texts() {
        let rows: Vec<Row> =
            serde_json::from_str(r#"[{"sku":"A","quantity":"3"},{"sku":"B","quantity":2.0},{"sku":"C","quantity":null}]"#).unwrap();
        assert_eq!(rows.iter().map(|row| row.quantity).collect::<Vec<_>>(), [3, 2, 0]);
        assert!(serde_json::from_str::<Row>(r#"{"sku":"A","quantity":"x"}"#).is_err());
    }
}
