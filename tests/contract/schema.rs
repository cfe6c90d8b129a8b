//! The part of JSON Schema that the descriptions use: small enough to spare a validator for all of it.
//! A keyword that is not known here is an error, so that none is written in vain.

use serde_json::Value;

/// What does not fit, each with its place.
pub(crate) fn misfits(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (keyword, said) in schema.as_object().into_iter().flatten() {
        let fits = match keyword.as_str() {
            "$ref" => {
                wrong.extend(misfits(root, root.pointer(said.as_str().unwrap().trim_start_matches('#')).unwrap(), value, place));
                true
            }
            "type" => is_of_type(said.as_str().unwrap(), value),
            "const" => value == said,
            "enum" => said.as_array().unwrap().contains(value),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= said.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= said.as_u64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= said.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > said.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= said.as_u64().unwrap()),
            "minProperties" => value.as_object().is_none_or(|fields| fields.len() as u64 >= said.as_u64().unwrap()),
            "format" => value.as_str().is_none_or(|text| is_of_format(said.as_str().unwrap(), text)),
            "required" => said.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    wrong.extend(misfits(root, said, item, &format!("{place}/{at}")));
                }
                true
            }
            "properties" => {
                for (name, schema) in said.as_object().unwrap() {
                    wrong.extend(value.get(name).into_iter().flat_map(|field| misfits(root, schema, field, &format!("{place}/{name}"))));
                }
                true
            }
            "anyOf" => said.as_array().unwrap().iter().any(|one| misfits(root, one, value, place).is_empty()),
            "additionalProperties" => {
                value.as_object().is_none_or(|fields| fields.keys().all(|name| schema["properties"].get(name).is_some()))
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !fits {
            wrong.push(format!("{place}: {value} is not {keyword} {said}"));
        }
    }
    wrong
}

fn is_of_type(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the type {other} is not known here"),
    }
}

/// The descriptions' own formats.
fn is_of_format(format: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match format {
        "netsuite-id" => digits(text.strip_prefix('-').unwrap_or(text)),
        "uuid" => text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()),
        "etag" => text == "*" || (text.starts_with("W/\"") && text.ends_with('"')),
        "odata-filter" => text.split(" or ").all(|one| {
            one.split_once(" eq ").is_some_and(|(field, value)| {
                let inner = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
                field.bytes().all(|byte| byte.is_ascii_alphabetic()) && inner.is_some_and(|inner| !inner.replace("''", "").contains('\''))
            })
        }),
        other => panic!("the format {other} is not known here"),
    }
}
