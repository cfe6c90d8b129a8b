//! What an event can be found by: the identifiers that its record names.

use std::collections::BTreeSet;

use serde_json::Value;

/// Fields that hold identifiers of orders, goods and parcels.
const FIELDS: [&str; 17] = [
    "carton_id",
    "customer_identifier",
    "customer_order_id",
    "customer_sku_id",
    "id",
    "inbound_shipment_id",
    "order_id",
    "order_number",
    "package_id",
    "purchase_order_number",
    "rma_id",
    "shipment_id",
    "sku",
    "sku_customer_id",
    "sku_id",
    "tracking_number",
    "tracking_numbers",
];

/// The most terms of one event; an order of more lines is found by the first ones.
const MOST: usize = 500;

/// The longest term, in bytes: longer ones are no identifiers.
const LONGEST: usize = 200;

/// How a term is compared: without blanks around it, and in whatever letters.
#[must_use]
pub fn normal(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The terms of an event: the identifier of its subject (`order:SO-1`: `so-1`), and those in its record.
#[must_use]
pub fn terms(subject: &str, payload: &[u8]) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    let id = subject.split_once(':').map_or(subject, |(_, id)| id);
    add(&mut terms, id);
    if let Ok(record) = serde_json::from_slice(payload) {
        gather(&mut terms, false, &record);
    }
    terms
}

fn gather(terms: &mut BTreeSet<String>, named: bool, value: &Value) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| gather(terms, FIELDS.binary_search(&name.as_str()).is_ok(), value));
        }
        Value::Array(values) => values.iter().for_each(|value| gather(terms, named, value)),
        Value::String(text) if named => add(terms, text),
        // Some senders write identifiers as numbers.
        Value::Number(number) if named => add(terms, &number.to_string()),
        _ => {}
    }
}

fn add(terms: &mut BTreeSet<String>, text: &str) {
    let term = normal(text);
    if !term.is_empty() && term.len() <= LONGEST && terms.len() < MOST {
        terms.insert(term);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_by_its_number_its_goods_and_its_parcels() {
        let record = br#"{"id": "5b0f", "customer_identifier": "SO-1", "status": "fulfilled", "note": "leave at door",
            "shipments": [{"tracking_number": " 1Z999 ", "shipment_line_items": [{"sku_customer_id": "TEE-Blu", "quantity": 3}]},
                {"tracking_numbers": ["9400", 77]}]}"#;
        let found: Vec<_> = terms("order:SO-1", record).into_iter().collect();
        assert_eq!(found, ["1z999", "5b0f", "77", "9400", "so-1", "tee-blu"]);
    }

    #[test]
    fn what_is_no_json_is_found_by_its_subject() {
        assert_eq!(terms("sku:A:B", b"\xff{").into_iter().collect::<Vec<_>>(), ["a:b"]);
    }

    #[test]
    fn an_event_has_a_bounded_number_of_terms_of_bounded_length() {
        let many: Vec<_> = (0..2 * MOST).map(|n| format!("SKU-{n}")).collect();
        let record = serde_json::json!({ "sku": many, "id": "x".repeat(LONGEST + 1) }).to_string();
        let found = terms("order:1", record.as_bytes());
        assert_eq!(found.len(), MOST);
        assert!(found.iter().all(|term| term.len() <= LONGEST));
    }

    #[test]
    fn the_fields_are_in_order() {
        assert!(FIELDS.is_sorted());
    }
}
