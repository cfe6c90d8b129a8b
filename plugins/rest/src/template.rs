//! Values of an event by their dotted paths, and templates that hold them.

use std::cell::OnceCell;

use mortar_sdk::encode;
use serde_json::Value;

/// Why a call cannot be made.
pub(crate) enum Fault {
    /// The event does not have this field (yet): the call is left out.
    Absent(String),
    /// The rule is wrong: an operator has to mend it.
    Wrong(String),
}

/// What an event brings to every path.
pub(crate) struct Root<'a> {
    pub(crate) record: Value,
    pub(crate) delivery: Value,
    /// True where the record's fields are those of the contract, so that any other name is an error.
    pub(crate) known: bool,
    /// The record as it was sent.
    pub(crate) payload: &'a str,
    /// The same, read when the first path asks for it.
    pub(crate) raw: OnceCell<Value>,
}

/// What paths can name: the record's fields, the whole `record`, the `delivery`, `raw`, and the
/// elements of the lists that the rule goes through.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    root: &'a Root<'a>,
    elements: Vec<(String, &'a Value)>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(root: &'a Root<'a>) -> Self {
        Self { root, elements: Vec::new() }
    }

    /// The same, and this element.
    pub(crate) fn with(&self, name: &str, element: &'a Value) -> Self {
        let mut scope = self.clone();
        scope.elements.push((name.to_owned(), element));
        scope
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        if let Some((_, element)) = self.elements.iter().rev().find(|(element, _)| element == name) {
            return Some(element);
        }
        match name {
            "record" => Some(&self.root.record),
            "delivery" => Some(&self.root.delivery),
            "raw" => Some(self.root.raw.get_or_init(|| serde_json::from_str(self.root.payload).unwrap_or_default())),
            field => self.root.record.get(field),
        }
    }

    fn names(&self) -> Vec<&str> {
        let fields = self.root.record.as_object().into_iter().flat_map(|fields| fields.keys().map(String::as_str));
        let elements = self.elements.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<_> = fields.chain(["record", "delivery", "raw"]).chain(elements).collect();
        names.sort_unstable();
        names
    }
}

/// Follows a dotted path. What the event leaves out is null; what no event can have is an error.
pub(crate) fn look_up<'a>(path: &str, scope: &Scope<'a>) -> Result<&'a Value, String> {
    let unknown = |names: Vec<&str>| format!("there is no `{path}`; known here: {}", names.join(", "));
    let mut keys = path.split('.');
    let first = keys.next().unwrap_or(path);
    let first = match scope.get(first) {
        Some(value) => value,
        None if !scope.root.known => &Value::Null,
        None => return Err(unknown(scope.names())),
    };
    keys.try_fold(first, |value, key| match value {
        Value::Object(fields) => match fields.get(key) {
            Some(value) => Ok(value),
            None if path.starts_with("raw.") || !scope.root.known => Ok(&Value::Null),
            None => Err(unknown(fields.keys().map(String::as_str).collect())),
        },
        Value::Null => Ok(&Value::Null),
        _ => Err(format!("there is no `{path}`: what is before `{key}` has no fields; the elements of a list are taken by each = \"…\"")),
    })
}

/// The text of a field that must be there.
pub(crate) fn text(path: &str, scope: &Scope<'_>) -> Result<String, Fault> {
    match look_up(path, scope).map_err(Fault::Wrong)? {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Null | Value::String(_) => Err(Fault::Absent(path.to_owned())),
        Value::Array(_) | Value::Object(_) => Err(Fault::Wrong(format!("`{path}` is not a single value"))),
        value => Ok(value.to_string()),
    }
}

/// Puts the event's values into a path, each encoded as one segment.
pub(crate) fn fill(template: &str, scope: &Scope<'_>) -> Result<String, Fault> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| Fault::Wrong(format!("`{template}` has a {{ without a }}")))?;
        let value = text(name, scope)?;
        if matches!(value.as_str(), "." | "..") {
            return Err(Fault::Wrong(format!("`{name}` is `{value}`, which would lead to another path")));
        }
        filled = filled + before + &encode(&value);
        rest = after;
    }
    Ok(filled + rest)
}
