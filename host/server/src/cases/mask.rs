//! Personal data and secrets of real deliveries are replaced, so that a case can be kept with the source.
//!
//! What is in a field of [`PERSONAL`] or [`SECRET`] is replaced by a text that says what it was. The same
//! value is replaced wherever it stands, also within other texts, so that what a plugin has made of it
//! still fits. Fields are told by their names alone: look a recorded case through before you share it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Fields of persons. A field counts where one of these is its name, or the last words of it.
pub const PERSONAL: &[&str] = &[
    "name",
    "first_name",
    "last_name",
    "full_name",
    "company",
    "email",
    "mail",
    "phone",
    "mobile",
    "fax",
    "address",
    "address1",
    "address2",
    "address_1",
    "address_2",
    "line1",
    "line2",
    "street",
    "city",
    "zip",
    "zip_code",
    "postal_code",
    "postcode",
    "attention",
    "recipient",
    "contact",
    "note",
    "notes",
    "instructions",
    "gift_message",
    "ip",
];

/// Fields of secrets: those whose name has one of these in it.
pub const SECRET: &[&str] =
    &["token", "secret", "password", "passwd", "authorization", "api_key", "apikey", "signature", "cookie", "session"];

/// Names of things that are no persons, although they end in `name`.
const HARMLESS: &[&str] = &["sku_name", "product_name", "carrier_name", "service_name", "warehouse_name", "location_name", "status_name"];

/// Values shorter than this are not looked for elsewhere: they would be found everywhere.
const SHORTEST: usize = 4;

/// What is replaced by what.
#[derive(Default)]
pub struct Mask {
    found: BTreeMap<String, String>,
}

impl Mask {
    /// Notes what has to be replaced in a body. What is no JSON is left alone.
    pub fn learn(&mut self, body: &[u8]) {
        if let Ok(value) = serde_json::from_slice(body) {
            self.value("", &value);
        }
    }

    fn value(&mut self, key: &str, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                // What is below an address is all of it.
                let below = matches!(value, Value::Object(_) | Value::Array(_)) && kind(name).is_some_and(|kind| kind.ends_with("address"));
                if below { self.everything(name, value) } else { self.value(name, value) }
            }),
            Value::Array(values) => values.iter().for_each(|value| self.value(key, value)),
            Value::String(text) => {
                if let Some(kind) = kind(key) {
                    self.note(text, kind);
                }
            }
            _ => {}
        }
    }

    fn everything(&mut self, key: &str, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.everything(name, value)),
            Value::Array(values) => values.iter().for_each(|value| self.everything(key, value)),
            Value::String(text) => self.note(text, key.to_ascii_lowercase()),
            _ => {}
        }
    }

    fn note(&mut self, text: &str, kind: String) {
        if !text.is_empty() && !self.found.contains_key(text) {
            let number = self.found.len() + 1;
            let masked = if kind.ends_with("mail") { format!("masked-{number}@example.com") } else { format!("masked {kind} {number}") };
            self.found.insert(text.to_owned(), masked);
        }
    }

    /// Gives something another name that is neither personal nor secret.
    pub fn rename(&mut self, old: &str, new: &str) {
        self.found.insert(old.to_owned(), new.to_owned());
    }

    /// A body without what was noted.
    #[must_use]
    pub fn body(&self, body: &[u8]) -> Vec<u8> {
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                self.replace("", &mut value);
                value.to_string().into_bytes()
            }
            Err(_) => self.text(&String::from_utf8_lossy(body)).into_bytes(),
        }
    }

    fn replace(&self, key: &str, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| self.replace(name, value)),
            Value::Array(values) => values.iter_mut().for_each(|value| self.replace(key, value)),
            Value::String(text) => match self.found.get(text).filter(|_| text.len() >= SHORTEST || kind(key).is_some()) {
                Some(masked) => masked.clone_into(text),
                None => *text = self.text(text),
            },
            // A number can be a telephone's too.
            Value::Number(_) if kind(key).is_some() => *value = Value::from(0),
            _ => {}
        }
    }

    /// A text without what was noted, the longest first.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut values: Vec<_> = self.found.iter().filter(|(value, _)| value.len() >= SHORTEST).collect();
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, (value, masked)| text.replace(value.as_str(), masked))
    }

    /// How many values are replaced.
    #[must_use]
    pub fn count(&self) -> usize {
        self.found.len()
    }
}

/// What a field holds, where it has to be masked.
fn kind(key: &str) -> Option<String> {
    let name = snake(key);
    if HARMLESS.contains(&name.as_str()) {
        return None;
    }
    let ends = |word: &&&str| name == **word || name.ends_with(&format!("_{word}"));
    let personal = PERSONAL.iter().filter(ends).max_by_key(|word| word.len());
    personal.or_else(|| SECRET.iter().find(|word| name.contains(*word))).map(|word| (*word).to_owned())
}

/// `firstName` and `First-Name` are `first_name`.
fn snake(key: &str) -> String {
    let mut name = String::new();
    for (at, c) in key.char_indices() {
        let after_small = name.chars().last().is_some_and(|last| last.is_ascii_lowercase());
        if at > 0 && c.is_ascii_uppercase() && after_small {
            name.push('_');
        }
        name.push(if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_or_secret_is_replaced_wherever_it_stands() {
        let sent = br#"{"customer":{"firstName":"Adelaide","email":"ada@shop.test","phone":491701234567},"shipping_address":{"country":"DE","lines":["Hill Road 9"]},"order":"SO-1","access_token":"s3cret-value","carrier_name":"UPS"}"#;
        let mut mask = Mask::default();
        mask.learn(sent);
        let masked = String::from_utf8(mask.body(sent)).unwrap();
        for gone in ["Adelaide", "ada@shop.test", "491701234567", "Hill Road", "s3cret"] {
            assert!(!masked.contains(gone), "{gone} is in {masked}");
        }
        assert!(masked.contains("SO-1") && masked.contains("UPS"), "{masked}");
        assert!(!mask.text("/customers/Adelaide?mail=ada@shop.test").contains("dela"));
        assert_eq!(mask.text("SO-1 and DE"), "SO-1 and DE", "short values stand for much else");
    }

    #[test]
    fn names_of_fields_are_read_in_every_spelling() {
        let kinds = ["lastName", "Ship-To-Name", "billing_phone", "X-Api-Key", "sku_name", "quantity"].map(kind);
        let expected = [Some("last_name"), Some("name"), Some("phone"), Some("api_key"), None, None];
        assert_eq!(kinds.each_ref().map(Option::as_deref), expected);
    }
}
