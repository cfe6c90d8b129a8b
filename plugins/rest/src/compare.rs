//! Whether the ERP says what was expected. It may say more.

use serde_json::Value;

/// The first difference, as what was expected and what was found, each with the path of its field.
pub(crate) fn difference(expected: &Value, found: &Value) -> Option<(String, String)> {
    at("", expected, found)
}

fn at(path: &str, expected: &Value, found: &Value) -> Option<(String, String)> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().find_map(|(name, value)| at(&join(path, name), value, found.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            pairs.into_iter().find_map(|(index, (expected, found))| at(&format!("{path}[{index}]"), expected, found))
        }
        _ if same(expected, found) => None,
        _ => Some((say(path, expected), say(path, found))),
    }
}

/// A number may be written as a text, and 5 as 5.0.
fn same(expected: &Value, found: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let numbers = expected.is_number() || found.is_number();
    expected == found || numbers && number(expected).is_some_and(|expected| number(found) == Some(expected))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn say(path: &str, value: &Value) -> String {
    let value = if value.is_null() { "nothing".to_owned() } else { value.to_string() };
    if path.is_empty() { value } else { format!("{path} = {value}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_erp_may_say_more_and_write_numbers_as_it_likes() {
        let expected = json!({ "tracking": "1Z", "lines": [{ "quantity": 3 }], "on_hand": 5 });
        let found = json!({ "tracking": "1Z", "lines": [{ "quantity": "3", "sku": "A" }], "on_hand": 5.0, "id": 7 });
        assert_eq!(difference(&expected, &found), None);
        assert_eq!(difference(&json!({}), &json!({ "id": 7 })), None);
    }

    #[test]
    fn the_first_difference_is_named() {
        let differs = |expected, found| difference(&expected, &found).map(|(e, f)| format!("{e} / {f}"));
        assert_eq!(differs(json!({ "a": { "b": "1Z" } }), json!({ "a": {} })).as_deref(), Some("a.b = \"1Z\" / a.b = nothing"));
        assert_eq!(differs(json!({ "a": [1, 2] }), json!({ "a": [1, 3] })).as_deref(), Some("a[1] = 2 / a[1] = 3"));
        assert_eq!(differs(json!({ "a": [1] }), json!({ "a": [1, 2] })).as_deref(), Some("a = [1] / a = [1,2]"));
        assert_eq!(differs(json!({ "a": "10" }), json!({ "a": "010" })).as_deref(), Some("a = \"10\" / a = \"010\""));
        assert_eq!(differs(json!({ "a": 1 }), json!([])).as_deref(), Some("{\"a\":1} / []"));
    }
}
