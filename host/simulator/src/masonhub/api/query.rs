//! What a `GET` asks for, and the page that it gets.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, BATCH};

/// Rows of a page that asks for no other number.
const DEFAULT_LIMIT: usize = 30;
/// The most rows of a page.
const MAX_LIMIT: usize = 100;

/// The decoded parameters of a request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(query.split('&').filter(|part| !part.is_empty()).map(pair).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Identifiers, divided by commas or given several times; none where the parameter is absent.
    pub(super) fn identifiers(&self, name: &str) -> Result<Option<Vec<&str>>, Answer> {
        let given = self.0.iter().filter(|(n, _)| n == name).flat_map(|(_, value)| value.split(','));
        let given: Vec<_> = given.filter(|one| !one.is_empty()).collect();
        if given.len() > BATCH {
            return Err(Answer::bad("INVALID_PARAMETER", format!("`{name}` takes at most {BATCH} identifiers")));
        }
        Ok((!given.is_empty()).then_some(given))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Answer> {
        let wrong = |_| Answer::bad("INVALID_DATE_FORMAT", format!("`{name}` must be in RFC3339 format"));
        self.get(name).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// One page of what was found, bare or wrapped.
    pub(super) fn page(&self, found: Vec<Value>, wrapped: bool) -> Result<Answer, Answer> {
        let number = |name: &str, default: usize| match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Answer::bad("INVALID_PARAMETER", format!("`{name}` must be a number"))),
        };
        let (limit, offset) = (number("limit", DEFAULT_LIMIT)?, number("offset", 0)?);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Answer::bad("INVALID_PARAMETER", format!("`limit` must be 1 to {MAX_LIMIT}")));
        }
        let list_type = self.get("list_type").unwrap_or("detail");
        if !matches!(list_type, "detail" | "summary") {
            return Err(Answer::bad("INVALID_PARAMETER", "`list_type` is `detail` or `summary`"));
        }
        let mut data: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
        if list_type == "summary" {
            // What makes a record long: its lists and objects.
            for fields in data.iter_mut().filter_map(Value::as_object_mut) {
                fields.retain(|_, value| !value.is_array() && !value.is_object());
            }
        }
        Ok(Answer::ok(match wrapped {
            true => json!({"limit": limit, "offset": offset, "list_type": list_type, "data": data}),
            false => Value::Array(data),
        }))
    }
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
