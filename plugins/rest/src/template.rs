//! Values of an event by their dotted paths, and templates that hold them.

use mortar_sdk::encode;
use serde_json::Value;

/// Why a call cannot be made.
pub(crate) enum Fault {
    /// The event does not have this field (yet): the call is left out.
    Absent(String),
    /// The rule is wrong: an operator has to mend it.
    Wrong(String),
}

/// Follows a dotted path. What the event leaves out is null; what no event can have is an error.
pub(crate) fn look_up<'a>(path: &str, scope: &'a Value) -> Result<&'a Value, String> {
    path.split('.').try_fold(scope, |value, key| match value {
        Value::Object(fields) => match fields.get(key) {
            Some(value) => Ok(value),
            None if path.starts_with("raw.") => Ok(&Value::Null),
            None => Err(format!("there is no `{path}`; known here: {}", fields.keys().cloned().collect::<Vec<_>>().join(", "))),
        },
        Value::Null => Ok(&Value::Null),
        _ => Err(format!("there is no `{path}`: what is before `{key}` has no fields; the elements of a list are taken by each = \"…\"")),
    })
}

/// The text of a field that must be there.
pub(crate) fn text(path: &str, scope: &Value) -> Result<String, Fault> {
    match look_up(path, scope).map_err(Fault::Wrong)? {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Null | Value::String(_) => Err(Fault::Absent(path.to_owned())),
        Value::Array(_) | Value::Object(_) => Err(Fault::Wrong(format!("`{path}` is not a single value"))),
        value => Ok(value.to_string()),
    }
}

/// Puts the event's values into a path, each encoded as one segment.
pub(crate) fn fill(template: &str, scope: &Value) -> Result<String, Fault> {
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
